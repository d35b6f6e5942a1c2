/* replay.c - records of a file through watchers to the outlet, in the order in which the engine tells them: see replay.h. */
#include "engine/replay.h"

#include "base/lane.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LANES = 64, MOST_CELLS = 1 << 23 };     /* of one source: its channels; classes x slots of them all */

typedef struct lane { char name[EM_STORED_NAME]; em_watcher *watcher; } lane;      /* watcher NULL: its place is free */

typedef struct replay {
    const em_replay_cfg *cfg;
    em_replay_result *result;
    lane lanes[MOST_LANES];         /* of the sources that are heard now                */
    int  n_lanes;                   /* places, and those in use                         */
    int  n_used;
    char live[MOST_LANES][EM_STORED_NAME];      /* sources that were devices: files do not come and go */
    int  n_live;
    double before_s;                /* of sound in the sources before                   */
} replay;

static em_status output(replay *r, em_status status)
{
    r->result->output_failed |= status != EM_OK;
    return status;
}

static bool is_live(const replay *r, const char *name)
{
    for (int i = 0; i < r->n_live; i++)
        if (em_lane_is_of(name, r->live[i]))
            return true;
    return false;
}

static void note_live(replay *r, const char *source)
{
    if (!is_live(r, source) && r->n_live < MOST_LANES)
        snprintf(r->live[r->n_live++], EM_STORED_NAME, "%s", source);
}

static void forget_live(replay *r, const char *source)
{
    for (int i = r->n_live - 1; i >= 0; i--)
        if (strcmp(r->live[i], source) == 0)
            memmove(r->live[i], r->live[--r->n_live], EM_STORED_NAME);
}

static em_status find_lane(replay *r, lane **out, const char *name, em_err *err)
{
    const em_detector_cfg *d = &r->cfg->rules->detector;
    em_watcher_cfg cfg = { .rules = r->cfg->rules, .take = em_outlet_take, .ctx = r->cfg->outlet, .is_live = is_live(r, name) };
    lane *l = NULL;

    *out = NULL;
    for (int i = 0; i < r->n_lanes; i++) {
        if (r->lanes[i].watcher && strcmp(r->lanes[i].name, name) == 0) {
            *out = &r->lanes[i];
            return EM_OK;
        }
        l = r->lanes[i].watcher ? l : &r->lanes[i];
    }
    if ((!l && r->n_lanes == MOST_LANES) || (int64_t)(r->n_used + 1) * d->n_classes * d->n_slots > MOST_CELLS)
        return em_fail(err, EM_EFORMAT, "%.80s: channel %d of what is heard at once is more than --replay takes", name, r->n_used + 1);
    if (!l)
        l = &r->lanes[r->n_lanes++];
    *out = l;
    snprintf(l->name, sizeof l->name, "%s", name);          /* which its watcher borrows */
    cfg.source = l->name;
    r->n_used++;
    return em_watcher_new(&l->watcher, &cfg, err);
}

static em_status hear_hop(replay *r, const em_event *e, em_err *err)
{
    const int64_t anchor_ms = e->utc_ms < 0 ? -1 : e->utc_ms - llround(e->time * 1e3);
    const em_watched hop = {
        .hop = { .end_sample = llround(e->time * r->cfg->rules->detector.rate_hz), .filled = e->u.scores.filled,
                 .scores = e->u.scores.scores, .slots = e->u.scores.slots, .levels = e->u.scores.levels,
                 .n_levels = e->u.scores.n_levels, .first_level = e->u.scores.first_level },
        .dbfs = e->u.scores.rms_dbfs, .anchor_ms = anchor_ms,
    };
    em_event told = *e;
    lane *l = NULL;
    em_status status = find_lane(r, &l, e->source, err);

    if (status)
        return status;
    told.u.scores.is_gated = em_watch_is_quiet(r->cfg->rules, e->u.scores.rms_dbfs);
    if (!r->cfg->has_slots) {
        told.u.scores.slots = NULL;
        told.u.scores.n_slots = 0;
    }
    if (!(status = em_outlet_put(r->cfg->outlet, &told, err)))
        status = em_watcher_hop(l->watcher, &hop, err);
    r->result->has_met |= em_watcher_has_met(l->watcher);
    return output(r, status);
}

