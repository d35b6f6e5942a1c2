/* cmd_replay.c - --replay: events made again from a file of scores, by the rules that the options say now. */
#include "cli/commands.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "engine/replay.h"
#include "lib/rules.h"

#include <string.h>

typedef struct rerun {
    const em_options *o;
    const atomic_bool *stop;
    em_stored   *stored;
    em_known     known;
    em_selection selection;
    em_rules     rules;
    em_sink_set  outputs;
    em_outlet   *outlet;
    bool         is_unmet;          /* --until was for a sound that did not come */
} rerun;

/* What is heard and with which model has been settled when the scores were made; but this holds for what is made of them. */
static bool is_for_scores(const em_option *row)
{
    static const char *const names[] = { "channel", "until", "timeout", "start-time", "replay" };

    for (size_t i = 0; i < EM_COUNT(names); i++)
        if (strcmp(row->name, names[i]) == 0)
            return true;
    return false;
}

static bool is_for_sound(const em_option_section *section, const em_option *row)
{
    if (strcmp(section->title, "Input") == 0 || strcmp(section->title, "Model") == 0)
        return !is_for_scores(row);
    return strcmp(row->name, "midi") == 0 || strcmp(row->name, "osc-port") == 0;
}

/* On the command line it would be a mistake; files have it for what is heard. */
static em_status check_sound(const em_options *o, em_err *err)
{
    const em_option_section *section;

    for (int s = 0; (section = em_options_section(s)); s++)
        for (int i = 0; i < section->n; i++)
            if (is_for_sound(section, &section->rows[i]) && o->layer[em_options_index(&section->rows[i])] == EM_LAYER_ARGV)
                return em_fail(err, EM_EINVAL, "--%s is for sound that is heard, and --replay has scores alone", section->rows[i].name);
    return EM_OK;
}

static em_status check(const em_options *o, em_err *err)
{
    if (o->inputs.n > 0)
        return em_fail(err, EM_EINVAL, "%.80s: --replay hears its file of scores, and no sound", o->inputs.list[0]);
    if (o->device || o->jack)
        return em_fail(err, EM_EINVAL, "--replay and --%s cannot go together", o->jack ? "jack" : "device");
    if (o->clip_dir)
        return em_fail(err, EM_EINVAL, "--replay has no sound that --clip-dir could keep");
    if (o->store || o->http || o->summary || o->out_dir || o->embeddings || o->level || o->mqtt)
        return em_fail(err, EM_EINVAL, "--replay and --%s cannot go together",
                       o->store ? "store" : o->http ? "http" : o->summary ? "summary" : o->out_dir ? "out-dir" :
                       o->embeddings ? "embeddings" : o->level ? "level" : "mqtt");
    return check_sound(o, err);
}

static em_known known_of(const em_stored_head *head)
{
    return (em_known){
        .classes = head->classes, .is_trained = head->is_trained, .thresholds = head->thresholds, .rate_hz = head->start.u.start.rate_hz,
        .window_samples = head->window_samples, .n_slots = head->n_slots, .slot_s = head->slot_s,
    };
}

/* All that goes before the first record. */
static int begin(rerun *r, em_err *err)
{
    em_sink_set_cfg outputs = { .known = &r->known, .selection = &r->selection, .rules = &r->rules, .give_up = r->stop };
    em_outlet_cfg outlet = { .sinks = r->outputs.sinks };
    const em_settings settings = em_options_settings(r->o);
    em_status status = check(r->o, err);

    if (status)
        return em_exit_code(status, EM_EXIT_USAGE);
    if ((status = em_stored_open(&r->stored, r->o->replay, err)))
        return em_exit_code(status, EM_EXIT_INPUT);
    r->known = known_of(em_stored_head_of(r->stored));
    outputs.has_source_names = em_stored_head_of(r->stored)->has_source_names;
    outputs.n_files = em_stored_head_of(r->stored)->n_files;
    outputs.replayed = r->o->replay;
    if ((status = em_selection_make(&r->selection, &r->known, &settings, err)) ||
        (status = em_rules_make(&r->rules, &r->known, &r->selection, &settings, err)))
        return em_exit_code(status, EM_EXIT_USAGE);
    if ((status = em_sink_set_open(&r->outputs, r->o, &outputs, err)))
        return em_exit_code(status, status == EM_EINVAL ? EM_EXIT_USAGE : EM_EXIT_OUTPUT);
    outlet.n_sinks = r->outputs.n;
    outlet.n_classes = r->known.classes.n;
    status = em_outlet_new(&r->outlet, &outlet, err);
    return em_exit_code(status, EM_EXIT_INTERNAL);
}

static int hear(rerun *r, em_err *err)
{
    const em_replay_cfg cfg = { .stored = r->stored, .outlet = r->outlet, .rules = &r->rules.watch, .has_slots = r->o->slots,
                                .start_ms = em_options_start_ms(r->o), .timeout_s = r->o->timeout, .stop = r->stop };
    em_replay_result result;
    em_status status = em_replay_run(&result, &cfg, err);

    if (status)
        return em_exit_code(status, result.output_failed ? EM_EXIT_OUTPUT : EM_EXIT_INPUT);
    if (r->o->until.n > 0 && !result.has_met && !result.was_stopped)
        r->is_unmet = true;
    return result.was_stopped ? EM_EXIT_CUT : EM_EXIT_OK;
}

int em_cmd_replay(const em_options *o, em_err *err)
{
    rerun r = { .o = o, .stop = em_signals_catch() };
    em_err why = { 0 };
    int code = begin(&r, err);

    if (code == EM_EXIT_OK)
        code = hear(&r, err);
    em_outlet_free(r.outlet);
    if (em_sink_set_close(&r.outputs, code == EM_EXIT_OK || code == EM_EXIT_INPUT ? EM_SINK_WHOLE : EM_SINK_CUT, &why) && code == EM_EXIT_OK) {
        em_fail(err, why.code, "%s", why.msg);
        code = EM_EXIT_OUTPUT;
    }
    em_rules_deinit(&r.rules);
    em_selection_deinit(&r.selection);
    em_stored_close(r.stored);
    if (err->code == EM_ECANCELED)
        err->msg[0] = '\0';
    return code == EM_EXIT_OK && r.is_unmet ? EM_EXIT_NOT_HEARD : code;
}
