/* cmd_listen.c - what earmark does without a command: hears its sources, in turn or at once, and writes what it heard. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/midi.h"
#include "cli/commands.h"
#include "cli/inputs.h"
#include "cli/nsm.h"
#include "cli/outputs.h"
#include "cli/parts.h"
#include "cli/progress.h"
#include "cli/remote.h"
#include "cli/report.h"
#include "cli/service.h"
#include "cli/signals.h"
#include "cli/speech.h"
#include "cli/tagger.h"
#include "cli/version.h"
#include "engine/engine.h"
#include "engine/scheduler.h"
#include "lib/rules.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EACH_BATCH = 4, MOST_BATCH = 16 };       /* windows at a time: with --channel each; of several sources */

typedef struct run {
    const em_options *o;
    const atomic_bool *stop;
    em_tagger  tagger;
    em_known   known;               /* of its classes                                   */
    em_rules   rules;               /* of events                                        */
    em_privacy_cfg privacy;         /* whose clips are kept, with --private             */
    em_tape   *tape;                /* NULL without --clip-dir                           */
    bool      *is_speech;           /* [n_classes] NULL without --private                */
    em_midi    midi;                /* what --midi sends                                 */
    em_inputs  inputs;
    em_sink_set outputs;
    em_outlet *outlet;
    bool       is_live;             /* sound at its own pace, which any moment may end: device, --live or --realtime;
                                       a file or pipe that waits for us is done at its end only */
    bool       is_queued;           /* slow readers must not hold up the hops           */
    int        i_input;
    int        n_bad;               /* files that did not end well                      */
    bool       has_heard;           /* sound, since the outputs were opened             */
    bool       has_met;             /* what --until names                               */
    double     heard_s;             /* of sound, for --timeout                          */
    uint64_t   deadline_ns;         /* the same on the clock                            */
    double     window_s;            /* that the session needs for one window            */
    em_progress progress;
    em_remote  remote;              /* what gives commands                              */
    em_sink_set_cfg sinks;          /* how outputs were opened                          */
    em_event   start;               /* what each is told first                          */
    em_frontend_cfg frontend;       /* of the columns that some are told                */
    em_service service;             /* that the run is, where NOTIFY_SOCKET says so      */
} run;

/* ---- what is told before sound flows ---- */

static double window_seconds(const em_tagger *t)
{
    const em_config *cfg = em_session_config(t->session);

    return (double)em_config_window_samples(cfg) / cfg->sample_rate;
}

static void tell_banner(const run *r, const em_source_info *info)
{
    const em_tagger *t = &r->tagger;
    char rate[32] = " (not there yet)";

    if (info->rate_hz > 0)
        snprintf(rate, sizeof rate, " at %d Hz", info->rate_hz);
    em_log(EM_LOG_INFO, "%s, model %s (%.8s), %s (%s), %s%s, step %g s, real-time ratio %.3f", EM_VERSION,
           em_tagger_name(t), em_model_hash(t->model), t->ops->name, t->ops->describe(t->dev), info->name, rate,
           r->o->step, r->window_s / r->o->step);
}

/* -vv: where all comes from and how large it is. */
static void tell_details(const run *r)
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
           em_config_slots(cfg), em_config_macs(cfg) / 1e9, window_seconds(t), cfg->sample_rate);
    em_log(EM_LOG_DEBUG, "a window takes %.1f ms here", r->window_s * 1e3);
}

static void tell_source(const em_source_info *info, int i, int n)
{
    em_log(EM_LOG_DEBUG, "source %d of %d: %s, %d Hz, %d channels, %s", i + 1, n, info->name, info->rate_hz, info->n_channels,
           info->is_live ? "a device" : "waits for us");
}

static em_event start_event(const run *r)
{
    const em_tagger *t = &r->tagger;
    em_event e = { .type = EM_EVENT_START, .utc_ms = em_options_start_ms(r->o) };

    if (r->is_queued)
        e.utc_ms = em_wall_ms();
    e.u.start.version = EM_VERSION;
    e.u.start.model = em_tagger_name(t);
    e.u.start.sha256 = em_model_hash(t->model);
    e.u.start.backend = t->ops->name;
    e.u.start.rate_hz = em_model_config(t->model)->sample_rate;
    e.u.start.step_s = r->o->step;
    e.u.start.window_s = window_seconds(t);
    return e;
}

