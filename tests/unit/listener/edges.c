/* edges.c - edges of level near a moment; and levels themselves: the same however hops cut the stream. */
#include "check.h"

#include "base/rng.h"
#include "listener/edges.h"
#include "listener/levels.h"
#include "listener/listener.h"

#include <math.h>

enum { SLICE = 2560, QUIET = 40, LOUD = 90, MOST = 600, SECONDS = 9, WINDOW_S = 3 };

static const int least = (int)(6 / EM_COLUMN_DB + .5f);     /* steps of 6 dB */

/* Slices of `quiet` with spans of other levels in it. */
typedef struct part { int from, to, level; } part;

static em_edges edges_of(const part *parts, int n_parts, int n)
{
    uint8_t levels[MOST];
    em_edges e = { 0 };

    memset(levels, QUIET, sizeof levels);
    for (int i = 0; i < n_parts; i++)
        memset(levels + parts[i].from, parts[i].level, (size_t)(parts[i].to - parts[i].from));
    for (int at = 0; at < n; at += 13)                      /* as hops bring them */
        em_edges_take(&e, levels + at, n - at < 13 ? n - at : 13, at);
    return e;
}

static void moments_move_to_the_edge_near(void **state)
{
    static const part one = { 100, 130, LOUD };
    const em_edges e = edges_of(&one, 1, 200);

    (void)state;
    for (int off = -11; off <= 11; off++) {
        CHECK(em_edges_rise(&e, (100 + off) * SLICE + 17, SLICE) == 100 * SLICE, "%d slices from the rise", off);
        CHECK(em_edges_fall(&e, (130 + off) * SLICE - 17, SLICE) == 130 * SLICE, "%d slices from the fall", off);
    }
    CHECK(em_edges_rise(&e, 80 * SLICE, SLICE) == 80 * SLICE && em_edges_fall(&e, 150 * SLICE, SLICE) == 150 * SLICE, "too far away");
    CHECK(em_edges_fall(&e, 100 * SLICE, SLICE) == 100 * SLICE && em_edges_rise(&e, 130 * SLICE, SLICE) == 130 * SLICE, "the other way");
}

static void a_small_step_is_no_edge(void **state)
{
    (void)state;
    for (int step = least - 1; step <= least; step++) {
        const part one = { 100, 130, QUIET + step };
        const em_edges e = edges_of(&one, 1, 200);
        const int64_t want = step < least ? 104 : 100;

        CHECK(em_edges_rise(&e, 104 * SLICE, SLICE) == want * SLICE, "%d steps", step);
    }
}

/* A sneeze draws breath first, a crow dies away: soft parts belong to it. */
static void the_outermost_edge_is_taken(void **state)
{
    static const part two[] = { { 100, 105, QUIET + 20 }, { 105, 110, LOUD }, { 110, 115, QUIET + 20 } };
    const em_edges e = edges_of(two, 3, 200);

    (void)state;
    assert_int_equal(em_edges_rise(&e, 106 * SLICE, SLICE), 100 * SLICE);
    assert_int_equal(em_edges_fall(&e, 109 * SLICE, SLICE), 115 * SLICE);
}

static void what_is_unknown_moves_nothing(void **state)
{
    static const part one = { 100, 130, LOUD };
    em_edges e = { 0 };
    uint8_t levels[MOST];

    (void)state;
    assert_int_equal(em_edges_rise(&e, 5 * SLICE, SLICE), 5 * SLICE);
    em_edges_take(&e, NULL, 0, 0);
    assert_int_equal(em_edges_fall(&e, 0, SLICE), 0);
    e = edges_of(&one, 1, 104);                             /* four slices behind the rise, and more may come */
    assert_int_equal(em_edges_rise(&e, 101 * SLICE, SLICE), 101 * SLICE);
    e = edges_of(&one, 1, 120);
    memset(levels, QUIET, sizeof levels);
    em_edges_take(&e, levels, 10, 121);                     /* slice 120 was in no hop */
    assert_int_equal(em_edges_fall(&e, 121 * SLICE, SLICE), 121 * SLICE);
    assert_int_equal(em_edges_rise(&e, 101 * SLICE, SLICE), 101 * SLICE);
}

static void the_room_holds_the_newest(void **state)
{
    static const uint8_t quiet = QUIET, loud = LOUD;
    em_edges e = { 0 };

    (void)state;
    for (int64_t i = 0; i < EM_EDGES_ROOM + 500; i++)
        em_edges_take(&e, (i + 298) % 400 < 200 ? &loud : &quiet, 1, i);
    /* Of the rise at 502 only two slices before are left of the four that it takes. */
    for (int64_t rise = 102; rise < EM_EDGES_ROOM + 500; rise += 400)
        CHECK((em_edges_rise(&e, (rise + 2) * SLICE, SLICE) == rise * SLICE) == (rise > 502), "the rise at %d", (int)rise);
}

/* ------------------------------------------------------------------ pauses */

