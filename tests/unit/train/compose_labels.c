/* Composing: which labels a window is given, as a whole and slot by slot, and what they weigh. */
#include "check.h"

#include "canvas.h"
#include "train/draw.h"

#include <limits.h>
#include <math.h>

/* 40 frames, of which 10..29 are sound: the label follows from how many of these are inside. */
static void labels_are_given_where_enough_of_the_sound_is_inside(void **state)
{
    static const struct { double share; int frames; } rows[] = { { .5, 1000 }, { 1, 1000 }, { 1, 5 }, { .9, 15 }, { 0, 1 } };
    (void)state;

    for (size_t r = 0; r < EM_COUNT(rows); r++) {
        em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
        em_part a = part_a(40);
        int seen[3] = { 0 };

        silence(sound_a, 0, 10);
        silence(sound_a, 30, 40);
        cfg.place = EM_PLACE_ANY;
        cfg.least_inside = .1;
        cfg.least_share = rows[r].share;
        cfg.least_frames = rows[r].frames;
        for (uint64_t seed = 0; seed < 400; seed++) {
            int n = 0, is_given;

            compose(&cfg, seed, &a, NULL, NULL);
            for (int t = 0; t < T; t++)
                n += frame_at(t, -40) >= 0;
            is_given = n > 0 && (n >= rows[r].share * 20 || n >= rows[r].frames);
            CHECK(targets[0] == (is_given ? 1 : 0) && weights[0] == (is_given || n == 0 ? 1 : 0),
                  "row %zu: %d of 20 frames inside: target %g, weight %g", r, n,
                  (double)targets[0], (double)weights[0]);
            CHECK(targets[1] == 0 && weights[1] == 1, "row %zu: other classes", r);
            seen[n == 0 ? 0 : is_given ? 2 : 1]++;
        }
        CHECK(seen[0] > 20 && seen[2] > 100 && (seen[1] > 20 || rows[r].share == 0),
              "row %zu: %d without, %d with too little, %d with enough", r, seen[0], seen[1],
              seen[2]);
    }
}

static void what_is_far_below_the_loudest_is_no_sound(void **state)
{
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(100);
    (void)state;

    for (int i = 0; i < 100 * F; i++)
        sound_a[i] = i / F < 30 ? -20 : -51;            /* a hiss behind the sound, 31 dB below */
    cfg.place = EM_PLACE_ANY;
    cfg.least_inside = .1;
    for (uint64_t seed = 0; seed < 200; seed++) {
        int n = 0;

        compose(&cfg, seed, &a, NULL, NULL);
        for (int t = 0; t < T; t++)
            n += frames[t * F] == -20;
        CHECK(targets[0] == (n >= 15 ? 1 : 0), "seed %llu: %d of 30 loud frames", (unsigned long long)seed, n);
    }
    for (int i = 0; i < 100 * F; i++)
        sound_a[i] = -90;                               /* only the rounding of silence */
    compose(&cfg, 1, &a, NULL, NULL);
    CHECK(targets[0] == 0, "silence has no label");
}

static void strong_labels_count_only_within_their_spans(void **state)
{
    static int two[] = { 0, 3 };
    em_span spans[] = { { 3, .10, .20 }, { 3, .35, .40 } };
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(40);
    int seen = 0;
    (void)state;

    clip_a = (em_clip){ .labels = two, .n_labels = 2, .spans = spans, .n_spans = 2 };
    cfg.place = EM_PLACE_ANY;
    cfg.least_inside = .1;
    cfg.least_share = 1;
    cfg.rolls = true;
    for (uint64_t seed = 0; seed < 400; seed++) {
        int n = 0, n_all = 0;

        compose(&cfg, seed, &a, NULL, NULL);
        for (int t = 0; t < T; t++) {
            int i = frame_at(t, -40);

            n_all += i >= 0;
            n += (i >= 10 && i < 20) || (i >= 35 && i < 40);
        }
        CHECK(targets[3] == (n == 15 ? 1 : 0) && weights[3] == (n == 0 || n == 15 ? 1 : 0), "seed %llu: %d of 15",
              (unsigned long long)seed, n);
        CHECK(targets[0] == (n_all == 40 ? 1 : 0), "seed %llu: the weak one is everywhere: %d of 40", (unsigned long long)seed, n_all);
        seen += n > 0 && n < 15;
    }
    CHECK(seen > 20, "%d in between", seen);
}

