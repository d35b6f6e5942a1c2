/* option_settle.c - after the last layer: of options that exclude each other the one of the lower layer gives way, so
 * that a source in a configuration file does not stand in the way of `earmark a.wav`. Two of one layer are left to
 * the mode that reads them, which says what is wrong. What --replay makes anew has happened once: commands and OSC that a
 * file or the environment names are for what is heard, and have to be asked for beside it. */
#include "cli/options.h"

#include <stddef.h>
#include <string.h>

static const struct { const char *a, *b; } exclusive[] = {
    { "source", "input" },   { "source", "device" },   { "source", "jack" },      { "source", "shard" },
    { "source", "summary" }, { "source", "out-dir" },  { "source", "replay" },
    { "input", "device" },   { "input", "jack" },      { "device", "jack" },
    { "shard", "device" },   { "shard", "jack" },      { "summary", "device" },   { "summary", "jack" },
    { "out-dir", "device" }, { "out-dir", "jack" },    { "out-dir", "output" },  { "out-dir", "append" },
    { "replay", "input" },   { "replay", "device" },   { "replay", "jack" },      { "replay", "store" },
    { "replay", "mqtt" },    { "replay", "exec" },     { "replay", "osc" },       { "mqtt", "out-dir" },
    { "mqtt", "summary" },   { "until", "summary" },   { "exec", "summary" },
    { "http", "out-dir" },   { "http", "summary" },    { "http", "replay" },      { "clip-dir", "summary" }, { "clip-dir", "replay" },
    { "replay", "level" },   { "replay", "embeddings" }, { "level", "summary" },
    { "plot", "summary" },   { "midi", "input" },      { "midi", "device" },      { "midi", "replay" },
    { "store", "out-dir" },  { "store", "summary" },   { "live", "realtime" },    { "connect", "no-connect" }, { "quiet", "verbose" },
};

static int layer_of(const em_options *o, const char *name)
{
    return o->layer[em_options_index(em_options_find(name))];
}

static bool has_stdin(const em_texts *inputs)
{
    for (int i = 0; i < inputs->n; i++)
        if (strcmp(inputs->list[i], "-") == 0)
            return true;
    return false;
}

/* Raw samples come from standard input: --raw names that source where no layer as high names another one. Below
 * files it means nothing. In a file and alone it is how pipes are to be read, when there is one: see inputs.c. */
static em_status settle_raw(em_options *o, em_err *err)
{
    static const char *const others[] = { "input", "source", "device", "jack", "replay" };
    int raw = layer_of(o, "raw");
    bool is_alone = true;

    if (!o->raw || has_stdin(&o->inputs))
        return EM_OK;
    if (o->inputs.n > 0 && layer_of(o, "input") > raw) {
        em_options_unset(o, em_options_find("raw"));
        return EM_OK;
    }
    for (size_t i = 0; i < EM_COUNT(others); i++) {
        if (!em_options_is_set(o, em_options_find(others[i])))
            continue;
        if (layer_of(o, others[i]) >= raw)
            return EM_OK;
        is_alone = false;
    }
    if (is_alone && raw < EM_LAYER_ENV)
        return EM_OK;
    return em_options_set(o, em_options_find("input"), "-", raw, "--raw", err);
}

/* What a model file says of itself is said by training, or later. */
static bool is_for_rewrite(const em_option *row)
{
    return row->at == offsetof(em_options, train.name) || row->at == offsetof(em_options, train.provenance) ||
           row->at == offsetof(em_options, train.licence);
}

/* What only training reads is a mistake elsewhere on the command line; files may have it for whenever it is wanted. */
static em_status check_training(const em_options *o, em_err *err)
{
    const em_option_section *section;

    for (int s = 0; (section = em_options_section(s)); s++)
        for (int i = 0; strcmp(section->title, "Training") == 0 && i < section->n; i++)
            if (layer_of(o, section->rows[i].name) == EM_LAYER_ARGV && section->rows[i].at != offsetof(em_options, preset) &&
                !(o->command == EM_COMMAND_REWRITE && is_for_rewrite(&section->rows[i])))
                return em_fail(err, EM_EINVAL, "--%s is for --train and --eval", section->rows[i].name);
    return EM_OK;
}

