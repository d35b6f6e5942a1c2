/* ffmpeg.h - a child process that hears a URL: ffmpeg, whose standard output is a WAV stream with the rate and channels that there
 * are. Private to src/audio.
 *
 * A URL comes from a person, what it leads to from anyone. There is no shell; ffmpeg may use the protocols of the URL's row alone,
 * none of which reads a file, whatever a playlist or a redirection says; and it gets the URL by its standard input, because
 * arguments are there for all to see. It ends when the thread that opened it does.
 *
 * One thread at a time. Only em_ffmpeg_open allocates. */
#ifndef EM_AUDIO_FFMPEG_H
#define EM_AUDIO_FFMPEG_H

#include "base/child.h"
#include "base/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { EM_FFMPEG_BLOCK = 4096, EM_FFMPEG_LINE = 200, EM_FFMPEG_NAME = 100 };

typedef struct em_ffmpeg_cfg {
    const char *url;
    bool   is_live;                 /* whoever asks looks for it again himself; it is heard as soon as can be     */
    int    n_channels;              /* that it has to give; 0: as many as there are                       */
    double stall_s;                 /* without a byte for so long it is given up                          */
    uint64_t deadline_ns;           /* em_now_ns until which em_ffmpeg_open waits for sound; 0: stall_s alone */
    const atomic_bool *stop;        /* true: em_ffmpeg_open waits no more; may be NULL                    */
    const _Atomic uint32_t *left;   /* likewise, not 0; may be NULL                                       */
} em_ffmpeg_cfg;

typedef struct em_ffmpeg {          /* zeroed: none                                                       */
    em_child child;
    int      rate_hz, n_channels;
    size_t   frame_bytes, n_carried;            /* bytes at the start of buffer, no whole frame yet       */
    uint8_t *buffer;                            /* [EM_FFMPEG_BLOCK * frame_bytes]                        */
    double   stall_s, waited_s;                 /* since the last byte                                    */
    char     shown[EM_FFMPEG_NAME];             /* the URL without what is secret                         */
    char     line[EM_FFMPEG_LINE], last[EM_FFMPEG_LINE];    /* of its standard error: the newest, and the last whole one */
    size_t   n_line;
    bool     is_broken;                         /* it told of damage on the way                           */
    bool     is_endless;                        /* nobody knew where the end would be, so that this was it, not damage */
} em_ffmpeg;

/* EM_EINVAL: no URL of a kind that is heard; the sentence lists them. *is_live: it has no beginning and no end. */
em_status em_ffmpeg_check(bool *is_live, const char *url, em_err *err);

/* Starts it and waits for the first sound. EM_EDEVICE: nothing to be heard there, now; with what ffmpeg says of it. EM_EUNSUPPORTED: there
 * is no ffmpeg. EM_ECANCELED, EM_EINVAL, EM_EFORMAT, EM_ENOMEM. On error nothing is left open. */
em_status em_ffmpeg_open(em_ffmpeg *f, const em_ffmpeg_cfg *cfg, em_err *err);

/* Up to max (EM_FFMPEG_BLOCK) frames into dst[max][n_channels]. Returns how many; 0: none yet (it waited itself, 50 ms); -1: no more, and
 * err->code is EM_OK where that is the end of the sound, else the sentence says what is wrong. */
int  em_ffmpeg_read(em_ffmpeg *f, float *dst, int max, em_err *err);

/* Takes a zeroed one. At most a second. */
void em_ffmpeg_close(em_ffmpeg *f);

#endif