/* Of one source; NULL: of all. */
static bool is_meant(const lane *l, const char *source)
{
    return l->watcher && (!source || em_lane_is_of(l->name, source));
}

static void forget_lanes(replay *r, const char *source)
{
    for (int i = 0; i < r->n_lanes; i++) {
        if (!is_meant(&r->lanes[i], source))
            continue;
        em_watcher_free(r->lanes[i].watcher);
        r->lanes[i].watcher = NULL;
        r->n_used--;
    }
}

static em_status end_events(replay *r, const char *source, em_err *err)
{
    em_status status = EM_OK;

    for (int i = 0; i < r->n_lanes && !status; i++) {
        if (!is_meant(&r->lanes[i], source))
            continue;
        status = em_watcher_finish(r->lanes[i].watcher, err);
        r->result->has_met |= em_watcher_has_met(r->lanes[i].watcher);
    }
    return output(r, status);
}

/* A device knew what time it was; a file is from when we are told. */
static void set_clock(const replay *r, em_event *e)
{
    if (r->cfg->start_ms >= 0 && !is_live(r, e->source))
        e->utc_ms = r->cfg->start_ms + llround(e->time * 1e3);
}

static em_status hear_event(replay *r, em_event *e, em_err *err)
{
    em_status status;

    if (e->type == EM_EVENT_SOURCE)
        note_live(r, e->source);
    set_clock(r, e);
    if (e->type == EM_EVENT_SCORES)
        return hear_hop(r, e, err);
    if (e->type == EM_EVENT_STOP) {
        if ((status = end_events(r, e->source, err)))
            return status;
        forget_lanes(r, e->source);
        forget_live(r, e->source);
        r->before_s += e->time;
    }
    return output(r, em_outlet_put(r->cfg->outlet, e, err));
}

static bool is_stopped(const replay *r)
{
    return r->cfg->stop && atomic_load(r->cfg->stop);
}

static bool is_timed_out(const replay *r, const em_event *e)
{
    return r->cfg->timeout_s > 0 && e->type == EM_EVENT_SCORES && r->before_s + e->time > r->cfg->timeout_s + 1e-6;
}

/* first: the record behind it, which for a device says that it is there; NULL: there is none. */
static em_status tell_start(replay *r, const em_event *first, em_err *err)
{
    em_event e = em_stored_head_of(r->cfg->stored)->start;

    if (r->cfg->start_ms >= 0 && !(first && first->type == EM_EVENT_SOURCE))
        e.utc_ms = r->cfg->start_ms;
    return output(r, em_outlet_put(r->cfg->outlet, &e, err));
}

em_status em_replay_run(em_replay_result *out, const em_replay_cfg *cfg, em_err *err)
{
    replay r = { .cfg = cfg, .result = out };
    em_err why = { 0 }, later = { 0 };
    em_status status, told;
    bool has_one = true;
    em_event e;

    *out = (em_replay_result){ 0 };
    status = em_stored_next(cfg->stored, &e, &has_one, &why);
    if ((told = tell_start(&r, !status && has_one ? &e : NULL, &later))) {
        status = told;
        why = later;
    }
    while (!status && has_one && !out->has_met && !(out->was_stopped = is_stopped(&r)) && !is_timed_out(&r, &e))
        if (!(status = hear_event(&r, &e, &why)))
            status = em_stored_next(cfg->stored, &e, &has_one, &why);
    /* What the file had is told to its end, however that came. */
    if (!out->output_failed && end_events(&r, NULL, &why))
        status = why.code;
    forget_lanes(&r, NULL);
    return status ? em_fail(err, status, "%s", why.msg) : EM_OK;
}