static void check_pauses(const em_edges *e, int from, int to, int loudness, bool want)
{
    for (int i = from; i < to; i++)
        CHECK(em_edges_is_pause(e, i * SLICE + 17, loudness, SLICE) == want, "slice %d beside %d", i, loudness);
}

static void a_pause_is_quiet_beside_the_sound_and_around_it(void **state)
{
    static const part parts[] = { { 100, 130, LOUD }, { 160, 190, QUIET + 15 }, { 220, 250, 0 } };
    const em_edges e = edges_of(parts, EM_COUNT(parts), 300);
    const int loud = em_edges_loudness(&e, 95 * SLICE, 110 * SLICE, SLICE), faint = em_edges_loudness(&e, 160 * SLICE, 170 * SLICE, SLICE);

    (void)state;
    assert_int_equal(loud, LOUD);
    assert_int_equal(faint, QUIET + 15);
    check_pauses(&e, 130, 160, loud, true);
    check_pauses(&e, 160, 190, loud, false);                /* 9 dB above the quietest: somebody far away */
    check_pauses(&e, 190, 220, loud, true);
    check_pauses(&e, 220, 250, loud, true);                 /* digital silence */
    check_pauses(&e, 250, 300, loud, true);                 /* it is no background */
    check_pauses(&e, 130, 160, faint, false);               /* not 20 dB below the sound */
    check_pauses(&e, 90, 300, 0, false);                    /* its loudness is not known */
    check_pauses(&e, 301, 310, loud, false);                /* not known yet */
}

/* The quietest four slices of 750, looked for anew at each, silence left out. */
static int background_of(const uint8_t *levels, int slice)
{
    int lowest = 255;

    for (int i = slice - 749 > 3 ? slice - 749 : 3; i <= slice; i++) {
        int sum = 0;
        bool is_silent = false;

        for (int k = 0; k < 4; k++) {
            sum += levels[i - k];
            is_silent |= levels[i - k] <= 8;                /* -95 dB */
        }
        lowest = !is_silent && sum / 4 < lowest ? sum / 4 : lowest;
    }
    return lowest;
}

static void the_background_is_the_quietest_of_a_minute(void **state)
{
    enum { LONG = 3000 };
    uint8_t levels[LONG];
    em_rng rng = { 5 };
    em_edges e = { 0 };

    (void)state;
    for (int i = 0; i < LONG; i++)                          /* slowly up and down, with holes */
        levels[i] = (uint8_t)(em_rng_uniform(&rng) < .02 ? 0 : 60 + 30 * sin(i / 300.) + 8 * em_rng_uniform(&rng));
    for (int i = 0; i < LONG; i++)
        em_edges_take(&e, levels + i, 1, i);
    for (int i = 3; i < LONG; i++)
        CHECK(e.background[i] == background_of(levels, i), "slice %d: %d, not %d", i, e.background[i], background_of(levels, i));
}

/* Rain that a bark is heard over: as loud as where it began, not as where both are. */
static void a_sound_is_as_loud_as_where_it_began(void **state)
{
    static const part bark = { 100, 130, LOUD };
    const em_edges e = edges_of(&bark, 1, 200);

    (void)state;
    assert_int_equal(em_edges_loudness(&e, 40 * SLICE, 110 * SLICE, SLICE), QUIET);
    assert_int_equal(em_edges_loudness(&e, 110 * SLICE, 40 * SLICE, SLICE), QUIET);
    assert_int_equal(em_edges_loudness(&e, 500 * SLICE, 110 * SLICE, SLICE), 0);
}

static void soft_parts_reach_to_the_pause(void **state)
{
    static const part one = { 100, 160, LOUD };
    const em_edges e = edges_of(&one, 1, 300);

    (void)state;
    for (int i = 89; i < 132; i++)
        CHECK(em_edges_after_pause(&e, i * SLICE, LOUD, SLICE) == (i < 131 ? 100 : i) * SLICE, "from %d", i);
    for (int i = 129; i < 172; i++)
        CHECK(em_edges_before_pause(&e, i * SLICE, LOUD, SLICE) == (i > 128 && i < 171 ? 160 : i) * SLICE, "from %d: %d", i,
              (int)(em_edges_before_pause(&e, i * SLICE, LOUD, SLICE) / SLICE));
}

/* A frame that begins in the pause and hears the sound is not the sound's beginning. */
static void what_frames_hear_beforehand_is_still_the_pause(void **state)
{
    static const part parts[] = { { 99, 161, QUIET + 15 }, { 100, 160, LOUD } };
    const em_edges e = edges_of(parts, EM_COUNT(parts), 300);

    (void)state;
    assert_int_equal(em_edges_after_pause(&e, 104 * SLICE, LOUD, SLICE), 100 * SLICE);
    assert_int_equal(em_edges_before_pause(&e, 156 * SLICE, LOUD, SLICE), 160 * SLICE);
}

/* ------------------------------------------------------------------ levels */

