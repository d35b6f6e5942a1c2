/* riff.h - the header of a WAV stream, read forwards only, so that it works on a pipe. Hostile input. */
#ifndef EM_AUDIO_RIFF_H
#define EM_AUDIO_RIFF_H

#include "audio/pcm.h"

#include <stdbool.h>

enum { EM_RIFF_START = 12 };            /* bytes that tell whether it is one               */

#define EM_RIFF_TO_THE_END UINT64_MAX

typedef struct em_riff {
    uint32_t      n_channels, rate_hz;  /* as claimed: to be checked by the caller         */
    int           wave_tag, n_bits;
    const em_pcm *format;               /* NULL: not plain PCM                             */
    uint64_t      n_data_bytes;         /* claimed; TO_THE_END when the writer did not know: 2 GiB and more, as ffmpeg,
                                         * sox and arecord write into pipes, or 0 in a RIFF chunk of unknown size or
                                         * that ends there, too                            */
    uint64_t      n_header_bytes;       /* before the first sample                         */
} em_riff;

/* Reads n bytes, fewer only at the end; -1 fills *err. */
typedef long em_riff_read(void *ctx, void *dst, size_t n, em_err *err);

/* RIFF, RF64 or BW64 with WAVE. */
bool em_riff_is_start(const uint8_t start[EM_RIFF_START]);

/* Reads from behind the start up to the first sample. name is for the sentence. EM_EFORMAT, or what read says. */
em_status em_riff_parse(em_riff *out, const uint8_t start[EM_RIFF_START], em_riff_read *read, void *ctx, const char *name,
                        em_err *err);

#endif
