/* fbank.h - one frame of Kaldi's filter bank energies, as torchaudio computes them without dither.
 *
 *   samples  float[win], finite and within +-1e4
 *   frame    float[n_mels], ln(max(power, 2^-23))
 *
 * DC removed, pre-emphasis .97 (the first sample against itself), symmetric Hann, zeros up to n_fft, power,
 * Kaldi's bands. That the frame's own mean is taken away makes a mean of the whole clip, which DASS subtracts
 * first, immaterial: so frames need nothing but their own samples, and streams can have them.
 *
 * An em_fbank belongs to one thread at a time. Only em_fbank_new allocates. */
#ifndef EM_MEL_FBANK_H
#define EM_MEL_FBANK_H

#include "mel/frontend.h"

typedef struct em_fbank em_fbank;

/* cfg as em_frontend_new has checked it. EM_ENOMEM. The caller frees *out; on error it is NULL. */
em_status em_fbank_new(em_fbank **out, const em_frontend_cfg *cfg, em_err *err);
void      em_fbank_free(em_fbank *b);

void      em_fbank_frame(em_fbank *b, float *frame, const float *samples);

#endif
