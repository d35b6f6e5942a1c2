/* ear_private.c - whose sound may be kept: hops and events through em_privacy, its verdicts to the outlet. See ear.h. */
#include "base/log.h"
#include "engine/ear.h"

#include <string.h>

/* An em_event_take: the first clip that is not kept is told to everybody, all with -v. */
static em_status take_verdict(void *ear, const em_event *event, em_err *err)
{
    const em_ear *e = ear;

    if (event->u.clip.why_not)
        em_log(em_privacy_dropped(e->privacy) == 1 ? EM_LOG_INFO : EM_LOG_DEBUG, "%s: the sound of %s is not kept: %s", event->source,
               event->u.clip.label, strcmp(event->u.clip.why_not, "speech") == 0 ? "somebody speaks near it" : "no window held all of it");
    return em_outlet_put(e->cfg->outlet, event, err);
}

em_status em_ear_begin_privacy(em_ear *e, em_err *err)
{
    const em_config *model = em_session_config(e->cfg->session);
    em_privacy_cfg cfg;

    if (!e->cfg->privacy || !e->watchers)
        return EM_OK;
    cfg = *e->cfg->privacy;
    cfg.window_s = (double)em_config_window_samples(model) / model->sample_rate;
    cfg.step_s = (double)e->cfg->step_samples / model->sample_rate;
    cfg.take = take_verdict;
    cfg.ctx = e;
    return em_privacy_new(&e->privacy, &cfg, err);
}

em_status em_ear_judge_hop(em_ear *e, const em_scores_row *row, em_err *err)
{
    const em_event at = em_ear_event(e, EM_EVENT_CLIP, NULL, row->hop->time_s);
    em_status status = EM_OK;

    if (e->privacy && (status = em_privacy_hop(e->privacy, at.time, at.utc_ms, row->scores, err)))
        e->stage = EM_STAGE_OUTPUT;
    return status;
}

em_status em_ear_take_event(void *ear, const em_event *event, em_err *err)
{
    em_ear *e = ear;
    em_status status = em_outlet_put(e->cfg->outlet, event, err);

    return status || !e->privacy ? status : em_privacy_event(e->privacy, event, err);
}

em_status em_ear_end_privacy(em_ear *e, em_event *stop, em_err *err)
{
    em_status status;

    if (!e->privacy)
        return EM_OK;
    if ((status = em_privacy_finish(e->privacy, stop->time, stop->utc_ms, err)))
        e->stage = EM_STAGE_OUTPUT;
    stop->u.stop.is_private = true;
    stop->u.stop.clips_dropped = em_privacy_dropped(e->privacy);
    return status;
}
