/* remote.c - see remote.h. */
#include "cli/remote.h"

#include "base/log.h"
#include "cli/signals.h"

em_status em_remote_begin(em_remote *m, em_err *err)
{
    *m = (em_remote){ .control = em_control_new() };
    if (!m->control)
        return em_fail(err, EM_ENOMEM, "no memory for commands");
    em_signals_reload(m->control);
    return EM_OK;
}

em_status em_remote_start(em_remote *m, const em_reload_cfg *cfg, bool has_keys, em_err *err)
{
    em_status status = em_reload_open(&m->reload, cfg, err);
    em_err why;

    if (!status && has_keys)
        status = em_keys_open(&m->keys, m->control, err);
    if (!status && cfg->o->osc_port && em_osc_in_open(&m->osc, cfg->o->osc_port, cfg->sinks.known, m->control, &why))
        em_log(EM_LOG_WARNING, "%s; no commands come by OSC", why.msg);
    return status;
}

void em_remote_obey(void *remote, const em_control_command *c)
{
    em_remote *m = remote;

    if (c->type == EM_CONTROL_QUIT) {
        em_signals_ask_end();
    } else if (c->type == EM_CONTROL_RELOAD && m->reload) {
        em_reload_ask(m->reload);
    } else if (c->type == EM_CONTROL_RULES) {
        m->rules = c->rules;
        em_reload_applied(m->reload, c->rules);
    }
}

void em_remote_stop(em_remote *m)
{
    em_keys_close(m->keys);
    em_osc_in_close(m->osc);
    em_reload_stop(m->reload);
    m->keys = NULL;
    m->osc = NULL;
}

em_status em_remote_finish(em_remote *m, em_sink_end end, em_err *err)
{
    em_status status = em_reload_close(m->reload, end, err);

    m->reload = NULL;
    m->rules = NULL;
    return status;
}

void em_remote_close(em_remote *m)
{
    em_remote_stop(m);
    em_remote_finish(m, EM_SINK_EMPTY, NULL);
    em_signals_reload(NULL);
    em_control_free(m->control);
    m->control = NULL;
}
