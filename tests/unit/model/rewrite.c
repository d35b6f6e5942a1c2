/* A model file with another card: the thresholds are in it, and everything else is as it was. */
#include "check.h"

#include "model/config.h"
#include "model/rewrite.h"
#include "model/safetensors.h"

#include <math.h>
#include <stdbool.h>
#include <unistd.h>

#define MODEL EM_SOURCE_DIR "/tests/golden/data/models/mini_p.safetensors"
#define OTHER EM_SOURCE_DIR "/tests/golden/data/models/mini_kaldi.safetensors"     /* another network */

static char folder[] = "/tmp/earmark-rewrite-XXXXXX";
static char path[128], again[128];
static int  n_classes;
static float thresholds[1000];

/* The card of a model file; ends with em_card_deinit. */
static em_card card_of(const char *file)
{
    em_config cfg;
    em_card card;
    em_st *st;
    em_err err;

    CHECK_OK(em_st_open(&st, file, &err));
    CHECK_OK(em_config_parse(&cfg, &card, em_st_metadata(st, "earmark"), file, &err));
    n_classes = cfg.n_classes;
    em_st_close(st);
    return card;
}

static float *values_of(em_st *st, const em_st_tensor *t)
{
    float *x = calloc(t->n + 1, sizeof *x);
    em_err err;

    CHECK_OK(em_st_read(st, t, x, &err));
    return x;
}

/* The model in `to` is that in `from`, every number times scale. */
static void write_scaled(const char *to, const char *from, float scale)
{
    em_st_out tensors[400];
    const char *key, *value;
    em_st *st;
    em_err err;

    CHECK_OK(em_st_open(&st, from, &err));
    CHECK(em_st_count(st) <= (int)EM_COUNT(tensors) && em_st_metadata_count(st) > 0, "a model");
    for (int i = 0; i < em_st_count(st); i++) {
        const em_st_tensor *t = em_st_get(st, i);
        float *x = values_of(st, t);

        for (size_t k = 0; k < t->n; k++)
            x[k] *= scale;
        tensors[i] = (em_st_out){ t->name, t->rank, t->shape, x, EM_F32 };
    }
    key = "earmark";
    value = em_st_metadata(st, key);
    CHECK_OK(em_st_write(to, tensors, em_st_count(st), &key, &value, 1, &err));
    for (int i = 0; i < em_st_count(st); i++)
        free((void *)tensors[i].data);
    em_st_close(st);
}

static void check_scaled(em_st *a, em_st *b, int i, float scale)
{
    float *xs = values_of(a, em_st_get(a, i)), *ys = values_of(b, em_st_get(b, i));

    for (size_t k = 0; k < em_st_get(a, i)->n; k++)
        CHECK(ys[k] == scale * xs[k], "%s: %zu", em_st_get(a, i)->name, k);
    free(xs);
    free(ys);
}

/* Whether tensor i has the same name, shape and, to the bit or as halves, values in both files. */
static void check_tensor(em_st *a, em_st *b, int i, bool is_half)
{
    const em_st_tensor *x = em_st_get(a, i), *y = em_st_get(b, i);
    float *xs = values_of(a, x), *ys = values_of(b, y);

    CHECK(!strcmp(x->name, y->name) && x->rank == y->rank && !memcmp(x->shape, y->shape, sizeof x->shape), "tensor %d", i);
    CHECK(y->dtype == (is_half && x->rank >= 2 ? EM_F16 : x->dtype), "%s: its type", x->name);
    for (size_t k = 0; k < x->n; k++)
        CHECK(y->dtype == x->dtype ? xs[k] == ys[k] : fabsf(xs[k] - ys[k]) <= 0x1p-11f * fabsf(xs[k]) + 0x1p-25f, "%s: %zu", x->name, k);
    free(xs);
    free(ys);
}

static void check_tensors(const char *before, const char *after, bool is_half)
{
    em_st *a, *b;
    em_err err;

    CHECK_OK(em_st_open(&a, before, &err));
    CHECK_OK(em_st_open(&b, after, &err));
    CHECK(em_st_count(a) == em_st_count(b) && em_st_count(a) > 10, "as many tensors");
    for (int i = 0; i < em_st_count(a); i++)
        check_tensor(a, b, i, is_half);
    em_st_close(a);
    em_st_close(b);
}

