/* logmel.c - log-mel of whole batches on the emulated GPU: the official frames within the tolerances of golden/frontend.c, those of
 * src/mel at odd sizes, and every failure a sentence. */
#include "golden/tensors.h"

#include "base/rng.h"
#include "emu.h"
#include "mel/filterbank.h"
#include "mel/frontend.h"
#include "near.h"
#include "ops_cuda.h"
#include "spectra.h"

#include <math.h>

enum { OUT_OF_MEMORY = 2, ILLEGAL_ADDRESS = 700, CUFFT_EXEC_FAILED = 6, CUFFT_ALLOC_FAILED = 2 };

/* All that em_logmel_cfg points to. */
typedef struct tables { em_filterbank bank; em_mel_band *bands; float *hann; em_logmel_cfg cfg; } tables;

static void make_tables(tables *t, const em_frontend_cfg *f, int most_frames)
{
    em_err err;

    *t = (tables){ 0 };
    CHECK_OK(em_filterbank_slaney(&t->bank, f->rate_hz, f->n_fft, f->n_mels, (double)f->fmin_hz, (double)f->fmax_hz, &err));
    t->bands = calloc((size_t)f->n_mels, sizeof *t->bands);
    t->hann = calloc((size_t)f->n_fft, sizeof *t->hann);
    assert_true(t->bands && t->hann);
    t->cfg = (em_logmel_cfg){ .n_fft = f->n_fft, .hop = f->hop, .n_mels = f->n_mels, .hann = t->hann, .bands = t->bands,
                              .weights = t->bank.weights, .most_frames = most_frames };
    for (int i = 0; i < f->n_fft; i++)
        t->hann[i] = (float)(0.5 - 0.5 * cos(2.0 * M_PI * i / f->n_fft));
    for (int i = 0; i < f->n_mels; i++) {
        t->bands[i] = (em_mel_band){ t->bank.bands[i].start, t->bank.bands[i].count, t->bank.bands[i].at };
        t->cfg.n_weights = t->bands[i].at + t->bands[i].count;
    }
}

static void end_tables(tables *t)
{
    em_filterbank_deinit(&t->bank);
    free(t->bands);
    free(t->hann);
}

/* Frames of B windows of n samples each; most_frames: how many go through at once. */
static em_status run(float *out, const em_frontend_cfg *f, const float *samples, size_t n, int B, int most_frames, em_err *err)
{
    const size_t n_out = (size_t)B * (size_t)em_frontend_frames(f, n) * (size_t)f->n_mels;
    em_spectra *s = NULL;
    em_dev *dev;
    tables t;
    float *in, *frames;
    em_status status = em_ops_cuda.open(&dev, &(em_dev_cfg){ 0 }, err);

    CHECK(status == EM_OK, "%s", err->msg);
    make_tables(&t, f, most_frames);
    in = em_ops_cuda.alloc(dev, (size_t)B * n * sizeof *in);
    frames = em_ops_cuda.alloc(dev, n_out * sizeof *frames);
    assert_true(in && frames);
    status = em_ops_cuda.upload(dev, in, samples, (size_t)B * n, err);
    CHECK(status == EM_OK, "%s", err->msg);
    status = em_ops_cuda.logmel_open(dev, &s, &t.cfg, err);
    if (status == EM_OK) {
        em_ops_cuda.logmel_fwd(dev, s, frames, in, (int)n, B);
        status = em_ops_cuda.download(dev, out, frames, n_out, err);
        em_ops_cuda.logmel_close(dev, s);
    }
    em_ops_cuda.release(dev, in);
    em_ops_cuda.release(dev, frames);
    em_ops_cuda.close(dev);
    end_tables(&t);
    return status;
}

static void official_clips_have_the_official_logmel(void **state)
{
    static const char *const clips[] = { "dog", "chirp", "noise", "silence", "short513", "short1000", "square" };
    enum { MOST = 40000 };
    em_st *st = golden_open("frontend_core.safetensors");
    int n_seen = 0;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(clips); i++) {
        const em_frontend_cfg f = em_frontend_htsat(32000, 64);
        size_t n, n_want;
        float *wave, *want, *got;
        em_err err;

        if (!golden_has(st, "htsat.%s.wave", clips[i]))
            continue;
        wave = golden_read(st, &n, NULL, "htsat.%s.wave", clips[i]);
        want = golden_read(st, &n_want, NULL, "htsat.%s.logmel", clips[i]);
        got = calloc(n_want, sizeof *got);
        assert_non_null(got);
        if (n <= MOST) {                        /* longer ones would take the emulated GPU minutes */
            CHECK_OK(run(got, &f, wave, n, 1, 64, &err));
            near_logmel(clips[i], got, want, n_want);
            n_seen++;
        }
        free(wave);
        free(want);
        free(got);
    }
    em_st_close(st);
    CHECK(n_seen >= 1, "no clip at hand");
}

