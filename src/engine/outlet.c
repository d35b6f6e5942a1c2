/* outlet.c - records to sinks: one after the other where they may hold up the run, else by a ring that each sink's own
 * thread reads at its pace. See outlet.h. */
#include "engine/outlet.h"

#include "base/arena.h"
#include "base/log.h"
#include "engine/record.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    SPARE = 8,                              /* places for sinks that come later */
    QUEUE_BYTES = 1 << 20,
    MIN_ITEMS = 64, MAX_ITEMS = 256,        /* a hop may end many events at once, and each takes the room of a hop's scores */
};

typedef struct writer {             /* one sink and, queued, the thread that writes to it      */
    em_outlet *outlet;
    em_sink  *sink;                 /* NULL: a free place                                      */
    bool      is_gone;              /* left out from now on                                    */
    bool      has_warned;
    char     *item;                 /* the record being written                                */
    uint64_t  n_lost;               /* records that it was too late for; under the lock        */
    atomic_ullong n_failed;         /* that it could not write                                 */
    uint64_t  next;                 /* the record that it takes next, of all that were put     */
    uint64_t  end;                  /* it takes none from this one on                          */
    bool      is_writing;
    pthread_t thread;
    bool      has_thread;
} writer;

struct em_outlet {
    em_outlet_cfg cfg;
    em_record_cfg record;
    writer   *writers;              /* [n_writers] places                                      */
    int       n_writers;
    pthread_mutex_t direct;         /* held while records are written directly                 */
    atomic_int n_left;
    atomic_ullong n_dropped, n_failed;
    pthread_mutex_t lock;           /* of what follows and of next, is_writing, is_gone        */
    pthread_cond_t  changed;
    size_t    n_items, item_bytes;
    char     *items;                /* [n_items] the newest records; record i is item i % n_items */
    uint64_t  n_put;
    bool      is_closed;
};

/* ---- one sink ---- */

static void leave(writer *w)
{
    em_outlet *o = w->outlet;

    pthread_mutex_lock(&o->lock);
    w->is_gone = true;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
    atomic_fetch_sub(&o->n_left, 1);
}

static em_status write_to(writer *w, const em_event *e, em_err *err)
{
    em_outlet *o = w->outlet;
    em_err why = { 0 };
    em_status status = em_sink_put(w->sink, e, &why);

    if (!status)
        return EM_OK;
    if (status == EM_ECANCELED) {
        leave(w);
        return EM_OK;
    }
    atomic_fetch_add(&o->n_failed, 1);
    atomic_fetch_add(&w->n_failed, 1);
    if (o->cfg.is_queued && !w->has_warned)
        em_log(EM_LOG_ERROR, "%s; trying again with every record", why.msg);
    w->has_warned = true;
    return em_fail(err, status, "%s", why.msg);
}

/* ---- direct ---- */

static em_status nobody_left(em_err *err)
{
    return em_fail(err, EM_ECANCELED, "nobody reads any more");
}

static em_status write_to_all(em_outlet *o, const em_event *e, em_err *err)
{
    em_status status = EM_OK;

    pthread_mutex_lock(&o->direct);
    for (int i = 0; i < o->n_writers && !status; i++)
        if (o->writers[i].sink && !o->writers[i].is_gone)
            status = write_to(&o->writers[i], e, err);
    pthread_mutex_unlock(&o->direct);
    if (status)
        return status;
    return atomic_load(&o->n_left) > 0 ? EM_OK : nobody_left(err);
}

/* ---- queued ---- */

/* How many records w came too late for; under the lock. */
static uint64_t overrun(const writer *w)
{
    uint64_t oldest = w->outlet->n_put > w->outlet->n_items ? w->outlet->n_put - w->outlet->n_items : 0;

    return oldest > w->next ? oldest - w->next : 0;
}

/* Waits for a record and copies it into w->item, so that the queue can go on under a slow write. False: it was the
 * last one. */
static bool take(writer *w, uint64_t *n_lost)
{
    em_outlet *o = w->outlet;
    bool has_one;

    pthread_mutex_lock(&o->lock);
    w->is_writing = false;
    pthread_cond_broadcast(&o->changed);
    while (w->next == o->n_put && w->next < w->end && !o->is_closed)
        pthread_cond_wait(&o->changed, &o->lock);
    *n_lost = overrun(w);
    has_one = w->next < o->n_put && w->next + *n_lost < w->end;
    w->next += *n_lost;
    w->n_lost += *n_lost;
    if (has_one) {
        memcpy(w->item, o->items + w->next % o->n_items * o->item_bytes, o->item_bytes);
        w->next++;
        w->is_writing = true;
    }
    atomic_fetch_add(&o->n_dropped, *n_lost);
    pthread_mutex_unlock(&o->lock);
    return has_one;
}

