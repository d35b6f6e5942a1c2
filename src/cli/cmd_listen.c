/* cmd_listen.c - what earmark does without a command: hears its sources, in turn or at once, and writes what it heard. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/listen.h"
#include "cli/listen_engine.h"
#include "cli/listen_outputs.h"
#include "cli/listen_tell.h"
#include "cli/listen_together.h"
#include "cli/listen_turn.h"
#include "cli/output_checks.h"
#include "cli/signals.h"
#include "cli/speech.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* Commands are for sound that goes on by itself: a file is done when it is done. */
static em_status begin_commands(em_listen *r, em_err *err)
{
    return r->is_live || r->o->osc_port ? em_remote_begin(&r->remote, err) : EM_OK;
}

static em_status start_commands(em_listen *r, em_err *err)
{
    em_reload_cfg reload = { .o = r->o, .sinks = r->sinks, .outputs = &r->outputs, .outlet = r->outlet, .control = r->remote.control,
                             .service = &r->service };

    reload.sinks.known = &r->known;             /* with --out-dir nothing is open yet */
    return r->remote.control ? em_remote_start(&r->remote, &reload, r->sinks.keys && r->outputs.has_view, err) : EM_OK;
}

/* --clip-dir: an event is over a window and its pause after its last sound, when its whole clip has to be there still. */
static em_status keep_sound(em_listen *r, em_err *err)
{
    enum { LATE_S = 15, MOST_GAP_S = 60 };
    const double window_s = em_tagger_window_seconds(&r->tagger), gap_s = fmin(em_rules_longest_gap(&r->rules), MOST_GAP_S);
    const double judged_s = r->is_speech ? fmax(window_s, EM_PRIVACY_NEAR_S) + 2 * fmin(r->o->step, MOST_GAP_S) : 0;

    if (!r->o->clip_dir)
        return EM_OK;
    return em_tape_new(&r->tape, r->inputs.n_heard ? r->inputs.n_heard : 1, r->o->clip_max + window_s + gap_s + judged_s + LATE_S, err);
}

static em_status check(const em_options *o, em_err *err)
{
    if (o->live && o->realtime)
        return em_fail(err, EM_EINVAL, "--live and --realtime cannot go together");
    if (o->until.n > 0 && o->summary)
        return em_fail(err, EM_EINVAL, "--until waits for an event, and with --summary there are none");
    return EM_OK;
}

/* The model with its classes, and what events are by its rules. */
static int open_model(em_listen *r, em_err *err)
{
    const em_settings settings = em_options_settings(r->o);
    const int code = em_tagger_open(&r->tagger, r->o, em_listen_batch(r), em_listen_streams(r), err);
    em_status status = EM_OK;

    if (code)
        return code;
    r->known = em_tagger_known(&r->tagger);
    if (r->o->is_private)
        status = em_speech_find(&r->is_speech, r->tagger.model, &r->known.classes, em_tagger_name(&r->tagger), err);
    if (!status)
        status = em_rules_make(&r->rules, &r->known, &r->tagger.selection, &settings, err);
    return em_exit_code(status, EM_EXIT_USAGE);
}

/* All but the outputs. */
static int open_run(em_listen *r, em_err *err)
{
    em_status status = check(r->o, err);
    int code;

    if (status || (status = em_inputs_from(&r->inputs, r->o, isatty(STDIN_FILENO), err)))
        return em_exit_code(status, EM_EXIT_USAGE);
    r->is_queued = r->inputs.is_live;
    r->is_live = r->is_queued || r->o->realtime;
    r->progress.n_inputs = r->inputs.n;
    if ((code = open_model(r, err)))
        return code;
    if ((status = keep_sound(r, err)) || (status = begin_commands(r, err)))
        return em_exit_code(status, EM_EXIT_INTERNAL);
    if ((r->is_live || r->o->verbose > 0) && (status = em_tagger_measure(&r->tagger, 2, &r->window_s, err)))
        return em_tagger_code(&r->tagger, status, EM_EXIT_INTERNAL);
    if (r->o->verbose > 1)
        em_listen_tell_details(r);
    r->deadline_ns = em_now_ns() + (uint64_t)(r->o->timeout * 1e9);
    return EM_EXIT_OK;
}

static int hear(em_listen *r, em_err *err)
{
    int code = r->o->out_dir ? EM_EXIT_OK : em_listen_open_outputs(r, NULL, err);

    if (code == EM_EXIT_OK)
        code = em_exit_code(start_commands(r, err), EM_EXIT_INTERNAL);
    if (code == EM_EXIT_OK)
        code = r->inputs.heard ? em_listen_together(r, err) : em_listen_in_turn(r, err);
    em_service_stopping(&r->service);
    return r->o->out_dir ? code : em_listen_close_outputs(r, code, err);
}

static void close_run(em_listen *r)
{
    em_remote_close(&r->remote);
    em_tape_free(r->tape);
    free(r->is_speech);
    em_rules_deinit(&r->rules);
    em_tagger_close(&r->tagger);
    em_inputs_deinit(&r->inputs);
    em_service_close(&r->service);
}

int em_cmd_listen(const em_options *o, em_err *err)
{
    em_listen r = { .o = o, .stop = em_signals_catch(), .progress = { .progress.begin_ns = em_now_ns(), .service = &r.service, .nsm = o->nsm } };
    int code;

    em_outputs_warn(o);
    if (o->replay)
        return em_cmd_replay(o, err);
    em_service_open(&r.service);
    if (em_service_is_on(&r.service))
        em_signals_outlive_terminal();
    if ((code = open_run(&r, err)) == EM_EXIT_OK)
        code = hear(&r, err);
    close_run(&r);
    if (err->code == EM_ECANCELED)
        err->msg[0] = '\0';
    return code == EM_EXIT_OK && o->until.n > 0 && !r.has_met ? EM_EXIT_NOT_HEARD : code;
}
