/* A run's log as curves: every key in its place, epochs without a validation, logs that are none. */
#include "check.h"

#include "made.h"
#include "train/curves.h"

#include <math.h>

static char *folder;

static em_status read_log(em_curves *c, const char *text, em_err *err)
{
    made_text(folder, "log.jsonl", text);
    return em_curves_read(c, folder, err);
}

static void every_epoch_is_a_point_and_every_validation_one(void **state)
{
    static const char log[] =
        "{\"epoch\":1,\"step\":9,\"loss\":0.5,\"lr\":1e-3,\"grad_norm\":1,\"skipped\":0}\n"
        "{\"epoch\":2,\"step\":18,\"loss\":null,\"lr\":2e-3,\"grad_norm\":1,\"valid_map\":0.25,\"valid_accuracy\":0.125,\"skipped\":0}\n"
        "{\"epoch\":3,\"step\":27,\"loss\":0.25,\"lr\":3e-3,\"grad_norm\":1,\"skipped\":0}\n"
        "{\"epoch\":4,\"step\":36,\"loss\":0.2,\"lr\":4e-3,\"grad_norm\":1,\"valid_map\":0.75,\"valid_accuracy\":1,\"skipped\":0}\n";
    const em_training_curves *v;
    em_curves c;
    em_err err;
    (void)state;

    CHECK_OK(read_log(&c, log, &err));
    v = &c.view;
    CHECK(v->n == 4 && v->x[0] == 1 && v->x[3] == 4 && v->loss[0] == .5 && v->loss[3] == .2 && v->rate[2] == 3e-3, "training");
    CHECK(isnan(v->loss[1]), "a loss that was not finite");
    CHECK(v->n_valid == 2 && v->valid_x[0] == 2 && v->valid_x[1] == 4 && v->valid[0] == .25 && v->valid[1] == .75, "no gaps between validations");
    CHECK(v->also && v->also[0] == .125 && v->also[1] == 1, "accuracy");
    em_curves_deinit(&c);
}

static void what_a_run_does_not_have_is_no_curve(void **state)
{
    em_curves c;
    em_err err;
    (void)state;

    CHECK_OK(read_log(&c, "{\"epoch\":1,\"loss\":1,\"lr\":1,\"valid_map\":0.5}\n", &err));
    CHECK(c.view.n_valid == 1 && !c.view.also, "clips have several classes: no accuracy");
    em_curves_deinit(&c);
    CHECK_OK(read_log(&c, "", &err));
    CHECK(c.view.n == 0 && c.view.n_valid == 0, "no epoch yet");
    em_curves_deinit(&c);
}

static void a_log_that_is_none_names_the_line(void **state)
{
    em_curves c;
    em_err err;
    (void)state;

    CHECK(read_log(&c, "{\"epoch\":1,\"loss\":1,\"lr\":1}\nwhat?\n", &err) == EM_EFORMAT && strstr(err.msg, "log.jsonl: line 2: "), "%s", err.msg);
    em_curves_deinit(&c);
    CHECK(em_curves_read(&c, "/nowhere", &err) == EM_EIO && strstr(err.msg, "/nowhere/log.jsonl"), "%s", err.msg);
    em_curves_deinit(&c);
}

/* More lines than the first room holds. */
static void long_runs_are_read_whole(void **state)
{
    enum { LINES = 1000 };
    static char text[LINES * 48];
    size_t used = 0;
    em_curves c;
    em_err err;
    (void)state;

    for (int i = 1; i <= LINES; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "{\"epoch\":%d,\"loss\":1,\"lr\":1}\n", i);
    CHECK_OK(read_log(&c, text, &err));
    CHECK(c.view.n == LINES && c.view.x[LINES - 1] == LINES, "%d", c.view.n);
    em_curves_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_epoch_is_a_point_and_every_validation_one),
        cmocka_unit_test(what_a_run_does_not_have_is_no_curve),
        cmocka_unit_test(a_log_that_is_none_names_the_line),
        cmocka_unit_test(long_runs_are_read_whole),
    };
    int n_failed;

    folder = made_folder();
    n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    made_remove(folder);
    return n_failed;
}