/* The hole in what w's reader gets, before the record behind it. */
static void tell_lost(writer *w, const em_event *next, uint64_t n_lost)
{
    em_event e = { .type = EM_EVENT_LOST, .source = next->source, .time = next->time, .utc_ms = next->utc_ms };

    e.u.lost.n_records = n_lost;
    write_to(w, &e, NULL);
}

static void *run(void *ctx)
{
    writer *w = ctx;
    uint64_t n_lost;

    while (!w->is_gone && take(w, &n_lost)) {
        em_event *e = em_record_unpack(w->item, &w->outlet->record);

        if (n_lost > 0)
            tell_lost(w, e, n_lost);
        if (!w->is_gone)
            write_to(w, e, NULL);
    }
    return NULL;
}

static void enqueue(em_outlet *o, const em_event *e)
{
    pthread_mutex_lock(&o->lock);
    em_record_pack(o->items + o->n_put % o->n_items * o->item_bytes, e, &o->record);
    o->n_put++;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

em_status em_outlet_put(em_outlet *o, const em_event *e, em_err *err)
{
    if (!o->cfg.is_queued)
        return write_to_all(o, e, err);
    if (atomic_load(&o->n_left) == 0)
        return nobody_left(err);
    enqueue(o, e);
    return EM_OK;
}

em_status em_outlet_take(void *outlet, const em_event *e, em_err *err)
{
    return em_outlet_put(outlet, e, err);
}

static bool is_done(const writer *w)
{
    return !w->sink || w->is_gone || !w->has_thread || (w->next == w->outlet->n_put && !w->is_writing);
}

void em_outlet_drain(em_outlet *o)
{
    if (!o->cfg.is_queued)
        return;
    for (int i = 0; i < o->n_writers; i++)
        if (o->writers[i].sink)
            em_sink_hurry(o->writers[i].sink);
    pthread_mutex_lock(&o->lock);
    for (int i = 0; i < o->n_writers; i++)
        while (!is_done(&o->writers[i]))
            pthread_cond_wait(&o->changed, &o->lock);
    pthread_mutex_unlock(&o->lock);
}

void em_outlet_get_counters(em_outlet *o, em_outlet_counters *out)
{
    pthread_mutex_lock(&o->lock);
    out->n_dropped = atomic_load(&o->n_dropped);
    out->n_failed = atomic_load(&o->n_failed);
    for (int i = 0; o->cfg.is_queued && i < o->n_writers; i++)
        out->n_dropped += o->writers[i].is_gone || !o->writers[i].sink ? 0 : overrun(&o->writers[i]);
    pthread_mutex_unlock(&o->lock);
}

void em_outlet_get_vitals(em_outlet *o, em_vitals *v)
{
    int n = 0;

    pthread_mutex_lock(&o->lock);
    for (int i = 0; i < o->n_writers && n < EM_VITALS_SINKS; i++) {
        const writer *w = &o->writers[i];
        em_vitals_sink *s = &v->sinks[n];

        if (!w->sink)
            continue;
        *s = (em_vitals_sink){ em_sink_name(w->sink), 0, w->n_failed + w->n_lost };
        n++;
        if (!o->cfg.is_queued || w->is_gone)
            continue;
        s->n_failed += overrun(w);
        s->n_waiting = o->n_put - w->next - overrun(w);
    }
    pthread_mutex_unlock(&o->lock);
    v->n_sinks = n;
}

/* ---- life ---- */

static em_status start_thread(writer *w, em_err *err)
{
    if (!w->item && !(w->item = em_alloc(w->outlet->item_bytes)))
        return em_fail(err, EM_ENOMEM, "no memory for the queue of records");
    w->has_thread = pthread_create(&w->thread, NULL, run, w) == 0;
    return w->has_thread ? EM_OK : em_fail(err, EM_ENOMEM, "no thread for the outputs");
}

static em_status start_threads(em_outlet *o, em_err *err)
{
    em_status status = EM_OK;
    size_t n;

    o->item_bytes = em_record_bytes(&o->record);
    n = QUEUE_BYTES / o->item_bytes;
    o->n_items = n < MIN_ITEMS ? MIN_ITEMS : n > MAX_ITEMS ? MAX_ITEMS : n;
    if (!(o->items = em_alloc(o->n_items * o->item_bytes)))
        return em_fail(err, EM_ENOMEM, "no memory for the queue of records");
    for (int i = 0; i < o->cfg.n_sinks && !status; i++)
        status = start_thread(&o->writers[i], err);
    return status;
}

/* ---- sinks that come and go ---- */

static writer *find(em_outlet *o, const em_sink *sink)
{
    for (int i = 0; i < o->n_writers; i++)
        if (o->writers[i].sink == sink)
            return &o->writers[i];
    return NULL;
}

em_status em_outlet_add(em_outlet *o, em_sink *sink, em_err *err)
{
    em_status status = EM_OK;
    writer *w;

    pthread_mutex_lock(&o->direct);
    pthread_mutex_lock(&o->lock);
    if ((w = find(o, NULL)))
        *w = (writer){ .outlet = o, .sink = sink, .item = w->item, .next = o->n_put, .end = UINT64_MAX };
    pthread_mutex_unlock(&o->lock);
    if (!w)
        status = em_fail(err, EM_EUNSUPPORTED, "there are more outputs than %d", o->n_writers);
    else if (o->cfg.is_queued && (status = start_thread(w, err)))
        w->sink = NULL;
    if (!status)
        atomic_fetch_add(&o->n_left, 1);
    pthread_mutex_unlock(&o->direct);
    return status;
}

/* In direct mode nothing waits; a writer that is not there is a place that nobody looks at. */
void em_outlet_remove(em_outlet *o, em_sink *sink)
{
    writer *w = find(o, sink);
    bool was_gone;

    em_sink_hurry(sink);
    pthread_mutex_lock(&o->direct);
    pthread_mutex_lock(&o->lock);
    w->end = o->n_put;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
    if (w->has_thread)
        pthread_join(w->thread, NULL);
    pthread_mutex_lock(&o->lock);
    was_gone = w->is_gone;
    w->has_thread = false;
    w->sink = NULL;
    pthread_mutex_unlock(&o->lock);
    if (!was_gone)
        atomic_fetch_sub(&o->n_left, 1);
    pthread_mutex_unlock(&o->direct);
}

/* ---- the outlet's life ---- */

em_status em_outlet_new(em_outlet **out, const em_outlet_cfg *cfg, em_err *err)
{
    em_outlet *o = calloc(1, sizeof *o);
    em_status status;

    *out = NULL;
    if (!o)
        return em_fail(err, EM_ENOMEM, "no memory for the outputs");
    o->cfg = *cfg;
    o->record = (em_record_cfg){ cfg->n_classes, cfg->n_slots, cfg->n_embedding, cfg->column_bytes };
    atomic_init(&o->n_left, cfg->n_sinks);
    pthread_mutex_init(&o->lock, NULL);
    pthread_mutex_init(&o->direct, NULL);
    pthread_cond_init(&o->changed, NULL);
    o->n_writers = cfg->n_sinks + SPARE;
    if (!(o->writers = calloc((size_t)o->n_writers, sizeof *o->writers))) {
        em_outlet_free(o);
        return em_fail(err, EM_ENOMEM, "no memory for the outputs");
    }
    for (int i = 0; i < cfg->n_sinks; i++)
        o->writers[i] = (writer){ .outlet = o, .sink = cfg->sinks[i], .end = UINT64_MAX };
    if (cfg->is_queued && (status = start_threads(o, err))) {
        em_outlet_free(o);
        return status;
    }
    *out = o;
    return EM_OK;
}

void em_outlet_free(em_outlet *o)
{
    if (!o)
        return;
    if (o->writers)
        em_outlet_drain(o);
    pthread_mutex_lock(&o->lock);
    o->is_closed = true;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
    for (int i = 0; o->writers && i < o->n_writers; i++) {
        if (o->writers[i].has_thread)
            pthread_join(o->writers[i].thread, NULL);
        free(o->writers[i].item);
    }
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
    pthread_mutex_destroy(&o->direct);
    free(o->writers);
    free(o->items);
    free(o);
}
