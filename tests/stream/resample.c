/* resample.c - exact lengths, exact times, and the same bits for every cut. */
#include "check.h"

#include "audio/resample.h"
#include "base/rng.h"

#include <math.h>

enum { N = 50001 };

static const int rates[][2] = { { 44100, 32000 }, { 48000, 32000 }, { 8000, 32000 }, { 192000, 32000 }, { 22050, 16000 }, { 32000, 32000 } };
static const size_t chunks[] = { 1, 7, 441, 1024, 4096, 65536 };

/* The whole of x in chunks; returns the output, its length in *n_out. */
static float *resample(size_t *n_out, int in_hz, int out_hz, const float *x, size_t n, size_t chunk)
{
    const size_t room = n * (size_t)out_hz / (size_t)in_hz + 10;
    float *y = malloc(room * sizeof *y);
    em_resampler *r;
    em_err err;
    size_t at = 0, made;

    assert_non_null(y);
    *n_out = 0;
    CHECK_OK(em_resampler_new(&r, in_hz, out_hz, &err));
    while (at < n) {
        size_t n_taken;

        made = em_resampler_push(r, y + *n_out, room - *n_out < 1024 ? room - *n_out : 1024, x + at, n - at < chunk ? n - at : chunk, &n_taken);
        *n_out += made;
        at += n_taken;
    }
    while ((made = em_resampler_flush(r, y + *n_out, 1000)) > 0)
        *n_out += made;
    em_resampler_free(r);
    return y;
}

static void lengths_are_exact_and_cuts_change_no_bit(void **state)
{
    float *x = malloc(N * sizeof *x);
    em_rng rng = { 3 };

    (void)state;
    assert_non_null(x);
    for (int i = 0; i < N; i++)
        x[i] = (float)(0.2 * em_rng_normal(&rng));
    for (size_t i = 0; i < EM_COUNT(rates); i++) {
        size_t n_want, n_got;
        float *want = resample(&n_want, rates[i][0], rates[i][1], x, N, N);

        CHECK(n_want == (size_t)llround((double)N * rates[i][1] / rates[i][0]), "%d to %d Hz: %zu samples", rates[i][0], rates[i][1], n_want);
        for (size_t c = 0; c < EM_COUNT(chunks); c++) {
            float *got = resample(&n_got, rates[i][0], rates[i][1], x, N, chunks[c]);

            CHECK(n_got == n_want && memcmp(got, want, n_got * sizeof *got) == 0, "%d to %d Hz in chunks of %zu", rates[i][0], rates[i][1], chunks[c]);
            free(got);
        }
        free(want);
    }
    free(x);
}

static void an_impulse_stays_where_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < EM_COUNT(rates); i++) {
        float *x = calloc(N, sizeof *x), *y;
        size_t n, top = 0;
        const size_t at = 3 * (size_t)rates[i][0] / 10;

        assert_non_null(x);
        x[at < N ? at : N / 2] = 1.f;
        y = resample(&n, rates[i][0], rates[i][1], x, N, 1000);
        for (size_t k = 0; k < n; k++)
            if (y[k] > y[top])
                top = k;
        CHECK(fabs((double)top / rates[i][1] - (double)(at < N ? at : N / 2) / rates[i][0]) <= 0.5 / rates[i][1] + 1e-9, "%d to %d Hz", rates[i][0], rates[i][1]);
        free(x);
        free(y);
    }
}

static void impossible_rates_are_refused(void **state)
{
    static const int bad[] = { 0, -1, 999, 768001, 2147483647 };
    em_resampler *r;
    em_err err;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(bad); i++)
        CHECK(em_resampler_new(&r, bad[i], 32000, &err) == EM_EINVAL && !r, "%d Hz", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_are_exact_and_cuts_change_no_bit),
        cmocka_unit_test(an_impulse_stays_where_it_was),
        cmocka_unit_test(impossible_rates_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
