/* sampler.c - how often clips are heard under each kind of sampling, and that an order follows from its generator alone. */
#include "check.h"

#include "train/draw.h"
#include "train/sampler.h"

#include <math.h>

enum { N_CLIPS = 111, N_CLASSES = 4 };

/* Class 0: 100 clips, class 1: 9, class 2: 1 of which the last of class 1 is it, too; class 3: none; the last clip has no class. */
static em_clip    clips[N_CLIPS + 1];
static em_dataset set = { .n_classes = N_CLASSES, .clips = clips, .n_clips = N_CLIPS + 1 };
static int        chosen[N_CLIPS];
static int        zero[] = { 0 }, one[] = { 1 }, both[] = { 1, 2 };

static int make_set(void **state)
{
    (void)state;
    for (int i = 0; i < N_CLIPS; i++) {
        em_clip *clip = &clips[i + 1];                  /* clip 0 is of another fold: never chosen */

        chosen[i] = i + 1;
        clip->labels = i < 100 ? zero : i < 109 ? one : both;
        clip->n_labels = i < 109 ? 1 : 2;
    }
    clips[N_CLIPS].labels = NULL;
    clips[N_CLIPS].n_labels = 0;
    clips[0].labels = zero;
    clips[0].n_labels = 1;
    return 0;
}

enum { N_DRAWS = 40000 };
static int order[N_DRAWS], again[N_DRAWS], seen[N_CLIPS + 1];

static void draw(em_sampling sampling, size_t n, uint64_t seed)
{
    em_rng rng = { seed };
    em_err err;

    memset(seen, 0, sizeof seen);
    CHECK_OK(em_sampler_order(order, n, sampling, &set, chosen, N_CLIPS, &rng, &err));
    for (size_t i = 0; i < n; i++) {
        CHECK(order[i] >= 1 && order[i] <= N_CLIPS, "sampling %d, draw %zu: clip %d", (int)sampling, i, order[i]);
        seen[order[i]]++;
    }
}

static int heard(int first, int n)
{
    int sum = 0;

    for (int i = first; i < first + n; i++)
        sum += seen[i];
    return sum;
}

static bool is_near(int n, double share)
{
    double want = share * N_DRAWS;

    return fabs(n - want) < 5 * sqrt(want) + 1;
}

static void a_shuffle_has_each_clip_once_a_round(void **state)
{
    (void)state;
    draw(EM_SAMPLING_SHUFFLE, N_CLIPS, 1);
    for (int i = 1; i <= N_CLIPS; i++)
        CHECK(seen[i] == 1, "clip %d", i);
    draw(EM_SAMPLING_SHUFFLE, 2 * N_CLIPS + 7, 1);
    for (int i = 1; i <= N_CLIPS; i++)
        CHECK(seen[i] == 2 || seen[i] == 3, "clip %d", i);
    CHECK(memcmp(order, order + N_CLIPS, N_CLIPS * sizeof *order) != 0, "each round has an order of its own");
    draw(EM_SAMPLING_SHUFFLE, 20, 1);
    CHECK(heard(1, N_CLIPS) == 20, "a part of a round");
}

static void classes_take_turns_in_the_ways_of_htsat_and_panns(void **state)
{
    (void)state;
    for (int s = EM_SAMPLING_HTSAT; s <= EM_SAMPLING_PANNS; s++) {
        draw((em_sampling)s, N_DRAWS, 2);
        CHECK(heard(1, 100) == N_DRAWS / 4 && seen[N_CLIPS] == N_DRAWS / 4, "sampling %d: class 0 and the clip of no class", s);
        CHECK(is_near(seen[110], 1 / 4. + 1 / 40.) && is_near(seen[101], 1 / 40.), "sampling %d: clip of class 1 and 2", s);
        for (size_t i = 0; i < 400; i += 4)
            CHECK((order[i] < 101) + (order[i + 1] < 101) + (order[i + 2] < 101) + (order[i + 3] < 101) == 1, "sampling %d, round %zu",
                  s, i / 4);
    }
}

