/* sinks.c - the table of formats. A new one is a file and a row. */
#include "sinks/row.h"

#include "base/module.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What brings a library along is loaded when it is opened: memory that few runs need. */
static const em_sink_row in_mqtt = { .format = "mqtt", .option = "EARMARK_MQTT", .traits = { .extension = "mqtt", .is_events = true } };
static const em_sink_row in_osc  = { .format = "osc", .option = "EARMARK_OSC" };
static const em_sink_row in_web  = { .format = "web", .option = "EARMARK_HTTP" };
static const em_sink_row in_picture = { .format = "picture", .option = "EARMARK_CAIRO" };

static const em_sink_row *const rows[] = {
    &em_sink_text, &em_sink_jsonl, &em_sink_audacity, &em_sink_dcase, &em_sink_sed_eval, &em_sink_audioset,
    &em_sink_vtt,  &em_sink_srt,   &em_sink_raven,    &em_sink_csv,   &em_sink_obs,
    &em_sink_exec, &em_sink_clip,  &em_sink_midi,     &em_sink_store,    &em_sink_status, &in_mqtt, &in_osc, &in_web,
    &in_picture,                                                                /* those without help last */
};

const char *em_sink_format(int i, const char **help)
{
    if (i < 0 || (size_t)i >= EM_COUNT(rows) || !rows[i]->help)
        return NULL;
    if (help)
        *help = rows[i]->help;
    return rows[i]->format;
}

static const em_sink_row *find(const char *format)
{
    for (size_t i = 0; i < EM_COUNT(rows); i++)
        if (strcmp(rows[i]->format, format) == 0)
            return rows[i];
    return NULL;
}

em_sink_traits em_sink_traits_of(const char *format)
{
    const em_sink_row *row = find(format);

    assert(row);
    return row->traits;
}

static em_status load(const em_sink_row **row, em_err *err)
{
    const em_sink_row *named = *row;
    char symbol[32];
    const void *found;
    em_err why;

    snprintf(symbol, sizeof symbol, "em_sink_%s", named->format);
    if (em_module_find(&found, named->format, symbol, &why) != EM_OK)
        return em_fail(err, EM_EUNSUPPORTED, "%s: %.170s; it is built with -D%s=ON", named->format, why.msg, named->option);
    *row = found;
    return EM_OK;
}

/* The row that opens it. */
static em_status find_whole(const em_sink_row **row, const char *format, em_err *err)
{
    if (!(*row = find(format)))
        return em_fail(err, EM_EUNSUPPORTED, "format '%s' is not one of this build's", format);
    return (*row)->option ? load(row, err) : EM_OK;
}

em_status em_sink_check(const char *format, em_err *err)
{
    const em_sink_row *row;

    return find_whole(&row, format, err);
}

em_status em_sink_open(em_sink **out, const em_sink_cfg *cfg, em_err *err)
{
    const em_sink_row *row;
    em_status status = find_whole(&row, cfg->format, err);
    em_sink *s;

    *out = NULL;
    if (status)
        return status;
    if (!(s = calloc(1, row->n_bytes)))
        return em_fail(err, EM_ENOMEM, "no memory for a %s output", cfg->format);
    s->row = row;
    s->traits = find(cfg->format)->traits;
    s->cfg = *cfg;
    s->out.fd = -1;
    if (!row->has_no_file)
        status = (cfg->is_appended ? em_out_append : em_out_open)(&s->out, cfg->path, cfg->give_up, err);
    if (status || (row->init && (status = row->init(s, err)))) {
        em_sink_close(s, EM_SINK_EMPTY, NULL);
        return status;
    }
    s->is_open = true;
    *out = s;
    return EM_OK;
}

const char *em_sink_name(const em_sink *s)
{
    return s->row->format;
}

em_status em_sink_put(em_sink *s, const em_event *e, em_err *err)
{
    return s->row->put(s, e, err);
}

bool em_sink_needs_scores(const em_sink *s)
{
    if (s->traits.is_asked)
        return s->cfg.scores != EM_SCORES_NONE || s->cfg.is_terminal;
    return !s->traits.is_events;
}

void em_sink_hurry(em_sink *s)
{
    atomic_store(&s->out.is_ending, true);
}

em_status em_sink_close(em_sink *s, em_sink_end end, em_err *err)
{
    em_status status = EM_OK, closed;

    if (!s)
        return EM_OK;
    if (s->is_open && s->row->end && (status = s->row->end(s, err)) == EM_ECANCELED)
        status = EM_OK;
    closed = em_out_close(&s->out, end, status ? NULL : err);
    if (s->row->deinit)
        s->row->deinit(s);
    free(s);
    return status ? status : closed;
}
