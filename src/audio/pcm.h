/* pcm.h - raw little-endian samples to float in [-1, 1). One row a format; the byte order of the machine does
 * not matter. */
#ifndef EM_AUDIO_PCM_H
#define EM_AUDIO_PCM_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct em_pcm {
    const char *name;                   /* "s16le"                                             */
    int         n_bytes;                /* of one sample                                       */
    int         wave_tag;               /* in a RIFF header: 1 integer, 3 IEEE float           */
    void      (*convert)(float *dst, const uint8_t *bytes, size_t n_samples);
} em_pcm;

/* By name; NULL fills *err with EM_EINVAL and the names there are. */
const em_pcm *em_pcm_find(const char *name, em_err *err);

/* By what a RIFF header says; NULL: none. */
const em_pcm *em_pcm_of_wave(int wave_tag, int n_bits);

#endif
