/* ear_sound.c - from the ring to the scheduler: blocks, gaps, rates, the clock, how it ends. It stops wherever a hop is due, so that
 * those of several sources are scored together. See ear.h. */
#include "base/channel.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/ear.h"

#include <math.h>
#include <string.h>

/* newest_s: where in the stream the newest sound that was captured stands. It is older than now by the latency. */
static bool look_at_clock(em_ear *e, const em_source_counters *frames, double newest_s, double *drift_s)
{
    return em_anchor_look(&e->anchor, drift_s, em_wall_ms() - (int64_t)frames->n_latency * 1000 / e->rate_hz, newest_s);
}

static em_status begin_tape(const em_ear *e, em_err *err)
{
    em_status status = e->cfg->tape ? em_tape_begin(e->cfg->tape, e->cfg->i_reel, e->n_lanes, e->info.rate_hz, err) : EM_OK;

    for (int i = 0; e->cfg->tape && i < e->n_lanes && !status; i++)
        em_tape_name(e->cfg->tape, e->cfg->i_reel, i, e->names[i]);
    return status;
}

static em_status begin_sound(em_ear *e, em_err *err)
{
    em_scheduler_cfg cfg = {
        .session = e->cfg->session, .max_batch = e->cfg->max_batch, .n_lanes = e->n_lanes,
        .step_samples = e->cfg->step_samples, .rate_hz = e->info.rate_hz, .may_skip = e->info.is_live,
        .has_slots = e->cfg->has_slots || e->watchers, .has_latent = e->cfg->has_embeddings, .has_levels = e->watchers,
        .take = em_ear_take_scores, .ctx = e,
        .want = e->cfg->control || (e->cfg->may_rest && e->watchers && e->rules->has_gate) ? em_ear_wants_scores : NULL,
    };
    em_source_counters frames;
    em_status status = em_scheduler_new(&e->scheduler, &cfg, err);

    for (int i = 0; e->levels && i < e->n_lanes && !status; i++)
        status = em_loudness_new(&e->levels[i].loudness, e->info.rate_hz, err);
    if (status)
        return status;
    e->rate_hz = e->info.rate_hz;
    em_source_get_counters(e->source, &frames);
    if (e->info.is_live) {
        e->anchor.ms = -1;                          /* what is heard now is not of another time */
        look_at_clock(e, &frames, (double)frames.captured / e->rate_hz, NULL);
    }
    if ((status = begin_tape(e, err)))
        return status;
    return em_ear_begin_events(e, err);
}

/* The rate that holds for the frames just taken. */
static em_status follow_rate(em_ear *e, em_err *err)
{
    em_status status;

    em_source_get_info(e->source, &e->info);
    if (e->info.rate_hz == e->rate_hz || e->info.rate_hz == 0)
        return EM_OK;
    if (!e->scheduler)
        return begin_sound(e, err);
    em_log(EM_LOG_WARNING, "%s: came back with %d Hz instead of %d", e->name, e->info.rate_hz, e->rate_hz);
    e->rate_start_s = em_ear_seconds(e);
    e->n_rate_frames = 0;
    for (int i = 0; e->levels && i < e->n_lanes; i++)
        if ((status = em_loudness_set_rate(e->levels[i].loudness, e->info.rate_hz, err)))
            return status;
    if ((status = em_scheduler_set_rate(e->scheduler, e->info.rate_hz, err)) ||
        (e->cfg->tape && (status = em_tape_set_rate(e->cfg->tape, e->cfg->i_reel, e->info.rate_hz, e->rate_start_s, err))))
        return status;
    e->rate_hz = e->info.rate_hz;
    return EM_OK;
}

