/* Built without cairo: asking for a picture names the option that it needs. */
#include "check.h"

#include "train/plot.h"

static void asking_for_a_picture_names_the_option(void **state)
{
    static const float scores[1];
    static const unsigned char targets[1];
    static const char *const classes[] = { "a" };
    em_err err;
    (void)state;

    CHECK(em_plot_check("p.png", &err) == EM_EUNSUPPORTED, "before the work");
    CHECK(em_plot_pr("p.png", "t", &(em_scored){ scores, targets, 1, 1 }, classes, 1, &err) == EM_EUNSUPPORTED, "PR");
    CHECK(strstr(err.msg, "p.png") && strstr(err.msg, "EARMARK_CAIRO"), "%s", err.msg);
    CHECK(em_plot_confusion("p.png", "t", (int[]){ 0 }, 1, classes, &err) == EM_EUNSUPPORTED, "confusion");
    CHECK(em_plot_training("p.png", "t", &(em_training_curves){ 0 }, &err) == EM_EUNSUPPORTED, "training");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(asking_for_a_picture_names_the_option) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
