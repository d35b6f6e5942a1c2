/* Frontends: how many frames there are, which settings are refused, and threads that make and free them at once. */
#include "check.h"

#include "mel/fft.h"
#include "mel/filterbank.h"
#include "mel/frontend.h"

#include <math.h>
#include <pthread.h>

static void frames_of_a_window(void **state)
{
    static const struct { bool is_kaldi; size_t n; int want; } cases[] = {
        { false, 0, 0 },        { false, 512, 0 },      { false, 513, 2 },        { false, 639, 2 },        { false, 640, 3 },
        { false, 319999, 1000 }, { false, 320000, 1001 }, { false, 327360, 1024 }, { true, 0, 0 },           { true, 399, 0 },
        { true, 400, 1 },       { true, 559, 1 },       { true, 560, 2 },         { true, 160000, 998 },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_frontend_cfg cfg = cases[i].is_kaldi ? em_frontend_kaldi(16000, 128) : em_frontend_htsat(32000, 64);
        int got = em_frontend_frames(&cfg, cases[i].n);

        CHECK(got == cases[i].want, "%zu samples: %d, not %d", cases[i].n, got, cases[i].want);
    }
}

static void usual_settings_for_every_model_rate(void **state)
{
    (void)state;
    for (int rate = 8000; rate <= 48000; rate += 25) {
        em_frontend_cfg both[2] = { em_frontend_htsat(rate, 64), em_frontend_kaldi(rate, 128) };

        for (int k = 0; k < 2; k++) {
            em_frontend *f;
            em_err err;

            CHECK_OK(em_frontend_new(&f, &both[k], &err));
            em_frontend_free(f);
            CHECK(both[k].hop == rate / 100 && both[k].fmax_hz <= 0.5f * (float)rate, "%d Hz, kind %d", rate, k);
        }
    }
}

static void refused(const em_frontend_cfg *cfg, const char *what)
{
    em_frontend *f;
    em_err err = { 0 };

    CHECK(em_frontend_new(&f, cfg, &err) == EM_EINVAL && !f && err.msg[0], "%s", what);
}

static void impossible_settings_are_refused(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        const em_frontend_cfg good = k ? em_frontend_kaldi(16000, 128) : em_frontend_htsat(32000, 64);
        em_frontend_cfg c;

#define REFUSED(field, value) c = good; c.field = (value); refused(&c, #field " = " #value)
        REFUSED(rate_hz, 0);
        REFUSED(rate_hz, -32000);
        REFUSED(n_fft, 0);
        REFUSED(n_fft, 65538);
        REFUSED(n_fft, 511);
        REFUSED(win, 1);
        REFUSED(win, 70000);
        REFUSED(hop, 0);
        REFUSED(hop, -1);
        REFUSED(n_mels, 0);
        REFUSED(n_mels, 513);
        REFUSED(fmin_hz, -1.f);
        REFUSED(fmin_hz, NAN);
        REFUSED(fmax_hz, 1.f);
        REFUSED(fmax_hz, NAN);
        REFUSED(fmax_hz, INFINITY);
#undef REFUSED
    }
    em_frontend_free(NULL);
    em_fft_free(NULL);
}

/* The corner frequencies and weights that are written down for 32 kHz. */
static void the_slaney_bank_has_the_known_weights(void **state)
{
    static const struct { int band, bin; float want; } some[] = {
        { 0, 2, .00428909f },  { 0, 3, .01501181f },  { 0, 4, .01131285f },  { 0, 5, .00059012f }, { 0, 1, 0.f }, { 0, 6, 0.f },
        { 10, 19, .00133847f }, { 10, 20, .0120612f }, { 10, 21, .01426346f }, { 10, 22, .00354074f },
        { 63, 400, 0.f },      { 63, 448, 0.f },
    };
    em_filterbank bank;
    em_err err;
    double sum = 0;
    int n_nonzero = 0;

    (void)state;
    CHECK_OK(em_filterbank_slaney(&bank, 32000, 1024, 64, 50, 14000, &err));
    for (size_t i = 0; i < EM_COUNT(some); i++)
        CHECK(fabsf(em_filterbank_weight(&bank, some[i].band, some[i].bin) - some[i].want) < 1e-8f, "band %d, bin %d", some[i].band,
              some[i].bin);
    for (int b = 0; b < 64; b++)
        for (int k = 0; k < 513; k++) {
            float w = em_filterbank_weight(&bank, b, k);
            sum += (double)w;
            n_nonzero += w > 0.f;
        }
    CHECK(n_nonzero == 866 && fabs(sum - 2.04812618) < 1e-7, "%d weights, sum %.9g", n_nonzero, sum);
    em_filterbank_deinit(&bank);
}

static void *make_and_free(void *arg)
{
    for (int i = 0; i < 100; i++) {
        em_fft *fft;

        if (em_fft_new(&fft, 64 << (i % 6), NULL) != EM_OK)
            return arg;
        em_fft_in(fft)[0] = 1.f;
        if (fabsf(em_fft_power(fft)[3] - 1.f) > 1e-6f)
            return arg;
        em_fft_free(fft);
    }
    return NULL;
}

static void threads_may_plan_at_once(void **state)
{
    pthread_t threads[4];
    void *failed;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_and_free, threads), 0);
    for (size_t i = 0; i < EM_COUNT(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        CHECK(!failed, "thread %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_a_window),
        cmocka_unit_test(usual_settings_for_every_model_rate),
        cmocka_unit_test(impossible_settings_are_refused),
        cmocka_unit_test(the_slaney_bank_has_the_known_weights),
        cmocka_unit_test(threads_may_plan_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
