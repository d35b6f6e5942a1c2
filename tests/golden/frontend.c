/* frontend.c - our frames against the official ones. Tolerances: where mel power is above 1e-7 of the clip's largest,
 * 2e-3 dB; elsewhere the power itself within 1e-6 of that largest (a float32 transform's floor). Kaldi: natural log
 * within 1e-3 where it is above the clip's maximum - 14. */
#include "golden/tensors.h"

#include "mel/filterbank.h"
#include "mel/frontend.h"

#include <math.h>

/* The whole file, or the core of it. */
static em_st *st;

static const char *const clips[] = { "dog", "dog10", "rooster10", "chirp", "noise", "silence", "short513", "short1000",
                                     "square", "exact", "twenty", "quirk16k" };

static float *our_frames(const em_frontend_cfg *cfg, const float *wave, size_t n, int *T)
{
    em_frontend *f;
    em_err err;
    float *frames;

    CHECK_OK(em_frontend_new(&f, cfg, &err));
    *T = em_frontend_frames(cfg, n);
    frames = calloc((size_t)(*T * cfg->n_mels) + 1, sizeof *frames);
    assert_non_null(frames);
    em_frontend_window(f, frames, wave, n);
    em_frontend_free(f);
    return frames;
}

static void compare_logmel(const char *clip, const float *got, const float *want, size_t n)
{
    double top = 0, most_db = 0, most_power = 0;

    for (size_t i = 0; i < n; i++)
        top = fmax(top, pow(10, (double)want[i] / 10));
    for (size_t i = 0; i < n; i++) {
        double p = pow(10, (double)want[i] / 10), q = pow(10, (double)got[i] / 10);

        if (p > 1e-7 * top)
            most_db = fmax(most_db, fabs((double)got[i] - (double)want[i]));
        else
            most_power = fmax(most_power, fabs(p - q) / top);
    }
    CHECK(most_db <= 2e-3, "%s: off by %.3g dB", clip, most_db);
    CHECK(most_power <= 1e-6, "%s: quiet bins off by %.3g of the largest", clip, most_power);
}

/* Silence and empty bands (nine in the quirk) are exactly -100 dB here and there. */
static void compare_floor(const char *clip, const float *got, const float *want, size_t n)
{
    size_t n_floor = 0;

    for (size_t i = 0; i < n; i++)
        if (want[i] == -100.f) {
            CHECK(got[i] == -100.f, "%s: frame %zu, band %zu is %.9g", clip, i / 64, i % 64, (double)got[i]);
            n_floor++;
        }
    if (strcmp(clip, "silence") == 0)
        CHECK(n_floor == n, "silence is silent");
    if (strcmp(clip, "quirk16k") == 0)
        CHECK(n_floor == n / 64 * 9, "%zu empty bands", n_floor * 64 / n);
}

static void every_clip_has_the_official_logmel(void **state)
{
    int n_seen = 0;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(clips); i++) {
        const bool is_quirk = strcmp(clips[i], "quirk16k") == 0;
        em_frontend_cfg cfg = em_frontend_htsat(is_quirk ? 16000 : 32000, 64);
        size_t n, n_want;
        float *wave, *want, *got;
        int T;

        if (!golden_has(st, "htsat.%s.wave", clips[i]))
            continue;
        if (is_quirk)
            cfg.fmax_hz = 14000;                    /* above half the rate: nine empty bands */
        wave = golden_read(st, &n, NULL, "htsat.%s.wave", clips[i]);
        want = golden_read(st, &n_want, NULL, "htsat.%s.logmel", clips[i]);
        got = our_frames(&cfg, wave, n, &T);
        CHECK((size_t)(T * 64) == n_want, "%s: %d frames, not %zu", clips[i], T, n_want / 64);
        compare_logmel(clips[i], got, want, n_want);
        compare_floor(clips[i], got, want, n_want);
        free(wave);
        free(want);
        free(got);
        n_seen++;
    }
    CHECK(n_seen >= 4, "only %d clips at hand", n_seen);
}

