/* The side of em_keeper that makes the library calls. Each function runs on a helper thread; after an abandoned
 * call it finds that it is not wanted any more and ends. */
#include "audio/keeper_private.h"

#include "base/clock.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000ull

enum {
    TICK_MS = 20, SETTLE_TICK_MS = 2, RETRY_MS = 200,
    SILENT_MS = 1800, SILENT_PERIODS = 8,   /* without a frame for the longer of both: the device is lost. Noticed
                                               within 2 s is the promise; a tick and the owner's poll come on top */
};

static const double LEAST_SHARE = 0.5;      /* of a pause, where it differs by chance */

static bool is_wanted(const em_helper *h)
{
    return h->k->current == h && !h->k->is_ending;
}

static void begin_call(em_helper *h, int limit_s)
{
    pthread_mutex_lock(&h->k->lock);
    h->deadline_ns = em_now_ns() + (uint64_t)limit_s * 1000 * MS;
    pthread_mutex_unlock(&h->k->lock);
}

static void end_call(em_helper *h)
{
    pthread_mutex_lock(&h->k->lock);
    h->deadline_ns = 0;
    pthread_mutex_unlock(&h->k->lock);
}

static bool look(em_helper *h)
{
    em_keeper *k = h->k;
    em_err err = { EM_OK, "" };
    em_found found;
    em_status status;
    bool is_mine;

    pthread_mutex_lock(&k->lock);
    found = k->found;
    h->session = calloc(1, k->ops->session_bytes);
    memset(&h->tap, 0, sizeof h->tap);
    atomic_store(&h->tap.is_unwanted, !is_wanted(h));
    pthread_mutex_unlock(&k->lock);
    em_xruns_forget(&h->xruns);
    if (h->session) {
        begin_call(h, em_keeper_open_limit_s(k));
        status = k->ops->open(h->session, k->cfg, &h->tap, &found, &err);
        end_call(h);
    } else {
        status = em_fail(&err, EM_ENOMEM, "no memory for a device");
    }

    pthread_mutex_lock(&k->lock);
    is_mine = is_wanted(h);
    if (is_mine) {
        k->n_looks++;
        k->last = err;
        if (status == EM_OK)
            k->found = found;
        else if (k->found.n_channels == 0)
            k->found.n_channels = k->n_channels_absent;
        pthread_cond_broadcast(&k->changed);
    }
    pthread_mutex_unlock(&k->lock);
    return status == EM_OK && is_mine;
}

static bool tick(em_helper *h)
{
    bool is_there;

    if (atomic_load_explicit(&h->tap.is_gone, memory_order_acquire))
        return false;
    begin_call(h, EM_KEEPER_CLOSE_LIMIT_S);
    is_there = h->k->ops->tick(h->session);
    end_call(h);
    return is_there;
}

/* Until the owner starts the source the device is held open. */
static bool wait_for_start(em_helper *h)
{
    em_keeper *k = h->k;
    bool is_there = true, is_started = false;

    while (is_there && !is_started) {
        pthread_mutex_lock(&k->lock);
        if (is_wanted(h) && !k->capture)
            em_keeper_wait(k, em_now_ns() + TICK_MS * MS);
        is_there = is_wanted(h) && !atomic_load(&h->tap.is_gone);
        is_started = k->capture != NULL;
        pthread_mutex_unlock(&k->lock);
    }
    return is_there;
}

/* The frames may come. After an outage this waits for the first callback, whose frames are given up, so that the
 * outage is counted by the clock up to there; at the new rate, for in the ring it stands behind the note of it. */
static void connect_tap(em_keeper *k, em_helper *h, uint64_t now)
{
    uint64_t n_calls;

    if (k->flow_ns) {
        em_capture_lost(k->capture, EM_GAP_DEVICE, (uint64_t)((double)(now - k->flow_ns) * 1e-9 * k->found.rate_hz));
        k->flow_ns = now;
    }
    em_capture_heartbeat(k->capture, &n_calls, &k->n_frames);
    atomic_store(&h->tap.capture, k->capture);
}

static bool start(em_helper *h)
{
    em_keeper *k = h->k;
    em_err err = { EM_OK, "" };
    em_status status;
    bool is_mine;

    pthread_mutex_lock(&k->lock);
    is_mine = is_wanted(h);
    if (is_mine) {
        em_capture_set_rate(k->capture, k->found.rate_hz);      /* no callback runs yet: the block is ours */
        if (k->flow_ns == 0)
            connect_tap(k, h, em_now_ns());
    }
    pthread_mutex_unlock(&k->lock);
    if (!is_mine)
        return false;
    begin_call(h, EM_KEEPER_CALL_LIMIT_S);
    status = k->ops->start(h->session, &err);
    end_call(h);

    pthread_mutex_lock(&k->lock);
    is_mine = is_wanted(h);
    if (is_mine) {
        k->n_starts++;
        k->last = err;
        pthread_cond_broadcast(&k->changed);
    }
    pthread_mutex_unlock(&k->lock);
    return status == EM_OK && is_mine;
}

