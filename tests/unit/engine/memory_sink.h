/* memory_sink.h - a stand-in for src/sinks: em_sink_put writes into memory; it can wait, fail, or say that nobody
 * reads. */
#ifndef EM_TESTS_MEMORY_SINK_H
#define EM_TESTS_MEMORY_SINK_H

#include "sinks/sink.h"

#include <stdatomic.h>

enum { MEMORY_EVENTS = 512, MEMORY_CLASSES = 8 };

typedef struct memory_event {       /* a copy that owns what a test looks at */
    em_event e;
    char     source[64];
    float    scores[MEMORY_CLASSES];
} memory_event;

struct em_sink {
    memory_event events[MEMORY_EVENTS];
    int          n;
    int          n_classes;
    int          gone_after;        /* records until EM_ECANCELED, 0: never  */
    int          broken_until;      /* EM_EIO for that many records          */
    atomic_bool  is_held;           /* put waits until it is false, or until it is hurried: EM_ECANCELED */
    atomic_bool  is_hurried;
    atomic_int   n_put;             /* calls begun                           */
    int          stop_after;        /* records until it sets *stop           */
    atomic_bool *stop;
};

int memory_count(const em_sink *s, em_event_type type);
const memory_event *memory_nth(const em_sink *s, em_event_type type, int i);    /* NULL: none */

#endif
