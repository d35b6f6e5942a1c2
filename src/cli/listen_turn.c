/* listen_turn.c - see listen_turn.h. */
#include "cli/listen_turn.h"

#include "cli/exit_codes.h"
#include "cli/listen_engine.h"
#include "cli/listen_outputs.h"
#include "cli/listen_tell.h"
#include "cli/report.h"

static int hear(em_listen *r, em_source *source, em_err *err)
{
    const int i = r->progress.i_input;
    em_engine_cfg cfg = em_listen_engine_cfg(r);
    em_engine_result result;
    em_source_info info;
    em_status status;

    em_source_get_info(source, &info);
    cfg.name = r->inputs.list ? r->inputs.list[i].name : NULL;
    cfg.deadline_ns = em_listen_deadline(r, em_inputs_source(&r->inputs, i).kind);
    status = em_engine_run(&result, &cfg, source, err);
    if (cfg.progress && status == EM_OK)
        cfg.progress(cfg.progress_ctx, info.name, result.seconds, result.seconds);
    em_report_progress("");
    r->heard_s += result.seconds;
    em_listen_note(r, &result, status);
    return em_listen_judge(r, &result, status);
}

static int hear_input(em_listen *r, em_err *err)
{
    const int i = r->progress.i_input;
    em_source_cfg cfg = em_inputs_source(&r->inputs, i);
    em_source *source = NULL;
    em_status status;
    int code = EM_EXIT_OK;

    cfg.deadline_ns = em_listen_deadline(r, cfg.kind);
    cfg.midi = r->o->midi ? &r->midi : NULL;
    cfg.stop = r->stop;
    if ((status = em_source_open(&source, &cfg, err)))
        return em_listen_input_code(r, status);
    em_nsm_opened(r->o->nsm);
    em_listen_tell_source(r, source, i, r->inputs.n);
    if (r->o->out_dir)
        code = em_listen_open_outputs(r, r->inputs.list[i].output, err);
    if (code == EM_EXIT_OK)
        code = hear(r, source, err);
    if (r->o->out_dir)
        code = em_listen_close_outputs(r, code, err);
    em_source_close(source);
    return code;
}

static bool goes_on(const em_listen *r)
{
    return r->progress.i_input < r->inputs.n && !em_listen_is_timed_out(r);
}

/* One bad file does not stop the others; anything else does, a signal among it. */
int em_listen_in_turn(em_listen *r, em_err *err)
{
    for (r->progress.i_input = 0; goes_on(r) && !atomic_load(r->stop); r->progress.i_input++) {
        int code = hear_input(r, err);

        if (r->has_met && code == EM_EXIT_OK)
            return EM_EXIT_OK;
        if (code == EM_EXIT_INPUT && r->inputs.n > 1) {
            em_report_error(err->msg);
            err->msg[0] = '\0';
            r->n_bad++;
        } else if (code != EM_EXIT_OK) {
            return code == EM_LISTEN_UNREAD ? EM_EXIT_OK : code;
        }
    }
    if (goes_on(r) && !r->is_live)
        return EM_EXIT_CUT;
    return r->n_bad ? EM_EXIT_INPUT : EM_EXIT_OK;
}
