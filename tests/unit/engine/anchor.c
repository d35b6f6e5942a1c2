/* The wall clock of a stream: clocks that drift and jump, looks that come late. */
#include "check.h"

#include "base/rng.h"
#include "engine/anchor.h"

#include <math.h>

static const double begin_ms = 1.7e12;

typedef struct clocks {
    em_anchor a;
    em_rng    rng;
    double    s;                    /* true time                                       */
    double    drift;                /* of the sound's clock: 1e-4 is 100 ppm too fast  */
    double    jump_ms;              /* of the wall clock so far                        */
    double    late_ms;              /* the most that a look comes late                 */
    int       n_syncs;
    double    last_s;               /* drift of the last record                        */
    double    worst_ms;             /* of a time of day that was told                  */
} clocks;

static clocks start(double late_ms)
{
    return (clocks){ .a = { .ms = -1 }, .rng = { 5 }, .late_ms = late_ms };
}

static void run(clocks *c, double seconds)
{
    for (double until = c->s + seconds; c->s < until; c->s += 0.02) {
        const double late_ms = c->late_ms * (double)(em_rng_u64(&c->rng) >> 11) * 0x1p-53;
        const double stream_s = c->s * (1 + c->drift), told_ms = (double)c->a.ms + stream_s * 1e3;

        if (c->a.ms >= 0)
            c->worst_ms = fmax(c->worst_ms, fabs(told_ms - begin_ms - c->s * 1e3 - c->jump_ms));
        c->n_syncs += em_anchor_look(&c->a, &c->last_s, (int64_t)(begin_ms + c->s * 1e3 + c->jump_ms + late_ms), stream_s);
    }
}

static void steady_clocks_are_left_alone(void **state)
{
    clocks c = start(45);

    (void)state;
    run(&c, 3600);
    CHECK(c.n_syncs == 0 && c.worst_ms < 46, "%d records, %g ms", c.n_syncs, c.worst_ms);
}

/* 100 ppm are 50 ms in 500 s. */
static void a_drift_is_followed(void **state)
{
    static const double drifts[] = { 1e-4, -1e-4 };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(drifts); i++) {
        clocks c = start(20);

        c.drift = drifts[i];
        run(&c, 7200);
        CHECK(c.n_syncs >= 12 && c.n_syncs <= 16, "%d records", c.n_syncs);
        CHECK(c.worst_ms < 75, "%g ms", c.worst_ms);
        CHECK(fabs(c.last_s + copysign(0.05, drifts[i])) < 0.005, "%g s", c.last_s);
    }
}

static void a_jump_is_followed_within_seconds(void **state)
{
    static const double jumps_ms[] = { 3600e3, -3600e3, -1000, 60, 3e11 };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(jumps_ms); i++) {
        clocks c = start(10);

        run(&c, 30.5);
        c.jump_ms = jumps_ms[i];
        run(&c, jumps_ms[i] < 0 ? 6.5 : 10.5);
        CHECK(c.n_syncs >= 1 && c.n_syncs <= 2, "jump of %g: %d records", jumps_ms[i], c.n_syncs);
        c.worst_ms = 0;
        run(&c, 100);
        CHECK(c.n_syncs <= 2 && c.worst_ms < 60, "jump of %g: %d records, %g ms", jumps_ms[i], c.n_syncs, c.worst_ms);
    }
}

/* A first look that came late by chance is put right; one that comes late later is not believed. */
static void late_looks_move_nothing(void **state)
{
    clocks c = start(400);

    (void)state;
    run(&c, 600);
    CHECK(c.n_syncs <= 1, "%d records", c.n_syncs);
    c.worst_ms = 0;
    run(&c, 600);
    CHECK(c.n_syncs <= 1 && c.worst_ms < 50, "%d records, %g ms", c.n_syncs, c.worst_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_clocks_are_left_alone),
        cmocka_unit_test(a_drift_is_followed),
        cmocka_unit_test(a_jump_is_followed_within_seconds),
        cmocka_unit_test(late_looks_move_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