static void panns_has_each_clip_of_a_class_once_a_round(void **state)
{
    (void)state;
    draw(EM_SAMPLING_PANNS, 400, 3);
    for (int i = 1; i <= 100; i++)
        CHECK(seen[i] == 1, "clip %d: %d", i, seen[i]);
    draw(EM_SAMPLING_HTSAT, 400, 3);
    for (int i = 1; i <= 100; i++)
        if (seen[i] != 1)
            return;
    CHECK(false, "htsat draws with replacement");
}

static void ast_draws_by_the_sum_over_classes_of_one_over_their_count(void **state)
{
    double common = 1000 / 100.01, rare = 1000 / 10.01, rarest = 1000 / 10.01 + 1000 / 1.01, none = 1000 / 1.01;
    double sum = 100 * common + 9 * rare + rarest + none;

    (void)state;
    draw(EM_SAMPLING_AST, N_DRAWS, 4);
    CHECK(is_near(heard(1, 100), 100 * common / sum) && is_near(heard(101, 9), 9 * rare / sum), "classes 0 and 1");
    CHECK(is_near(seen[110], rarest / sum) && is_near(seen[111], none / sum), "rarest and none");
}

static void passt_draws_by_weight_without_replacement(void **state)
{
    double common = 1000 / 200., rare = 1000 / 110., rarest = 1000 / 110. + 1000 / 101., none = 1000 / 101.;
    double sum = 100 * common + 9 * rare + rarest + none;
    int n_first = 0, n_common = 0;

    (void)state;
    draw(EM_SAMPLING_PASST, N_CLIPS, 5);
    for (int i = 1; i <= N_CLIPS; i++)
        CHECK(seen[i] == 1, "clip %d", i);
    for (uint64_t seed = 0; seed < 8000; seed++) {
        draw(EM_SAMPLING_PASST, 1, seed);
        n_first += order[0] == 110;
        n_common += order[0] <= 100;
    }
    CHECK(fabs(n_first - 8000 * rarest / sum) < 60 && fabs(n_common - 8000 * 100 * common / sum) < 180, "first ones: %d, %d", n_first,
          n_common);
}

static void an_order_follows_from_its_generator_alone(void **state)
{
    (void)state;
    for (int s = EM_SAMPLING_SHUFFLE; s <= EM_SAMPLING_PASST; s++) {
        draw((em_sampling)s, 500, 6);
        memcpy(again, order, 500 * sizeof *order);
        draw((em_sampling)s, 500, 6);
        CHECK(memcmp(again, order, 500 * sizeof *order) == 0, "sampling %d: same again", s);
        draw((em_sampling)s, 500, 7);
        CHECK(memcmp(again, order, 500 * sizeof *order) != 0, "sampling %d: another seed", s);
    }
}

static void names_are_read_and_an_empty_set_is_an_error(void **state)
{
    static const char *const names[] = { "shuffle", "htsat", "panns", "ast", "passt" };
    em_sampling sampling;
    em_rng rng = { 1 };
    em_err err;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(names); i++) {
        CHECK_OK(em_sampling_parse(&sampling, names[i], &err));
        CHECK((size_t)sampling == i, "%s", names[i]);
    }
    CHECK(em_sampling_parse(&sampling, "balanced", &err) == EM_EINVAL && strstr(err.msg, "shuffle, htsat, panns, ast, passt"), "%s",
          err.msg);
    CHECK(em_sampler_order(order, 5, EM_SAMPLING_AST, &set, chosen, 0, &rng, &err) == EM_EINVAL, "no clips");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shuffle_has_each_clip_once_a_round),
        cmocka_unit_test(classes_take_turns_in_the_ways_of_htsat_and_panns),
        cmocka_unit_test(panns_has_each_clip_of_a_class_once_a_round),
        cmocka_unit_test(ast_draws_by_the_sum_over_classes_of_one_over_their_count),
        cmocka_unit_test(passt_draws_by_weight_without_replacement),
        cmocka_unit_test(an_order_follows_from_its_generator_alone),
        cmocka_unit_test(names_are_read_and_an_empty_set_is_an_error),
    };

    return cmocka_run_group_tests(tests, make_set, NULL);
}
