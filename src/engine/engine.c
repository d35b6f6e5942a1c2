/* engine.c - one source heard to its end: the loop between ring and scheduler, gaps, outages, the clock. See engine.h. */
#include "engine/engine.h"

#include "base/channel.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "engine/anchor.h"
#include "engine/columns.h"
#include "engine/scheduler.h"
#include "engine/summary.h"
#include "listener/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    POLL_MS = 5,
    BLOCK = 4096,                   /* frames taken at once                         */
    NAME_CHARS = 144,
    GAP_LOG_SECONDS = 10,           /* of stream between two messages about gaps    */
    PROGRESS_MS = 100,
};

typedef struct ear {                /* one run */
    const em_engine_cfg *cfg;
    em_source    *source;
    em_source_info info;            /* renewed with every block: no event may point into it */
    char          name[128];
    bool          has_state, is_up; /* what was told last                           */
    em_scheduler *scheduler;        /* NULL until sound flows: the rate is unknown  */
    int           rate_hz, n_lanes;
    float        *frames;           /* [BLOCK][n_channels]                          */
    float       **lanes;            /* [n_lanes][BLOCK]                             */
    char        (*names)[NAME_CHARS];
    em_summary   *summaries;        /* [n_lanes], NULL unless wanted                */
    int64_t      *loud_ends;        /* [n_lanes] end of the newest hop above the gate, sample */
    em_columns   *columns;          /* [n_lanes] likewise                           */
    em_watcher  **watchers;         /* [n_lanes] likewise; each NULL until sound flows */
    uint64_t      n_rate_frames;    /* of stream since the last change of rate      */
    double        rate_start_s;     /* when that was                                */
    em_anchor     anchor;           /* wall clock at time 0                         */
    double        next_gap_log_s;
    uint64_t      n_gap_frames;     /* since the last message about them            */
    uint64_t      n_xruns;          /* told so far                                  */
    uint64_t      progress_ns;
    em_engine_stage stage;
    em_err        broken;           /* damage that ended the input early            */
    bool          was_stopped;      /* before its end                               */
    bool          has_met;          /* whom events->awaited names                   */
    double        met_s;            /* at the hop that ends here                    */
} ear;

/* ---- events ---- */

static double stream_seconds(const ear *e)
{
    return e->rate_hz ? e->rate_start_s + (double)e->n_rate_frames / e->rate_hz : 0;
}

static em_event event_at(const ear *e, em_event_type type, const char *source, double time)
{
    return (em_event){ .type = type, .source = source, .time = time,
                       .utc_ms = e->anchor.ms < 0 ? -1 : e->anchor.ms + llround(time * 1e3) };
}

static em_status emit(ear *e, const em_event *event, em_err *err)
{
    em_status status = em_outlet_put(e->cfg->outlet, event, err);

    if (status)
        e->stage = EM_STAGE_OUTPUT;
    return status;
}

