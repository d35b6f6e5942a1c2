/* taking.h - runs a source to its end and keeps what it gave, with silence where frames are missing. */
#ifndef EM_TESTS_TAKING_H
#define EM_TESTS_TAKING_H

#include "audio/source.h"

typedef struct taken {
    float   *frames;                    /* [n][n_channels], free() it                      */
    size_t   n, n_missing, room;
    em_source_info     info;
    em_source_counters counters;        /* at the end                                      */
    em_err   err;                       /* code EM_OK, or how it ended early               */
} taken;

/* Opens, starts, takes at most chunk frames a time (pausing pause_ms between), stops and closes. A status other
 * than EM_OK is that of open. Fails the test when the source does not end within 100 s, or when
 * captured == taken + dropped + waiting is ever broken. */
em_status take_all(taken *out, const em_source_cfg *cfg, size_t chunk, double pause_ms, em_err *err);

#endif
