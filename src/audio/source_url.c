/* The "url" row: sound that ffmpeg fetches, in one of two ways.
 *
 * What is live (a camera, or whatever the owner says is) is kept like a microphone: lost, it is looked for again, and what was missed
 * is a gap. It comes in bursts, so that no clock tells what is missing while it flows, and the ring being full is no loss at once:
 * ffmpeg and the line hold it back for a while.
 *
 * What is not is a file from elsewhere: it waits for us, and ends at its end. */
#include "audio/feed.h"
#include "audio/ffmpeg.h"
#include "audio/keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/url.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    USUAL_STALL_S = 15,
    OPEN_LIMIT_S = 30,                  /* a stall that may be longer does not make the first look longer */
    SLACK_S = 5,                        /* ffmpeg.c notices a stall itself, and says why                  */
    MOST_RETRY_MS = 30000,
    ROOM_MS = 2000, ROOM_POLL_MS = 5,   /* a burst waits so long for room in the ring                     */
    WAIT_MS = 1000, WAIT_POLL_MS = 50,
};

typedef struct url_cfg {
    char  *url;
    char   name[100];                   /* that the source has                                            */
    double stall_s;
    const atomic_bool *stop;            /* of the first look                                              */
} url_cfg;

typedef struct url_source {
    em_keeper *keeper;                  /* what is live; else NULL, and                                   */
    em_ffmpeg  ffmpeg;
    em_feed    feed;
    bool       is_paced;
} url_source;

static em_ffmpeg_cfg ffmpeg_cfg(const url_cfg *c)
{
    return (em_ffmpeg_cfg){ .url = c->url, .stall_s = c->stall_s, .stop = c->stop };
}

/* ---- what is live: a session of the keeper's ---- */

typedef struct session {
    em_ffmpeg   ffmpeg;
    em_tap     *tap;
    float      *block;                  /* [EM_FFMPEG_BLOCK][n_channels]                                  */
    pthread_t   thread;
    bool        has_thread;
    atomic_bool is_ending;
} session;

static em_status session_open(void *self, const void *cfg, em_tap *tap, em_found *found, em_err *err)
{
    const url_cfg *c = cfg;
    em_ffmpeg_cfg ffmpeg = ffmpeg_cfg(c);
    session *s = self;
    em_status status;

    s->tap = tap;
    atomic_store(&tap->is_untimed, 1);
    ffmpeg.is_live = true;
    ffmpeg.n_channels = found->n_channels;
    ffmpeg.left = &tap->is_unwanted;
    ffmpeg.stall_s = fmin(c->stall_s, OPEN_LIMIT_S - 2);
    if ((status = em_ffmpeg_open(&s->ffmpeg, &ffmpeg, err))) {
        em_log(EM_LOG_DEBUG, "%s", err->msg);
        return status;
    }
    s->ffmpeg.stall_s = c->stall_s;
    if (!(s->block = malloc(EM_FFMPEG_BLOCK * (size_t)s->ffmpeg.n_channels * sizeof *s->block)))
        return em_fail(err, EM_ENOMEM, "no memory for a block of sound");
    memcpy(found->name, c->name, sizeof c->name);
    found->rate_hz = s->ffmpeg.rate_hz;
    found->n_channels = s->ffmpeg.n_channels;
    found->silent_s = c->stall_s + SLACK_S;
    return EM_OK;
}

static bool has_room(session *s, uint32_t n)
{
    em_capture *capture = em_tap_enter(s->tap);
    const bool has = !capture || ringbuf_room(&capture->writer) >= n;

    em_tap_leave(s->tap);
    return has;
}

static void put(session *s, uint32_t n)
{
    em_capture *capture;

    for (int ms = 0; ms < ROOM_MS && !has_room(s, n) && !atomic_load(&s->is_ending); ms += ROOM_POLL_MS)
        em_sleep_ms(ROOM_POLL_MS);
    atomic_store(&s->tap->n_period, n);
    if ((capture = em_tap_enter(s->tap)))
        em_capture_put(capture, s->block, n);
    em_tap_leave(s->tap);
}

static void *pump(void *arg)
{
    session *s = arg;
    em_err why = { EM_OK, "" };
    int n = 0;

    while (n >= 0 && !atomic_load(&s->is_ending))
        if ((n = em_ffmpeg_read(&s->ffmpeg, s->block, EM_FFMPEG_BLOCK, &why)) > 0)
            put(s, (uint32_t)n);
    if (n < 0)
        em_log(EM_LOG_INFO, "%s%s", why.code ? why.msg : s->ffmpeg.shown, why.code ? "" : ": the server ended it");
    atomic_store(&s->tap->is_gone, 1);
    return NULL;
}

static em_status session_start(void *self, em_err *err)
{
    session *s = self;

    if (pthread_create(&s->thread, NULL, pump, s) != 0)
        return em_fail(err, EM_ENOMEM, "no thread to hear %s with", s->ffmpeg.shown);
    s->has_thread = true;
    return EM_OK;
}

static bool session_tick(void *self)
{
    (void)self;                         /* the tap says it */
    return true;
}

static void session_close(void *self)
{
    session *s = self;

    atomic_store(&s->is_ending, true);
    if (s->has_thread)
        pthread_join(s->thread, NULL);
    em_ffmpeg_close(&s->ffmpeg);
    free(s->block);
}

static void free_cfg(void *cfg)
{
    url_cfg *c = cfg;

    if (c)
        free(c->url);
    free(c);
}

