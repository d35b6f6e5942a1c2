/* ear_control.c - commands of the queue, between hops: what each does to one source. See ear.h. */
#include "base/log.h"
#include "engine/ear.h"
#include "listener/event_id.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RUN_CHARS = EM_EAR_NAME_CHARS + 24 };

static bool is_meant(const em_ear *e, int lane, const em_control_command *c)
{
    return !*c->source || strcmp(c->source, e->name) == 0 || strcmp(c->source, e->names[lane]) == 0;
}

static bool is_any_meant(const em_ear *e, const em_control_command *c)
{
    bool is_one = false;

    for (int lane = 0; lane < e->n_lanes; lane++)
        is_one |= is_meant(e, lane, c);
    return is_one;
}

/* The first for everybody, all with -v: commands may come by the hundred. */
static void warn(em_ear *e, const char *what, const char *why)
{
    em_log(e->has_warned ? EM_LOG_DEBUG : EM_LOG_WARNING, "%s: %.100s: %s", e->name, what, why);
    e->has_warned = true;
}

/* ---- listening ---- */

static em_status tell_listening(em_ear *e, int lane, em_err *err)
{
    em_event event = em_ear_event(e, EM_EVENT_LISTENING, e->names[lane], em_ear_seconds(e));

    event.u.listening.is_on = !e->is_paused[lane];
    return em_ear_emit(e, &event, err);
}

/* What comes while it does not listen is taken and counted, and silence for everybody: the stream goes on. */
static em_status listen(em_ear *e, const em_control_command *c, em_err *err)
{
    em_status status = EM_OK;

    for (int lane = 0; lane < e->n_lanes && !status; lane++) {
        const bool is_paused = c->sw == EM_SWITCH_OTHER ? !e->is_paused[lane] : c->sw == EM_SWITCH_OFF;

        if (!is_meant(e, lane, c) || is_paused == e->is_paused[lane])
            continue;
        e->is_paused[lane] = is_paused;
        em_log(EM_LOG_DEBUG, "%s: %s", e->names[lane], is_paused ? "paused" : "listens again");
        status = tell_listening(e, lane, err);
    }
    return status;
}

/* ---- marks ---- */

/* Where the newest sound stands: it may wait in the ring still. */
static double now_s(const em_ear *e)
{
    em_source_counters frames = { 0 };

    if (e->info.is_live)
        em_source_get_counters(e->source, &frames);
    return em_ear_seconds(e) + (e->rate_hz ? (double)frames.waiting / e->rate_hz : 0);
}

static em_status mark_as(em_ear *e, const char *source, const em_control_command *c, em_err *err)
{
    em_event event = em_ear_event(e, EM_EVENT_MARK, source, now_s(e));
    char run[RUN_CHARS];

    /* As ids of events: of a device's runs no two are alike. */
    snprintf(run, sizeof run, e->info.is_live ? "%s@%" PRId64 : "%s", source, e->anchor.ms);
    em_event_id(event.u.mark.id, run, "mark", c->text, llround(event.time * 1e3), 1000);
    snprintf(event.u.mark.text, sizeof event.u.mark.text, "%s", c->text);
    event.u.mark.has_clip = c->type == EM_CONTROL_CLIP;
    return em_ear_emit(e, &event, err);
}

/* A mark is of the source; a clip is of each channel that is heard. */
static em_status mark(em_ear *e, const em_control_command *c, em_err *err)
{
    em_status status = EM_OK;

    if (c->type == EM_CONTROL_CLIP && !e->cfg->tape) {
        warn(e, "a clip is asked for", "--clip-dir names no folder for it");
        return EM_OK;
    }
    if (c->type == EM_CONTROL_CLIP && e->cfg->privacy) {
        warn(e, "a clip is asked for", "--private keeps none of what nobody has looked at");
        return EM_OK;
    }
    if (c->type == EM_CONTROL_MARK)
        return is_any_meant(e, c) ? mark_as(e, e->name, c, err) : EM_OK;
    for (int lane = 0; lane < e->n_lanes && !status; lane++)
        if (is_meant(e, lane, c))
            status = mark_as(e, e->names[lane], c, err);
    return status;
}

/* ---- rules ---- */

static void set_threshold(em_ear *e, const em_control_command *c)
{
    bool is_known = false;

    for (int lane = 0; e->watchers && e->scheduler && lane < e->n_lanes; lane++)
        if (is_meant(e, lane, c))
            is_known |= em_watcher_set_threshold(e->watchers[lane], c->i_class, c->text, c->threshold);
    if (!is_known && is_any_meant(e, c))
        warn(e, c->text, e->scheduler ? "a threshold is set, and no events of that name are told" : "a threshold is set before there is sound");
}

void em_ear_use_rules(em_ear *e, const em_watch_rules *rules)
{
    em_watch_rules *own = e->rules == &e->own_rules[0] ? &e->own_rules[1] : &e->own_rules[0];

    e->rules = rules;
    if (!rules || !e->cfg->has_own_gate)
        return;
    *own = *rules;
    own->has_gate = e->cfg->own_gate_dbfs < 0;
    own->gate_dbfs = e->cfg->own_gate_dbfs;
    e->rules = own;
}

/* With new rules may come sinks, which do not know who is paused. */
static em_status set_rules(em_ear *e, const em_watch_rules *rules, em_err *err)
{
    em_status status = EM_OK;

    em_ear_use_rules(e, rules);
    for (int lane = 0; e->watchers && e->scheduler && lane < e->n_lanes && !status; lane++)
        status = em_watcher_change(&e->watchers[lane], e->rules, err);
    if (status)
        e->stage = EM_STAGE_OUTPUT;
    for (int lane = 0; lane < e->n_lanes && !status; lane++)
        status = e->is_paused[lane] ? tell_listening(e, lane, err) : EM_OK;
    return status;
}

/* ---- all of them ---- */

em_status em_ear_obey(em_ear *e, const em_control_command *c, em_err *err)
{
    switch (c->type) {
    case EM_CONTROL_LISTEN:
        return listen(e, c, err);
    case EM_CONTROL_MARK:
    case EM_CONTROL_CLIP:
        return mark(e, c, err);
    case EM_CONTROL_THRESHOLD:
        set_threshold(e, c);
        return EM_OK;
    case EM_CONTROL_RULES:
        return set_rules(e, c->rules, err);
    case EM_CONTROL_RELOAD:
    case EM_CONTROL_QUIT:
        return EM_OK;
    }
    return EM_OK;
}
