/* Events and seconds, counted: hand-made cases with known answers, at the edges of the rules. */
#include "check.h"

#include "base/rng.h"
#include "train/events.h"

#include <math.h>

enum { C = 3, MOST = 6 };

typedef struct hand {
    const char *why;
    em_span     wanted[MOST], found[MOST];
    int         n_wanted, n_found;
    em_counts   events, segments;   /* of all classes: hits, false alarms, misses */
} hand;

static const hand hands[] = {
    { "the same",                         { { 0, 1, 2 } }, { { 0, 1, 2 } },       1, 1, { 1, 0, 0 }, { 1, 0, 0 } },
    { "another class",                    { { 0, 1, 2 } }, { { 1, 1, 2 } },       1, 1, { 0, 1, 1 }, { 0, 1, 1 } },
    { "onset at the collar",              { { 0, 2, 3 } }, { { 0, 2.2, 3 } },     1, 1, { 1, 0, 0 }, { 1, 0, 0 } },
    { "onset behind the collar",          { { 0, 2, 3 } }, { { 0, 2.21, 3 } },    1, 1, { 0, 1, 1 }, { 1, 0, 0 } },
    { "onset before, at the collar",      { { 0, 2, 3 } }, { { 0, 1.8, 3 } },     1, 1, { 1, 0, 0 }, { 1, 1, 0 } },
    { "short: the offset's collar is .2", { { 0, 2, 2.5 } }, { { 0, 2, 2.7 } },   1, 1, { 1, 0, 0 }, { 1, 0, 0 } },
    { "short: the offset is behind it",   { { 0, 2, 2.5 } }, { { 0, 2, 2.71 } },  1, 1, { 0, 1, 1 }, { 1, 0, 0 } },
    { "5 s: the collar is a fifth, 1 s",  { { 0, 1, 6 } }, { { 0, 1, 7 } },       1, 1, { 1, 0, 0 }, { 5, 1, 0 } },
    { "5 s: behind it",                   { { 0, 1, 6 } }, { { 0, 1, 7.01 } },    1, 1, { 0, 1, 1 }, { 5, 2, 0 } },
    { "found twice: one is a false alarm", { { 0, 1, 2 } }, { { 0, 1, 2 }, { 0, 1.1, 2 } }, 1, 2, { 1, 1, 0 }, { 1, 0, 0 } },
    /* Whoever takes the first that fits gives .9 to 1.0 and has nothing left for .75. */
    { "the best matching, not the first", { { 0, 1, 2 }, { 0, 0.75, 2 } },
                                          { { 0, 1.1, 2 }, { 0, 0.9, 2 } },       2, 2, { 2, 0, 0 }, { 2, 0, 0 } },
    { "a chain of three moves",           { { 0, 1, 2 }, { 0, 1.2, 2 }, { 0, 0.75, 2 } },
                                          { { 0, 1.3, 2 }, { 0, 1.1, 2 }, { 0, 0.9, 2 } }, 3, 3, { 3, 0, 0 }, { 2, 0, 0 } },
    { "nothing was there",                { { 0 } }, { { 2, 0, 3 } },             0, 1, { 0, 1, 0 }, { 0, 3, 0 } },
    { "nothing was found",                { { 2, 0.5, 2.5 } }, { { 0 } },         1, 0, { 0, 0, 1 }, { 0, 0, 3 } },
    { "nothing at all",                   { { 0 } }, { { 0 } },                   0, 0, { 0, 0, 0 }, { 0, 0, 0 } },
    { "two in one second are one second", { { 0, 1, 1.2 }, { 0, 1.6, 1.9 } }, { { 0, 1.3, 1.5 } }, 2, 1, { 0, 1, 2 }, { 1, 0, 0 } },
};

static em_spans spans(const em_span *list, int n)
{
    return (em_spans){ (em_span *)(uintptr_t)list, n };
}

