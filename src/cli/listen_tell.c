/* listen_tell.c - see listen_tell.h. */
#include "cli/listen_tell.h"

#include "base/log.h"
#include "cli/version.h"

#include <stdio.h>

static void tell_banner(const em_listen *r, const em_source_info *info)
{
    const em_tagger *t = &r->tagger;
    char rate[32] = " (not there yet)";

    if (info->rate_hz > 0)
        snprintf(rate, sizeof rate, " at %d Hz", info->rate_hz);
    em_log(EM_LOG_INFO, "%s, model %s (%.8s), %s (%s), %s%s, step %g s, real-time ratio %.3f", EM_VERSION,
           em_tagger_name(t), em_model_hash(t->model), t->host.now.ops->name, em_tagger_device(t), info->name, rate,
           r->o->step, r->window_s / r->o->step);
}

void em_listen_tell_details(const em_listen *r)
{
    const em_tagger *t = &r->tagger;
    const em_config *cfg = em_session_config(t->session);
    int n_shown = 0;

    for (int i = 0; i < t->classes.n; i++)
        n_shown += t->selection.is_shown[i];
    for (int i = 0; i < r->o->files.n; i++)
        em_log(EM_LOG_DEBUG, "read %s", r->o->files.list[i]);
    em_log(EM_LOG_DEBUG, "model file %s", t->path);
    em_log(EM_LOG_DEBUG, "%d classes, %d of them listed, %d time slots, %.2f GMAC a window of %g s at %d Hz", t->classes.n, n_shown,
           em_config_slots(cfg), em_config_macs(cfg) / 1e9, em_tagger_window_seconds(t), cfg->sample_rate);
    em_log(EM_LOG_DEBUG, "a window takes %.1f ms here", r->window_s * 1e3);
}

static void tell_source(const em_source_info *info, int i, int n)
{
    em_log(EM_LOG_DEBUG, "source %d of %d: %s, %d Hz, %d channels, %s", i + 1, n, info->name, info->rate_hz, info->n_channels,
           info->is_live ? "a device" : "waits for us");
}

void em_listen_tell_source(const em_listen *r, const em_source *source, int i, int n)
{
    em_source_info info;

    em_source_get_info(source, &info);
    if (r->is_live || r->o->verbose > 0)
        tell_banner(r, &info);
    if (r->o->verbose > 1)
        tell_source(&info, i, n);
}