/* ---- outputs: once for the run, or once a file with --out-dir ---- */

static bool wants_slots(const run *r)
{
    return r->o->slots || r->o->store;
}

/* A spectrogram to look at. */
static bool shows_sound(const run *r)
{
    return r->o->http || r->o->plot;
}

/* Keys are told in the live view, and are no keys where standard input is sound. */
static bool has_keys(const run *r)
{
    for (int i = 0; i < r->o->inputs.n; i++)
        if (strcmp(r->o->inputs.list[i], "-") == 0)
            return false;
    for (int i = 0; i < r->inputs.n_heard; i++)
        if (strcmp(r->inputs.heard[i].source.kind, "stdin") == 0)
            return false;
    return r->remote.control && em_keys_are_there();
}

static int open_outputs(run *r, const char *file, em_err *err)
{
    const em_config *cfg = em_session_config(r->tagger.session);
    const em_sink_set_cfg outputs = {
        .known = &r->known, .selection = &r->tagger.selection, .rules = &r->rules, .give_up = r->stop, .is_live = r->is_live, .file = file,
        .tape = r->tape, .midi = r->o->midi ? &r->midi : NULL,
        .start = &r->start, .frontend = &r->frontend, .control = r->remote.control, .keys = has_keys(r) ? EM_KEYS_HELP : NULL,
        .notify = em_service_is_on(&r->service) ? &r->service.notify : NULL,
        .has_source_names = (!file && r->o->inputs.n > 1) || r->inputs.n_heard > 1 || em_options_channel(r->o) < 0, .n_files = r->o->inputs.n,
        .n_together = r->inputs.n_heard,
    };
    em_outlet_cfg outlet = {
        .sinks = r->outputs.sinks, .is_queued = r->is_queued, .n_classes = cfg->n_classes,
        .n_slots = wants_slots(r) ? em_config_slots(cfg) : 0, .n_embedding = r->o->embeddings ? cfg->dims[EM_STAGES - 1] : 0,
    };
    em_status status;

    r->start = start_event(r);
    r->frontend = em_scheduler_frontend(cfg);
    r->sinks = outputs;
    if (shows_sound(r))
        outlet.column_bytes = em_engine_column_bytes(r->tagger.session, em_tagger_step(&r->tagger, r->o));
    r->has_heard = false;
    if ((status = em_sink_set_open(&r->outputs, r->o, &r->sinks, err)))
        return em_exit_code(status, status == EM_EINVAL ? EM_EXIT_USAGE : EM_EXIT_OUTPUT);
    outlet.n_sinks = r->outputs.n;
    if ((status = em_outlet_new(&r->outlet, &outlet, err)))
        return em_exit_code(status, EM_EXIT_INTERNAL);
    if (r->outputs.has_view)
        em_report_view(true);
    return em_exit_code(em_outlet_put(r->outlet, &r->start, err), EM_EXIT_OUTPUT);
}

/* What an old result is replaced by has to be one. */
static em_sink_end end_of(const run *r, int code)
{
    if (code != EM_EXIT_OK && !r->has_heard)
        return EM_SINK_EMPTY;
    return code == EM_EXIT_INTERNAL || code == EM_EXIT_OUTPUT || code == EM_EXIT_CUT ? EM_SINK_CUT : EM_SINK_WHOLE;
}

/* The first failure is told. */
static em_status close_sinks(run *r, em_sink_end end, em_err *err)
{
    const em_status first = em_sink_set_close(&r->outputs, end, err);
    const em_status later = r->o->out_dir ? EM_OK : em_remote_finish(&r->remote, end, first ? NULL : err);

    return first ? first : later;
}

static int close_outputs(run *r, int code, em_err *err)
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

/* ---- one source ---- */

