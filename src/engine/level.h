/* level.h - how loud a source has been, every ten seconds of its sound: EM_EVENT_LEVEL. The worker's. */
#ifndef EM_ENGINE_LEVEL_H
#define EM_ENGINE_LEVEL_H

#include "base/event.h"
#include "engine/loudness.h"

#include <stdbool.h>

enum { EM_LEVEL_S = 10 };

/* Zeroed, it is ready; loudness NULL: it is not known. Owns loudness. */
typedef struct em_level {
    em_loudness *loudness;
    double power, told_s;           /* of the hops since the last event; when that was, at a multiple of EM_LEVEL_S */
    int    n_hops;
} em_level;

/* The level of the sound since the hop before. True where ten seconds are over: e->u.level is what they were. */
bool em_level_hop(em_level *l, double time_s, float rms_dbfs, em_event *e);

#endif
