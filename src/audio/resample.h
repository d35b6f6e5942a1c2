/* resample.h - mono samples from the source's rate to the model's, streaming (libsoxr, HQ recipe).
 *
 * Output sample k is the input's time k / out_hz: the filter's delay is taken out. After em_resampler_flush, n input
 * samples have made round(n * out_hz / in_hz) output samples, halves up. soxr is fed fixed blocks, so how the input
 * is cut changes no bit (tests/stream/resample.c). Equal rates pass through untouched. Sound comes out some 10 to
 * 70 ms after it went in, later below 16 kHz. Samples are finite.
 *
 * One thread at a time. Only em_resampler_new allocates. */
#ifndef EM_AUDIO_RESAMPLE_H
#define EM_AUDIO_RESAMPLE_H

#include "base/limits.h"
#include "base/status.h"

#include <stddef.h>

typedef struct em_resampler em_resampler;

/* Makes what may be pushed of x[n]: NaN becomes 0, what lies beyond +-1e4 is cut there (80 dB over full scale: beyond it a
 * sample is damage, and float power overflows). */
void      em_resampler_tame(float *out, const float *x, size_t n);

/* EM_EINVAL: a rate outside EM_RATE_LEAST..EM_RATE_MOST. EM_ENOMEM. The caller frees *out; on error it is NULL. */
em_status em_resampler_new(em_resampler **out, int in_hz, int out_hz, em_err *err);
void      em_resampler_free(em_resampler *r);

/* Takes up to n samples and makes up to room; *n_taken says how many it took (fewer only when room ran out).
 * Returns how many it made; when that is room, there may be more inside, for which n may be 0. */
size_t    em_resampler_push(em_resampler *r, float *out, size_t room, const float *in, size_t n, size_t *n_taken);

/* A resampler that holds nothing but silence is to be as if up to n more samples of it had come and gone, as many as make
 * whole output samples. Returns how many; *n_made says how many output samples they stand for. */
size_t    em_resampler_pass_silence(em_resampler *r, size_t n, size_t *n_made);

/* No more input: call until it returns 0, and do not push again. */
size_t    em_resampler_flush(em_resampler *r, float *out, size_t room);

#endif