static em_progress_kind progress_kind(const run *r)
{
    if (r->is_live || r->o->quiet || strcmp(r->o->progress, "never") == 0)
        return EM_PROGRESS_NONE;
    if (strcmp(r->o->progress, "jsonl") == 0)
        return EM_PROGRESS_RECORDS;
    if (!isatty(STDERR_FILENO))
        return EM_PROGRESS_PLAIN;
    return r->outputs.has_stdout && isatty(STDOUT_FILENO) ? EM_PROGRESS_NONE : EM_PROGRESS_REDRAWN;
}

static void record_progress(const run *r, const char *source, double done_s, double total_s)
{
    em_json j = { 0 };

    em_json_begin(&j, NULL, '{');
    em_json_int(&j, "v", 1);
    em_json_string(&j, "type", "progress");
    em_json_string(&j, "source", source);
    em_json_int(&j, "file", r->i_input + 1);
    em_json_int(&j, "files", r->inputs.n);
    em_json_fixed(&j, "done", done_s, 3);
    if (total_s > 0)
        em_json_fixed(&j, "total", total_s, 3);
    em_json_end(&j, '}');
    em_json_newline(&j);
    if (!j.has_failed)
        em_report_record(j.text);
    em_json_deinit(&j);
}

/* "2/3   40 %  dog.wav"; a pipe has no percent. */
static void show_progress(run *r, const char *source, double done_s, double total_s)
{
    double share = total_s > 0 ? done_s / total_s : 0;
    char line[256];
    int n = 0;

    if (!em_progress_is_due(&r->progress, (r->i_input + share) / r->inputs.n, em_now_ns()))
        return;
    if (r->progress.kind == EM_PROGRESS_RECORDS) {
        record_progress(r, source, done_s, total_s);
        return;
    }
    if (r->inputs.n > 1)
        n = snprintf(line, sizeof line, "%d/%d  ", r->i_input + 1, r->inputs.n);
    if (total_s > 0)
        snprintf(line + n, sizeof line - (size_t)n, "%3.0f %%  %.100s", share * 100, source);
    else
        snprintf(line + n, sizeof line - (size_t)n, "%.0f s  %.100s", done_s, source);
    if (r->progress.kind == EM_PROGRESS_PLAIN)
        em_log(EM_LOG_INFO, "%s", line);
    else
        em_report_progress(line);
}

/* From the worker, between hops. */
static void tell_progress(void *ctx, const char *source, double done_s, double total_s)
{
    run *r = ctx;

    em_service_beat(&r->service, done_s);
    if (total_s > 0)
        em_nsm_progress(r->o->nsm, (r->i_input + fmin(done_s / total_s, 1)) / r->inputs.n);
    if (r->progress.kind != EM_PROGRESS_NONE)
        show_progress(r, source, done_s, total_s);
}

static int stage_code(const run *r, const em_engine_result *result, em_status status)
{
    if (result->failed_at == EM_STAGE_OUTPUT)
        return em_exit_code(status, EM_EXIT_OUTPUT);
    if (result->failed_at == EM_STAGE_MODEL)
        return em_exit_code(status, EM_EXIT_INTERNAL);
    return em_exit_code(status, status == EM_EINVAL && r->inputs.n == 1 ? EM_EXIT_USAGE : EM_EXIT_INPUT);
}

/* Seconds to hear of the next source; 0: all. */
static double seconds_to_hear(const run *r)
{
    const double left = r->o->timeout - r->heard_s;

    return r->o->timeout > 0 && (r->o->duration <= 0 || left < r->o->duration) ? left : r->o->duration;
}

static bool is_timed_out(const run *r)
{
    return r->o->timeout > 0 && r->heard_s >= r->o->timeout - 1e-6;
}

/* --timeout is counted in seconds of sound; where sound may fail to come, the clock counts as well. */
static uint64_t deadline_of(const run *r, const char *kind)
{
    return r->o->timeout > 0 && strcmp(kind, "file") != 0 ? r->deadline_ns : 0;
}

/* Whether only events are told, so that nothing is missed where none can be. */
static bool may_rest(const run *r)
{
    bool is_needed = r->o->explain.n > 0 || (r->is_speech && r->o->clip_dir);     /* who speaks may be quiet */

    for (int i = 0; i < r->outputs.n; i++)
        is_needed |= em_sink_needs_scores(r->outputs.sinks[i]);
    return !is_needed;
}

