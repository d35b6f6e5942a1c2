/* fft.h - the power spectrum of one real frame (FFTW3, single precision).
 *
 *   in     float[n], in the transform's own aligned memory, so that where the caller's samples lie changes no bit
 *   power  float[n/2 + 1], re^2 + im^2, followed by EM_FFT_PAD zeros
 *
 * Plans are made with FFTW_ESTIMATE: a measured plan would depend on the machine's mood, and so would the bits.
 * An em_fft belongs to one thread at a time; any thread may make or free one at any moment. */
#ifndef EM_MEL_FFT_H
#define EM_MEL_FFT_H

#include "base/status.h"

enum { EM_FFT_PAD = 4 };            /* zeros after the last bin: filter banks read in fours */

typedef struct em_fft em_fft;

/* n even, 2..65536. EM_EINVAL, EM_ENOMEM. The caller frees *out with em_fft_free; on error it is NULL. */
em_status em_fft_new(em_fft **out, int n, em_err *err);
void      em_fft_free(em_fft *fft);

/* Where the frame is to be written. Zero at first; a power call leaves it as it is. */
float       *em_fft_in(em_fft *fft);

/* The power of what is there now; valid until the next call. */
const float *em_fft_power(em_fft *fft);

#endif
