/* sources.h - the table of kinds of source, and what a row must offer. Private to src/audio.
 *
 * To add a kind: write source_<kind>.c with one `const em_source_ops em_source_<kind>_ops`, and a row in
 * sources.c. Only sources.c knows what is compiled in.
 *
 * Life of a row's object, all calls from the one thread that owns the em_source:
 *   open    looks at cfg (borrowed for the call: copy what is kept), fills *plan. A file is opened and checked
 *           here; a device is found, or, if cfg says to wait, left WAITING with plan->info.rate_hz 0
 *   start   gets the block that was made by the plan, and starts the callback or thread that fills it
 *   watch   at every poll: looks at the heartbeat, starts a search for a lost device; does not block.
 *           NULL: the state in the block is all there is
 *   stop    the producer has ended when it returns (at most 2 s); takes one that was never started
 *   close   frees; takes a half-built object and NULL */
#ifndef EM_AUDIO_SOURCES_H
#define EM_AUDIO_SOURCES_H

#include "audio/capture.h"
#include "audio/source.h"

/* What open found out. source.c makes the ring from it. */
typedef struct em_source_plan {
    em_source_info info;                /* name is cleaned by source.c                         */
    uint32_t       ring_frames;         /* 0: ten seconds at info.rate_hz (48 kHz if unknown)  */
} em_source_plan;

typedef struct em_source_ops {
    em_status (*open)(void **out, em_source_plan *plan, const em_source_cfg *cfg, em_err *err);
    em_status (*start)(void *self, em_capture *capture, em_err *err);
    em_source_state (*watch)(void *self, em_err *err);
    void      (*stop)(void *self);
    void      (*close)(void *self);
    em_status (*list)(em_device_visit *visit, void *ctx, em_err *err);     /* NULL: no devices */
} em_source_ops;

typedef struct em_source_row {
    const char          *kind;
    const em_source_ops *ops;           /* NULL: not in this build                             */
    const char          *option;        /* the CMake option that would bring it in             */
} em_source_row;

extern const em_source_row em_source_rows[];
extern const int           em_source_n_rows;

/* The row of that kind; NULL fills *err: EM_EUNSUPPORTED (names the option) or EM_EINVAL (lists the kinds). */
const em_source_row *em_source_find(const char *kind, em_err *err);

/* EM_EFORMAT unless a source can have that rate and that many channels. To be asked before anything is sized
 * by numbers from outside. */
em_status em_source_check_format(const char *name, int64_t rate_hz, int64_t n_channels, em_err *err);

#endif