static int batch_of(const run *r)
{
    const int n = em_options_channel(r->o) < 0 ? EACH_BATCH : 1, n_heard = r->inputs.n_heard < MOST_BATCH ? r->inputs.n_heard : MOST_BATCH;

    return n_heard > n ? n_heard : n;
}

/* Whose windows may follow one another at a time: files are heard one after the other. */
static int streams_of(const run *r)
{
    return (em_options_channel(r->o) < 0 ? EACH_BATCH : 1) * (r->inputs.n_heard > 1 ? r->inputs.n_heard : 1);
}

/* What the engine is told of any source. */
static em_engine_cfg engine_cfg(run *r)
{
    em_engine_cfg cfg = {
        .session = r->tagger.session, .outlet = r->outlet, .stop = r->stop,
        .max_batch = batch_of(r), .step_samples = em_tagger_step(&r->tagger, r->o),
        .channel = em_options_channel(r->o), .has_slots = wants_slots(r), .has_embeddings = r->o->embeddings,
        .may_rest = may_rest(r), .has_vitals = r->o->http, .has_columns = shows_sound(r) && !r->is_speech,
        .events = r->remote.rules ? r->remote.rules : &r->rules.watch, .has_summary = r->o->summary, .needs_end = !r->is_live,
        .duration_s = seconds_to_hear(r), .start_ms = em_options_start_ms(r->o), .tape = r->tape,
        .privacy = r->is_speech && r->o->clip_dir ? &r->privacy : NULL,
        .progress_ctx = r, .control = r->remote.control, .command = em_remote_obey, .command_ctx = &r->remote,
    };

    r->privacy = (em_privacy_cfg){
        .is_speech = r->is_speech, .n_classes = r->known.classes.n,
        .pre_s = r->o->pre_roll, .post_s = r->o->post_roll, .most_s = r->o->clip_max,
    };
    r->progress.kind = progress_kind(r);
    if (r->progress.kind != EM_PROGRESS_NONE || em_service_is_on(&r->service) || r->o->nsm)
        cfg.progress = tell_progress;
    return cfg;
}

static void note_result(run *r, const em_engine_result *result, em_status status)
{
    r->has_met |= result->has_met;
    r->has_heard |= status == EM_OK || result->frames.taken > 0;
    em_log(EM_LOG_DEBUG, "%.1f s heard, %lld hops, %llu frames captured, %llu dropped, %llu hops skipped, %llu resets; "
           "a hop took %.3f ms (median; 99 of 100 within %.3f, the longest %.3f)",
           result->seconds, (long long)result->n_hops, (unsigned long long)result->frames.captured,
           (unsigned long long)result->frames.dropped, (unsigned long long)result->skipped_hops,
           (unsigned long long)result->resets, result->hop_ms, result->hop_p99_ms, result->longest_ms);
}

static int hear(run *r, em_source *source, const char *name, em_err *err)
{
    em_engine_cfg cfg = engine_cfg(r);
    em_engine_result result;
    em_status status;

    cfg.name = r->inputs.list ? r->inputs.list[r->i_input].name : NULL;
    cfg.deadline_ns = deadline_of(r, em_inputs_source(&r->inputs, r->i_input).kind);
    status = em_engine_run(&result, &cfg, source, err);
    if (cfg.progress && status == EM_OK)
        tell_progress(r, name, result.seconds, result.seconds);
    em_report_progress("");
    r->heard_s += result.seconds;
    note_result(r, &result, status);
    if (!r->is_live && (result.was_stopped || (status == EM_ECANCELED && atomic_load(r->stop))) &&
        (!status || status == EM_ECANCELED))
        return EM_EXIT_CUT;
    return status == EM_ECANCELED ? -1 : stage_code(r, &result, status);
}