static float *noise_in_bursts(int n)
{
    float *x = calloc((size_t)n, sizeof *x);
    em_rng rng = { 3 };

    for (int i = 0; i < n; i++)
        x[i] = (float)(em_rng_uniform(&rng) - .5) * (i / 30000 % 2 ? 1 : 1e-2f);
    return x;
}

/* All levels of a stream; every skip-th hop is passed over. Returns how many slices there are; those of no hop stay as they are. */
static int levels_of(uint8_t *out, const em_frontend_cfg *cfg, int step, int skip)
{
    const em_listener_cfg ear = { .frontend = *cfg, .window_samples = WINDOW_S * cfg->rate_hz, .step_samples = step, .rate_hz = cfg->rate_hz,
                                  .has_levels = true };
    const int n = SECONDS * cfg->rate_hz;
    float *x = noise_in_bursts(n);
    int n_slices = 0, n_hops = 0;
    em_listener *l;
    em_err err;
    em_hop hop;

    CHECK_OK(em_listener_new(&l, &ear, &err));
    for (int done = 0, is_over = 0; !is_over;) {
        if (done == n)
            em_listener_finish(l);
        is_over = done == n;
        done += (int)em_listener_push(l, x + done, (size_t)(n - done));
        if (skip && ++n_hops % skip == 0) {
            em_listener_skip(l);
        } else if (em_listener_next(l, &hop)) {
            CHECK(skip || hop.first_level == n_slices, "step %d: slice %d comes behind %d", step, (int)hop.first_level, n_slices);
            memcpy(out + hop.first_level, hop.levels, (size_t)hop.n_levels);
            n_slices = (int)hop.first_level + hop.n_levels;
        }
    }
    em_listener_free(l);
    free(x);
    return n_slices;
}

static void levels_are_those_of_the_stream(void **state)
{
    const em_frontend_cfg cfgs[] = { em_frontend_htsat(32000, 64), em_frontend_kaldi(16000, 128) };

    (void)state;
    for (size_t k = 0; k < EM_COUNT(cfgs); k++) {
        static const int steps[] = { 1, 7, 200 };           /* frames; one of a whole window would leave a slice between two */
        uint8_t want[MOST] = { 0 };
        const int n = levels_of(want, &cfgs[k], 50 * cfgs[k].hop, 0);
        const int slice = EM_LEVEL_FRAMES * cfgs[k].hop;
        int loudest = 0, faintest = 255;

        CHECK(n == (SECONDS * 100 - 2) / EM_LEVEL_FRAMES, "%d slices", n);
        for (size_t i = 0; i < EM_COUNT(steps); i++) {
            uint8_t got[MOST] = { 0 };

            CHECK(levels_of(got, &cfgs[k], steps[i] * cfgs[k].hop, 0) == n && memcmp(got + 1, want + 1, (size_t)n - 1) == 0,
                  "steps of %d frames", steps[i]);
        }
        for (int i = 1; i + 2 < n; i++) {                   /* 40 dB, or 66 steps, between loud and quiet */
            const bool is_loud = i * slice / 30000 % 2 && (i + 1) * slice / 30000 % 2;
            const bool is_quiet = !((i - 1) * slice / 30000 % 2) && !((i + 2) * slice / 30000 % 2);

            loudest = is_quiet && want[i] > loudest ? want[i] : loudest;
            faintest = is_loud && want[i] < faintest ? want[i] : faintest;
        }
        CHECK(faintest - loudest > 50 && faintest - loudest < 70, "quiet up to %d, loud from %d", loudest, faintest);
    }
}

/* A hop that nobody takes leaves its slices to the next, as far as its window holds them. */
static void hops_left_out_lose_nothing_that_is_in_a_window(void **state)
{
    const em_frontend_cfg cfg = em_frontend_htsat(32000, 64);
    uint8_t want[MOST] = { 0 }, got[MOST] = { 0 };
    const int n = levels_of(want, &cfg, 50 * cfg.hop, 0);

    (void)state;
    levels_of(got, &cfg, 50 * cfg.hop, 3);
    CHECK(memcmp(got + 1, want + 1, (size_t)n - 7) == 0, "the same");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_move_to_the_edge_near),
        cmocka_unit_test(a_small_step_is_no_edge),
        cmocka_unit_test(the_outermost_edge_is_taken),
        cmocka_unit_test(what_is_unknown_moves_nothing),
        cmocka_unit_test(the_room_holds_the_newest),
        cmocka_unit_test(a_pause_is_quiet_beside_the_sound_and_around_it),
        cmocka_unit_test(the_background_is_the_quietest_of_a_minute),
        cmocka_unit_test(a_sound_is_as_loud_as_where_it_began),
        cmocka_unit_test(soft_parts_reach_to_the_pause),
        cmocka_unit_test(what_frames_hear_beforehand_is_still_the_pause),
        cmocka_unit_test(levels_are_those_of_the_stream),
        cmocka_unit_test(hops_left_out_lose_nothing_that_is_in_a_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
