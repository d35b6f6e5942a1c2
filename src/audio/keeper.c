/* The side of em_keeper that belongs to the thread that owns the source: it starts helpers, watches how long their
 * calls take and abandons those that hang. */
#include "audio/keeper_private.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <time.h>

#define SECOND 1000000000ull

enum {
    MOST_STRAY = 4,                     /* helpers that hang at the same time    */
    STOP_LIMIT_MS = 1900,               /* the promise is two seconds            */
};

void em_keeper_unref(em_keeper *k)
{
    bool is_last;

    pthread_mutex_lock(&k->lock);
    is_last = --k->n_refs == 0;
    pthread_mutex_unlock(&k->lock);
    if (!is_last)
        return;
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
    k->ops->free_cfg(k->cfg);
    free(k);
}

bool em_keeper_wait(em_keeper *k, uint64_t until_ns)
{
    struct timespec at = { .tv_sec = (time_t)(until_ns / SECOND), .tv_nsec = (long)(until_ns % SECOND) };

    return pthread_cond_timedwait(&k->changed, &k->lock, &at) == 0;
}

void em_keeper_note_loss(em_keeper *k)
{
    if (k->is_ending || k->state != EM_SOURCE_UP)
        return;
    k->since_ns = em_now_ns();
    k->state = EM_SOURCE_DOWN;
    em_capture_set_state(k->capture, k->state);
}

/* ---- with the lock held ---- */

static bool spawn(em_keeper *k)
{
    em_helper *h = calloc(1, sizeof *h);

    if (!h)
        return false;
    h->k = k;
    k->current = h;
    k->n_refs++;
    if (pthread_create(&h->thread, NULL, em_helper_main, h) == 0)
        return true;
    k->current = NULL;
    k->n_refs--;
    free(h);
    return false;
}

static void abandon(em_keeper *k)
{
    em_helper *h = k->current;

    em_log(EM_LOG_WARNING, "%s: a call into the sound library hangs; going on without it", k->ops->thread);
    atomic_store(&h->tap.is_unwanted, 1);
    em_tap_cut(&h->tap);
    if (k->ops->abandoned && h->session)
        k->ops->abandoned(h->session);
    pthread_detach(h->thread);
    k->n_stray++;
    k->current = NULL;
    em_keeper_note_loss(k);
}

/* The wait is over: the last word. */
static void give_up(em_keeper *k, double waited_s)
{
    em_err err = { EM_OK, "" };

    k->is_ending = true;
    pthread_cond_broadcast(&k->changed);
    k->state = EM_SOURCE_FAILED;
    if (k->was_up)
        em_fail(&err, EM_EDEVICE, "%.80s was lost and not found again within %.3g s", k->found.name, waited_s);
    else
        em_fail(&err, EM_EDEVICE, "%.200s (waited %.3g s)", k->last.msg[0] ? k->last.msg : "no sound arrives", waited_s);
    em_capture_finish(k->capture, EM_SOURCE_FAILED, &err);
}

static void mind_the_time(em_keeper *k)
{
    double waited_s = (double)(em_now_ns() - k->since_ns) * 1e-9;
    double limit_s = k->state == EM_SOURCE_DOWN ? k->wait_lost_s : k->wait_start_s;

    /* A device that was found may take a moment until its first frame. */
    if (k->state == EM_SOURCE_WAITING && k->found.rate_hz > 0 && limit_s >= 0 && limit_s < EM_KEEPER_FLOW_S)
        limit_s = EM_KEEPER_FLOW_S;
    if ((k->state == EM_SOURCE_WAITING || k->state == EM_SOURCE_DOWN) && limit_s >= 0 && waited_s > limit_s)
        give_up(k, waited_s);
}

/* ---- what the row calls ---- */

em_source_state em_keeper_watch(em_keeper *k, em_err *err)
{
    em_source_state state;

    pthread_mutex_lock(&k->lock);
    if (!k->is_ending) {
        if (k->current && k->current->deadline_ns && em_now_ns() > k->current->deadline_ns)
            abandon(k);
        if (!k->current && k->n_stray < MOST_STRAY)
            spawn(k);
        mind_the_time(k);
    }
    state = k->state;
    pthread_mutex_unlock(&k->lock);
    if (err)
        *err = (em_err){ EM_OK, "" };
    if (state == EM_SOURCE_FAILED)
        em_capture_state(k->capture, err);
    return state;
}

