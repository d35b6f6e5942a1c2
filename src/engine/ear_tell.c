/* ear_tell.c - what a run says of its source: records to the outlet, warnings to the log. See ear.h. */
#include "base/clock.h"
#include "base/log.h"
#include "engine/ear.h"
#include "listener/stats.h"

#include <math.h>

enum {
    GAP_LOG_SECONDS = 10,           /* of stream between two messages about gaps */
    PROGRESS_MS = 100,
};

double em_ear_seconds(const em_ear *e)
{
    return e->rate_hz ? e->rate_start_s + (double)e->n_rate_frames / e->rate_hz : 0;
}

em_event em_ear_event(const em_ear *e, em_event_type type, const char *source, double time)
{
    return (em_event){ .type = type, .source = source, .time = time, .is_each = e->cfg->channel < 0,
                       .utc_ms = e->anchor.ms < 0 ? -1 : e->anchor.ms + llround(time * 1e3) };
}

em_status em_ear_emit(em_ear *e, const em_event *event, em_err *err)
{
    em_status status = em_outlet_put(e->cfg->outlet, event, err);

    if (status)
        e->stage = EM_STAGE_OUTPUT;
    return status;
}

bool em_ear_is_there(em_source_state state)
{
    return state == EM_SOURCE_UP || state == EM_SOURCE_ENDED;
}

/* Devices come and go; a record says so, at the place in the stream where it was: down behind the last sound, up behind
 * the gap. One that is there (its rate is known) may need a moment to its first frame. */
em_status em_ear_tell_state(em_ear *e, em_source_state state, em_err *err)
{
    bool is_up = em_ear_is_there(state);
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
    event = em_ear_event(e, EM_EVENT_SOURCE, e->name, em_ear_seconds(e));
    event.u.source_state.is_up = is_up;
    return em_ear_emit(e, &event, err);
}

em_status em_ear_tell_gap(em_ear *e, const em_gap *gap, em_err *err)
{
    static const char *const reasons[] = { [EM_GAP_OVERRUN] = "overrun", [EM_GAP_XRUN] = "xrun", [EM_GAP_DEVICE] = "device" };
    em_event event = em_ear_event(e, EM_EVENT_GAP, e->name, em_ear_seconds(e));

    event.u.gap.n_frames = gap->n_frames;
    event.u.gap.reason = reasons[gap->reason];
    e->n_gap_frames += gap->n_frames;
    if (event.time >= e->next_gap_log_s) {
        em_log(EM_LOG_WARNING, "%s: %llu frames lost (%s)", e->name, (unsigned long long)e->n_gap_frames,
               event.u.gap.reason);
        e->n_gap_frames = 0;
        e->next_gap_log_s = event.time + GAP_LOG_SECONDS;
    }
    return em_ear_emit(e, &event, err);
}

/* The first for everybody, all with -v. What they cost is told as a gap. */
void em_ear_tell_xruns(em_ear *e, const em_source_counters *frames)
{
    if (frames->n_xruns == e->n_xruns)
        return;
    em_log(e->n_xruns == 0 ? EM_LOG_WARNING : EM_LOG_INFO, "%s: %llu xruns so far: the machine was late%s", e->name,
           (unsigned long long)frames->n_xruns, e->n_xruns == 0 ? "; the sound lost in them is counted (-v tells each)" : "");
    e->n_xruns = frames->n_xruns;
}

void em_ear_tell_warnings(em_ear *e)
{
    for (int lane = 0; lane < e->n_lanes; lane++) {
        unsigned w = em_scheduler_warnings(e->scheduler, lane);

        if (w & EM_WARN_SILENCE && !e->is_paused[lane])
            em_log(EM_LOG_WARNING, "%s: nothing but digital silence for %d s: muted or not connected?", e->names[lane],
                   EM_SILENCE_SECONDS);
        if (w & EM_WARN_CLIPPING)
            em_log(EM_LOG_WARNING, "%s: clips steadily: turn the input level down", e->names[lane]);
    }
}

void em_ear_tell_progress(em_ear *e)
{
    uint64_t now = em_now_ns();

    if (!e->cfg->progress || now < e->progress_ns)
        return;
    e->progress_ns = now + PROGRESS_MS * 1000000ull;
    e->cfg->progress(e->cfg->progress_ctx, e->name, em_ear_seconds(e),
                     e->info.n_frames >= 0 && e->rate_hz ? (double)e->info.n_frames / e->rate_hz : -1);
}

em_status em_ear_tell_end(em_ear *e, const em_engine_result *r, em_err *err)
{
    em_event event = em_ear_event(e, EM_EVENT_STOP, e->name, r->seconds);
    bool has_summary = e->summaries && e->scheduler && !(e->was_stopped && e->cfg->needs_end);
    em_status status;

    for (int i = 0; has_summary && i < e->n_lanes; i++) {
        em_event summary = em_ear_event(e, EM_EVENT_SUMMARY, e->names[i], r->seconds);

        em_summary_event(&e->summaries[i], &summary, r->seconds);
        if ((status = em_ear_emit(e, &summary, err)))
            return status;
    }
    event.u.stop.captured = r->frames.captured;
    event.u.stop.taken = r->frames.taken;
    event.u.stop.dropped = r->frames.dropped;
    event.u.stop.waiting = r->frames.waiting;
    event.u.stop.skipped_hops = r->skipped_hops;
    event.u.stop.resets = r->resets;
    status = em_ear_end_privacy(e, &event, err);
    return status ? status : em_ear_emit(e, &event, err);
}
