/* tape.h - the newest sound of each source, as the source gave it, for clips of events. A source has a reel.
 *
 * The worker writes, the sink of clips reads, on another thread where outputs are queued. Each lane (a channel that is heard) keeps its
 * newest seconds in a ring, at the source's own rate, before any resampling; what is missing is silence, so that a sample
 * stands where its time says. A lock guards it, held for a copy of a block at most: it is no part of the audio callback. */
#ifndef EM_SINKS_TAPE_H
#define EM_SINKS_TAPE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EM_TAPE_NAME = 160 };        /* bytes of a lane's name, with its NUL */

typedef struct em_tape em_tape;

/* EM_ENOMEM. seconds: that each lane keeps. The caller frees *out with em_tape_free; on error it is NULL. */
em_status em_tape_new(em_tape **out, int n_reels, double seconds, em_err *err);
void      em_tape_free(em_tape *t);

/* The worker's part. Another source begins on this reel: what was kept there is gone. After an error nothing is kept. EM_ENOMEM. */
em_status em_tape_begin(em_tape *t, int i_reel, int n_lanes, int rate_hz, em_err *err);
void      em_tape_name(em_tape *t, int i_reel, int lane, const char *name);             /* after begin, before the first push */

/* Goes on at another rate, at `at_s` seconds of the stream; what was kept is gone. EM_ENOMEM. */
em_status em_tape_set_rate(em_tape *t, int i_reel, int rate_hz, double at_s, em_err *err);

/* n samples for every lane, lanes[i][n]; NULL: silence. */
void      em_tape_push(em_tape *t, int i_reel, const float *const *lanes, size_t n);

/* The reader's part. Samples are counted from start_s on, at rate_hz. */
typedef struct em_tape_state {
    int     rate_hz;
    double  start_s;                /* of the stream: where sample 0 is                       */
    int64_t first, next;            /* the samples [first, next) are there                    */
    int64_t n_room;                 /* that it keeps at most                                  */
} em_tape_state;

/* False: there is no such lane. */
bool      em_tape_look(em_tape *t, const char *name, em_tape_state *out);

/* Copies [from, from + n). False: not all of it is there (any more). */
bool      em_tape_read(em_tape *t, const char *name, float *out, int64_t from, size_t n);

#endif