/* What an xrun cost becomes a gap before the next callback's frames. */
static void count_loss(em_helper *h, uint64_t n_frames, uint64_t now)
{
    const em_keeper *k = h->k;
    em_xruns_now look = {
        .now_ns = now, .n_frames = n_frames, .n_period = atomic_load(&h->tap.n_period), .rate_hz = k->found.rate_hz,
        .n_xruns = em_capture_xruns(k->capture), .is_exact = k->ops->made != NULL,
    };
    uint64_t n_lost;

    if (atomic_load(&h->tap.is_untimed)) {
        em_xruns_forget(&h->xruns);
        return;
    }
    look.n_clock = look.is_exact ? k->ops->made(h->session) : (uint64_t)((double)now * 1e-9 * k->found.rate_hz);
    n_lost = em_xruns_look(&h->xruns, &look);
    if (n_lost > 0)
        em_capture_lost(k->capture, EM_GAP_XRUN, n_lost);
}

/* Looks at the heartbeat. False: too long without one. */
static bool feel_pulse(em_keeper *k, em_helper *h, uint64_t started_ns)
{
    uint64_t n_calls, n_frames, now = em_now_ns();
    uint32_t n_period = atomic_load(&h->tap.n_period);
    double usual_s = fmax((double)n_period * SILENT_PERIODS / k->found.rate_hz, SILENT_MS * 1e-3);
    double limit_s = k->found.silent_s > 0 ? k->found.silent_s : usual_s;

    if (n_period && !atomic_load(&h->tap.capture))
        connect_tap(k, h, now);
    em_capture_heartbeat(k->capture, &n_calls, &n_frames);
    if (n_frames != k->n_frames) {
        k->n_frames = n_frames;
        k->flow_ns = now;
        if (k->state != EM_SOURCE_UP) {
            if (k->was_up)
                em_capture_count_reconnect(k->capture);
            k->was_up = true;
            k->state = EM_SOURCE_UP;
            em_capture_set_state(k->capture, k->state);
        }
        em_capture_set_latency(k->capture, atomic_load(&h->tap.n_latency));
        count_loss(h, n_frames, now);
        return true;
    }
    if (h->xruns.is_settling && k->ops->made)
        count_loss(h, n_frames, now);
    if (k->flow_ns < started_ns)
        return now - started_ns < EM_KEEPER_FLOW_S * 1000 * MS;
    return (double)(now - k->flow_ns) * 1e-9 < limit_s;
}

static void serve(em_helper *h)
{
    em_keeper *k = h->k;
    uint64_t started_ns;
    bool is_there = wait_for_start(h) && start(h);

    started_ns = em_now_ns();
    while (is_there) {
        pthread_mutex_lock(&k->lock);
        if (is_wanted(h))
            em_keeper_wait(k, em_now_ns() + (h->xruns.is_settling ? SETTLE_TICK_MS : TICK_MS) * MS);
        is_there = is_wanted(h) && feel_pulse(k, h, started_ns);
        pthread_mutex_unlock(&k->lock);
        is_there = is_there && tick(h);
    }
    pthread_mutex_lock(&k->lock);
    if (k->current == h)
        em_keeper_note_loss(k);
    pthread_mutex_unlock(&k->lock);
}

static void close_session(em_helper *h)
{
    void *session = h->session;

    em_tap_cut(&h->tap);
    if (session) {
        begin_call(h, EM_KEEPER_CLOSE_LIMIT_S);
        h->k->ops->close(session);
        end_call(h);
    }
    pthread_mutex_lock(&h->k->lock);
    h->session = NULL;
    pthread_mutex_unlock(&h->k->lock);
    free(session);
}

static double share_of_pause(em_keeper *k)
{
    return k->ops->is_remote ? LEAST_SHARE + (1 - LEAST_SHARE) * em_rng_uniform(&k->chance) : 1;
}

void *em_helper_main(void *arg)
{
    em_helper *h = arg;
    em_keeper *k = h->k;
    const uint64_t most_ms = (uint64_t)k->ops->most_retry_ms;
    uint64_t pause_ms = RETRY_MS, begun, until;
    bool is_over = false, is_stray;

    pthread_setname_np(pthread_self(), k->ops->thread);
    while (!is_over) {
        begun = em_now_ns();
        if (look(h)) {
            serve(h);
            if (!k->ops->is_remote || em_now_ns() - begun >= most_ms * MS)
                pause_ms = RETRY_MS;
        }
        close_session(h);
        until = em_now_ns() + (uint64_t)((double)pause_ms * share_of_pause(k)) * MS;
        pause_ms = pause_ms * 2 < most_ms ? pause_ms * 2 : most_ms;
        pthread_mutex_lock(&k->lock);
        while (is_wanted(h) && em_keeper_wait(k, until))
            ;
        is_over = !is_wanted(h);
        pthread_mutex_unlock(&k->lock);
    }

    pthread_mutex_lock(&k->lock);
    is_stray = k->current != h;
    h->is_done = true;
    k->n_stray -= is_stray;
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
    if (is_stray)
        free(h);
    em_keeper_unref(k);
    return NULL;
}
