/* ear_life.c - how one source begins and ends: memory, start, stop, what came of it. See ear.h. */
#include "engine/ear.h"

#include <stdio.h>
#include <stdlib.h>

/* One lane's part of the memory. */
static em_status prepare_lane(em_ear *e, int i, em_err *err)
{
    const em_config *model = em_session_config(e->cfg->session);
    const em_frontend_cfg frontend = em_scheduler_frontend(model);
    em_status status = EM_OK;

    e->loud_ends[i] = INT64_MIN / 2;
    if (!(e->lanes[i] = calloc(EM_EAR_BLOCK, sizeof **e->lanes)))
        return em_fail(err, EM_ENOMEM, "no memory to listen to %s", e->name);
    if (e->cfg->channel < 0)
        snprintf(e->names[i], EM_EAR_NAME_CHARS, "%s:%d", e->name, i + 1);
    else
        snprintf(e->names[i], EM_EAR_NAME_CHARS, "%s", e->name);
    if (e->summaries)
        status = em_summary_init(&e->summaries[i], model->n_classes, err);
    if (e->columns && !status)
        status = em_columns_init(&e->columns[i], &frontend, em_config_window_samples(model), e->cfg->step_samples / frontend.hop, err);
    return status;
}

static em_status make_room(em_ear *e, em_err *err)
{
    int n_channels = e->info.n_channels;
    const bool has_events = e->cfg->events && !e->cfg->has_summary;
    em_status status;

    if (e->cfg->channel > n_channels)
        return em_fail(err, EM_EINVAL, "%s: --channel %d: there %s %d", e->name, e->cfg->channel,
                       n_channels == 1 ? "is only" : "are only", n_channels);
    e->n_lanes = e->cfg->channel < 0 ? n_channels : 1;
    e->frames = calloc((size_t)EM_EAR_BLOCK * (size_t)n_channels, sizeof *e->frames);
    e->lanes = calloc((size_t)e->n_lanes, sizeof *e->lanes);
    e->names = calloc((size_t)e->n_lanes, sizeof *e->names);
    e->loud_ends = calloc((size_t)e->n_lanes, sizeof *e->loud_ends);
    e->is_paused = calloc((size_t)e->n_lanes, sizeof *e->is_paused);
    e->summaries = e->cfg->has_summary ? calloc((size_t)e->n_lanes, sizeof *e->summaries) : NULL;
    e->watchers = has_events ? calloc((size_t)e->n_lanes, sizeof(em_watcher *)) : NULL;
    e->columns = e->cfg->has_columns ? calloc((size_t)e->n_lanes, sizeof *e->columns) : NULL;
    e->levels = e->cfg->has_level ? calloc((size_t)e->n_lanes, sizeof *e->levels) : NULL;
    if (!e->frames || !e->lanes || !e->names || !e->loud_ends || !e->is_paused || (e->cfg->has_columns && !e->columns) || (e->cfg->has_level && !e->levels) ||
        (e->cfg->has_summary && !e->summaries) || (has_events && !e->watchers))
        return em_fail(err, EM_ENOMEM, "no memory to listen to %s", e->name);
    for (int i = 0; i < e->n_lanes; i++)
        if ((status = prepare_lane(e, i, err)))
            return status;
    return em_ear_begin_privacy(e, err);
}

void em_ear_deinit(em_ear *e)
{
    em_scheduler_free(e->scheduler);
    for (int i = 0; i < e->n_lanes; i++) {
        if (e->lanes)
            free(e->lanes[i]);
        if (e->summaries)
            em_summary_deinit(&e->summaries[i]);
        if (e->columns)
            em_columns_deinit(&e->columns[i]);
        if (e->levels)
            em_loudness_free(e->levels[i].loudness);
        if (e->watchers)
            em_watcher_free(e->watchers[i]);
    }
    free(e->frames);
    free(e->lanes);
    free(e->names);
    free(e->loud_ends);
    free(e->is_paused);
    free(e->summaries);
    free(e->columns);
    free(e->levels);
    free(e->watchers);
    em_privacy_free(e->privacy);
}

void em_ear_count(const em_ear *e, em_engine_result *out)
{
    em_scheduler_counters hops = { 0 };

    em_source_get_counters(e->source, &out->frames);
    if (e->scheduler) {
        const em_hop_times *times = em_scheduler_hop_times(e->scheduler);

        em_scheduler_get_counters(e->scheduler, &hops);
        out->hop_ms = em_hop_times_within(times, 0.5);
        out->hop_p99_ms = em_hop_times_within(times, 0.99);
        out->longest_ms = (double)times->longest_ns / 1e6;
    }
    out->skipped_hops = hops.n_skipped;
    out->n_hops = hops.n_hops;
    out->largest_batch = hops.largest_batch;
    out->resets = hops.n_resets + out->frames.n_bad_samples;
    out->seconds = e->has_met ? e->met_s : em_ear_seconds(e);
}

/* What went wrong with the input, if anything; told after the records. */
static em_status judge_input(const em_ear *e, const em_engine_result *r, em_err *err)
{
    if (e->broken.code)
        return em_fail(err, e->broken.code, "%s", e->broken.msg);
    if (!e->info.is_live && r->frames.captured == 0 && !e->was_stopped && !em_ear_is_overdue(e))
        return em_fail(err, EM_EFORMAT, "%s: holds no samples", e->name);
    return EM_OK;
}

em_status em_ear_init(em_ear *e, em_err *err)
{
    em_status status;

    e->anchor.ms = e->cfg->start_ms;
    e->stage = EM_STAGE_INPUT;
    em_ear_use_rules(e, e->cfg->events);
    em_source_get_info(e->source, &e->info);
    snprintf(e->name, sizeof e->name, "%s", e->cfg->name ? e->cfg->name : e->info.name);
    status = make_room(e, err);
    return status ? status : em_source_start(e->source, err);
}

em_status em_ear_close(em_ear *e, em_engine_result *out, em_err *input, em_err *err)
{
    em_status status;

    e->phase = EM_EAR_IS_OVER;
    em_source_stop(e->source);
    em_ear_count(e, out);
    if ((status = em_ear_end_events(e, err)) || (status = em_ear_tell_end(e, out, err)))
        return status;
    judge_input(e, out, input);
    return EM_OK;
}