/* The hop's part in the events of its lane. EM_ECANCELED with has_met: it is the last one, however the stream is cut. */
static em_status watch(ear *e, const em_scores_row *row, em_err *err)
{
    const em_watched hop = {
        .hop = { row->hop->end_sample, row->hop->filled, row->scores, row->slots },
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

static em_status end_events(ear *e, em_err *err)
{
    em_status status = EM_OK;

    for (int i = 0; e->watchers && i < e->n_lanes && e->watchers[i] && !status; i++) {
        status = em_watcher_finish(e->watchers[i], err);
        if (em_watcher_has_met(e->watchers[i]) && !e->has_met) {        /* in the last moment */
            e->has_met = true;
            e->met_s = stream_seconds(e);
        }
    }
    if (status)
        e->stage = EM_STAGE_OUTPUT;
    return status;
}

/* What someone who watches the run wants to know of it. */
static em_vitals vitals_of(const ear *e)
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

static em_status take_scores(void *ctx, const em_scores_row *row, em_err *err)
{
    ear *e = ctx;
    em_event event;
    em_vitals vitals;
    em_status status;

    if (e->summaries) {
        em_summary_add(&e->summaries[row->lane], row->scores, row->hop->time_s);
        return EM_OK;
    }
    event = event_at(e, EM_EVENT_SCORES, e->names[row->lane], row->hop->time_s);
    event.u.scores.filled = row->hop->filled;
    event.u.scores.rms_dbfs = row->hop->rms_dbfs;
    event.u.scores.is_gated = e->watchers && em_watch_is_quiet(e->cfg->events, row->hop->rms_dbfs);
    event.u.scores.peak_dbfs = row->hop->peak_dbfs;
    event.u.scores.scores = row->scores;
    event.u.scores.slots = e->cfg->has_slots ? row->slots : NULL;
    event.u.scores.n_slots = e->cfg->has_slots ? em_config_slots(em_session_config(e->cfg->session)) : 0;
    event.u.scores.embedding = row->latent;
    event.u.scores.n_embedding = row->latent ? em_session_config(e->cfg->session)->dims[EM_STAGES - 1] : 0;
    if (e->columns) {
        vitals = vitals_of(e);
        event.u.scores.vitals = &vitals;
        em_columns_take(&e->columns[row->lane], row->hop, &event);
    }
    status = emit(e, &event, err);
    return status ? status : watch(e, row, err);
}

/* An em_scores_want: whether anything in the window is above the gate. */
static bool wants_scores(void *ctx, int lane, const em_hop *hop)
{
    ear *e = ctx;

    if (!em_watch_is_quiet(e->cfg->events, hop->rms_dbfs))
        e->loud_ends[lane] = hop->end_sample;
    return hop->end_sample - em_config_window_samples(em_session_config(e->cfg->session)) < e->loud_ends[lane];
}

static bool is_there(em_source_state state)
{
    return state == EM_SOURCE_UP || state == EM_SOURCE_ENDED;
}

/* Devices come and go; a record says so, at the place in the stream where it was: down behind the last sound, up behind
 * the gap. One that is there (its rate is known) may need a moment to its first frame. */
static em_status tell_state(ear *e, em_source_state state, em_err *err)
{
    bool is_up = is_there(state);
    bool is_first = !e->has_state;
    em_event event;

    if (!e->info.is_live || (e->has_state && is_up == e->is_up) || (is_first && state == EM_SOURCE_WAITING && e->info.rate_hz > 0))
        return EM_OK;
    e->is_up = is_up;
    e->has_state = true;
    if (!is_up)
        em_log(EM_LOG_WARNING, "%s: %s", e->name,
               is_first ? "not there yet, waiting for it" : "no sound comes any more, looking for it");
    else if (!is_first)
        em_log(EM_LOG_WARNING, "%s: sound comes", e->name);
    event = event_at(e, EM_EVENT_SOURCE, e->name, stream_seconds(e));
    event.u.source_state.is_up = is_up;
    return emit(e, &event, err);
}

static em_status tell_gap(ear *e, const em_gap *gap, em_err *err)
{
    static const char *const reasons[] = { [EM_GAP_OVERRUN] = "overrun", [EM_GAP_XRUN] = "xrun", [EM_GAP_DEVICE] = "device" };
    em_event event = event_at(e, EM_EVENT_GAP, e->name, stream_seconds(e));

    event.u.gap.n_frames = gap->n_frames;
    event.u.gap.reason = reasons[gap->reason];
    e->n_gap_frames += gap->n_frames;
    if (event.time >= e->next_gap_log_s) {
        em_log(EM_LOG_WARNING, "%s: %llu frames lost (%s)", e->name, (unsigned long long)e->n_gap_frames,
               event.u.gap.reason);
        e->n_gap_frames = 0;
        e->next_gap_log_s = event.time + GAP_LOG_SECONDS;
    }
    return emit(e, &event, err);
}

/* The first for everybody, all with -v. What they cost is told as a gap. */
static void tell_xruns(ear *e, const em_source_counters *frames)
{
    if (frames->n_xruns == e->n_xruns)
        return;
    em_log(e->n_xruns == 0 ? EM_LOG_WARNING : EM_LOG_INFO, "%s: %llu xruns so far: the machine was late%s", e->name,
           (unsigned long long)frames->n_xruns, e->n_xruns == 0 ? "; the sound lost in them is counted (-v tells each)" : "");
    e->n_xruns = frames->n_xruns;
}

static void tell_warnings(ear *e)
{
    for (int lane = 0; lane < e->n_lanes; lane++) {
        unsigned w = em_scheduler_warnings(e->scheduler, lane);

        if (w & EM_WARN_SILENCE)
            em_log(EM_LOG_WARNING, "%s: nothing but digital silence for %d s: muted or not connected?", e->names[lane],
                   EM_SILENCE_SECONDS);
        if (w & EM_WARN_CLIPPING)
            em_log(EM_LOG_WARNING, "%s: clips steadily: turn the input level down", e->names[lane]);
    }
}

static void tell_progress(ear *e)
{
    uint64_t now = em_now_ns();

    if (!e->cfg->progress || now < e->progress_ns)
        return;
    e->progress_ns = now + PROGRESS_MS * 1000000ull;
    e->cfg->progress(e->cfg->progress_ctx, e->name, stream_seconds(e),
                     e->info.n_frames >= 0 && e->rate_hz ? (double)e->info.n_frames / e->rate_hz : -1);
}

/* ---- sound ---- */

/* newest_s: where in the stream the newest sound that was captured stands. It is older than now by the latency. */
static bool look_at_clock(ear *e, const em_source_counters *frames, double newest_s, double *drift_s)
{
    return em_anchor_look(&e->anchor, drift_s, em_wall_ms() - (int64_t)frames->n_latency * 1000 / e->rate_hz, newest_s);
}

static em_status begin_events(ear *e, em_err *err)
{
    em_status status = EM_OK;

    for (int i = 0; e->watchers && i < e->n_lanes && !status; i++) {
        const em_watcher_cfg cfg = { .rules = e->cfg->events, .take = em_outlet_take, .ctx = e->cfg->outlet, .source = e->names[i],
                                     .is_live = e->info.is_live };

        status = em_watcher_new(&e->watchers[i], &cfg, err);
    }
    return status;
}

static em_status begin_tape(const ear *e, em_err *err)
{
    em_status status = e->cfg->tape ? em_tape_begin(e->cfg->tape, e->n_lanes, e->info.rate_hz, err) : EM_OK;

    for (int i = 0; e->cfg->tape && i < e->n_lanes && !status; i++)
        em_tape_name(e->cfg->tape, i, e->names[i]);
    return status;
}

static em_status begin_sound(ear *e, em_err *err)
{
    em_scheduler_cfg cfg = {
        .session = e->cfg->session, .max_batch = e->cfg->max_batch, .n_lanes = e->n_lanes,
        .step_samples = e->cfg->step_samples, .rate_hz = e->info.rate_hz, .may_skip = e->info.is_live,
        .has_slots = e->cfg->has_slots || e->watchers, .has_latent = e->cfg->has_embeddings, .take = take_scores, .ctx = e,
        .want = e->cfg->may_rest && e->watchers && e->cfg->events->has_gate ? wants_scores : NULL,
    };
    em_source_counters frames;
    em_status status = em_scheduler_new(&e->scheduler, &cfg, err);

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
    return begin_events(e, err);
}

/* The rate that holds for the frames just taken. */
static em_status follow_rate(ear *e, em_err *err)
{
    em_status status;

    em_source_get_info(e->source, &e->info);
    if (e->info.rate_hz == e->rate_hz || e->info.rate_hz == 0)
        return EM_OK;
    if (!e->scheduler)
        return begin_sound(e, err);
    em_log(EM_LOG_WARNING, "%s: came back with %d Hz instead of %d", e->name, e->info.rate_hz, e->rate_hz);
    e->rate_start_s = stream_seconds(e);
    e->n_rate_frames = 0;
    if ((status = em_scheduler_set_rate(e->scheduler, e->info.rate_hz, err)) ||
        (e->cfg->tape && (status = em_tape_set_rate(e->cfg->tape, e->info.rate_hz, e->rate_start_s, err))))
        return status;
    e->rate_hz = e->info.rate_hz;
    return EM_OK;
}

static void pick_channels(ear *e, size_t n)
{
    if (e->cfg->channel == 0)
        em_channel_mix(e->lanes[0], e->frames, n, e->info.n_channels);
    else
        for (int lane = 0; lane < e->n_lanes; lane++)
            em_channel_pick(e->lanes[lane], e->frames, n, e->info.n_channels,
                            e->cfg->channel > 0 ? e->cfg->channel - 1 : lane);
}

static uint64_t frames_behind(const ear *e)
{
    em_source_counters frames = { 0 };

    if (e->info.is_live)
        em_source_get_counters(e->source, &frames);
    return frames.waiting;
}

/* Frames until --duration is over. */
static uint64_t frames_left(const ear *e)
{
    double left;

    if (e->cfg->duration_s <= 0 || !e->rate_hz)
        return UINT64_MAX;
    left = ceil((e->cfg->duration_s - e->rate_start_s) * e->rate_hz - 1e-6) - (double)e->n_rate_frames;
    return left > 0 ? (uint64_t)left : 0;
}

static em_status push(ear *e, const float *const *lanes, uint64_t n, uint64_t n_behind, em_err *err)
{
    em_status status;

    if (n > frames_left(e))
        n = frames_left(e);
    e->n_rate_frames += n;
    if (e->cfg->tape)
        em_tape_push(e->cfg->tape, lanes, n);
    status = em_scheduler_push(e->scheduler, lanes, n, n_behind, err);
    if (status && e->stage != EM_STAGE_OUTPUT)
        e->stage = EM_STAGE_MODEL;
    return status;
}

/* One round: what waits, up to a block. *n_taken 0: nothing waited. */
static em_status hear(ear *e, em_source_state state, size_t *n_taken, em_err *err)
{
    uint64_t left = frames_left(e);
    em_gap gap = { 0 };
    size_t n = em_source_take(e->source, e->frames, left < BLOCK ? (size_t)left : BLOCK, &gap);
    em_status status;

    *n_taken = n;
    if (n == 0 && !is_there(state) && (status = tell_state(e, state, err)))
        return status;
    if (n == 0 && gap.n_frames == 0)
        return EM_OK;
    if ((status = follow_rate(e, err)))
        return status;
    if (gap.n_frames > 0 && e->scheduler && ((status = tell_gap(e, &gap, err)) ||
                                             (status = push(e, NULL, gap.n_frames, n + frames_behind(e), err))))
        return status;
    if (n > 0 && is_there(state) && (status = tell_state(e, state, err)))
        return status;
    pick_channels(e, n);
    if ((status = push(e, (const float *const *)e->lanes, n, frames_behind(e), err)))
        return status;
    tell_warnings(e);
    return EM_OK;
}

/* Of a source that cannot wait: has it lost sound, do its clock and the wall clock still agree? */
static em_status look_at_source(ear *e, em_err *err)
{
    em_source_counters frames;
    em_event event;
    double drift_s;

    if (!e->info.is_live || !e->scheduler)
        return EM_OK;
    em_source_get_counters(e->source, &frames);
    tell_xruns(e, &frames);
    if (!look_at_clock(e, &frames, stream_seconds(e) + (double)frames.waiting / e->rate_hz, &drift_s))
        return EM_OK;
    em_log(EM_LOG_INFO, "%s: the wall clock is %+.3f s off the sound's: times of day are counted anew", e->name, drift_s);
    event = event_at(e, EM_EVENT_SYNC, e->name, stream_seconds(e));
    event.u.sync.drift_s = drift_s;
    return emit(e, &event, err);
}

static bool is_stopped(const ear *e)
{
    return e->cfg->stop && atomic_load(e->cfg->stop);
}

static bool is_overdue(const ear *e)
{
    return e->cfg->deadline_ns && em_now_ns() >= e->cfg->deadline_ns;
}

static em_status listen_to_end(ear *e, em_err *err)
{
    em_status status;

    while (!(e->was_stopped = is_stopped(e)) && frames_left(e) > 0 && !is_overdue(e)) {
        em_err why = { 0 };
        em_source_state state = em_source_watch(e->source, &why);
        size_t n;

        if (e->info.rate_hz == 0)
            em_source_get_info(e->source, &e->info);
        if ((status = hear(e, state, &n, err)) || (is_there(state) && (status = look_at_source(e, err))))
            return status;
        tell_progress(e);
        if (n > 0)
            continue;
        if (state == EM_SOURCE_FAILED || state == EM_SOURCE_ENDED) {
            if (why.code)
                e->broken = why;
            break;
        }
        em_sleep_ms(POLL_MS);
    }
    /* A signal ends at once; the end of the sound has a last window. */
    if (!e->scheduler || e->was_stopped)
        return EM_OK;
    status = em_scheduler_finish(e->scheduler, err);
    if (status && e->stage != EM_STAGE_OUTPUT)
        e->stage = EM_STAGE_MODEL;
    return status;
}

/* ---- a run ---- */

size_t em_engine_column_bytes(const em_session *session, int step_samples)
{
    const em_frontend_cfg frontend = em_scheduler_frontend(em_session_config(session));

    return (size_t)(step_samples / frontend.hop) * (size_t)frontend.n_mels;
}

/* One lane's part of the memory. */
static em_status prepare_lane(ear *e, int i, em_err *err)
{
    const em_config *model = em_session_config(e->cfg->session);
    const em_frontend_cfg frontend = em_scheduler_frontend(model);
    em_status status = EM_OK;

    e->loud_ends[i] = INT64_MIN / 2;
    if (!(e->lanes[i] = calloc(BLOCK, sizeof **e->lanes)))
        return em_fail(err, EM_ENOMEM, "no memory to listen to %s", e->name);
    if (e->cfg->channel < 0)
        snprintf(e->names[i], NAME_CHARS, "%s:%d", e->name, i + 1);
    else
        snprintf(e->names[i], NAME_CHARS, "%s", e->name);
    if (e->summaries)
        status = em_summary_init(&e->summaries[i], model->n_classes, err);
    if (e->columns && !status)
        status = em_columns_init(&e->columns[i], &frontend, em_config_window_samples(model), e->cfg->step_samples / frontend.hop, err);
    return status;
}

static em_status prepare(ear *e, em_err *err)
{
    int n_channels = e->info.n_channels;
    const bool has_events = e->cfg->events && !e->cfg->has_summary;
    em_status status;

    if (e->cfg->channel > n_channels)
        return em_fail(err, EM_EINVAL, "%s: --channel %d: there %s %d", e->name, e->cfg->channel,
                       n_channels == 1 ? "is only" : "are only", n_channels);
    e->n_lanes = e->cfg->channel < 0 ? n_channels : 1;
    e->frames = calloc((size_t)BLOCK * (size_t)n_channels, sizeof *e->frames);
    e->lanes = calloc((size_t)e->n_lanes, sizeof *e->lanes);
    e->names = calloc((size_t)e->n_lanes, sizeof *e->names);
    e->loud_ends = calloc((size_t)e->n_lanes, sizeof *e->loud_ends);
    e->summaries = e->cfg->has_summary ? calloc((size_t)e->n_lanes, sizeof *e->summaries) : NULL;
    e->watchers = has_events ? calloc((size_t)e->n_lanes, sizeof(em_watcher *)) : NULL;
    e->columns = e->cfg->has_vitals ? calloc((size_t)e->n_lanes, sizeof *e->columns) : NULL;
    if (!e->frames || !e->lanes || !e->names || !e->loud_ends || (e->cfg->has_vitals && !e->columns) ||
        (e->cfg->has_summary && !e->summaries) || (has_events && !e->watchers))
        return em_fail(err, EM_ENOMEM, "no memory to listen to %s", e->name);
    for (int i = 0; i < e->n_lanes; i++)
        if ((status = prepare_lane(e, i, err)))
            return status;
    return EM_OK;
}

static void clean_up(ear *e)
{
    em_scheduler_free(e->scheduler);
    for (int i = 0; i < e->n_lanes; i++) {
        if (e->lanes)
            free(e->lanes[i]);
        if (e->summaries)
            em_summary_deinit(&e->summaries[i]);
        if (e->columns)
            em_columns_deinit(&e->columns[i]);
        if (e->watchers)
            em_watcher_free(e->watchers[i]);
    }
    free(e->frames);
    free(e->lanes);
    free(e->names);
    free(e->loud_ends);
    free(e->summaries);
    free(e->columns);
    free(e->watchers);
}

static void count(const ear *e, em_engine_result *out)
{
    em_scheduler_counters hops = { 0 };

    em_source_get_counters(e->source, &out->frames);
    if (e->scheduler)
        em_scheduler_get_counters(e->scheduler, &hops);
    out->skipped_hops = hops.n_skipped;
    out->n_hops = hops.n_hops;
    out->resets = hops.n_resets + out->frames.n_bad_samples;
    out->seconds = e->has_met ? e->met_s : stream_seconds(e);
}

static em_status tell_end(ear *e, const em_engine_result *r, em_err *err)
{
    em_event event = event_at(e, EM_EVENT_STOP, e->name, r->seconds);
    bool has_summary = e->summaries && e->scheduler && !(e->was_stopped && e->cfg->needs_end);
    em_status status;

    for (int i = 0; has_summary && i < e->n_lanes; i++) {
        em_event summary = event_at(e, EM_EVENT_SUMMARY, e->names[i], r->seconds);

        em_summary_event(&e->summaries[i], &summary, r->seconds);
        if ((status = emit(e, &summary, err)))
            return status;
    }
    event.u.stop.captured = r->frames.captured;
    event.u.stop.taken = r->frames.taken;
    event.u.stop.dropped = r->frames.dropped;
    event.u.stop.waiting = r->frames.waiting;
    event.u.stop.skipped_hops = r->skipped_hops;
    event.u.stop.resets = r->resets;
    return emit(e, &event, err);
}

/* What went wrong with the input, if anything; told after the records. */
static em_status judge_input(const ear *e, const em_engine_result *r, em_err *err)
{
    if (e->broken.code)
        return em_fail(err, e->broken.code, "%s", e->broken.msg);
    if (!e->info.is_live && r->frames.captured == 0 && !e->was_stopped && !is_overdue(e))
        return em_fail(err, EM_EFORMAT, "%s: holds no samples", e->name);
    return EM_OK;
}

em_status em_engine_run(em_engine_result *out, const em_engine_cfg *cfg, em_source *source, em_err *err)
{
    ear e = { .cfg = cfg, .source = source, .anchor = { .ms = cfg->start_ms }, .stage = EM_STAGE_INPUT };
    em_status status;

    *out = (em_engine_result){ 0 };
    em_flush_denormals();
    em_source_get_info(source, &e.info);
    snprintf(e.name, sizeof e.name, "%s", cfg->name ? cfg->name : e.info.name);
    if ((status = prepare(&e, err)) || (status = em_source_start(source, err)))
        goto done;
    status = listen_to_end(&e, err);
    if (e.has_met)
        status = EM_OK;
    em_source_stop(source);
    count(&e, out);
    if (status == EM_OK)
        status = end_events(&e, err);
    if (status == EM_OK && (status = tell_end(&e, out, err)) == EM_OK)
        status = judge_input(&e, out, err);
done:
    out->failed_at = e.stage;
    out->was_stopped = e.was_stopped;
    out->has_met = e.has_met;
    clean_up(&e);
    return status;
}
