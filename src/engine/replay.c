/* replay.c - records of a file through watchers to the outlet, in the order in which the engine tells them: see replay.h. */
#include "engine/replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LANES = 64, MOST_CELLS = 1 << 23 };     /* of one source: its channels; classes x slots of them all */

typedef struct lane { char name[EM_STORED_NAME]; em_watcher *watcher; } lane;

typedef struct replay {
    const em_replay_cfg *cfg;
    em_replay_result *result;
    lane lanes[MOST_LANES];         /* of the source that is heard now                  */
    int  n_lanes;
    bool is_live;                   /* it was a device: files do not come and go        */
    double before_s;                /* of sound in the sources before                   */
} replay;

static em_status output(replay *r, em_status status)
{
    r->result->output_failed |= status != EM_OK;
    return status;
}

static em_status find_lane(replay *r, lane **out, const char *name, em_err *err)
{
    const em_detector_cfg *d = &r->cfg->rules->detector;
    em_watcher_cfg cfg = { .rules = r->cfg->rules, .take = em_outlet_take, .ctx = r->cfg->outlet, .is_live = r->is_live };
    lane *l = r->lanes;

    while (l < r->lanes + r->n_lanes && strcmp(l->name, name) != 0)
        l++;
    *out = l;
    if (l < r->lanes + r->n_lanes)
        return EM_OK;
    if (r->n_lanes == MOST_LANES || (int64_t)(r->n_lanes + 1) * d->n_classes * d->n_slots > MOST_CELLS)
        return em_fail(err, EM_EFORMAT, "%.80s: channel %d of one source is more than --replay takes", name, r->n_lanes + 1);
    snprintf(l->name, sizeof l->name, "%s", name);
    cfg.source = l->name;
    r->n_lanes++;                                           /* now, so that it is freed */
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
    lane *l;
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

static void forget_lanes(replay *r)
{
    for (int i = 0; i < r->n_lanes; i++)
        em_watcher_free(r->lanes[i].watcher);
    r->n_lanes = 0;
}

static em_status end_events(replay *r, em_err *err)
{
    em_status status = EM_OK;

    for (int i = 0; i < r->n_lanes && !status; i++) {
        status = em_watcher_finish(r->lanes[i].watcher, err);
        r->result->has_met |= em_watcher_has_met(r->lanes[i].watcher);
    }
    return output(r, status);
}

static em_status hear_event(replay *r, const em_event *e, em_err *err)
{
    em_status status;

    if (e->type == EM_EVENT_SCORES)
        return hear_hop(r, e, err);
    r->is_live |= e->type == EM_EVENT_SOURCE;
    if (e->type == EM_EVENT_STOP) {
        if ((status = end_events(r, err)))
            return status;
        forget_lanes(r);
        r->is_live = false;
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

em_status em_replay_run(em_replay_result *out, const em_replay_cfg *cfg, em_err *err)
{
    replay r = { .cfg = cfg, .result = out };
    em_err why = { 0 };
    em_status status = EM_OK;
    bool has_one = true;
    em_event e;

    *out = (em_replay_result){ 0 };
    while (!status && has_one && !out->has_met && !(out->was_stopped = is_stopped(&r)))
        if (!(status = em_stored_next(cfg->stored, &e, &has_one, &why)) && has_one && (has_one = !is_timed_out(&r, &e)))
            status = hear_event(&r, &e, &why);
    /* What the file had is told to its end, however that came. */
    if (!out->output_failed && end_events(&r, &why))
        status = why.code;
    forget_lanes(&r);
    return status ? em_fail(err, status, "%s", why.msg) : EM_OK;
}