static void thresholds_are_written_and_the_rest_stays(void **state)
{
    em_card before = card_of(MODEL), after;
    em_err err;
    (void)state;

    for (int i = 0; i < n_classes; i++)
        thresholds[i] = (float)i / (float)n_classes;
    CHECK_OK(em_model_rewrite(path, MODEL, &(em_rewrite){ .thresholds = thresholds, .n_thresholds = n_classes, .metrics = "{\"mAP\":0.5}" }, &err));
    after = card_of(path);
    for (int i = 0; i < n_classes; i++)
        CHECK(after.thresholds && after.thresholds[i] == thresholds[i] && !strcmp(after.labels[i], before.labels[i]), "class %d", i);
    CHECK(!strcmp(after.metrics, "{\"mAP\":0.5}"), "%s", after.metrics);
    check_tensors(MODEL, path, false);
    em_card_deinit(&before);
    em_card_deinit(&after);
}

static void halves_stay_halves(void **state)
{
    em_card card;
    em_err err;
    (void)state;

    CHECK_OK(em_model_rewrite(path, MODEL, &(em_rewrite){ .is_half = true }, &err));
    check_tensors(MODEL, path, true);
    CHECK_OK(em_model_rewrite(again, path, &(em_rewrite){ .thresholds = thresholds, .n_thresholds = n_classes }, &err));
    check_tensors(path, again, false);
    CHECK_OK(em_model_rewrite(again, again, &(em_rewrite){ .metrics = "1" }, &err));            /* in its place */
    check_tensors(path, again, false);
    card = card_of(again);
    CHECK(card.thresholds && card.thresholds[1] == thresholds[1], "kept");
    em_card_deinit(&card);
}

/* Of MODEL and what it was with every number twice as large: half as large again. */
static void a_mean_is_of_both(void **state)
{
    em_st *a, *b;
    em_err err;
    (void)state;

    write_scaled(again, MODEL, 2);
    CHECK_OK(em_model_rewrite(path, MODEL, &(em_rewrite){ .mean_with = again }, &err));
    CHECK_OK(em_st_open(&a, MODEL, &err));
    CHECK_OK(em_st_open(&b, path, &err));
    for (int i = 0; i < em_st_count(a); i++)
        check_scaled(a, b, i, 1.5f);
    em_st_close(a);
    em_st_close(b);
    CHECK_OK(em_model_rewrite(path, MODEL, &(em_rewrite){ .mean_with = MODEL }, &err));
    check_tensors(MODEL, path, false);
}

static void there_is_no_mean_of_different_networks(void **state)
{
    em_err err;
    (void)state;

    unlink(path);
    CHECK(em_model_rewrite(path, MODEL, &(em_rewrite){ .mean_with = OTHER }, &err) == EM_EINVAL && strstr(err.msg, "another network"), "%s", err.msg);
    CHECK(em_model_rewrite(path, MODEL, &(em_rewrite){ .mean_with = "/nowhere" }, &err) == EM_EIO, "%s", err.msg);
    CHECK(access(path, F_OK) != 0, "nothing was written");
}

static void what_does_not_fit_is_refused(void **state)
{
    const em_rewrite many = { .thresholds = thresholds, .n_thresholds = n_classes + 1 },
                     wrong = { .thresholds = thresholds, .n_thresholds = n_classes }, no_json = { .metrics = "{" }, none = { 0 };
    em_err err;
    (void)state;

    unlink(path);
    CHECK(em_model_rewrite(path, MODEL, &many, &err) == EM_EINVAL && strstr(err.msg, "do not fit"), "%s", err.msg);
    thresholds[1] = 1.5f;
    CHECK(em_model_rewrite(path, MODEL, &wrong, &err) == EM_EINVAL && strstr(err.msg, "1.5"), "%s", err.msg);
    CHECK(em_model_rewrite(path, MODEL, &no_json, &err) == EM_EINVAL && strstr(err.msg, "JSON"), "%s", err.msg);
    CHECK(em_model_rewrite(path, EM_SOURCE_DIR "/tests/golden/data/blocks.safetensors", &none, &err) == EM_EFORMAT && strstr(err.msg, "card"),
          "%s", err.msg);
    CHECK(access(path, F_OK) != 0, "nothing was written");
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/m.safetensors", folder);
    snprintf(again, sizeof again, "%s/n.safetensors", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    unlink(again);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thresholds_are_written_and_the_rest_stays),
        cmocka_unit_test(halves_stay_halves),
        cmocka_unit_test(a_mean_is_of_both),
        cmocka_unit_test(there_is_no_mean_of_different_networks),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
