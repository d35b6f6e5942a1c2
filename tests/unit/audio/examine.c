/* Level, clipping, hum and rate of signals whose answers are known. */
#include "check.h"

#include "audio/examine.h"
#include "base/rng.h"

#include <math.h>
#include <stdbool.h>

enum { RATE = 32000, N = 3 * RATE };

static float x[N];
static const double pi2 = 6.283185307179586;

static void clear(void)
{
    memset(x, 0, sizeof x);
}

static void add_sine(double hz, double peak)
{
    for (int i = 0; i < N; i++)
        x[i] += (float)(peak * sin(pi2 * hz * i / RATE));
}

/* White, of that RMS. */
static void add_noise(double rms)
{
    em_rng rng = { .state = 1 };

    for (int i = 0; i < N; i++)
        x[i] += (float)(rms * sqrt(12) * (em_rng_uniform(&rng) - .5));
}

static bool is_near(double a, double b, double most)
{
    return fabs(a - b) <= most;
}

static void a_level_is_that_of_the_samples(void **state)
{
    em_level l;
    (void)state;

    clear();
    l = em_examine_level(x, N);
    CHECK(isinf(l.rms_dbfs) && isinf(l.peak_dbfs) && isinf(em_examine_level(x, 0).rms_dbfs), "silence, and nothing");
    add_sine(1000, .5);
    l = em_examine_level(x, N);
    CHECK(is_near(l.rms_dbfs, -9.031, .001) && is_near(l.peak_dbfs, -6.021, .001), "a sine: %g, %g", l.rms_dbfs, l.peak_dbfs);
    for (int i = 0; i < N; i++)
        x[i] = i % 2 ? 1 : -1;
    CHECK(is_near(em_examine_level(x, N).rms_dbfs, 0, 1e-9), "full scale");
}

static void clipping_is_a_row_at_full_scale(void **state)
{
    static const struct { float x[8]; double want; } cases[] = {
        { { 0, 1, 1, 1, 0, 0, 0, 0 }, 3. / 8 },     { { 0, 1, 1, 0, 1, 1, 0, 1 }, 0 },      { { -1, -1, -1, 1, 1, 1, 1, 0 }, 7. / 8 },
        { { -1, 1, -1, 1, -1, 1, -1, 1 }, 0 },      { { 1, 1, -1, -1, 1, 1, -1, -1 }, 0 },  { { .99f, .99f, .99f, .99f }, 0 },
        { { 1, 1, 1, 1, 1, 1, 1, 1 }, 1 },          { { 0, 0, 0, 0, 0, -2, -2, -2 }, 3. / 8 },
        { { 32767 / 32768.f, 32767 / 32768.f, 32767 / 32768.f }, 3. / 8 },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++)
        CHECK(is_near(em_examine_clipping(cases[i].x, 8), cases[i].want, 1e-12), "case %zu: %g", i, em_examine_clipping(cases[i].x, 8));
    CHECK(em_examine_clipping(x, 0) == 0, "nothing");
    clear();
    add_sine(100, 2);
    for (int i = 0; i < N; i++)
        x[i] = fminf(fmaxf(x[i], -1), 1);
    CHECK(is_near(em_examine_clipping(x, N), 2. / 3, .01), "a sine of twice full scale clips two thirds of the time: %g", em_examine_clipping(x, N));
    clear();
    add_sine(1000, .999);
    CHECK(em_examine_clipping(x, N) == 0, "a loud one does not");
}

static void hum_is_what_stands_out_at_the_mains(void **state)
{
    em_hum h;
    (void)state;

    clear();
    CHECK(em_examine_hum(x, N, RATE).hz == 0 && em_examine_hum(x, RATE - 1, RATE).hz == 0, "silence, and less than a second");
    add_sine(50, .1);
    h = em_examine_hum(x, N, RATE);
    CHECK(is_near(h.hz, 50, 0) && is_near(h.share, 1, .001) && is_near(h.dbfs, -23.01, .01), "%g Hz: %g, %g dBFS", h.hz, h.share, h.dbfs);
    add_noise(.1 / sqrt(2));
    h = em_examine_hum(x, N, RATE);
    CHECK(is_near(h.hz, 50, 0) && is_near(h.share, .5, .02) && is_near(h.dbfs, -23.01, .1), "as loud as the rest: %g, %g dBFS", h.share, h.dbfs);
    clear();
    add_sine(60, .06);
    add_sine(120, .03);
    add_sine(180, .02);
    add_noise(.01);
    h = em_examine_hum(x, N, RATE);
    CHECK(is_near(h.hz, 60, 0) && is_near(h.share, .00245 / (.00245 + .0001), .01) && is_near(h.dbfs, 10 * log10(.00245), .05),
          "with its multiples: %g Hz, %g, %g dBFS", h.hz, h.share, h.dbfs);
    clear();
    add_sine(50.15, .1);
    CHECK(em_examine_hum(x, N, RATE).share > .95, "the mains wander: %g", em_examine_hum(x, N, RATE).share);
}

static void what_is_no_hum_is_not_taken_for_it(void **state)
{
    em_hum h;
    (void)state;

    clear();
    add_noise(.1);
    h = em_examine_hum(x, N, RATE);
    CHECK(h.share < .001, "white noise: %g", h.share);
    for (int i = 1; i < N; i++)
        x[i] = .995f * x[i - 1] + .1f * x[i];                       /* mostly below 100 Hz, as wind and traffic are */
    h = em_examine_hum(x, N, RATE);
    CHECK(h.share < .1, "rumble: %g at %g Hz", h.share, h.hz);
    clear();
    add_sine(440, .3);
    CHECK(em_examine_hum(x, N, RATE).share < .001, "a tone: %g", em_examine_hum(x, N, RATE).share);
    clear();
    add_sine(300, .3);
    CHECK(em_examine_hum(x, N, RATE).share < .001, "a tone that is a multiple of both: %g", em_examine_hum(x, N, RATE).share);
    clear();
    add_noise(.01);
    for (int i = 0; i < RATE; i++)
        x[i] += (float)(.3 * sin(pi2 * 50 * i / RATE));
    CHECK(em_examine_hum(x, N, RATE).share < .001, "a second of it is a sound, not hum");
    clear();
    for (int i = 0; i < N; i++)
        x[i] = .3f;
    CHECK(em_examine_hum(x, N, RATE).share < .001, "an offset is none");
}

static void a_rate_is_the_line_through_late_looks(void **state)
{
    static em_rate_point p[1000];
    em_rng rng = { .state = 7 };
    double rate;
    (void)state;

    CHECK(em_examine_rate(p, 0) == 0 && em_examine_rate(p, 1) == 0, "no line");
    for (int i = 0; i < 1000; i++) {
        const uint64_t ns = (uint64_t)i * 5000000 + (uint64_t)(em_rng_uniform(&rng) * 2e6);

        p[i] = (em_rate_point){ 123456789 + ns, 777 + ns * 47900 / 1000000000 / 1024 * 1024 };
    }
    rate = em_examine_rate(p, 1000);
    CHECK(is_near(rate, 47900, 50), "%g, not 47900", rate);
    for (int i = 0; i < 1000; i++)
        p[i].n_frames = 5;
    CHECK(em_examine_rate(p, 1000) == 0, "a device that stands still");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_level_is_that_of_the_samples),
        cmocka_unit_test(clipping_is_a_row_at_full_scale),
        cmocka_unit_test(hum_is_what_stands_out_at_the_mains),
        cmocka_unit_test(what_is_no_hum_is_not_taken_for_it),
        cmocka_unit_test(a_rate_is_the_line_through_late_looks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
