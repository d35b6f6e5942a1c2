/* The resampler as a stream: the same bits for every cut, the right length, the right time, no allocation. */
#include "check.h"

#include "audio/resample.h"
#include "stream/signal.h"

#include <math.h>

static const int rates[][2] = {
    { 44100, 32000 }, { 48000, 32000 }, { 16000, 32000 }, { 8000, 32000 }, { 96000, 32000 }, { 192000, 16000 },
    { 44100, 16000 }, { 22050, 32000 }, { 47999, 32000 }, { 32000, 48000 }, { 768000, 8000 }, { 1000, 48000 },
    { 11025, 32000 }, { 88200, 16000 }, { 384000, 32000 }, { 705600, 48000 },
};

typedef struct signal { float *x; size_t n; } signal;

/* Resamples x in chunks; asks for at most max_out samples at a time. */
static signal resampled(int in_hz, int out_hz, const float *x, size_t n, size_t chunk, size_t max_out)
{
    size_t  room = (size_t)((double)n * out_hz / in_hz) + 2 * max_out + 16, got, taken;
    signal  y = { malloc(room * sizeof(float)), 0 };
    em_resampler *r;
    em_err  err;

    CHECK_OK(em_resampler_new(&r, in_hz, out_hz, &err));
    for (size_t at = 0; at < n;) {
        size_t end = at + chunk < n ? at + chunk : n;
        while (at < end) {
            y.n += em_resampler_push(r, y.x + y.n, max_out, x + at, end - at, &taken);
            at += taken;
            CHECK(y.n + max_out <= room, "%d to %d Hz gives too much", in_hz, out_hz);
        }
    }
    while ((got = em_resampler_flush(r, y.x + y.n, max_out)) > 0) {
        y.n += got;
        CHECK(y.n + max_out <= room, "%d to %d Hz does not end", in_hz, out_hz);
    }
    em_resampler_free(r);
    return y;
}

static void chunking_never_changes_a_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < EM_COUNT(rates); i++) {
        int    in = rates[i][0], out = rates[i][1];
        size_t n = 70001;
        float *x = signal_noise(7, n);
        signal want = resampled(in, out, x, n, n, 3000000);

        for (size_t c = 0; c < signal_n_chunks; c++) {
            signal got = resampled(in, out, x, n, signal_chunks[c], c % 2 ? 1024 : 333);

            CHECK(got.n == want.n, "%d to %d Hz, chunk %zu: %zu samples, not %zu", in, out, signal_chunks[c], got.n, want.n);
            CHECK(memcmp(got.x, want.x, got.n * sizeof(float)) == 0, "%d to %d Hz, chunk %zu", in, out, signal_chunks[c]);
            free(got.x);
        }
        free(want.x);
        free(x);
    }
}

static void length_is_rounded_to_the_nearest(void **state)
{
    static const size_t lengths[] = { 0, 1, 2, 3, 100, 255, 256, 257, 44099, 44100, 44101, 200003 };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rates); i++)
        for (size_t k = 0; k < EM_COUNT(lengths); k++) {
            float *x = signal_noise(1, lengths[k]);
            size_t want = (size_t)floor((double)lengths[k] * rates[i][1] / rates[i][0] + 0.5);
            signal y = resampled(rates[i][0], rates[i][1], x, lengths[k], 4096, 4096);

            CHECK(y.n == want, "%zu samples, %d to %d Hz: %zu, not %zu", lengths[k], rates[i][0], rates[i][1], y.n, want);
            free(y.x);
            free(x);
        }
}

/* A tone stays where it was: a delay of one output sample would show as 2 pi f / rate of its amplitude. */
static void sound_stays_at_its_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < EM_COUNT(rates); i++) {
        int    in = rates[i][0], out = rates[i][1];
        double hz = 0.05 * (in < out ? in : out), worst = 0.0;
        size_t n = (size_t)in * 2;
        float *x = signal_tone(hz, in, n);
        signal y = resampled(in, out, x, n, 1000, 1000);
        float *want = signal_tone(hz, out, y.n);

        for (size_t k = y.n / 4; k < y.n * 3 / 4; k++)
            worst = fmax(worst, fabs((double)(y.x[k] - want[k])));
        CHECK(worst < 2e-5, "%d to %d Hz: off by %g", in, out, worst);
        free(want);
        free(y.x);
        free(x);
    }
}

static void an_impulse_stays_at_its_time(void **state)
{
    float *x = calloc(48000, sizeof *x);
    size_t peak = 0;
    signal y;

    (void)state;
    x[24000] = 1.f;
    y = resampled(48000, 32000, x, 48000, 512, 512);
    for (size_t k = 0; k < y.n; k++)
        if (fabsf(y.x[k]) > fabsf(y.x[peak]))
            peak = k;
    CHECK(peak == 16000, "at %zu", peak);
    CHECK(fabsf(y.x[15999] - y.x[16001]) < 1e-5f, "not symmetric");
    free(y.x);
    free(x);
}

static void equal_rates_pass_untouched(void **state)
{
    float *x = signal_noise(3, 5000);
    signal y;

    (void)state;
    x[17] = 1e-42f;
    x[18] = -0.f;
    y = resampled(32000, 32000, x, 5000, 77, 50);
    CHECK(y.n == 5000 && memcmp(x, y.x, 5000 * sizeof *x) == 0, "%zu samples", y.n);
    free(y.x);
    free(x);
}

static void nothing_is_allocated_after_new(void **state)
{
    static float x[1000], y[1000];

    (void)state;
    if (!signal_can_count())
        skip();
    for (size_t i = 0; i < EM_COUNT(rates); i++) {
        em_resampler *r;
        em_err   err;
        size_t   taken;
        uint64_t before;

        CHECK_OK(em_resampler_new(&r, rates[i][0], rates[i][1], &err));
        before = signal_allocations();
        for (int64_t fed = 0; fed < 10 * (int64_t)rates[i][0] || fed < 300000; fed += (int64_t)taken)
            em_resampler_push(r, y, EM_COUNT(y), x, EM_COUNT(x), &taken);
        while (em_resampler_flush(r, y, EM_COUNT(y)) > 0)
            ;
        CHECK(signal_allocations() == before, "%d to %d Hz: %d allocations", rates[i][0], rates[i][1],
              (int)(signal_allocations() - before));
        em_resampler_free(r);
    }
}

static void a_rate_out_of_range_is_an_error(void **state)
{
    static const int bad[][2] = { { 0, 32000 }, { 999, 32000 }, { 768001, 32000 }, { -1, 32000 }, { 32000, 0 } };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(bad); i++) {
        em_resampler *r = (em_resampler *)&r;
        em_err err;

        CHECK(em_resampler_new(&r, bad[i][0], bad[i][1], &err) == EM_EINVAL && !r, "%d to %d", bad[i][0], bad[i][1]);
    }
    em_resampler_free(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunking_never_changes_a_bit),
        cmocka_unit_test(length_is_rounded_to_the_nearest),
        cmocka_unit_test(sound_stays_at_its_time),
        cmocka_unit_test(an_impulse_stays_at_its_time),
        cmocka_unit_test(equal_rates_pass_untouched),
        cmocka_unit_test(nothing_is_allocated_after_new),
        cmocka_unit_test(a_rate_out_of_range_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