static void check_counts(const em_counts *counts, em_counts wanted, const char *why)
{
    em_counts sum = { 0 };

    for (int c = 0; c < C; c++)
        sum = (em_counts){ sum.n_hits + counts[c].n_hits, sum.n_false + counts[c].n_false, sum.n_missed + counts[c].n_missed };
    CHECK(sum.n_hits == wanted.n_hits && sum.n_false == wanted.n_false && sum.n_missed == wanted.n_missed,
          "%s: %d hits, %d false, %d missed", why, sum.n_hits, sum.n_false, sum.n_missed);
}

static void hand_made_events_are_counted_as_known(void **state)
{
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(hands); i++) {
        const hand *h = &hands[i];
        const em_spans wanted = spans(h->wanted, h->n_wanted), found = spans(h->found, h->n_found);
        em_counts counts[C] = { { 0 } };

        CHECK_OK(em_events_count(counts, C, wanted, found, &em_event_rules_dcase, &err));
        check_counts(counts, h->events, h->why);
    }
}

static void hand_made_seconds_are_counted_as_known(void **state)
{
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(hands); i++) {
        const hand *h = &hands[i];
        em_counts counts[C] = { { 0 } };

        CHECK_OK(em_segments_count(counts, C, spans(h->wanted, h->n_wanted), spans(h->found, h->n_found), 1, &err));
        check_counts(counts, h->segments, h->why);
    }
}

static void the_librarys_default_allows_half_the_length(void **state)
{
    static const em_span wanted = { 1, 0, 4 }, at = { 1, 0, 6 }, behind = { 1, 0, 6.1 };
    em_counts counts[C] = { { 0 } };
    em_err err;
    (void)state;

    CHECK_OK(em_events_count(counts, C, spans(&wanted, 1), spans(&at, 1), &em_event_rules_sed_eval, &err));
    CHECK_OK(em_events_count(counts, C, spans(&wanted, 1), spans(&behind, 1), &em_event_rules_sed_eval, &err));
    CHECK(counts[1].n_hits == 1 && counts[1].n_missed == 1 && counts[1].n_false == 1, "clips add up");
    CHECK_OK(em_events_count(counts, C, spans(&wanted, 1), spans(&at, 1), &em_event_rules_dcase, &err));
    CHECK(counts[1].n_hits == 1, "not in DCASE");
}

/* Each class by itself, then all together: a class that was only said counts against micro and macro. */
static void f1_is_of_all_classes_that_occur(void **state)
{
    const em_counts counts[] = { { 2, 1, 0 }, { 0, 1, 0 }, { 0, 0, 0 } };
    const em_f1_means f1 = em_f1_of(counts, 3, true);
    (void)state;

    CHECK(f1.n_classes == 2 && fabs(f1.micro - 4. / 6) < 1e-15 && fabs(f1.macro - 0.4) < 1e-15, "%g %g", f1.micro, f1.macro);
}

enum { BIG = 7 };

/* The most pairs by trying every way to give found events away. */
static int most_pairs(const em_span *wanted, int n_wanted, const em_span *found, int n_found, unsigned taken)
{
    int best;

    if (n_wanted == 0)
        return 0;
    best = most_pairs(wanted + 1, n_wanted - 1, found, n_found, taken);
    for (int f = 0; f < n_found; f++) {
        int n;

        if (taken >> f & 1 || fabs(found[f].onset - wanted->onset) > 0.2 || fabs(found[f].offset - wanted->offset) > 0.2)
            continue;                                   /* no two of the random times are so close to .2 that rounding matters */
        n = 1 + most_pairs(wanted + 1, n_wanted - 1, found, n_found, taken | 1u << f);
        best = n > best ? n : best;
    }
    return best;
}

