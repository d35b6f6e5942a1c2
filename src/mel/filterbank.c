/* filterbank.c - dense rows built in double, packed to their non-zero part: see filterbank.h. */
#include "mel/filterbank.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What a kind of bank is: its scale, whether its triangles are straight in mel or in Hz, whether the Nyquist
 * bin takes part, and whether areas are made equal. */
typedef struct scale {
    double (*to_mel)(double hz);
    double (*to_hz)(double mel);
    bool   is_linear_in_mel, has_nyquist, has_unit_area;
} scale;

static const double slaney_hz_per_mel = 200.0 / 3.0;
static const double slaney_knee_hz = 1000.0;
static const double slaney_knee_mel = 15.0;

static double slaney_step(void)
{
    return log(6.4) / 27.0;
}

static double slaney_to_mel(double hz)
{
    return hz < slaney_knee_hz ? hz / slaney_hz_per_mel : slaney_knee_mel + log(hz / slaney_knee_hz) / slaney_step();
}

static double slaney_to_hz(double mel)
{
    return mel < slaney_knee_mel ? mel * slaney_hz_per_mel
                                 : slaney_knee_hz * exp(slaney_step() * (mel - slaney_knee_mel));
}

static double kaldi_to_mel(double hz)
{
    return 1127.0 * log(1.0 + hz / 700.0);
}

static double kaldi_to_hz(double mel)
{
    return 700.0 * (exp(mel / 1127.0) - 1.0);
}

static const scale slaney = { slaney_to_mel, slaney_to_hz, false, true, true };
static const scale kaldi = { kaldi_to_mel, kaldi_to_hz, true, false, false };

/* Row `band` of the bank as a dense line. */
static void fill_row(float *row, const em_filterbank *bank, const scale *s, int rate_hz, int n_fft, double mel0,
                     double mel_step, int band)
{
    double corner[3], norm;

    for (int i = 0; i < 3; i++) {
        double mel = mel0 + mel_step * (band + i);
        corner[i] = s->is_linear_in_mel ? mel : s->to_hz(mel);
    }
    norm = s->has_unit_area ? 2.0 / (corner[2] - corner[0]) : 1.0;
    for (int k = 0; k < bank->n_bins; k++) {
        double hz = (double)k * rate_hz / n_fft;
        double x = s->is_linear_in_mel ? s->to_mel(hz) : hz;
        double up = (x - corner[0]) / (corner[1] - corner[0]);
        double down = (corner[2] - x) / (corner[2] - corner[1]);
        float  height = (float)fmax(0.0, fmin(up, down));

        row[k] = (float)(height * norm);
    }
}

double em_filterbank_hz(bool is_kaldi, int n_bands, double fmin_hz, double fmax_hz, int band)
{
    const scale *s = is_kaldi ? &kaldi : &slaney;
    const double mel0 = s->to_mel(fmin_hz);

    return s->to_hz(mel0 + (s->to_mel(fmax_hz) - mel0) / (n_bands + 1) * (band + 1));
}

/* Appends the non-zero part of a dense row; weights have room for it. Returns the new number of weights. */
static int pack_row(em_filterbank *bank, const float *row, int band, int n_weights)
{
    int first = 0, end = bank->n_bins;

    while (first < end && row[first] == 0.f)
        first++;
    while (end > first && row[end - 1] == 0.f)
        end--;
    bank->bands[band].start = first < end ? first : 0;
    bank->bands[band].count = (end - first + 3) / 4 * 4;
    bank->bands[band].at = n_weights;
    memcpy(bank->weights + n_weights, row + first, (size_t)(end - first) * sizeof *row);
    return n_weights + bank->bands[band].count;
}

static em_status build(em_filterbank *bank, const scale *s, int rate_hz, int n_fft, int n_bands, double fmin_hz,
                       double fmax_hz, em_err *err)
{
    double mel0 = s->to_mel(fmin_hz), mel_step = (s->to_mel(fmax_hz) - mel0) / (n_bands + 1);
    int    n_weights = 0;
    float *row;

    bank->n_bands = n_bands;
    bank->n_bins = n_fft / 2 + (s->has_nyquist ? 1 : 0);
    bank->bands = calloc((size_t)n_bands, sizeof *bank->bands);
    /* Each bin lies under two triangles at most, and each band is filled up by three. */
    bank->weights = calloc(2 * (size_t)bank->n_bins + 4 * (size_t)n_bands, sizeof *bank->weights);
    row = calloc((size_t)bank->n_bins, sizeof *row);
    if (!bank->bands || !bank->weights || !row) {
        free(row);
        return em_fail(err, EM_ENOMEM, "no memory for a bank of %d bands", n_bands);
    }
    for (int band = 0; band < n_bands; band++) {
        fill_row(row, bank, s, rate_hz, n_fft, mel0, mel_step, band);
        n_weights = pack_row(bank, row, band, n_weights);
    }
    free(row);
    return EM_OK;
}

em_status em_filterbank_slaney(em_filterbank *bank, int rate_hz, int n_fft, int n_bands, double fmin_hz,
                               double fmax_hz, em_err *err)
{
    return build(bank, &slaney, rate_hz, n_fft, n_bands, fmin_hz, fmax_hz, err);
}

em_status em_filterbank_kaldi(em_filterbank *bank, int rate_hz, int n_fft, int n_bands, double fmin_hz,
                              double fmax_hz, em_err *err)
{
    return build(bank, &kaldi, rate_hz, n_fft, n_bands, fmin_hz, fmax_hz, err);
}

void em_filterbank_deinit(em_filterbank *bank)
{
    free(bank->bands);
    free(bank->weights);
    memset(bank, 0, sizeof *bank);
}

void em_filterbank_apply(const em_filterbank *bank, float *out, const float *power)
{
    for (int b = 0; b < bank->n_bands; b++) {
        const em_band *band = &bank->bands[b];
        const float *w = bank->weights + band->at, *p = power + band->start;
        float sum[4] = { 0.f, 0.f, 0.f, 0.f };

        for (int i = 0; i < band->count; i += 4)
            for (int j = 0; j < 4; j++)
                sum[j] += w[i + j] * p[i + j];
        out[b] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
}

float em_filterbank_weight(const em_filterbank *bank, int band, int bin)
{
    const em_band *b = &bank->bands[band];

    return bin >= b->start && bin < b->start + b->count ? bank->weights[b->at + bin - b->start] : 0.f;
}