/* -1: nobody reads any more, which ends the run without a word. */
static int hear_input(run *r, em_err *err)
{
    em_source_cfg cfg = em_inputs_source(&r->inputs, r->i_input);
    em_source *source = NULL;
    em_source_info info;
    em_status status;
    int code;

    cfg.deadline_ns = deadline_of(r, cfg.kind);
    cfg.midi = r->o->midi ? &r->midi : NULL;
    cfg.stop = r->stop;
    if ((status = em_source_open(&source, &cfg, err)))
        return em_exit_code(status, status == EM_EINVAL && r->inputs.n == 1 ? EM_EXIT_USAGE : EM_EXIT_INPUT);
    em_nsm_opened(r->o->nsm);
    em_source_get_info(source, &info);
    if (r->is_live || r->o->verbose > 0)
        tell_banner(r, &info);
    if (r->o->verbose > 1)
        tell_source(&info, r->i_input, r->inputs.n);
    code = r->o->out_dir ? open_outputs(r, r->inputs.list[r->i_input].output, err) : EM_EXIT_OK;
    if (code == EM_EXIT_OK)
        code = hear(r, source, info.name, err);
    if (r->o->out_dir)
        code = close_outputs(r, code, err);
    em_source_close(source);
    return code;
}

/* ---- several at once ---- */

/* What came of them all. One that was lost for good did not stop the others, and was told then. */
static int judge_parts(run *r, const em_parts *parts, em_status status, em_err *err)
{
    em_engine_result worst = { 0 };

    for (int i = 0; i < parts->n; i++) {
        const em_engine_result *result = &parts->list[i].result;

        note_result(r, result, status);
        r->heard_s = fmax(r->heard_s, result->seconds);
        r->n_bad += parts->list[i].err.code != EM_OK;
        worst.was_stopped |= result->was_stopped;
        worst.failed_at = result->failed_at > worst.failed_at ? result->failed_at : worst.failed_at;
    }
    if (!r->is_live && (worst.was_stopped || (status == EM_ECANCELED && atomic_load(r->stop))) && (!status || status == EM_ECANCELED))
        return EM_EXIT_CUT;
    if (status == EM_ECANCELED)
        return -1;
    if (!status && parts->n == 1 && r->n_bad)               /* alone it was not told yet */
        em_fail(err, parts->list[0].err.code, "%s", parts->list[0].err.msg);
    return status ? stage_code(r, &worst, status) : r->n_bad ? EM_EXIT_INPUT : EM_EXIT_OK;
}

static int hear_together(run *r, em_err *err)
{
    em_engine_cfg cfg = engine_cfg(r);
    em_parts parts;
    em_status status;
    int code;

    cfg.deadline_ns = r->o->timeout > 0 && r->is_live ? r->deadline_ns : 0;
    if ((status = em_parts_open(&parts, &r->inputs, &cfg, err))) {
        em_parts_close(&parts);
        return em_exit_code(status, status == EM_EINVAL ? EM_EXIT_USAGE : EM_EXIT_INPUT);
    }
    em_nsm_opened(r->o->nsm);
    for (int i = 0; i < parts.n; i++) {
        em_source_info info;

        em_source_get_info(parts.list[i].source, &info);
        if (r->is_live || r->o->verbose > 0)
            tell_banner(r, &info);
        if (r->o->verbose > 1)
            tell_source(&info, i, parts.n);
    }
    status = em_engine_run_all(parts.list, parts.n, err);
    em_report_progress("");
    code = judge_parts(r, &parts, status, err);
    em_parts_close(&parts);
    return code < 0 ? EM_EXIT_OK : code;
}

/* One bad file does not stop the others; anything else does, a signal among it. */
static int hear_all(run *r, em_err *err)
{
    for (r->i_input = 0; r->i_input < r->inputs.n && !atomic_load(r->stop) && !is_timed_out(r); r->i_input++) {
        int code = hear_input(r, err);

        if (r->has_met && code == EM_EXIT_OK)
            return EM_EXIT_OK;
        if (code == EM_EXIT_INPUT && r->inputs.n > 1) {
            em_report_error(err->msg);
            err->msg[0] = '\0';
            r->n_bad++;
        } else if (code != EM_EXIT_OK) {
            return code < 0 ? EM_EXIT_OK : code;
        }
    }
    if (r->i_input < r->inputs.n && !r->is_live && !is_timed_out(r))
        return EM_EXIT_CUT;
    return r->n_bad ? EM_EXIT_INPUT : EM_EXIT_OK;
}