static void compare_slaney(const char *name, int rate_hz)
{
    em_filterbank bank;
    em_err err;
    float *want = golden_read(st, NULL, NULL, "htsat.%s", name);

    CHECK_OK(em_filterbank_slaney(&bank, rate_hz, 1024, 64, 50, 14000, &err));
    for (int k = 0; k < 513; k++)
        for (int b = 0; b < 64; b++)
            CHECK(em_filterbank_weight(&bank, b, k) == want[k * 64 + b], "%s: band %d, bin %d", name, b, k);
    em_filterbank_deinit(&bank);
    free(want);
}

static void the_slaney_bank_has_the_official_bits(void **state)
{
    (void)state;
    compare_slaney("mel_bank", 32000);
    compare_slaney("quirk16k.mel_bank", 16000);
}

static void the_kaldi_bank_is_the_official_one(void **state)
{
    em_filterbank bank;
    em_err err;
    float *want = golden_read(st, NULL, NULL, "kaldi.mel_bank");

    (void)state;
    CHECK_OK(em_filterbank_kaldi(&bank, 16000, 512, 128, 20, 8000, &err));
    for (int b = 0; b < 128; b++)
        for (int k = 0; k < 256; k++)
            CHECK(fabsf(em_filterbank_weight(&bank, b, k) - want[b * 256 + k]) < 1e-6f, "band %d, bin %d", b, k);
    em_filterbank_deinit(&bank);
    free(want);
}

/* What a model of DASS's kind is fed: zeros behind the frames up to 1024, then (x - mean) / (2 std). */
static void compare_input(const char *clip, const float *got, const float *want, size_t n, float top)
{
    const bool is_noise = strcmp(clip, "noise") == 0;
    size_t n_input;
    float *input;

    if (!golden_has(st, "kaldi.%s.input", clip))
        return;
    input = golden_read(st, &n_input, NULL, "kaldi.%s.input", clip);
    for (size_t i = 0; i < n_input; i++) {
        const float x = i < n ? got[i] : 0.f;

        if (i >= n || is_noise || want[i] > top - 14)
            CHECK(fabsf((x + 4.2677393f) / (2 * 4.5689974f) - input[i]) <= 1e-3f, "%s: input %zu", clip, i);
    }
    free(input);
}

static void every_clip_has_the_official_fbank(void **state)
{
    static const char *const names[] = { "dog", "rain", "noise" };
    const em_frontend_cfg cfg = em_frontend_kaldi(16000, 128);
    int n_seen = 0;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(names); i++) {
        size_t n, n_want;
        float *wave, *want, *got, top = -INFINITY;
        int T;

        if (!golden_has(st, "kaldi.%s.wave", names[i]))
            continue;
        wave = golden_read(st, &n, NULL, "kaldi.%s.wave", names[i]);
        want = golden_read(st, &n_want, NULL, "kaldi.%s.fbank", names[i]);
        got = our_frames(&cfg, wave, n, &T);
        CHECK((size_t)(T * 128) == n_want, "%s: %d frames", names[i], T);
        for (size_t j = 0; j < n_want; j++)
            top = fmaxf(top, want[j]);
        for (size_t j = 0; j < n_want; j++)
            if (want[j] > top - 14 || strcmp(names[i], "noise") == 0)
                CHECK(fabsf(got[j] - want[j]) <= 1e-3f,
                      "%s: frame %zu, band %zu: %g, not %g", names[i], j / 128, j % 128, (double)got[j], (double)want[j]);
        compare_input(names[i], got, want, n_want, top);
        free(wave);
        free(want);
        free(got);
        n_seen++;
    }
    CHECK(n_seen >= 1, "no clip at hand");
}

/* With the argument `core` only the core, also where the whole file is at hand. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_slaney_bank_has_the_official_bits),
        cmocka_unit_test(the_kaldi_bank_is_the_official_one),
        cmocka_unit_test(every_clip_has_the_official_logmel),
        cmocka_unit_test(every_clip_has_the_official_fbank),
    };

    if (argc > 1 && strcmp(argv[1], "core") == 0) {
        st = golden_open("frontend_core.safetensors");
        assert_non_null(st);
    } else {
        st = golden_open("frontend.safetensors");
    }
    if (!st)
        SKIP_ALL("the whole golden frontend data is not at hand; golden_frontend_core ran on its core");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
