/* Numbers of an evaluation: scikit-learn's on its golden sets, answers worked out by hand at the edges, and what must hold
 * between them. */
#include "check.h"

#include "base/rng.h"
#include "train/metrics.h"

#include <jansson.h>
#include <math.h>

#define GOLDEN EM_SOURCE_DIR "/tests/golden/data/metrics.json"

static const double close_enough = 1e-9;        /* of golden/README.md */

#define CHECK_NEAR(got, wanted, ...) CHECK(fabs((got) - (wanted)) <= close_enough, __VA_ARGS__)

static double golden_double(const json_t *at, const char *key)
{
    CHECK(json_is_number(json_object_get(at, key)), "%s is there", key);
    return json_number_value(json_object_get(at, key));
}

/* A golden set without the classes that the golden numbers leave out. */
typedef struct golden {
    json_t        *root, *set;
    float         *scores;
    unsigned char *targets;
    em_scored      scored;
} golden;

static void open_golden(golden *g, const char *name)
{
    const json_t *scores, *targets;
    size_t n, n_classes, at = 0;

    g->root = json_load_file(GOLDEN, 0, NULL);
    g->set = json_object_get(g->root, name);
    scores = json_object_get(g->set, "s");
    targets = json_object_get(g->set, "y");
    CHECK(scores && targets, "the golden set %s", name);
    n = json_array_size(scores);
    n_classes = json_array_size(json_array_get(scores, 0));
    g->scores = calloc(n * n_classes, sizeof *g->scores);
    g->targets = calloc(n * n_classes, sizeof *g->targets);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < n_classes; c++, at++) {
            g->scores[at] = (float)json_number_value(json_array_get(json_array_get(scores, i), c));
            g->targets[at] = (unsigned char)json_integer_value(json_array_get(json_array_get(targets, i), c));
        }
    g->scored = (em_scored){ g->scores, g->targets, (int)n, (int)n_classes };
}

static void close_golden(golden *g)
{
    json_decref(g->root);
    free(g->scores);
    free(g->targets);
}

static void check_classes(const golden *g, const em_metrics *m, const char *name)
{
    const json_t *classes = json_object_get(g->set, "classes"), *value;
    size_t i;

    json_array_foreach(classes, i, value) {
        const em_class_metrics *one = &m->classes[json_integer_value(value)];
        const json_t *best = json_array_get(json_object_get(g->set, "best_f1"), i);

        CHECK_NEAR(one->ap, json_number_value(json_array_get(json_object_get(g->set, "ap"), i)), "%s: AP %zu", name, i);
        CHECK_NEAR(one->auc, json_number_value(json_array_get(json_object_get(g->set, "auc"), i)), "%s: AUC %zu", name, i);
        CHECK_NEAR(one->best.f1, golden_double(best, "f1"), "%s: best F1 %zu", name, i);
        CHECK_NEAR((double)one->best.threshold, golden_double(best, "threshold"), "%s: its threshold %zu", name, i);
    }
    CHECK((size_t)m->n_ap == json_array_size(classes) && m->n_auc == m->n_ap, "%s: %d classes", name, m->n_ap);
}

static void numbers_are_those_of_scikit_learn(void **state)
{
    static const char *const names[] = { "plain", "ties", "rare", "empty_class" };
    (void)state;

    for (size_t k = 0; k < EM_COUNT(names); k++) {
        golden g;
        em_metrics m;
        em_err err;

        open_golden(&g, names[k]);
        CHECK_OK(em_metrics_init(&m, &g.scored, &(em_metrics_cfg){ 0 }, &err));
        check_classes(&g, &m, names[k]);
        CHECK_NEAR(m.map, golden_double(g.set, "mAP"), "%s: mAP", names[k]);
        CHECK_NEAR(m.mauc, golden_double(g.set, "mAUC"), "%s: mAUC", names[k]);
        CHECK_NEAR(m.dprime, golden_double(g.set, "dprime"), "%s: d'", names[k]);
        CHECK_NEAR(m.f1.micro, golden_double(g.set, "f1_micro_at_half"), "%s: micro F1", names[k]);
        CHECK_NEAR(m.f1.macro, golden_double(g.set, "f1_macro_at_half"), "%s: macro F1", names[k]);
        CHECK(isnan(m.accuracy) && !m.confusion && isnan(m.dprime_moments), "%s: not asked for", names[k]);
        em_metrics_deinit(&m);
        close_golden(&g);
    }
}