static void pick_channels(em_ear *e, size_t n)
{
    if (e->cfg->channel == 0)
        em_channel_mix(e->lanes[0], e->frames, n, e->info.n_channels);
    else
        for (int lane = 0; lane < e->n_lanes; lane++)
            em_channel_pick(e->lanes[lane], e->frames, n, e->info.n_channels,
                            e->cfg->channel > 0 ? e->cfg->channel - 1 : lane);
    for (int lane = 0; lane < e->n_lanes; lane++)
        if (e->is_paused[lane])
            memset(e->lanes[lane], 0, n * sizeof **e->lanes);
}

static uint64_t frames_behind(const em_ear *e)
{
    em_source_counters frames = { 0 };

    if (e->info.is_live)
        em_source_get_counters(e->source, &frames);
    return frames.waiting;
}

/* Frames until --duration is over. */
static uint64_t frames_left(const em_ear *e)
{
    double left;

    if (e->cfg->duration_s <= 0 || !e->rate_hz)
        return UINT64_MAX;
    left = ceil((e->cfg->duration_s - e->rate_start_s) * e->rate_hz - 1e-6) - (double)e->n_rate_frames;
    return left > 0 ? (uint64_t)left : 0;
}

/* What is to go to the listeners: n frames, of silence or of the lanes, with n_behind known to come behind them. */
static void hold(em_ear *e, em_ear_phase phase, uint64_t n, uint64_t n_behind)
{
    if (n > frames_left(e))
        n = frames_left(e);
    e->phase = phase;
    e->n_fed = 0;
    e->n_to_feed = n;
    e->n_behind = n_behind;
    e->n_rate_frames += n;
    if (e->cfg->tape)
        em_tape_push(e->cfg->tape, e->cfg->i_reel, phase == EM_EAR_GAP ? NULL : (const float *const *)e->lanes, n);
}

static em_status begin_gap(em_ear *e, em_err *err)
{
    em_status status;

    if (e->gap.n_frames == 0 || !e->scheduler) {
        hold(e, EM_EAR_GAP, 0, 0);
        return EM_OK;
    }
    if ((status = em_ear_tell_gap(e, &e->gap, err)))
        return status;
    hold(e, EM_EAR_GAP, e->gap.n_frames, e->n_taken + frames_behind(e));
    return EM_OK;
}

static em_status begin_block(em_ear *e, em_err *err)
{
    em_status status = e->n_taken > 0 && em_ear_is_there(e->state) ? em_ear_tell_state(e, e->state, err) : EM_OK;

    if (status)
        return status;
    pick_channels(e, e->n_taken);
    hold(e, EM_EAR_SOUND, e->n_taken, frames_behind(e));
    return EM_OK;
}

/* Of a source that cannot wait: has it lost sound, do its clock and the wall clock still agree? */
static em_status look_at_source(em_ear *e, em_err *err)
{
    em_source_counters frames;
    em_event event;
    double drift_s;

    if (!e->info.is_live || !e->scheduler)
        return EM_OK;
    em_source_get_counters(e->source, &frames);
    em_ear_tell_xruns(e, &frames);
    if (!look_at_clock(e, &frames, em_ear_seconds(e) + (double)frames.waiting / e->rate_hz, &drift_s))
        return EM_OK;
    em_log(EM_LOG_INFO, "%s: the wall clock is %+.3f s off the sound's: times of day are counted anew", e->name, drift_s);
    event = em_ear_event(e, EM_EVENT_SYNC, e->name, em_ear_seconds(e));
    event.u.sync.drift_s = drift_s;
    return em_ear_emit(e, &event, err);
}

static bool is_stopped(const em_ear *e)
{
    return e->cfg->stop && atomic_load(e->cfg->stop);
}

bool em_ear_is_overdue(const em_ear *e)
{
    return e->cfg->deadline_ns && em_now_ns() >= e->cfg->deadline_ns;
}

/* The block is done. */
static em_status end_block(em_ear *e, em_err *err)
{
    em_status status;

    if (e->scheduler)
        em_ear_tell_warnings(e);
    e->phase = EM_EAR_LISTENS;
    status = em_ear_is_there(e->state) ? look_at_source(e, err) : EM_OK;
    em_ear_tell_progress(e);
    return status;
}

