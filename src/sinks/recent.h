/* recent.h - the last events, as far as they are known: for a view. */
#ifndef EM_SINKS_RECENT_H
#define EM_SINKS_RECENT_H

#include "base/event.h"

#include <stdbool.h>

enum { EM_RECENT = 3 };

typedef struct em_recent_sound {
    char        id[EM_EVENT_ID_CHARS];
    const char *label;              /* borrowed of the event: outlives every sink */
    double      onset, offset;      /* seconds; offset: once it is over           */
    float       score;
    bool        is_over;
} em_recent_sound;

typedef struct em_recent {          /* zeroed, it is empty */
    em_recent_sound sounds[EM_RECENT];      /* oldest first */
    int n;
} em_recent;

/* ONSET adds, OFFSET completes, RETRACT takes away; other events are none of its. True: something changed. */
bool em_recent_take(em_recent *r, const em_event *e);

#endif