/* The golden set has answers, not scores: an answer is a score of 1. */
static void one_class_a_clip_is_as_scikit_learn_has_it(void **state)
{
    enum { N = 400, C = 10 };
    static float scores[N][C];
    static unsigned char targets[N][C];
    json_t *root = json_load_file(GOLDEN, 0, NULL), *set = json_object_get(root, "single_label");
    em_metrics m;
    em_err err;
    (void)state;

    for (size_t i = 0; i < N; i++) {
        scores[i][json_integer_value(json_array_get(json_object_get(set, "p"), i))] = 1;
        targets[i][json_integer_value(json_array_get(json_object_get(set, "y"), i))] = 1;
    }
    CHECK_OK(em_metrics_init(&m, &(em_scored){ scores[0], targets[0], N, C }, &(em_metrics_cfg){ .is_single = true }, &err));
    CHECK_NEAR(m.accuracy, golden_double(set, "accuracy"), "accuracy");
    CHECK_NEAR(m.f1.micro, golden_double(set, "f1_micro"), "micro F1");
    CHECK_NEAR(m.f1.macro, golden_double(set, "f1_macro"), "macro F1");
    em_metrics_deinit(&m);
    json_decref(root);
}

/* Also where classes never occur, or are only answered. */
static void micro_f1_is_accuracy_when_each_clip_has_one_class_and_one_answer(void **state)
{
    enum { N = 97, C = 12 };
    static float scores[N][C];
    static unsigned char targets[N][C];
    em_rng rng = { 3 };
    (void)state;

    for (int round = 0; round < 20; round++) {
        em_metrics m;
        em_err err;
        int sum = 0;

        memset(targets, 0, sizeof targets);
        for (int i = 0; i < N; i++) {
            for (int c = 0; c < C; c++)
                scores[i][c] = (float)em_rng_normal(&rng);
            targets[i][em_rng_u64(&rng) % 7] = 1;
            scores[i][em_rng_u64(&rng) % 5] += 2;
        }
        CHECK_OK(em_metrics_init(&m, &(em_scored){ scores[0], targets[0], N, C }, &(em_metrics_cfg){ .is_single = true }, &err));
        CHECK(m.f1.micro == m.accuracy && m.accuracy > 0, "round %d: %.17g, %.17g", round, m.f1.micro, m.accuracy);
        for (int k = 0; k < C * C; k++)
            sum += m.confusion[k];
        CHECK(sum == N, "every clip is in the confusion matrix once");
        em_metrics_deinit(&m);
    }
}

typedef struct hand { const char *why; int n; unsigned char y[8]; float s[8]; double ap, auc; } hand;

static const hand hands[] = {
    { "scikit-learn's own example",         4, { 0, 0, 1, 1 }, { .1f, .4f, .35f, .8f }, 0.83333333333333333, 0.75 },
    { "one score for all: one threshold",   3, { 1, 0, 1 },    { .5f, .5f, .5f },       0.66666666666666667, 0.5 },
    { "perfect",                            4, { 1, 1, 0, 0 }, { 4, 3, 2, 1 },          1, 1 },
    { "all wrong",                          4, { 0, 0, 1, 1 }, { 4, 3, 2, 1 },          (1. / 3 + 2. / 4) / 2, 0 },
    { "no positives: both are undefined",   3, { 0, 0, 0 },    { 1, 2, 3 },             NAN, NAN },
    { "no negatives: AUC is undefined",     2, { 1, 1 },       { 1, 2 },                1, NAN },
    { "0 and -0 are one score",             2, { 1, 0 },       { -0.f, 0 },             0.5, 0.5 },
    { "one clip",                           1, { 1 },          { -3 },                  1, NAN },
};

static bool is_as(double got, double wanted)
{
    return isnan(wanted) ? isnan(got) : fabs(got - wanted) <= 1e-15;
}

static void hand_made_rankings_have_their_known_answers(void **state)
{
    (void)state;
    for (size_t k = 0; k < EM_COUNT(hands); k++) {
        const hand *h = &hands[k];
        em_ranking r;
        em_err err;

        CHECK_OK(em_ranking_init(&r, &(em_scored){ h->s, h->y, h->n, 1 }, 0, &err));
        CHECK(is_as(em_ranking_ap(&r), h->ap), "%s: AP %.17g", h->why, em_ranking_ap(&r));
        CHECK(is_as(em_ranking_auc(&r), h->auc), "%s: AUC %.17g", h->why, em_ranking_auc(&r));
        em_ranking_deinit(&r);
    }
}

