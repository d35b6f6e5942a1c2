/* sink.h - events out: one interface, a row of sinks.c a format.
 *
 * A sink belongs to one thread at a time. em_sink_put writes a whole record and flushes it; it may block on a
 * slow reader. Nothing here is called from the audio callback or, in live mode, between hops. */
#ifndef EM_SINKS_SINK_H
#define EM_SINKS_SINK_H

#include "base/event.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum em_scores_mode { EM_SCORES_NONE, EM_SCORES_TOP, EM_SCORES_ALL } em_scores_mode;

typedef struct em_sink_cfg {
    const char *format;             /* a row of sinks.c: "text", "jsonl"                               */
    const char *path;               /* NULL or "-": stdout; else a file, written as PATH.part and renamed at close */
    const em_classes *classes;
    em_scores_mode scores;
    int    top_k;
    bool   has_slots, has_embeddings;
    bool   is_terminal;             /* redraw and colour allowed as asked                              */
    bool   has_color;
    const bool *is_shown;           /* [n_classes] after --watch and --ignore, NULL: all               */
    float  threshold;               /* text: scores below are not listed; 0: all                       */
} em_sink_cfg;

typedef struct em_sink em_sink;

/* EM_EUNSUPPORTED: not built, names the option. EM_EIO: names the path. Caller ends it with em_sink_close. */
em_status em_sink_open(em_sink **out, const em_sink_cfg *cfg, em_err *err);

/* EM_EIO: disk full and the like, names the path; the record is lost, the next call tries again.
 * EM_ECANCELED: the reader is gone (EPIPE), which is no failure. */
em_status em_sink_put(em_sink *s, const em_event *e, em_err *err);

/* Flushes, renames, frees. */
em_status em_sink_close(em_sink *s, em_err *err);

#endif