/* Commands are for sound that goes on by itself: a file is done when it is done. */
static em_status begin_commands(run *r, em_err *err)
{
    return r->is_live || r->o->osc_port ? em_remote_begin(&r->remote, err) : EM_OK;
}

static em_status start_commands(run *r, em_err *err)
{
    em_reload_cfg reload = { .o = r->o, .sinks = r->sinks, .outputs = &r->outputs, .outlet = r->outlet, .control = r->remote.control,
                             .service = &r->service };

    reload.sinks.known = &r->known;             /* with --out-dir nothing is open yet */
    return r->remote.control ? em_remote_start(&r->remote, &reload, r->sinks.keys && r->outputs.has_view, err) : EM_OK;
}

/* --clip-dir: an event is over a window and its pause after its last sound, when its whole clip has to be there still. */
static em_status keep_sound(run *r, em_err *err)
{
    enum { LATE_S = 15, MOST_GAP_S = 60 };
    const double window_s = window_seconds(&r->tagger), gap_s = fmin(em_rules_longest_gap(&r->rules), MOST_GAP_S);
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

int em_cmd_listen(const em_options *o, em_err *err)
{
    run r = { .o = o, .stop = em_signals_catch(), .progress.begin_ns = em_now_ns() };
    const em_settings settings = em_options_settings(o);
    em_status status;
    int code;

    if (o->replay)
        return em_cmd_replay(o, err);
    em_service_open(&r.service);
    if (em_service_is_on(&r.service))
        em_signals_outlive_terminal();
    if ((status = check(o, err)) || (status = em_inputs_from(&r.inputs, o, isatty(STDIN_FILENO), err))) {
        code = em_exit_code(status, EM_EXIT_USAGE);
        goto done;
    }
    r.is_queued = r.inputs.is_live;
    r.is_live = r.is_queued || o->realtime;
    if ((code = em_tagger_open(&r.tagger, o, batch_of(&r), streams_of(&r), err)))
        goto done;
    r.known = em_tagger_known(&r.tagger);
    if (o->is_private && (status = em_speech_find(&r.is_speech, r.tagger.model, &r.known.classes, em_tagger_name(&r.tagger), err))) {
        code = em_exit_code(status, EM_EXIT_USAGE);
        goto done;
    }
    if ((status = em_rules_make(&r.rules, &r.known, &r.tagger.selection, &settings, err))) {
        code = em_exit_code(status, EM_EXIT_USAGE);
        goto done;
    }
    if ((status = keep_sound(&r, err)) || (status = begin_commands(&r, err)) ||
        ((r.is_live || o->verbose > 0) && (status = em_tagger_measure(&r.tagger, 2, &r.window_s, err)))) {
        code = em_exit_code(status, EM_EXIT_INTERNAL);
        goto done;
    }
    if (o->verbose > 1)
        tell_details(&r);
    r.deadline_ns = em_now_ns() + (uint64_t)(o->timeout * 1e9);
    if (!o->out_dir)
        code = open_outputs(&r, NULL, err);
    if (code == EM_EXIT_OK)
        code = em_exit_code(start_commands(&r, err), EM_EXIT_INTERNAL);
    if (code == EM_EXIT_OK)
        code = r.inputs.heard ? hear_together(&r, err) : hear_all(&r, err);
    em_service_stopping(&r.service);
    if (!o->out_dir)
        code = close_outputs(&r, code, err);
done:
    em_remote_close(&r.remote);
    em_tape_free(r.tape);
    free(r.is_speech);
    em_rules_deinit(&r.rules);
    em_tagger_close(&r.tagger);
    em_inputs_deinit(&r.inputs);
    em_service_close(&r.service);
    if (err->code == EM_ECANCELED)
        err->msg[0] = '\0';
    return code == EM_EXIT_OK && o->until.n > 0 && !r.has_met ? EM_EXIT_NOT_HEARD : code;
}
