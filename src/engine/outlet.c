#include "engine/outlet.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUEUE_BYTES = 1 << 20,
    MIN_ITEMS = 8, MAX_ITEMS = 256,
    STOP_WAIT_MS = 2000,            /* how long the last record waits for room              */
};

struct em_outlet {
    em_outlet_cfg cfg;
    bool     *is_gone;              /* [n_sinks] by the thread that writes                  */
    atomic_int n_left;
    atomic_ullong n_dropped, n_failed;
    bool      has_warned;
    size_t    item_bytes;
    char     *in, *out;             /* one item: being pushed, being written                */
    em_queue *queue;
    atomic_int n_open;              /* items pushed and not yet written                     */
    pthread_t thread;
    bool      has_thread;
};

/* ---- events as items: the struct, then its arrays, whose pointers are set anew on the other side ---- */

typedef struct piece { const void *from; const void **to; size_t n_bytes; } piece;

static int pieces_of(piece out[4], em_event *e, const em_outlet_cfg *cfg)
{
    size_t row = (size_t)cfg->n_classes * sizeof(float);
    int n = 0;

#define PIECE(field, bytes) out[n++] = (piece){ field, (const void **)(void *)&(field), bytes }
    if (e->type == EM_EVENT_SCORES) {
        PIECE(e->u.scores.scores, row);
        if (e->u.scores.slots)
            PIECE(e->u.scores.slots, row * (size_t)e->u.scores.n_slots);
        if (e->u.scores.embedding)
            PIECE(e->u.scores.embedding, (size_t)e->u.scores.n_embedding * sizeof(float));
    } else if (e->type == EM_EVENT_SUMMARY) {
        PIECE(e->u.summary.mean, row);
        PIECE(e->u.summary.max, row);
        PIECE(e->u.summary.at, (size_t)cfg->n_classes * sizeof(double));
    }
#undef PIECE
    return n;
}

static size_t aligned(size_t n)
{
    return (n + EM_ALIGN - 1) / EM_ALIGN * EM_ALIGN;
}

static size_t item_bytes(const em_outlet_cfg *cfg)
{
    size_t row = aligned((size_t)cfg->n_classes * sizeof(double));
    size_t scores = row + aligned((size_t)cfg->n_slots * (size_t)cfg->n_classes * sizeof(float)) +
                    aligned((size_t)cfg->n_embedding * sizeof(float));

    return aligned(sizeof(em_event)) + (scores > 3 * row ? scores : 3 * row);
}

static void pack(em_outlet *o, const em_event *e)
{
    em_event copy = *e;
    piece p[4];
    int n = pieces_of(p, &copy, &o->cfg);
    size_t at = aligned(sizeof copy);

    memcpy(o->in, e, sizeof *e);
    for (int i = 0; i < n; i++) {
        assert(at + p[i].n_bytes <= o->item_bytes);
        memcpy(o->in + at, p[i].from, p[i].n_bytes);
        at += aligned(p[i].n_bytes);
    }
}

static em_event *unpack(em_outlet *o)
{
    em_event *e = (em_event *)(void *)o->out;
    piece p[4];
    int n = pieces_of(p, e, &o->cfg);
    size_t at = aligned(sizeof *e);

    for (int i = 0; i < n; i++) {
        *p[i].to = o->out + at;
        at += aligned(p[i].n_bytes);
    }
    return e;
}

/* ---- writing ---- */

static em_status write_event(em_outlet *o, const em_event *e, em_err *err)
{
    for (int i = 0; i < o->cfg.n_sinks; i++) {
        em_err why = { 0 };
        em_status status;

        if (o->is_gone[i] || !(status = em_sink_put(o->cfg.sinks[i], e, &why)))
            continue;
        if (status == EM_ECANCELED) {
            o->is_gone[i] = true;
            atomic_fetch_sub(&o->n_left, 1);
            continue;
        }
        atomic_fetch_add(&o->n_failed, 1);
        if (!o->cfg.is_queued)
            return em_fail(err, status, "%s", why.msg);
        if (!o->has_warned)
            em_log(EM_LOG_ERROR, "%s; trying again with every record", why.msg);
        o->has_warned = true;
    }
    return atomic_load(&o->n_left) > 0 ? EM_OK : em_fail(err, EM_ECANCELED, "nobody reads any more");
}

static void *run(void *ctx)
{
    em_outlet *o = ctx;

    while (em_queue_pop(o->queue, o->out, -1)) {
        write_event(o, unpack(o), NULL);
        atomic_fetch_sub(&o->n_open, 1);
    }
    return NULL;
}

em_status em_outlet_put(em_outlet *o, const em_event *e, em_err *err)
{
    if (!o->cfg.is_queued)
        return write_event(o, e, err);
    if (atomic_load(&o->n_left) == 0)
        return em_fail(err, EM_ECANCELED, "nobody reads any more");
    pack(o, e);
    atomic_fetch_add(&o->n_open, 1);
    /* The last record of a source says what became of every frame: it waits for room. */
    if (!em_queue_push(o->queue, o->in, e->type == EM_EVENT_STOP ? STOP_WAIT_MS : 0)) {
        atomic_fetch_sub(&o->n_open, 1);
        atomic_fetch_add(&o->n_dropped, 1);
    }
    return EM_OK;
}

void em_outlet_drain(em_outlet *o)
{
    while (o->cfg.is_queued && atomic_load(&o->n_open) > 0)
        em_sleep_ms(1);
}

void em_outlet_get_counters(em_outlet *o, em_outlet_counters *out)
{
    out->n_dropped = atomic_load(&o->n_dropped);
    out->n_failed = atomic_load(&o->n_failed);
}

/* ---- life ---- */

static em_status start_thread(em_outlet *o, em_err *err)
{
    size_t n = QUEUE_BYTES / o->item_bytes;
    em_status status;

    n = n < MIN_ITEMS ? MIN_ITEMS : n > MAX_ITEMS ? MAX_ITEMS : n;
    o->in = em_alloc(o->item_bytes);
    o->out = em_alloc(o->item_bytes);
    if (!o->in || !o->out)
        return em_fail(err, EM_ENOMEM, "no memory for the queue of records");
    if ((status = em_queue_new(&o->queue, n, o->item_bytes, err)))
        return status;
    if (pthread_create(&o->thread, NULL, run, o) != 0)
        return em_fail(err, EM_ENOMEM, "no thread for the outputs");
    o->has_thread = true;
    return EM_OK;
}

em_status em_outlet_new(em_outlet **out, const em_outlet_cfg *cfg, em_err *err)
{
    em_outlet *o = calloc(1, sizeof *o);
    em_status status;

    *out = NULL;
    if (!o || !(o->is_gone = calloc((size_t)cfg->n_sinks + 1, sizeof *o->is_gone))) {
        em_outlet_free(o);
        return em_fail(err, EM_ENOMEM, "no memory for the outputs");
    }
    o->cfg = *cfg;
    o->item_bytes = item_bytes(cfg);
    atomic_init(&o->n_left, cfg->n_sinks);
    if (cfg->is_queued && (status = start_thread(o, err))) {
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
    if (o->queue)
        em_queue_close(o->queue);
    if (o->has_thread)
        pthread_join(o->thread, NULL);
    em_queue_free(o->queue);
    free(o->in);
    free(o->out);
    free(o->is_gone);
    free(o);
}
