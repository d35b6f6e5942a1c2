/* listener.h - one source's ear: samples in, due windows out. No threads, no clock; after new nothing is allocated
 * but a resampler, for another rate or after a long gap.
 *
 * mono samples -> resampler -> model rate -> log-mel frames, computed once each -> rolling window -> hops.
 * How the stream is cut into pushes changes no bit of any window (tests/stream). NaN becomes 0, what
 * lies beyond +-1e4 is cut there: frames stay finite whatever comes in.
 *
 * Time is counted in samples at the model's rate from the start of the stream; a hop is due at every multiple
 * of the step and, after em_listener_finish, at the end of the stream. The window of a hop at time t covers
 * [t - window, t), filled with silence on the left while the stream is shorter.
 *
 * An em_listener belongs to one thread at a time. */
#ifndef EM_LISTENER_LISTENER_H
#define EM_LISTENER_LISTENER_H

#include "base/status.h"
#include "mel/frontend.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct em_listener em_listener;

typedef struct em_listener_cfg {
    em_frontend_cfg frontend;       /* which frames, at which rate: from the model           */
    int    window_samples;          /* at the model's rate: 320000 for 10 s                  */
    int    step_samples;            /* hop; a multiple of the frontend's frame hop           */
    int    rate_hz;                 /* of what is pushed, 1000..768000                       */
    bool   has_levels;              /* hops have them: for those who tell events             */
} em_listener_cfg;

typedef struct em_hop {
    int64_t end_sample;             /* end of the window, model rate                         */
    double  time_s;                 /* the same in seconds                                   */
    double  filled;                 /* share of the window that is real sound, 0..1          */
    float   rms_dbfs, peak_dbfs;    /* of the sound since the last hop, gaps left out, 1.0 being 0 dBFS;
                                       -INFINITY for digital silence                          */
    const float *frames;            /* [n_frames][n_mels]; valid until the next call         */
    int     n_frames;
    int     inner_first, inner_end; /* of frames, those that touch no end of the window: hops share them             */
    int64_t end_frame;              /* end_sample in hops of frames; -1: between two, so it shares none              */
    const uint8_t *levels;          /* [n_levels] slices since the last hop that was given (levels.h); valid likewise; none unless wanted */
    int     n_levels;
    int64_t first_level;            /* which slice of the stream levels[0] is                */
} em_hop;

/* EM_EINVAL: a step that is no multiple of the frame hop, a window too short for a frame, a rate out of range, a
 * frontend that em_frontend_new refuses. EM_ENOMEM.
 * The caller frees *out with em_listener_free; on error *out is NULL. */
em_status em_listener_new(em_listener **out, const em_listener_cfg *cfg, em_err *err);
void      em_listener_free(em_listener *l);

/* Takes samples (at cfg.rate_hz) until a hop is due or all n are taken; returns how many. When it returns
 * less than n, call em_listener_next until it says no, then push the rest. */
size_t    em_listener_push(em_listener *l, const float *mono, size_t n);

/* n samples of silence (at cfg.rate_hz): what a gap becomes. Returns how many it took, as em_listener_push does.
 * A gap neither begins nor ends what is warned about: it is told as a gap. Sound behind a gap of more than a window and
 * a second begins anew, with a resampler of its own (which is allocated then), so that no bit depends on whether the
 * gap was pushed or passed over. */
size_t    em_listener_push_silence(em_listener *l, size_t n);

/* For sources that cannot wait, with no hop due: of n samples of gap to come, passes over as many as change nothing but
 * the clock, at no cost. That is none until a window and a second have been gap. Returns how many; *n_hops: hops that
 * fell due in them and are forgotten. */
size_t    em_listener_pass_silence(em_listener *l, size_t n, uint64_t *n_hops);

/* No more samples: flushes the resampler and makes the last hop due. */
void      em_listener_finish(em_listener *l);

/* A source came back with another rate: flush what is inside, then go on at the new one. Allocates. On error the
 * listener goes on at the old rate. EM_EINVAL, EM_ENOMEM. */
em_status em_listener_set_rate(em_listener *l, int rate_hz, em_err *err);

/* True when a hop is due; fills *hop. */
bool      em_listener_next(em_listener *l, em_hop *hop);

/* For sources that cannot wait: forgets the due hop without computing its window. True when there was one. */
bool      em_listener_skip(em_listener *l);

/* EM_WARN_* of stats.h that were raised since the last call: dead silence, steady clipping, each once. */
unsigned  em_listener_warnings(em_listener *l);

/* Frames computed so far: at most the new ones and those at a window's ends at each hop. */
uint64_t  em_listener_computed(const em_listener *l);

double    em_listener_seconds(const em_listener *l);    /* of stream taken so far */

#endif
