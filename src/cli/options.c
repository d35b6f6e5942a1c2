/* options.c - the table as one list; setting one option by its row; the built-in layer. The environment and the command line:
 * options_read.c. */
#include "cli/options.h"

#include "base/text.h"
#include "cli/option_text.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table, as one list ---- */

const em_option *em_options_row(int i)
{
    const em_option_section *section;

    for (int s = 0; (section = em_options_section(s)); s++) {
        if (i < section->n)
            return &section->rows[i];
        i -= section->n;
    }
    return NULL;
}

int em_options_index(const em_option *row)
{
    for (int i = 0; em_options_row(i); i++)
        if (em_options_row(i) == row)
            return i;
    return -1;
}

const em_option *em_options_find(const char *name)
{
    const em_option *row;

    for (int i = 0; (row = em_options_row(i)); i++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

const char *em_options_nearest(const char *name)
{
    const em_option *row;
    const char *nearest = "";
    int best = 0;

    for (int i = 0; (row = em_options_row(i)); i++)
        if (em_text_is_nearer(&best, name, row->name))
            nearest = row->name;
    return nearest;
}

/* ---- one value ---- */

static em_status set_text(char **field, const char *value, em_err *err)
{
    char *copy = value ? strdup(value) : NULL;

    if (value && !copy)
        return em_fail(err, EM_ENOMEM, "no memory for the options");
    free(*field);
    *field = copy;
    return EM_OK;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t n = strcspn(value, "|");

    for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
        if (strncmp(c, value, n) == 0 && (c[n] == '|' || c[n] == '\0'))
            return n > 0 && !value[n];
    return false;
}

static bool parse_flag(bool *out, const char *value)
{
    static const char *const yes[] = { "yes", "true", "on", "1" }, *const no[] = { "no", "false", "off", "0" };

    for (size_t i = 0; i < EM_COUNT(yes); i++)
        if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
            *out = strcmp(value, yes[i]) == 0;
            return true;
        }
    return false;
}

static em_status bad_value(const em_option *row, const char *value, const char *where, em_err *err)
{
    char clean[64];

    if (row->is_secret && row->wanted)
        return em_fail(err, EM_EINVAL, "%s: not %s", where, row->wanted);
    em_text_clean(clean, sizeof clean, value);
    if (row->wanted)
        return em_fail(err, EM_EINVAL, "%s: '%s' is not %s", where, clean, row->wanted);
    switch (row->kind) {
    case EM_OPTION_FLAG:
        return em_fail(err, EM_EINVAL, "%s: '%s' is not yes or no", where, clean);
    case EM_OPTION_CHOICE:
        return em_fail(err, EM_EINVAL, "%s: '%s' is not one of %s", where, clean, row->choices);
    case EM_OPTION_WAIT:
        return em_fail(err, EM_EINVAL, "%s: '%s' is not a number of seconds, yes or no", where, clean);
    case EM_OPTION_INT:
        return em_fail(err, EM_EINVAL, "%s: '%s' is not a whole number from %.0f to %.0f", where, clean, row->min, row->max);
    case EM_OPTION_REAL:
        return em_fail(err, EM_EINVAL, "%s: '%s' is not a number from %.10g to %.10g", where, clean, row->min, row->max);
    default:
        return em_fail(err, EM_EINVAL, "%s: there is no value", where);
    }
}

static bool set_number(void *field, const em_option *row, const char *value)
{
    double x;

    if (!em_parse_real(&x, value) || x < row->min || x > row->max)
        return false;
    if (row->kind == EM_OPTION_REAL)
        *(double *)field = x;
    else if (x != floor(x))
        return false;
    else
        *(int *)field = (int)x;
    return true;
}

static em_status set_command(em_options *o, const em_option *row, const char *value, em_err *err)
{
    em_command command = (em_command)(int)row->min;

    /* --help and --version answer whatever else is asked. */
    if (o->command == EM_COMMAND_HELP || o->command == EM_COMMAND_VERSION)
        return EM_OK;
    if (o->command != EM_COMMAND_LISTEN && o->command != command && command != EM_COMMAND_HELP &&
        command != EM_COMMAND_VERSION)
        return em_fail(err, EM_EINVAL, "--%s and --%s cannot be done in one call", o->command_name, row->name);
    o->command = command;
    o->command_name = row->name;
    return row->arg ? set_text(&o->subject, value, err) : EM_OK;
}

/* Formats and outputs are pairs: a new layer that names either replaces both. */
static void begin_layer(em_options *o, const em_option *row, int layer)
{
    int formats = em_options_index(em_options_find("format")), outputs = em_options_index(em_options_find("output"));
    int i = em_options_index(row);

    if ((i == formats || i == outputs) && o->layer[formats] < layer && o->layer[outputs] < layer) {
        em_texts_deinit(&o->formats);
        em_texts_deinit(&o->outputs);
    } else if (row->kind == EM_OPTION_TEXTS && o->layer[i] < layer) {
        if (i != formats && i != outputs)
            em_texts_deinit((em_texts *)((char *)o + row->at));
    }
    o->layer[i] = (unsigned char)layer;
}

/* -f a -o x -f b -o y: the shorter list is filled up so that a value stands at its own pair. */
static em_status add_pair(em_options *o, const em_option *row, const char *value, const char *where, em_err *err)
{
    em_texts *mine = (em_texts *)((char *)o + row->at);
    em_texts *other = mine == &o->formats ? &o->outputs : &o->formats;
    const char *missing = mine == &o->formats ? "-" : "text";

    while (other->n < mine->n)
        if (em_texts_add(other, missing, where, err))
            return EM_ENOMEM;
    return em_texts_add(mine, value, where, err);
}

em_status em_options_set(em_options *o, const em_option *row, const char *value, int layer, const char *where, em_err *err)
{
    void *field = (char *)o + row->at;

    if (row->kind == EM_OPTION_COMMAND)
        return set_command(o, row, value, err);
    begin_layer(o, row, layer);
    if (!value && row->kind == EM_OPTION_TEXT)
        return set_text(field, NULL, err);
    if (row->is_valid && !row->is_valid(value))
        return bad_value(row, value, where, err);
    switch (row->kind) {
    case EM_OPTION_FLAG:
        return parse_flag(field, value) ? EM_OK : bad_value(row, value, where, err);
    case EM_OPTION_COUNT: {
        double n;

        if (!em_parse_real(&n, value) || n < 0 || n > 9 || n != floor(n))
            return em_fail(err, EM_EINVAL, "%s: '%.60s' is not a whole number from 0 to 9", where, value);
        *(int *)field = (int)n;
        return EM_OK;
    }
    case EM_OPTION_INT:
    case EM_OPTION_REAL:
        return set_number(field, row, value) ? EM_OK : bad_value(row, value, where, err);
    case EM_OPTION_WAIT:
        return em_parse_wait(field, value) ? EM_OK : bad_value(row, value, where, err);
    case EM_OPTION_CHOICE:
        return is_choice(row->choices, value) ? set_text(field, value, err) : bad_value(row, value, where, err);
    case EM_OPTION_TEXTS:
        if (!*value)
            return bad_value(row, value, where, err);
        return field == &o->formats || field == &o->outputs ? add_pair(o, row, value, where, err) : em_texts_add(field, value, where, err);
    default:
        return *value ? set_text(field, value, err) : bad_value(row, value, where, err);
    }
}

/* ---- layers ---- */

em_status em_options_init(em_options *o, em_err *err)
{
    const em_option *row;

    *o = (em_options){ .command = EM_COMMAND_LISTEN };
    for (int i = 0; (row = em_options_row(i)); i++)
        if (row->fallback) {
            em_status status = em_options_set(o, row, row->fallback, EM_LAYER_BUILTIN, row->name, err);

            if (status)
                return status;
        }
    return EM_OK;
}

void em_options_deinit(em_options *o)
{
    const em_option *row;

    for (int i = 0; (row = em_options_row(i)); i++)
        em_options_unset(o, row);
    em_texts_deinit(&o->files);
    free(o->subject);
    o->subject = NULL;
}

/* ---- texts that mean something ---- */

int em_options_channel(const em_options *o)
{
    int c = 1;

    em_parse_channel(&c, o->channel);
    return c;
}

em_precision em_options_precision(const em_options *o)
{
    return strcmp(o->precision, "fp32") == 0 ? EM_PRECISION_FP32 : strcmp(o->precision, "fp16") == 0 ? EM_PRECISION_FP16 : EM_PRECISION_AUTO;
}

static em_text_list list_of(const em_texts *texts)
{
    return (em_text_list){ (const char *const *)texts->list, texts->n, (const char *const *)texts->where };
}

em_settings em_options_settings(const em_options *o)
{
    return (em_settings){
        .dashes = "--", .watch = list_of(&o->watch), .ignore = list_of(&o->ignore), .all_classes = o->all_classes, .threshold = o->threshold,
        .hysteresis = o->hysteresis, .min_on = o->min_on, .min_off = o->min_off, .groups = list_of(&o->groups), .tunes = list_of(&o->tunes),
        .explain = list_of(&o->explain), .until = list_of(&o->until), .gate = o->level_gate,
    };
}

em_shard em_options_shard(const em_options *o)
{
    em_shard s = { 1, 1 };

    if (o->shard)
        em_parse_shard(&s.i, &s.n, o->shard);
    return s;
}

int64_t em_options_start_ms(const em_options *o)
{
    int64_t ms = -1;

    if (o->start_time)
        em_parse_utc(&ms, o->start_time);
    return ms;
}
