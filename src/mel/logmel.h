/* logmel.h - one frame of HTS-AT's log-mel: periodic Hann, power spectrum, Slaney bands, decibels.
 *
 *   samples  float[n_fft], finite and within +-1e4
 *   frame    float[n_mels], 10*log10(max(power, 1e-10)): exactly -100 dB for silence
 *
 * An em_logmel belongs to one thread at a time. Only em_logmel_new allocates. */
#ifndef EM_MEL_LOGMEL_H
#define EM_MEL_LOGMEL_H

#include "mel/filterbank.h"
#include "mel/frontend.h"

typedef struct em_logmel em_logmel;

/* cfg as em_frontend_new has checked it. EM_ENOMEM. The caller frees *out; on error it is NULL. */
em_status em_logmel_new(em_logmel **out, const em_frontend_cfg *cfg, em_err *err);
void      em_logmel_free(em_logmel *m);

void      em_logmel_frame(em_logmel *m, float *frame, const float *samples);

/* What frames are made with, for those who make them elsewhere: hann[n_fft] and the bank, as long as m lives. */
const float         *em_logmel_hann(const em_logmel *m);
const em_filterbank *em_logmel_bank(const em_logmel *m);

#endif
