/* outlet.h - from the worker to the sinks. Direct: em_outlet_put returns when every sink has the record, so that
 * files wait for slow readers. Queued: it copies the event into one bounded queue, from which each sink has a thread
 * that reads at its own pace, so that no reader ever delays a hop or another reader. Whoever is more than the queue
 * behind loses the oldest records: they are counted, and a LOST event stands in their place.
 *
 * A sink whose reader is gone is left out from then on. Queued sinks that fail are tried again with the next
 * record; direct ones end the run. em_outlet_put belongs to one thread. */
#ifndef EM_ENGINE_OUTLET_H
#define EM_ENGINE_OUTLET_H

#include "base/event.h"
#include "base/status.h"
#include "sinks/sink.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct em_outlet em_outlet;

typedef struct em_outlet_cfg {
    em_sink *const *sinks;          /* borrowed until em_outlet_free, which does not close them */
    int  n_sinks;
    bool is_queued;
    int  n_classes, n_slots, n_embedding;   /* the most that events hold; slots, embedding: 0 if never */
    size_t column_bytes;            /* likewise of a hop's columns; 0: neither columns nor vitals */
} em_outlet_cfg;

/* EM_ENOMEM. The caller frees *out with em_outlet_free; on error it is NULL. */
em_status em_outlet_new(em_outlet **out, const em_outlet_cfg *cfg, em_err *err);

/* Ends the threads after em_outlet_drain. */
void      em_outlet_free(em_outlet *o);

/* The strings of a start record and of a gap's reason must outlive the outlet. EM_ECANCELED: no sink is left. EM_EIO (direct): a sink failed. */
em_status em_outlet_put(em_outlet *o, const em_event *e, em_err *err);

/* The same as an em_event_take, whose ctx is the outlet. */
em_status em_outlet_take(void *outlet, const em_event *e, em_err *err);

/* Of another thread than em_outlet_put's, but not while it drains: sink gets every record from now on, or none any more. It is borrowed; the
 * one removed has written what was put before, or has been left as em_outlet_drain leaves it. EM_ENOMEM, EM_EUNSUPPORTED: too many. */
em_status em_outlet_add(em_outlet *o, em_sink *sink, em_err *err);
void      em_outlet_remove(em_outlet *o, em_sink *sink);

/* Nothing comes any more: waits until every sink has written its last record, and leaves a reader that takes nothing
 * for a second. Direct: nothing is left to do. */
void      em_outlet_drain(em_outlet *o);

typedef struct em_outlet_counters {
    uint64_t n_dropped;             /* records that a sink was too late for, over all sinks */
    uint64_t n_failed;              /* records that a sink could not write      */
} em_outlet_counters;

void em_outlet_get_counters(em_outlet *o, em_outlet_counters *out);

/* How far each sink is behind, and what it has lost: for em_outlet_put's thread. */
void em_outlet_get_vitals(em_outlet *o, em_vitals *v);

#endif