static const em_keeper_ops keeper_ops = {
    .thread = "earmark-url", .session_bytes = sizeof(session), .most_retry_ms = MOST_RETRY_MS, .open_limit_s = OPEN_LIMIT_S,
    .is_remote = true, .open = session_open, .start = session_start, .tick = session_tick, .close = session_close, .free_cfg = free_cfg,
};

static em_status open_live(url_source *u, em_source_plan *plan, url_cfg *c, const em_source_cfg *cfg, em_err *err)
{
    em_found found = { .n_channels = cfg->raw_channels > 0 ? cfg->raw_channels : 1 };
    em_status status = em_keeper_open(&u->keeper, &keeper_ops, c, cfg->wait_start_s, cfg->wait_lost_s, &found, err);

    plan->info.rate_hz = found.rate_hz;
    plan->info.n_channels = found.n_channels;
    plan->info.is_live = true;
    return status;
}

/* ---- what is not: a feed ---- */

static bool is_stopped(const em_source_cfg *cfg)
{
    return cfg->stop && atomic_load(cfg->stop);
}

/* A moment, unless there is nothing to wait for any more. */
static bool may_wait(const em_source_cfg *cfg, uint64_t until_ns)
{
    if (cfg->wait_start_s >= 0 && em_now_ns() >= until_ns)
        return false;
    for (int ms = 0; ms < WAIT_MS && !is_stopped(cfg); ms += WAIT_POLL_MS)
        em_sleep_ms(WAIT_POLL_MS);
    return !is_stopped(cfg);
}

static em_status open_file(url_source *u, em_source_plan *plan, const url_cfg *c, const em_source_cfg *cfg, em_err *err)
{
    const uint64_t until_ns = em_now_ns() + (uint64_t)(fmax(cfg->wait_start_s, 0) * 1e9);
    em_ffmpeg_cfg ffmpeg = ffmpeg_cfg(c);
    em_status status;

    ffmpeg.deadline_ns = cfg->deadline_ns;
    while ((status = em_ffmpeg_open(&u->ffmpeg, &ffmpeg, err)) == EM_EDEVICE && cfg->wait_start_s != 0 && may_wait(cfg, until_ns))
        ;
    if (status)
        return is_stopped(cfg) ? em_fail(err, EM_ECANCELED, "stopped while waiting for %s", c->name) : status;
    u->is_paced = cfg->is_paced;
    plan->info.rate_hz = u->ffmpeg.rate_hz;
    plan->info.n_channels = u->ffmpeg.n_channels;
    plan->ring_frames = EM_FEED_RING;
    return EM_OK;
}

static int pull(void *ctx, float *dst, int max, em_err *err)
{
    url_source *u = ctx;
    const int n = em_ffmpeg_read(&u->ffmpeg, dst, max, err);

    return n < 0 ? EM_FEED_END : n;
}

/* ---- the row ---- */

static url_cfg *copy_cfg(const em_source_cfg *cfg)
{
    url_cfg *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->stall_s = cfg->stall_s > 0 ? cfg->stall_s : USUAL_STALL_S;
    c->stop = cfg->stop;
    em_url_name(c->name, sizeof c->name, cfg->name);
    if ((c->url = strdup(cfg->name)))
        return c;
    free_cfg(c);
    return NULL;
}

static void row_close(void *self)
{
    url_source *u = self;

    if (!u)
        return;
    em_keeper_close(u->keeper);
    em_ffmpeg_close(&u->ffmpeg);
    free(u);
}

static em_status row_open(void **out, em_source_plan *plan, const em_source_cfg *cfg, em_err *err)
{
    url_source *u = calloc(1, sizeof *u);
    url_cfg *c = copy_cfg(cfg);
    bool is_live = false;
    em_status status = em_ffmpeg_check(&is_live, cfg->name, err);

    *out = NULL;
    if (!status && (!u || !c))
        status = em_fail(err, EM_ENOMEM, "no memory for a source");
    if (status) {
        free_cfg(c);
        row_close(u);
        return status;
    }
    strcpy(plan->info.name, c->name);
    if (is_live || cfg->is_live) {
        status = open_live(u, plan, c, cfg, err);           /* which takes c over */
    } else {
        status = open_file(u, plan, c, cfg, err);
        free_cfg(c);
    }
    if (status)
        row_close(u);
    else
        *out = u;
    return status;
}

static em_status row_start(void *self, em_capture *capture, em_err *err)
{
    url_source *u = self;
    const em_feed_cfg cfg = { pull, u, u->ffmpeg.rate_hz, u->ffmpeg.n_channels, u->is_paced, false };

    return u->keeper ? em_keeper_start(u->keeper, capture, err) : em_feed_start(&u->feed, capture, &cfg, err);
}

static em_source_state row_watch(void *self, em_err *err)
{
    url_source *u = self;

    return u->keeper ? em_keeper_watch(u->keeper, err) : em_capture_state(u->feed.capture, err);
}

static void row_stop(void *self)
{
    url_source *u = self;

    if (u->keeper)
        em_keeper_stop(u->keeper);
    else
        em_feed_stop(&u->feed);
}

em_status em_source_is_url(bool *is_url, bool *is_live, const char *name, em_err *err)
{
    *is_live = false;
    *is_url = em_url_is(name);
    return *is_url ? em_ffmpeg_check(is_live, name, err) : EM_OK;
}

const em_source_ops em_source_url_ops = { row_open, row_start, row_watch, row_stop, row_close, NULL };
