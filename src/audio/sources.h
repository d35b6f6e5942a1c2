/* sources.h - the table of kinds of source, and what a row must offer. Private to src/audio.
 *
 * To add a kind: write source_<kind>.c with one `const em_source_ops em_source_<kind>_ops`, and a row in
 * sources.c. One that needs a library of its own is a module, which is loaded when such a source is opened or listed. Only
 * sources.c knows what is compiled in.
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
    const em_source_ops *ops;           /* NULL: em_source_<kind>_ops of the module earmark-<kind>.so (base/module.h) */
    const char          *option;        /* the CMake option that builds the module             */
    bool                 has_module;    /* it did                                              */
} em_source_row;

extern const em_source_row em_source_rows[];
extern const int           em_source_n_rows;

/* What sources of that kind do, from its module where it has one. EM_EUNSUPPORTED: the module is not in this build (names the
 * option) or not there; EM_EINVAL: there is no such kind (lists them). */
em_status em_source_find(const em_source_ops **out, const char *kind, em_err *err);

#endif