static void the_matching_is_the_largest_there_is(void **state)
{
    em_rng rng = { 17 };
    em_err err;
    (void)state;

    for (int round = 0; round < 300; round++) {
        em_span wanted[BIG], found[BIG];
        em_counts counts[C] = { { 0 } };
        int most;

        for (int i = 0; i < BIG; i++) {
            wanted[i] = (em_span){ 0, em_rng_uniform(&rng), 1.5 + em_rng_uniform(&rng) / 2 };
            found[i] = (em_span){ 0, em_rng_uniform(&rng), 1.5 + em_rng_uniform(&rng) / 2 };
        }
        most = most_pairs(wanted, BIG, found, BIG, 0);
        CHECK_OK(em_events_count(counts, C, spans(wanted, BIG), spans(found, BIG), &(em_event_rules){ .2, .2, 0 }, &err));
        CHECK(counts[0].n_hits == most && counts[0].n_missed == BIG - most && counts[0].n_false == BIG - most,
              "round %d: %d of %d", round, counts[0].n_hits, most);
    }
}

static void runs_of_slots_become_spans(void **state)
{
    static const float slots[6][2] = { { .9f, 0 }, { .5f, 0 }, { .4f, .3f }, { .6f, 0 }, { 0, .3f }, { 0, .9f } };
    static const float thresholds[] = { .5f, .3f };
    static const em_span wanted[] = { { 0, 0, .625 }, { 0, .9375, 1.25 }, { 1, .625, .9375 }, { 1, 1.25, 1.8 } };
    em_spans got;
    em_err err;
    (void)state;

    CHECK_OK(em_spans_of_slots(&got, slots[0], 6, 2, 0.3125, 1.8, thresholds, &err));
    CHECK(got.n == 4, "%d spans", got.n);
    for (int i = 0; i < 4; i++)
        CHECK(got.list[i].label == wanted[i].label && got.list[i].onset == wanted[i].onset && got.list[i].offset == wanted[i].offset,
              "span %d: class %d, %g to %g s", i, got.list[i].label, got.list[i].onset, got.list[i].offset);
    free(got.list);
    CHECK_OK(em_spans_of_slots(&got, slots[0], 6, 2, 0.3125, 1.2, thresholds, &err));
    CHECK(got.n == 3 && got.list[1].offset == 1.2, "nothing behind the clip's end");
    free(got.list);
    CHECK_OK(em_spans_of_slots(&got, NULL, 0, 2, 0.3125, 10, thresholds, &err));
    CHECK(got.n == 0, "no slots");
    free(got.list);
}

static void impossible_spans_are_refused(void **state)
{
    static const em_span bad[] = { { C, 0, 1 }, { -1, 0, 1 }, { 0, 2, 1 }, { 0, -1, 1 }, { 0, 0, 1e300 }, { 0, NAN, 1 },
                                   { 0, 0, NAN } };
    const em_spans none = { 0 };
    em_counts counts[C] = { { 0 } };
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(bad); i++) {
        CHECK(em_events_count(counts, C, spans(&bad[i], 1), none, &em_event_rules_dcase, &err) == EM_EINVAL, "wanted %zu", i);
        CHECK(em_events_count(counts, C, none, spans(&bad[i], 1), &em_event_rules_dcase, &err) == EM_EINVAL, "found %zu", i);
        CHECK(em_segments_count(counts, C, none, spans(&bad[i], 1), 1, &err) == EM_EINVAL, "segments %zu", i);
    }
    CHECK(em_segments_count(counts, C, none, none, 0, &err) == EM_EINVAL, "no grid");
    check_counts(counts, (em_counts){ 0 }, "nothing was counted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hand_made_events_are_counted_as_known),
        cmocka_unit_test(hand_made_seconds_are_counted_as_known),
        cmocka_unit_test(the_librarys_default_allows_half_the_length),
        cmocka_unit_test(f1_is_of_all_classes_that_occur),
        cmocka_unit_test(the_matching_is_the_largest_there_is),
        cmocka_unit_test(runs_of_slots_become_spans),
        cmocka_unit_test(impossible_spans_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