static void the_curve_is_a_row_a_distinct_score(void **state)
{
    static const unsigned char y[] = { 1, 0, 1, 0, 1 };
    static const float s[] = { .9f, .8f, .7f, .7f, .1f };
    em_ranking r;
    em_err err;
    (void)state;

    CHECK_OK(em_ranking_init(&r, &(em_scored){ s, y, 5, 1 }, 0, &err));
    CHECK(r.n_rows == 4 && r.n_positives == 3, "%d rows", r.n_rows);
    CHECK(r.rows[2].score == .7f && r.rows[2].n_hits == 2 && r.rows[2].n_said == 4, "the tie");
    CHECK(em_ranking_precision(&r, 0) == 1 && em_ranking_precision(&r, 1. / 3) == 1 && em_ranking_precision(&r, 0.34) == 0.5 &&
          em_ranking_precision(&r, 1) == 0.6, "steps of precision over recall");
    em_ranking_deinit(&r);
}

static void thresholds_are_the_lowest_that_do(void **state)
{
    static const unsigned char y[] = { 0, 1, 1, 0, 1, 0 }, equals[] = { 1, 0, 0, 1 };
    static const float s[] = { .9f, .8f, .7f, .6f, .5f, .4f };
    em_choice best, precise, never;
    em_ranking r;
    em_err err;
    (void)state;

    CHECK_OK(em_ranking_init(&r, &(em_scored){ s, y, 6, 1 }, 0, &err));
    best = em_ranking_best_f1(&r);
    CHECK(best.threshold == .5f && best.f1 == 0.75 && best.precision == 0.6 && best.recall == 1, "best F1 %g at %g", best.f1,
          (double)best.threshold);
    precise = em_ranking_at_precision(&r, 0.6);
    CHECK(precise.threshold == .5f && precise.precision == 0.6, "precision .6 at %g", (double)precise.threshold);
    precise = em_ranking_at_precision(&r, 0.65);
    CHECK(precise.threshold == .7f && fabs(precise.recall - 2. / 3) < 1e-15, "precision .65 at %g", (double)precise.threshold);
    never = em_ranking_at_precision(&r, 0.9);
    CHECK(isnan(never.threshold), "precision .9 is never reached");
    em_ranking_deinit(&r);

    CHECK_OK(em_ranking_init(&r, &(em_scored){ s, equals, 4, 1 }, 0, &err));
    best = em_ranking_best_f1(&r);
    CHECK(best.threshold == .6f && best.f1 == 2. / 3, "of equals the lowest, not %g", (double)best.threshold);
    em_ranking_deinit(&r);
}

static void a_class_without_a_threshold_keeps_the_one_it_had(void **state)
{
    static const unsigned char y[] = { 1, 0, 0,  0, 0, 1,  0, 0, 0 };
    static const float s[] = { .9f, .3f, .8f,  .1f, .2f, .3f,  .2f, .7f, .9f };
    const em_scored set = { s, y, 3, 3 };
    float t[] = { .5f, .25f, .125f };
    int n_kept;
    em_err err;
    (void)state;

    CHECK_OK(em_thresholds_choose(t, &n_kept, &set, 1, 0, &err));
    CHECK(t[0] == .9f && t[1] == .25f && t[2] == .3f && n_kept == 1, "best F1: %g %g %g", (double)t[0], (double)t[1], (double)t[2]);
    t[2] = .125f;
    CHECK_OK(em_thresholds_choose(t, &n_kept, &set, 1, 0.9, &err));
    CHECK(t[0] == .9f && t[2] == .125f && n_kept == 2, "precision: %g %g, %d kept", (double)t[0], (double)t[2], n_kept);
    t[0] = .5f;
    CHECK_OK(em_thresholds_choose(t, &n_kept, &set, 2, 0, &err));
    CHECK(t[0] == .5f && n_kept == 3, "too few clips: %g, %d kept", (double)t[0], n_kept);
}

static void f1_is_at_the_thresholds_that_are_given(void **state)
{
    static const unsigned char y[] = { 1, 0,  1, 1,  0, 0 };
    static const float s[] = { .6f, .6f,  .2f, .3f,  .3f, .4f };
    em_counts a, b;
    em_metrics m;
    em_err err;
    (void)state;

    CHECK_OK(em_metrics_init(&m, &(em_scored){ s, y, 3, 2 }, &(em_metrics_cfg){ .thresholds = (float[]){ .6f, .3f } }, &err));
    a = m.classes[0].counts;
    b = m.classes[1].counts;
    CHECK(a.n_hits == 1 && a.n_missed == 1 && a.n_false == 0, "class 0, at its own score");
    CHECK(b.n_hits == 1 && b.n_missed == 0 && b.n_false == 2 && m.classes[1].threshold == .3f, "class 1");
    CHECK_NEAR(m.f1.micro, 4. / 7, "micro: 2 hits, 2 false, 1 missed");
    CHECK_NEAR(m.f1.macro, (2. / 3 + 2. / 4) / 2, "macro");
    em_metrics_deinit(&m);
}

