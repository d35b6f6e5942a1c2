/* What an xrun cost, found by a clock: devices that drift, deliver late, lose sound and do not. */
#include "check.h"

#include "audio/xruns.h"

#include "base/rng.h"

enum { RATE = 48000, PERIOD = 480 };

/* A device that is looked at as the keeper does. Time in frames of the true rate. */
typedef struct device {
    em_xruns x;
    em_xruns_now now;
    double   drift;                 /* of its own clock: 1e-4 is 100 ppm too fast                        */
    uint64_t n_lost;                /* by it so far                                                       */
    uint64_t n_told;
    double   next_ms, latest_ms;    /* latest_ms: a callback comes up to so much too late                 */
    double   ms;
    bool     is_stopped, has_news;  /* frames came since the last look                                    */
    em_rng   rng;
} device;

static device device_of(bool is_exact, uint32_t n_period)
{
    return (device){ .now = { .rate_hz = RATE, .n_period = n_period, .is_exact = is_exact }, .rng = { 3 } };
}

static double random_ms(device *d, double most)
{
    return most * (double)(em_rng_u64(&d->rng) >> 11) * 0x1p-53;
}

/* One millisecond: callbacks that are due come, or their frames are lost. */
static void run_ms(device *d)
{
    const double period_ms = d->now.n_period * 1e3 / RATE / (1 + d->drift);
    const uint64_t n_before = d->now.n_frames;
    uint64_t now_ns;

    d->ms += 1;
    while (d->next_ms <= d->ms) {
        *(d->is_stopped ? &d->n_lost : &d->now.n_frames) += d->now.n_period;
        d->next_ms += period_ms;
    }
    now_ns = (uint64_t)((d->ms + random_ms(d, d->latest_ms)) * 1e6) + 1000000000u;
    if (now_ns > d->now.now_ns)
        d->now.now_ns = now_ns;
    d->now.n_clock = d->now.is_exact ? d->now.n_frames + d->n_lost + d->now.n_period * (uint64_t)(random_ms(d, 1) > 0.9)
                                     : (uint64_t)((double)d->now.now_ns * 1e-9 * RATE);
    d->has_news |= d->now.n_frames != n_before;
    if (d->x.is_settling && d->now.is_exact)
        d->has_news = true;
    if ((int)d->ms % (d->x.is_settling ? 2 : 20) == 0 && d->has_news && !d->is_stopped) {
        d->n_told += em_xruns_look(&d->x, &d->now);
        d->has_news = false;
    }
}

static void run(device *d, double ms)
{
    for (double until = d->ms + ms; d->ms < until;)
        run_ms(d);
}

static void lose(device *d, double ms)
{
    d->is_stopped = true;
    run(d, ms);
    d->is_stopped = false;
    d->now.n_xruns++;
}

static void steady_sound_loses_nothing(void **state)
{
    static const double drifts[] = { 0, 3e-4, -3e-4 };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(drifts); i++)
        for (int is_exact = 0; is_exact < 2; is_exact++) {
            device d = device_of(is_exact, 1024);

            d.drift = drifts[i];
            d.latest_ms = 3;
            for (int s = 0; s < 3600; s++) {
                run(&d, 1000);
                d.now.n_xruns += s % 7 == 0;            /* somebody else's */
            }
            CHECK(d.n_told == 0, "drift %g, exact %d: %llu frames in an hour", drifts[i], is_exact, (unsigned long long)d.n_told);
        }
}

static void a_servers_lost_periods_are_told_to_the_frame(void **state)
{
    static const uint32_t periods[] = { 16, 256, 1024, 8192 };

    (void)state;
    for (size_t p = 0; p < EM_COUNT(periods); p++) {
        device d = device_of(true, periods[p]);

        d.drift = 1e-4;
        d.latest_ms = 2;
        for (int i = 0; i < 50; i++) {
            run(&d, 3000);
            lose(&d, 1 + (i * 37) % 400);
            run(&d, 1500);
            CHECK(d.n_told == d.n_lost, "period %u, loss %d: %llu told, %llu lost", periods[p], i, (unsigned long long)d.n_told,
                  (unsigned long long)d.n_lost);
        }
        d.is_stopped = true;                            /* nobody reports it */
        run(&d, 500);
        d.is_stopped = false;
        run(&d, 1500);
        CHECK(d.n_told == d.n_lost, "period %u: an unreported loss", periods[p]);
    }
}

static void a_clock_tells_a_loss_to_a_few_milliseconds(void **state)
{
    device d = device_of(false, PERIOD);

    (void)state;
    d.drift = -2e-4;
    d.latest_ms = 2;
    for (int i = 0; i < 50; i++) {
        int64_t wrong;

        run(&d, 3000);
        lose(&d, 30 + (i * 37) % 1000);
        run(&d, 1500);
        wrong = (int64_t)d.n_told - (int64_t)d.n_lost;
        CHECK(wrong > -(i + 1) * RATE / 100 && wrong < (i + 1) * RATE / 100, "loss %d: %lld frames too many", i, (long long)wrong);
    }
}

static void xruns_without_end_are_told_as_they_go(void **state)
{
    device d = device_of(true, PERIOD);

    (void)state;
    run(&d, 2000);
    for (int i = 0; i < 200; i++) {
        lose(&d, 30);
        run(&d, 40);
        CHECK(d.n_told <= d.n_lost, "never more than was lost");
        CHECK(d.n_lost - d.n_told < 3 * RATE, "%llu of %llu", (unsigned long long)d.n_told, (unsigned long long)d.n_lost);
    }
    run(&d, 3000);
    CHECK(d.n_told == d.n_lost, "%llu of %llu in the end", (unsigned long long)d.n_told, (unsigned long long)d.n_lost);
}

static void changes_of_a_server_are_no_loss(void **state)
{
    device d = device_of(true, 256);

    (void)state;
    for (int i = 0; i < 20; i++) {
        run(&d, 500);
        d.now.n_period = i % 2 ? 256 : 4096;            /* cycles are skipped while it changes */
        d.is_stopped = true;
        run(&d, 100);
        d.is_stopped = false;
        run(&d, 20);
        d.now.n_xruns++;
        run(&d, 500);
        em_xruns_forget(&d.x);                          /* runs freely */
        d.now.n_frames += 50 * RATE;
    }
    CHECK(d.n_told == 0, "%llu", (unsigned long long)d.n_told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_sound_loses_nothing),
        cmocka_unit_test(a_servers_lost_periods_are_told_to_the_frame),
        cmocka_unit_test(a_clock_tells_a_loss_to_a_few_milliseconds),
        cmocka_unit_test(xruns_without_end_are_told_as_they_go),
        cmocka_unit_test(changes_of_a_server_are_no_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