/* Batches whose frames fill no slab, bands and transforms of other sizes. */
static void odd_sizes_have_the_frames_of_the_cpu(void **state)
{
    static const struct { int rate_hz, n_mels, n_fft, hop; size_t n; int B, most_frames; const char *reason; } cases[] = {
        { 32000, 64, 1024, 320, 5137, 3, 7, "three windows, seven frames at a time" },
        { 32000, 33, 256, 100, 1301, 2, 28, "another transform; all in one go" },
        { 16000, 5, 128, 128, 65, 1, 1, "one frame, reflected at both ends" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const em_frontend_cfg f = { .rate_hz = cases[i].rate_hz, .n_fft = cases[i].n_fft, .win = cases[i].n_fft, .hop = cases[i].hop,
                                    .n_mels = cases[i].n_mels, .fmin_hz = 50, .fmax_hz = 7000 };
        const size_t n = cases[i].n, B = (size_t)cases[i].B, each = (size_t)em_frontend_frames(&f, n) * (size_t)f.n_mels;
        float *x = malloc(B * n * sizeof *x), *got = calloc(B * each, sizeof *got), *want = calloc(B * each, sizeof *want);
        em_rng rng = { 9 };
        em_frontend *cpu;
        em_err err;

        assert_true(x && got && want);
        for (size_t k = 0; k < B * n; k++)
            x[k] = (float)(0.3 * em_rng_normal(&rng));
        CHECK_OK(em_frontend_new(&cpu, &f, &err));
        for (size_t b = 0; b < B; b++)
            em_frontend_window(cpu, want + b * each, x + b * n, n);
        emu_set_order((int)i);
        CHECK_OK(run(got, &f, x, n, cases[i].B, cases[i].most_frames, &err));
        near_logmel(cases[i].reason, got, want, B * each);
        em_frontend_free(cpu);
        free(x);
        free(got);
        free(want);
    }
    emu_set_order(0);
    CHECK(emu_transforms() == 0, "%d plans are left", emu_transforms());
}

static void a_window_has_the_same_bits_wherever_it_lies(void **state)
{
    em_err err;

    (void)state;
    for (int order = 0; order < EMU_ORDERS; order++) {
        emu_set_order(order);
        CHECK_OK(check_spectra(&(spectra_target){ &em_ops_cuda, 256, 80, 1301, 4, 7 }, &err));
    }
    emu_set_order(0);
}

static void every_failure_is_a_sentence(void **state)
{
    static const struct { const char *function; int error; em_status status; const char *part; } cases[] = {
        { "dlopen", 1, EM_EUNSUPPORTED, "not installed" },
        { "cufftPlanMany", CUFFT_ALLOC_FAILED, EM_ENOMEM, "memory" },
        { "cufftPlanMany", CUFFT_EXEC_FAILED, EM_EDEVICE, "plan" },
        { "cufftSetStream", CUFFT_EXEC_FAILED, EM_EDEVICE, "stream" },
        { "cufftExecR2C", CUFFT_EXEC_FAILED, EM_EDEVICE, "transform" },
        { "emu_launch", ILLEGAL_ADDRESS, EM_EDEVICE, "illegal" },
    };
    const em_frontend_cfg f = { .rate_hz = 16000, .n_fft = 128, .win = 128, .hop = 64, .n_mels = 5, .fmin_hz = 50, .fmax_hz = 7000 };
    float x[300] = { 0 }, out[5 * 5];
    em_err err;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        emu_fail(cases[i].function, 1, cases[i].error);
        CHECK(run(out, &f, x, EM_COUNT(x), 1, 5, &err) == cases[i].status, "%s: %s", cases[i].function, err.msg);
        CHECK(strstr(err.msg, cases[i].part), "%s: %s", cases[i].function, err.msg);
        CHECK(emu_transforms() == 0, "%s: a plan is left", cases[i].function);
    }
    for (int n = 3; n <= 7; n++) {              /* after the test's own two blocks */
        emu_fail("cudaMalloc", n, OUT_OF_MEMORY);
        CHECK(run(out, &f, x, EM_COUNT(x), 1, 5, &err) == EM_ENOMEM && strstr(err.msg, "memory"), "block %d: %s", n, err.msg);
        CHECK(emu_transforms() == 0, "block %d: a plan is left", n);
    }
    emu_fail("", 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(official_clips_have_the_official_logmel),
        cmocka_unit_test(odd_sizes_have_the_frames_of_the_cpu),
        cmocka_unit_test(a_window_has_the_same_bits_wherever_it_lies),
        cmocka_unit_test(every_failure_is_a_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
