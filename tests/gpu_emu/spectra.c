/* spectra.c - see spectra.h. */
#include "spectra.h"

#include "check.h"

#include "base/rng.h"

#include <math.h>

enum { BANDS = 6, WIDTH = 8 };

typedef struct tables { float *hann, weights[BANDS * WIDTH]; em_mel_band bands[BANDS]; em_logmel_cfg cfg; } tables;

/* Bands side by side from the fourth bin on, each heavier than the last; the last one ends 3 past the bins there are. */
static void make_tables(tables *t, const spectra_target *target)
{
    const int n_fft = target->n_fft, n_bins = n_fft / 2 + 1;

    t->hann = malloc((size_t)n_fft * sizeof *t->hann);
    assert_non_null(t->hann);
    for (int i = 0; i < n_fft; i++)
        t->hann[i] = (float)(0.5 - 0.5 * cos(2.0 * M_PI * i / n_fft));
    for (int b = 0; b < BANDS; b++) {
        const int start = b < BANDS - 1 ? 4 + b * WIDTH : n_bins + 3 - WIDTH;

        t->bands[b] = (em_mel_band){ start, WIDTH, b * WIDTH };
        for (int k = 0; k < WIDTH; k++)
            t->weights[b * WIDTH + k] = start + k < n_bins ? .01f * (float)(b + 1) : 0;
    }
    t->cfg = (em_logmel_cfg){ .n_fft = n_fft, .hop = target->hop, .n_mels = BANDS, .hann = t->hann, .bands = t->bands, .weights = t->weights,
                              .n_weights = BANDS * WIDTH, .most_frames = target->most_frames };
}

static double power(const spectra_target *target, const float *x, const float *hann, int t, int bin)
{
    double re = 0, im = 0;

    for (int i = 0; i < target->n_fft; i++) {
        int at = t * target->hop - target->n_fft / 2 + i;

        at = at < 0 ? -at : at;
        at = at >= target->n ? 2 * (target->n - 1) - at : at;
        re += (double)x[at] * (double)hann[i] * cos(2.0 * M_PI * i * bin / target->n_fft);
        im -= (double)x[at] * (double)hann[i] * sin(2.0 * M_PI * i * bin / target->n_fft);
    }
    return re * re + im * im;
}

/* Frame t of a window. */
static void compare(const spectra_target *target, const tables *tab, const float *got, const float *x, int t)
{
    for (int b = 0; b < BANDS; b++) {
        double sum = 0, want;

        for (int k = 0; k < WIDTH && tab->bands[b].start + k <= target->n_fft / 2; k++)
            sum += (double)tab->weights[b * WIDTH + k] * power(target, x, tab->hann, t, tab->bands[b].start + k);
        want = 10 * log10(fmax(sum, 1e-10));
        CHECK(fabs((double)got[b] - want) <= 2e-3, "frame %d, band %d: %.9g, not %.9g", t, b, (double)got[b], want);
    }
}

/* Frames of the first B of the windows. */
static em_status run(float *out, const spectra_target *target, const tables *tab, const float *x, int B, em_err *err)
{
    const size_t n_in = (size_t)target->n * (size_t)B, n_out = (size_t)(1 + target->n / target->hop) * (size_t)B * BANDS;
    em_spectra *s = NULL;
    em_dev *dev;
    float *in, *frames;
    em_status status = target->ops->open(&dev, &(em_dev_cfg){ 0 }, err);

    CHECK(status == EM_OK, "%s", err->msg);
    in = target->ops->alloc(dev, n_in * sizeof *in);
    frames = target->ops->alloc(dev, n_out * sizeof *frames);
    assert_true(in && frames);
    for (int b = 0; b < B && status == EM_OK; b++)
        status = target->ops->upload(dev, in + (size_t)b * (size_t)target->n, x, (size_t)target->n, err);
    CHECK(status == EM_OK, "%s", err->msg);
    status = target->ops->logmel_open(dev, &s, &tab->cfg, err);
    if (status == EM_OK) {
        target->ops->logmel_fwd(dev, s, frames, in, target->n, B);
        status = target->ops->download(dev, out, frames, n_out, err);
        target->ops->logmel_close(dev, s);
    }
    target->ops->release(dev, in);
    target->ops->release(dev, frames);
    target->ops->close(dev);
    return status;
}

em_status check_spectra(const spectra_target *target, em_err *err)
{
    const int T = 1 + target->n / target->hop;
    const size_t each = (size_t)T * BANDS;
    float *x = malloc((size_t)target->n * sizeof *x), *one = malloc(each * sizeof *one), *all = malloc((size_t)target->B * each * sizeof *all);
    em_rng rng = { 11 };
    em_status status;
    tables tab;

    assert_true(x && one && all);
    for (int i = 0; i < target->n; i++)
        x[i] = (float)(0.3 * em_rng_normal(&rng));
    make_tables(&tab, target);
    status = run(one, target, &tab, x, 1, err);
    if (status == EM_OK)
        status = run(all, target, &tab, x, target->B, err);
    for (int i = 0; i < 5 && status == EM_OK; i++)                  /* both ends, and between them */
        compare(target, &tab, one + (size_t)(i * (T - 1) / 4) * BANDS, x, i * (T - 1) / 4);
    for (int b = 0; b < target->B && status == EM_OK; b++)
        CHECK(memcmp(all + (size_t)b * each, one, each * sizeof *one) == 0, "window %d of %d has other bits than by itself", b, target->B);
    free(tab.hann);
    free(x);
    free(one);
    free(all);
    return status;
}