static em_keeper *new_keeper(const em_keeper_ops *ops, void *cfg, double wait_start_s, double wait_lost_s)
{
    em_keeper *k = calloc(1, sizeof *k);
    pthread_condattr_t attr;

    if (!k)
        return NULL;
    *k = (em_keeper){ .ops = ops, .cfg = cfg, .wait_start_s = wait_start_s, .wait_lost_s = wait_lost_s, .n_refs = 1,
                      .state = EM_SOURCE_WAITING, .since_ns = em_now_ns(), .chance.state = em_now_ns() };
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->changed, &attr);
    pthread_condattr_destroy(&attr);
    return k;
}

int em_keeper_open_limit_s(const em_keeper *k)
{
    return k->ops->open_limit_s ? k->ops->open_limit_s : EM_KEEPER_CALL_LIMIT_S;
}

static void first_look(em_keeper *k, em_found *found, em_err *last)
{
    uint64_t until = em_now_ns() + (uint64_t)em_keeper_open_limit_s(k) * SECOND;

    pthread_mutex_lock(&k->lock);
    k->n_channels_absent = found->n_channels;
    if (!spawn(k))
        em_fail(&k->last, EM_ENOMEM, "no thread for a device");
    while (k->current && k->n_looks == 0 && em_keeper_wait(k, until))
        ;
    if (k->current && k->n_looks == 0) {
        em_fail(&k->last, EM_EDEVICE, "the sound system does not answer within %d s", em_keeper_open_limit_s(k));
        k->found.n_channels = k->n_channels_absent;
    }
    *found = k->found;
    *last = k->last;
    pthread_mutex_unlock(&k->lock);
}

em_status em_keeper_open(em_keeper **out, const em_keeper_ops *ops, void *cfg, double wait_start_s, double wait_lost_s,
                         em_found *found, em_err *err)
{
    em_keeper *k = new_keeper(ops, cfg, wait_start_s, wait_lost_s);
    em_err last;

    *out = NULL;
    if (!k) {
        ops->free_cfg(cfg);
        return em_fail(err, EM_ENOMEM, "no memory for a device");
    }
    first_look(k, found, &last);
    if (last.code == EM_OK || (last.code == EM_EDEVICE && wait_start_s != 0)) {
        *out = k;
        return EM_OK;
    }
    em_keeper_close(k);
    return em_fail(err, last.code, "%s", last.msg);
}

em_status em_keeper_start(em_keeper *k, em_capture *capture, em_err *err)
{
    uint64_t until = em_now_ns() + EM_KEEPER_CALL_LIMIT_S * SECOND;
    em_err last = { EM_OK, "" };

    pthread_mutex_lock(&k->lock);
    k->capture = capture;
    em_capture_set_state(capture, k->state);
    pthread_cond_broadcast(&k->changed);
    if (k->found.rate_hz > 0)
        k->since_ns = em_now_ns();
    while (k->wait_start_s == 0 && k->n_starts == 0 && k->last.code == EM_OK && em_keeper_wait(k, until))
        ;
    if (k->wait_start_s == 0)
        last = k->last;
    pthread_mutex_unlock(&k->lock);
    return last.code == EM_OK ? EM_OK : em_fail(err, last.code, "%s", last.msg);
}

void em_keeper_stop(em_keeper *k)
{
    uint64_t until = em_now_ns() + STOP_LIMIT_MS * (SECOND / 1000);
    em_helper *h;

    pthread_mutex_lock(&k->lock);
    k->is_ending = true;
    if (k->current)
        atomic_store(&k->current->tap.is_unwanted, 1);
    pthread_cond_broadcast(&k->changed);
    while (k->current && !k->current->is_done && em_keeper_wait(k, until))
        ;
    if (k->current && !k->current->is_done)
        abandon(k);
    h = k->current;
    k->current = NULL;
    pthread_mutex_unlock(&k->lock);
    if (h)
        pthread_join(h->thread, NULL);
    free(h);
}

void em_keeper_close(em_keeper *k)
{
    if (!k)
        return;
    em_keeper_stop(k);
    em_keeper_unref(k);
}
