/* frontend.h - samples to frames, as the model wants them: HTS-AT's log-mel or Kaldi's fbank.
 *
 *   htsat   frame t: samples [t*hop - n_fft/2, t*hop + n_fft/2) of its window, reflected at the window's ends,
 *           periodic Hann, power, Slaney mel bank, 10*log10(max(p, 1e-10)) dB; T = n/hop + 1
 *   kaldi   frame t: samples [t*hop, t*hop + 400), DC removed, pre-emphasis .97, symmetric Hanning, 512-point
 *           power, Kaldi mel bank, natural log with float32's epsilon as floor; T = 1 + (n - 400)/hop */
#ifndef EM_MEL_FRONTEND_H
#define EM_MEL_FRONTEND_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct em_frontend_cfg {
    bool  is_kaldi;
    int   rate_hz;                  /* 32000 (htsat), 16000 (kaldi)                           */
    int   n_fft;                    /* 1024; kaldi 512                                        */
    int   win;                      /* samples under the window: 1024; kaldi 400 (25 ms)      */
    int   hop;                      /* rate_hz / 100                                          */
    int   n_mels;                   /* 64; kaldi 128                                          */
    float fmin_hz, fmax_hz;         /* 50, min(14000, rate/2); kaldi 20, rate/2               */
} em_frontend_cfg;

/* The usual settings for a rate and a number of bands. */
em_frontend_cfg em_frontend_htsat(int rate_hz, int n_mels);
em_frontend_cfg em_frontend_kaldi(int rate_hz, int n_mels);
em_frontend_cfg em_frontend_usual(bool is_kaldi, int rate_hz, int n_mels);

typedef struct em_frontend em_frontend;     /* tables, FFT plan, scratch: one thread at a time */

/* EM_EINVAL names the setting; EM_ENOMEM. The caller frees *out with em_frontend_free; on error it is NULL. */
em_status em_frontend_new(em_frontend **out, const em_frontend_cfg *cfg, em_err *err);
void      em_frontend_free(em_frontend *f);

/* Frame t looks at samples [t*hop - before, t*hop + after). */
int       em_frontend_before(const em_frontend_cfg *cfg);
int       em_frontend_after(const em_frontend_cfg *cfg);

/* Frames that a whole window of n samples has. htsat needs n > n_fft/2 (else 0), kaldi n >= win. */
int       em_frontend_frames(const em_frontend_cfg *cfg, size_t n);

/* One frame from the before + after samples under it, finite and within +-1e4. */
void      em_frontend_frame(em_frontend *f, float *out, const float *samples);

/* Whether frame t of a window of n samples looks past one of its ends. */
bool      em_frontend_is_edge(const em_frontend_cfg *cfg, size_t n, int t);

/* Frame t of a window samples[n], reflected at its ends; 0 <= t < em_frontend_frames(cfg, n). */
void      em_frontend_window_frame(em_frontend *f, float *out, const float *samples, size_t n, int t);

/* A whole window at once: samples[n] -> out[em_frontend_frames(cfg, n)][n_mels]. The offline reference. */
void      em_frontend_window(em_frontend *f, float *out, const float *samples, size_t n);

#endif