/* Options of one command do nothing without it. --help answers whatever else is asked. */
static em_status check_companions(const em_options *o, em_err *err)
{
    enum { TRAINS = 1 << EM_COMMAND_TRAIN | 1 << EM_COMMAND_EVAL, DOCTOR = 1 << EM_COMMAND_DOCTOR };
    static const struct { const char *name, *command; unsigned others; } companions[] = {
        { "json", "bench", TRAINS | DOCTOR },  { "training", "bench", TRAINS },  { "streams", "bench", 0 },  { "mean-embed", "import", TRAINS },
        { "half", "rewrite", 0 },              { "mean-with", "rewrite", 0 },         { "metrics", "rewrite", 0 },
    };
    const bool is_training = TRAINS >> o->command & 1;

    for (size_t i = 0; i < EM_COUNT(companions); i++)
        if (!(companions[i].others >> o->command & 1) && em_options_is_set(o, em_options_find(companions[i].name)) &&
            !em_options_is_set(o, em_options_find(companions[i].command)))
            return em_fail(err, EM_EINVAL, "--%s is for --%s", companions[i].name, companions[i].command);
    if (is_training && o->inputs.n > 0 && layer_of(o, "input") == EM_LAYER_ARGV)
        return em_fail(err, EM_EINVAL, "%.80s: --train and --eval hear what --data names, and no other files", o->inputs.list[0]);
    if (o->preset && layer_of(o, "preset") == EM_LAYER_ARGV && o->command != EM_COMMAND_BENCH && !is_training)
        return em_fail(err, EM_EINVAL, "--preset is for --bench and --train");
    if (o->timeout > 0 && o->until.n == 0 && layer_of(o, "timeout") == EM_LAYER_ARGV)
        return em_fail(err, EM_EINVAL, "--timeout is for --until");
    if (!is_training && o->command != EM_COMMAND_BENCH && o->command != EM_COMMAND_PRINT_CONFIG && check_training(o, err) != EM_OK)
        return EM_EINVAL;
    if (o->command == EM_COMMAND_BENCH && o->preset && layer_of(o, "model") == EM_LAYER_ARGV)
        return em_fail(err, EM_EINVAL, "--preset and --model cannot go together: choose what to measure");
    if (o->training && layer_of(o, "model") == EM_LAYER_ARGV)
        return em_fail(err, EM_EINVAL, "--training measures a --preset, not a model file");
    if (o->training && o->streams > 0)
        return em_fail(err, EM_EINVAL, "--streams measures tagging and --training learning: choose one");
    return EM_OK;
}

em_status em_options_settle(em_options *o, em_err *err)
{
    bool is_asking = o->command == EM_COMMAND_HELP || o->command == EM_COMMAND_VERSION;
    em_status status = is_asking ? EM_OK : check_companions(o, err);

    if (status == EM_OK)
        status = settle_raw(o, err);

    /* From the top: what a higher layer has thrown out throws nothing out itself. */
    for (int layer = EM_LAYER_ARGV; layer > EM_LAYER_BUILTIN && status == EM_OK; layer--)
        for (size_t i = 0; i < EM_COUNT(exclusive); i++) {
            const em_option *a = em_options_find(exclusive[i].a), *b = em_options_find(exclusive[i].b);
            int la = layer_of(o, a->name), lb = layer_of(o, b->name);

            if (la != lb && (la > lb ? la : lb) == layer && em_options_is_set(o, a) && em_options_is_set(o, b))
                em_options_unset(o, la < lb ? a : b);
        }
    return status;
}
