/* filterbank.h - triangles over the bins of a power spectrum, as librosa (Slaney) and Kaldi build them.
 *
 *   slaney  corners equally spaced on Slaney's mel scale (linear to 1 kHz, logarithmic above), triangles linear
 *           in Hz, each of area 1 (times 2/(right - left)). Built in double, rounded to float before the area
 *           factor multiplies them: only so are they the same bits as librosa's.
 *   kaldi   corners equally spaced in 1127 ln(1 + f/700), triangles linear in mel, height 1, no Nyquist bin.
 *
 * A band holds only its non-zero weights, filled up with zeros to a multiple of four. A band whose triangle
 * lies above the Nyquist frequency or between two bins is empty, and its output 0. */
#ifndef EM_MEL_FILTERBANK_H
#define EM_MEL_FILTERBANK_H

#include "base/status.h"

#include <stdbool.h>

typedef struct em_band {
    int start;                      /* first bin                                      */
    int count;                      /* bins, a multiple of 4; may end 3 past the last */
    int at;                         /* index of its first weight                      */
} em_band;

typedef struct em_filterbank {
    int      n_bands, n_bins;
    em_band *bands;                 /* [n_bands]                                      */
    float   *weights;
} em_filterbank;

/* Fills *bank; the caller ends it with em_filterbank_deinit, also after an error. EM_ENOMEM. */
em_status em_filterbank_slaney(em_filterbank *bank, int rate_hz, int n_fft, int n_bands, double fmin_hz,
                               double fmax_hz, em_err *err);
em_status em_filterbank_kaldi(em_filterbank *bank, int rate_hz, int n_fft, int n_bands, double fmin_hz,
                              double fmax_hz, em_err *err);
void      em_filterbank_deinit(em_filterbank *bank);

/* Hz at the middle of one of n_bands bands, the first being 0. */
double    em_filterbank_hz(bool is_kaldi, int n_bands, double fmin_hz, double fmax_hz, int band);

/* out[n_bands] = bank x power[n_bins + 3 zeros]. */
void      em_filterbank_apply(const em_filterbank *bank, float *out, const float *power);

/* One weight, 0 outside the band: for tests and for comparing with a checkpoint's own bank. */
float     em_filterbank_weight(const em_filterbank *bank, int band, int bin);

#endif