static void slots_are_filled_as_far_as_they_have_the_sound(void **state)
{
    enum { S = 4, SLOT = 16 };                          /* 60 frames: the last slot has 12 */
    static float slots[S * C];
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(40), b = part_b(9);
    int n_partly = 0;
    (void)state;

    silence(sound_a, 10, 30);                           /* a pause within the sound */
    silence(sound_a, 35, 40);
    cfg.place = EM_PLACE_ANY;
    cfg.least_inside = .1;
    cfg.p_after = 1;
    cfg.most_gap = 5;
    canvas.slots = slots;
    canvas.n_slots = S;
    canvas.slot_frames = SLOT;
    for (uint64_t seed = 0; seed < 300; seed++) {
        int first = INT_MIN;

        compose(&cfg, seed, &a, NULL, &b);
        for (int t = 0; t < T && first == INT_MIN; t++)
            if (frame_at(t, -40) >= 0 && frame_at(t, -40) < 35)
                first = t - frame_at(t, -40);           /* where the clip begins */
        if (first == INT_MIN)
            continue;
        for (int s = 0; s < S; s++) {
            const int end = (s + 1) * SLOT < T ? (s + 1) * SLOT : T;
            int n_a = 0, n_b = 0;

            for (int t = s * SLOT; t < end; t++) {
                n_a += t >= first && t < first + 35;
                n_b += frames[t * F] > -31;
            }
            CHECK(fabsf(slots[s * C] * (float)(end - s * SLOT) - (float)n_a) < 1e-4f,
                  "seed %llu, slot %d: %g of %d frames", (unsigned long long)seed, s,
                  (double)slots[s * C], n_a);
            CHECK(fabsf(slots[s * C + 1] * (float)(end - s * SLOT) - (float)n_b) < 1e-4f,
                  "seed %llu, slot %d: the one behind it", (unsigned long long)seed, s);
            CHECK(slots[s * C + 2] == 0, "seed %llu, slot %d: nobody's", (unsigned long long)seed, s);
            n_partly += n_a > 0 && n_a < SLOT;
        }
    }
    CHECK(n_partly > 100, "%d slots with a part", n_partly);
    canvas.n_slots = 0;
    canvas.slots = NULL;
}

static void a_long_pause_parts_a_sound_in_two(void **state)
{
    enum { LONG = 300, SLOT = 50, S = LONG / SLOT };
    static float wide[LONG * F], slots[S];
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_rng rng = { 1 };
    em_scene scene = em_scene_draw(&cfg, &rng);
    float target, weight;
    em_canvas c = { wide, &target, &weight, LONG, F, 1, slots, S, SLOT };
    em_part a = part_a(LONG);
    (void)state;

    for (int longest = 100; longest <= 101; longest++) {
        a = part_a(LONG);
        silence(sound_a, 50, 50 + longest);
        silence(sound_a, 200, LONG);
        em_compose(&c, &cfg, &scene, &a, NULL, NULL);
        CHECK(slots[0] == 1 && slots[3] > .9f && slots[4] == 0 && slots[5] == 0, "%d frames: ends", longest);
        CHECK(slots[1] == (longest == 100 ? 1 : 0) && slots[2] == slots[1], "%d frames of pause: %g", longest, (double)slots[1]);
    }
}

static void unknown_classes_weigh_what_they_are_told_to(void **state)
{
    static int negatives[] = { 4 };
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(10), b = part_b(10);
    (void)state;

    cfg.unknown_weight = .25f;
    cfg.place = EM_PLACE_END;
    clip_a.negatives = clip_b.negatives = negatives;
    clip_a.n_negatives = clip_b.n_negatives = 1;
    compose(&cfg, 1, &a, NULL, NULL);
    CHECK(weights[0] == 1 && weights[1] == .25f && weights[4] == 1 && targets[4] == 0, "one clip");
    cfg.p_before = 1;
    compose(&cfg, 1, &a, &b, NULL);
    CHECK(weights[0] == 1 && weights[1] == 1 && weights[2] == .25f && weights[4] == 1, "two clips");
    cfg.p_empty = 1;
    compose(&cfg, 1, NULL, NULL, NULL);
    CHECK(weights[0] == 1 && weights[2] == 1, "of silence all is known");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_given_where_enough_of_the_sound_is_inside),
        cmocka_unit_test(what_is_far_below_the_loudest_is_no_sound),
        cmocka_unit_test(strong_labels_count_only_within_their_spans),
        cmocka_unit_test(slots_are_filled_as_far_as_they_have_the_sound),
        cmocka_unit_test(a_long_pause_parts_a_sound_in_two),
        cmocka_unit_test(unknown_classes_weigh_what_they_are_told_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
