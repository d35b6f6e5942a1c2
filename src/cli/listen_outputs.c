/* listen_outputs.c - see listen_outputs.h. */
#include "cli/listen_outputs.h"

#include "base/clock.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/version.h"
#include "engine/scheduler.h"

#include <string.h>

bool em_listen_wants_slots(const em_options *o)
{
    return o->slots || o->store;
}

bool em_listen_shows_sound(const em_options *o)
{
    return o->http || o->plot;
}

static em_event start_event(const em_listen *r)
{
    const em_tagger *t = &r->tagger;
    em_event e = { .type = EM_EVENT_START, .utc_ms = em_options_start_ms(r->o) };

    if (r->is_queued)
        e.utc_ms = em_wall_ms();
    e.u.start.version = EM_VERSION;
    e.u.start.model = em_tagger_name(t);
    e.u.start.sha256 = em_model_hash(t->model);
    e.u.start.backend = t->host.now.ops->name;
    e.u.start.rate_hz = em_model_config(t->model)->sample_rate;
    e.u.start.step_s = r->o->step;
    e.u.start.window_s = em_tagger_window_seconds(t);
    return e;
}

/* Keys are told in the live view, and are no keys where standard input is sound. */
static bool has_keys(const em_listen *r)
{
    for (int i = 0; i < r->o->inputs.n; i++)
        if (strcmp(r->o->inputs.list[i], "-") == 0)
            return false;
    for (int i = 0; i < r->inputs.n_heard; i++)
        if (strcmp(r->inputs.heard[i].source.kind, "stdin") == 0)
            return false;
    return r->remote.control && em_keys_are_there();
}

static em_sink_set_cfg sinks_cfg(em_listen *r, const char *file)
{
    return (em_sink_set_cfg){
        .known = &r->known, .selection = &r->tagger.selection, .rules = &r->rules, .give_up = r->stop, .is_live = r->is_live, .file = file,
        .tape = r->tape, .midi = r->o->midi ? &r->midi : NULL,
        .start = &r->start, .frontend = &r->frontend, .control = r->remote.control, .keys = has_keys(r) ? EM_KEYS_HELP : NULL,
        .notify = em_service_is_on(&r->service) ? &r->service.notify : NULL,
        .has_source_names = (!file && r->o->inputs.n > 1) || r->inputs.n_heard > 1 || em_options_channel(r->o) < 0, .n_files = r->o->inputs.n,
        .n_together = r->inputs.n_heard,
    };
}

static em_outlet_cfg outlet_cfg(const em_listen *r)
{
    const em_config *cfg = em_session_config(r->tagger.session);

    return (em_outlet_cfg){
        .sinks = r->outputs.sinks, .n_sinks = r->outputs.n, .is_queued = r->is_queued, .n_classes = cfg->n_classes,
        .n_slots = em_listen_wants_slots(r->o) ? em_config_slots(cfg) : 0, .n_embedding = r->o->embeddings ? cfg->dims[EM_STAGES - 1] : 0,
        .column_bytes = em_listen_shows_sound(r->o) ? em_engine_column_bytes(r->tagger.session, em_tagger_step(&r->tagger, r->o)) : 0,
    };
}

int em_listen_open_outputs(em_listen *r, const char *file, em_err *err)
{
    em_outlet_cfg outlet;
    em_status status;

    r->start = start_event(r);
    r->frontend = em_scheduler_frontend(em_session_config(r->tagger.session));
    r->sinks = sinks_cfg(r, file);
    r->has_heard = false;
    if ((status = em_sink_set_open(&r->outputs, r->o, &r->sinks, err)))
        return em_exit_code(status, status == EM_EINVAL ? EM_EXIT_USAGE : EM_EXIT_OUTPUT);
    outlet = outlet_cfg(r);
    if ((status = em_outlet_new(&r->outlet, &outlet, err)))
        return em_exit_code(status, EM_EXIT_INTERNAL);
    if (r->outputs.has_view)
        em_report_view(true);
    return em_exit_code(em_outlet_put(r->outlet, &r->start, err), EM_EXIT_OUTPUT);
}

/* What an old result is replaced by has to be one. */
static em_sink_end end_of(const em_listen *r, int code)
{
    if (code != EM_EXIT_OK && !r->has_heard)
        return EM_SINK_EMPTY;
    return code == EM_EXIT_INTERNAL || code == EM_EXIT_OUTPUT || code == EM_EXIT_CUT ? EM_SINK_CUT : EM_SINK_WHOLE;
}

/* The first failure is told. */
static em_status close_sinks(em_listen *r, em_sink_end end, em_err *err)
{
    const em_status first = em_sink_set_close(&r->outputs, end, err);
    const em_status later = r->o->out_dir ? EM_OK : em_remote_finish(&r->remote, end, first ? NULL : err);

    return first ? first : later;
}

int em_listen_close_outputs(em_listen *r, int code, em_err *err)
{
    em_outlet_counters lost = { 0 };
    em_err why = { 0 };

    if (!r->o->out_dir)
        em_remote_stop(&r->remote);
    if (r->outlet) {
        em_outlet_drain(r->outlet);
        em_outlet_get_counters(r->outlet, &lost);
    }
    em_outlet_free(r->outlet);
    r->outlet = NULL;
    em_report_view(false);
    if (close_sinks(r, end_of(r, code), &why) && code == EM_EXIT_OK) {
        em_fail(err, why.code, "%s", why.msg);
        code = EM_EXIT_OUTPUT;
    }
    if (lost.n_dropped)
        em_log(EM_LOG_WARNING, "%llu records were dropped: a reader was too slow", (unsigned long long)lost.n_dropped);
    if (lost.n_failed && code == EM_EXIT_OK) {
        em_fail(err, EM_EIO, "%llu records could not be written", (unsigned long long)lost.n_failed);
        code = EM_EXIT_OUTPUT;
    }
    return code;
}