/* A signal ends at once; the end of the sound has a last window. */
static void end_sound(em_ear *e)
{
    e->phase = e->scheduler && !e->was_stopped ? EM_EAR_ENDS : EM_EAR_IS_OVER;
    if (e->phase == EM_EAR_ENDS)
        em_scheduler_end(e->scheduler);
}

/* What waits, up to a block. */
static em_status take_block(em_ear *e, em_err *err)
{
    const uint64_t left = frames_left(e);
    em_err why = { 0 };
    em_status status;

    if ((e->was_stopped = is_stopped(e)) || left == 0 || em_ear_is_overdue(e)) {
        end_sound(e);
        return EM_OK;
    }
    e->state = em_source_watch(e->source, &why);
    if (e->info.rate_hz == 0)
        em_source_get_info(e->source, &e->info);
    e->gap = (em_gap){ 0 };
    e->n_taken = em_source_take(e->source, e->frames, left < EM_EAR_BLOCK ? (size_t)left : EM_EAR_BLOCK, &e->gap);
    if (e->n_taken == 0 && !em_ear_is_there(e->state) && (status = em_ear_tell_state(e, e->state, err)))
        return status;
    if (e->n_taken > 0 || e->gap.n_frames > 0) {
        e->phase = EM_EAR_TAKEN;
        return EM_OK;
    }
    status = em_ear_is_there(e->state) ? look_at_source(e, err) : EM_OK;
    em_ear_tell_progress(e);
    if (e->state == EM_SOURCE_FAILED || e->state == EM_SOURCE_ENDED) {
        e->broken = why;
        end_sound(e);
    }
    return status;
}

/* What is held goes to the listeners, up to the next hop. */
static bool feed(em_ear *e)
{
    const float *const *lanes = e->phase == EM_EAR_GAP ? NULL : (const float *const *)e->lanes;
    const size_t before = e->n_fed;

    if (e->n_fed < e->n_to_feed)
        em_scheduler_feed(e->scheduler, lanes, e->n_to_feed, &e->n_fed, e->n_behind);
    for (int i = 0; e->levels && lanes && i < e->n_lanes; i++)
        em_loudness_push(e->levels[i].loudness, lanes[i] + before, e->n_fed - before);
    return e->n_fed == e->n_to_feed;
}

static bool is_due(const em_ear *e)
{
    return e->scheduler && em_scheduler_is_due(e->scheduler);
}

/* Nothing is due: one thing after the other. */
static em_status go_on(em_ear *e, em_err *err)
{
    em_status status;

    switch (e->phase) {
    case EM_EAR_LISTENS:
        return take_block(e, err);
    case EM_EAR_TAKEN:
        /* A new rate may make a hop due, which comes before what is told of the gap. */
        if ((status = follow_rate(e, err)) || is_due(e))
            return status;
        return begin_gap(e, err);
    case EM_EAR_GAP:
        return feed(e) && !is_due(e) ? begin_block(e, err) : EM_OK;
    case EM_EAR_SOUND:
        return feed(e) && !is_due(e) ? end_block(e, err) : EM_OK;
    case EM_EAR_ENDS:
        e->phase = EM_EAR_IS_OVER;
        return EM_OK;
    case EM_EAR_IS_OVER:
        return EM_OK;
    }
    return EM_OK;
}

em_status em_ear_step(em_ear *e, bool *has_done, em_err *err)
{
    em_status status = EM_OK;

    while (!status && !is_due(e) && e->phase != EM_EAR_IS_OVER) {
        const bool listened = e->phase == EM_EAR_LISTENS;

        status = go_on(e, err);
        if (e->phase == EM_EAR_LISTENS) {               /* the block is done, or there was none */
            *has_done |= !listened;
            return status;
        }
    }
    *has_done = true;
    return status;
}
