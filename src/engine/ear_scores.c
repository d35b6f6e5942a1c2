/* ear_scores.c - what becomes of a scored hop: a record, a part of its lane's summary, a step of its lane's detector. See ear.h. */
#include "engine/ear.h"

#include <math.h>

em_status em_ear_begin_events(em_ear *e, em_err *err)
{
    em_status status = EM_OK;

    for (int i = 0; e->watchers && i < e->n_lanes && !status; i++) {
        const em_watcher_cfg cfg = { .rules = e->rules, .take = em_ear_take_event, .ctx = e, .source = e->names[i],
                                     .is_live = e->info.is_live };

        status = em_watcher_new(&e->watchers[i], &cfg, err);
    }
    return status;
}

/* The hop's part in the events of its lane. EM_ECANCELED with has_met: it is the last one, however the stream is cut. */
static em_status watch(em_ear *e, const em_scores_row *row, em_err *err)
{
    const em_watched hop = {
        .hop = { .end_sample = row->hop->end_sample, .filled = row->hop->filled, .scores = row->scores, .slots = row->slots,
                 .levels = row->hop->levels, .n_levels = row->hop->n_levels, .first_level = row->hop->first_level },
        .dbfs = row->hop->rms_dbfs, .anchor_ms = e->anchor.ms,
    };
    em_status status = e->watchers ? em_watcher_hop(e->watchers[row->lane], &hop, err) : EM_OK;

    if (status)
        e->stage = EM_STAGE_OUTPUT;
    if (status || !e->watchers || !em_watcher_has_met(e->watchers[row->lane]))
        return status;
    e->has_met = true;
    e->met_s = row->hop->time_s;
    return EM_ECANCELED;
}

/* What someone who watches the run wants to know of it. */
static em_vitals vitals_of(const em_ear *e)
{
    em_source_counters frames;
    em_scheduler_counters hops;
    em_vitals v = { .step_s = (double)e->cfg->step_samples / em_session_config(e->cfg->session)->sample_rate };

    em_source_get_counters(e->source, &frames);
    em_scheduler_get_counters(e->scheduler, &hops);
    em_outlet_get_vitals(e->cfg->outlet, &v);
    v.captured = frames.captured;
    v.taken = frames.taken;
    v.dropped = frames.dropped;
    v.waiting = frames.waiting;
    v.ring_fill = frames.room ? (double)frames.waiting / (double)frames.room : 0;
    v.skipped_hops = hops.n_skipped;
    v.mel_s = hops.mel_s;
    v.backbone_s = hops.backbone_s;
    v.head_s = hops.head_s;
    return v;
}

/* Whether the hop's newest sound can be of no event: below the gate, or not listened to. A pause begins inside a hop. */
static bool is_idle(const em_ear *e, int lane, const em_hop *hop)
{
    if (e->is_paused[lane] && hop->rms_dbfs == -INFINITY)
        return true;
    return e->watchers && em_watch_is_quiet(e->rules, hop->rms_dbfs);
}

static em_status tell_level(em_ear *e, const em_scores_row *row, em_err *err)
{
    em_event event = em_ear_event(e, EM_EVENT_LEVEL, e->names[row->lane], row->hop->time_s);

    if (!e->levels || !em_level_hop(&e->levels[row->lane], row->hop->time_s, row->hop->rms_dbfs, &event))
        return EM_OK;
    return em_ear_emit(e, &event, err);
}

em_status em_ear_take_scores(void *ear, const em_scores_row *row, em_err *err)
{
    em_ear *e = ear;
    em_event event;
    em_vitals vitals;
    em_status status;

    if (e->summaries) {
        em_summary_add(&e->summaries[row->lane], row->scores, row->hop->time_s);
        return EM_OK;
    }
    event = em_ear_event(e, EM_EVENT_SCORES, e->names[row->lane], row->hop->time_s);
    event.u.scores.filled = row->hop->filled;
    event.u.scores.rms_dbfs = row->hop->rms_dbfs;
    event.u.scores.is_gated = is_idle(e, row->lane, row->hop);
    event.u.scores.peak_dbfs = row->hop->peak_dbfs;
    event.u.scores.scores = row->scores;
    event.u.scores.slots = e->cfg->has_slots ? row->slots : NULL;
    event.u.scores.n_slots = e->cfg->has_slots ? em_config_slots(em_session_config(e->cfg->session)) : 0;
    event.u.scores.levels = row->hop->levels;
    event.u.scores.n_levels = row->hop->n_levels;
    event.u.scores.first_level = row->hop->first_level;
    event.u.scores.embedding = row->latent;
    event.u.scores.n_embedding = row->latent ? em_session_config(e->cfg->session)->dims[EM_STAGES - 1] : 0;
    if (e->cfg->has_vitals) {
        vitals = vitals_of(e);
        event.u.scores.vitals = &vitals;
    }
    if (e->columns)
        em_columns_take(&e->columns[row->lane], row->hop, &event);
    if ((status = em_ear_judge_hop(e, row, err)) || (status = em_ear_emit(e, &event, err)) || (status = tell_level(e, row, err)))
        return status;
    return watch(e, row, err);
}

/* Whether the window holds anything that has to be looked at. */
bool em_ear_wants_scores(void *ear, int lane, const em_hop *hop)
{
    em_ear *e = ear;

    if (!is_idle(e, lane, hop) || (!e->is_paused[lane] && !e->cfg->may_rest))
        e->loud_ends[lane] = hop->end_sample;
    return hop->end_sample - em_config_window_samples(em_session_config(e->cfg->session)) < e->loud_ends[lane];
}

em_status em_ear_end_events(em_ear *e, em_err *err)
{
    em_status status = EM_OK;

    for (int i = 0; e->watchers && i < e->n_lanes && e->watchers[i] && !status; i++) {
        status = em_watcher_finish(e->watchers[i], err);
        if (em_watcher_has_met(e->watchers[i]) && !e->has_met) {        /* in the last moment */
            e->has_met = true;
            e->met_s = em_ear_seconds(e);
        }
    }
    if (status)
        e->stage = EM_STAGE_OUTPUT;
    return status;
}