/* model-and-training.md, section 8. */
static void dprime_is_as_published(void **state)
{
    static const double pairs[][2] = { { .5, 0 }, { .75, .954 }, { .9, 1.812 }, { .95, 2.326 }, { .96, 2.476 }, { .962, 2.509 },
                                       { .963, 2.527 }, { .973, 2.725 } };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(pairs); i++) {
        CHECK(fabs(em_dprime(pairs[i][0]) - pairs[i][1]) <= 6e-4, "%g: %g", pairs[i][0], em_dprime(pairs[i][0]));
        CHECK(fabs(em_dprime(1 - pairs[i][0]) + em_dprime(pairs[i][0])) <= 1e-12, "%g mirrored", pairs[i][0]);
    }
    CHECK(em_dprime(1) > 6.7 && em_dprime(1) < 6.8 && fabs(em_dprime(0) + em_dprime(1)) < 1e-8, "the ends: %g", em_dprime(1));
    CHECK(isnan(em_dprime(NAN)), "undefined stays so");
}

/* Two normal distributions a distance of 2 apart: both forms find it. */
static void the_moment_form_is_the_same_on_normal_logits(void **state)
{
    enum { N = 20000 };
    static float logits[N];
    static unsigned char targets[N];
    const em_scored set = { logits, targets, N, 1 };
    em_rng rng = { 11 };
    em_metrics m;
    em_err err;
    (void)state;

    for (int i = 0; i < N; i++) {
        targets[i] = i % 2;
        logits[i] = (float)(em_rng_normal(&rng) + 2 * targets[i]) - 9;
    }
    CHECK_OK(em_metrics_init(&m, &set, &(em_metrics_cfg){ .logits = logits }, &err));
    CHECK(fabs(m.dprime_moments - 2) < 0.05 && fabs(m.dprime - m.dprime_moments) < 0.05, "%g and %g", m.dprime, m.dprime_moments);
    em_metrics_deinit(&m);

    for (int i = 0; i < 4; i++) {                       /* 1 3 | 5 9: means 2 and 7, variances 1 and 4 */
        targets[i] = i > 1;
        logits[i] = (const float[]){ 1, 3, 5, 9 }[i];
    }
    CHECK_OK(em_metrics_init(&m, &(em_scored){ logits, targets, 4, 1 }, &(em_metrics_cfg){ .logits = logits }, &err));
    CHECK_NEAR(m.dprime_moments, 5 / sqrt(2.5), "%g", m.dprime_moments);
    em_metrics_deinit(&m);
}

static void what_cannot_be_evaluated_is_refused(void **state)
{
    static const unsigned char y[] = { 1, 0, 0, 1 }, two[] = { 1, 1, 0, 1 }, none[] = { 1, 0, 0, 0 }, odd[] = { 1, 0, 0, 2 };
    static const float s[] = { 1, 2, 3, 4 }, bad[] = { 1, 2, NAN, 4 };
    const em_metrics_cfg single = { .is_single = true };
    const struct { em_scored set; const char *wanted; } cases[] = {
        { { s, y, 0, 2 }, "0 clips" }, { { bad, y, 2, 2 }, "clip 1, class 0" }, { { s, odd, 2, 2 }, "clip 1, class 1" },
        { { s, two, 2, 2 }, "clip 0" }, { { s, none, 2, 2 }, "clip 1" },
    };
    em_metrics m;
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        CHECK(em_metrics_init(&m, &cases[i].set, &single, &err) == EM_EINVAL && strstr(err.msg, cases[i].wanted), "%zu: %s", i,
              err.msg);
        em_metrics_deinit(&m);
    }
    CHECK(em_thresholds_choose((float[2]){ 0 }, NULL, &cases[1].set, 1, 0, &err) == EM_EINVAL, "thresholds");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_scikit_learn),
        cmocka_unit_test(one_class_a_clip_is_as_scikit_learn_has_it),
        cmocka_unit_test(micro_f1_is_accuracy_when_each_clip_has_one_class_and_one_answer),
        cmocka_unit_test(hand_made_rankings_have_their_known_answers),
        cmocka_unit_test(the_curve_is_a_row_a_distinct_score),
        cmocka_unit_test(thresholds_are_the_lowest_that_do),
        cmocka_unit_test(a_class_without_a_threshold_keeps_the_one_it_had),
        cmocka_unit_test(f1_is_at_the_thresholds_that_are_given),
        cmocka_unit_test(dprime_is_as_published),
        cmocka_unit_test(the_moment_form_is_the_same_on_normal_logits),
        cmocka_unit_test(what_cannot_be_evaluated_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
