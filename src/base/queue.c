/* queue.c - a ring of fixed-size items under one mutex and one condition variable on the monotonic clock. */
#include "base/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct em_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t n_items, item_bytes;
    size_t head, used;              /* first item, how many */
    bool is_closed;
    char *items;
};

em_status em_queue_new(em_queue **out, size_t n_items, size_t item_bytes, em_err *err)
{
    pthread_condattr_t attr;
    em_queue *q;

    *out = NULL;
    if (n_items == 0 || item_bytes == 0 || n_items > SIZE_MAX / item_bytes)
        return em_fail(err, EM_EINVAL, "a queue of %zu items of %zu bytes", n_items, item_bytes);
    q = calloc(1, sizeof *q);
    if (!q || !(q->items = malloc(n_items * item_bytes))) {
        free(q);
        return em_fail(err, EM_ENOMEM, "no memory for a queue of %zu items", n_items);
    }
    q->n_items = n_items;
    q->item_bytes = item_bytes;
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->changed, &attr);
    pthread_condattr_destroy(&attr);
    *out = q;
    return EM_OK;
}

void em_queue_free(em_queue *q)
{
    if (!q)
        return;
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q->items);
    free(q);
}

static struct timespec deadline_after(double ms)
{
    struct timespec t;
    int64_t ns;

    ms = ms < 1e12 ? ms : 1e12;                 /* 31 years; also keeps infinity out of the integers */
    clock_gettime(CLOCK_MONOTONIC, &t);
    ns = t.tv_nsec + (int64_t)(ms * 1e6);
    t.tv_sec += (time_t)(ns / 1000000000);
    t.tv_nsec = (long)(ns % 1000000000);
    return t;
}

/* Waits under the lock until ready(q) or closed or the time is over. */
static bool wait_until(em_queue *q, bool (*ready)(const em_queue *), double timeout_ms)
{
    struct timespec deadline = deadline_after(timeout_ms > 0 ? timeout_ms : 0);

    while (!ready(q) && !q->is_closed && timeout_ms != 0) {
        int rc = timeout_ms < 0 ? pthread_cond_wait(&q->changed, &q->lock)
                                : pthread_cond_timedwait(&q->changed, &q->lock, &deadline);
        if (rc == ETIMEDOUT)
            break;
    }
    return ready(q);
}

static bool has_room(const em_queue *q) { return q->used < q->n_items; }
static bool has_item(const em_queue *q) { return q->used > 0; }

bool em_queue_push(em_queue *q, const void *item, double timeout_ms)
{
    bool ok;

    pthread_mutex_lock(&q->lock);
    ok = wait_until(q, has_room, timeout_ms) && !q->is_closed;
    if (ok) {
        memcpy(q->items + (q->head + q->used) % q->n_items * q->item_bytes, item, q->item_bytes);
        q->used++;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return ok;
}

bool em_queue_try_push(em_queue *q, const void *item)
{
    return em_queue_push(q, item, 0);
}

bool em_queue_pop(em_queue *q, void *item, double timeout_ms)
{
    bool ok;

    pthread_mutex_lock(&q->lock);
    ok = wait_until(q, has_item, timeout_ms);
    if (ok) {
        memcpy(item, q->items + q->head * q->item_bytes, q->item_bytes);
        q->head = (q->head + 1) % q->n_items;
        q->used--;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return ok;
}

void em_queue_close(em_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->is_closed = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

size_t em_queue_length(em_queue *q)
{
    size_t n;

    pthread_mutex_lock(&q->lock);
    n = q->used;
    pthread_mutex_unlock(&q->lock);
    return n;
}
