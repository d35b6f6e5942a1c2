/* sink_cues.c - events as subtitles: what is heard, in brackets, as captions have it.
 *
 *   vtt   WebVTT (www.w3.org/TR/webvtt1): a head, then cues whose starts never go back; & < > are escaped, so that a label is
 *         no tag and holds no -->
 *   srt   SubRip: numbered from 1, a comma before the milliseconds. It has no escapes, and players take <...> for tags:
 *         a label's < and > become the single quotation marks that look like them
 *
 * With cfg.is_metadata a cue of vtt is for scripts (a track of kind "metadata") and holds the offset record of jsonl (event_json.h) instead,
 * whose strings have every > as \u003e, so that none of them is an arrow.
 *
 * A mark is nothing that is heard: among captions of vtt it is a comment, which no player shows, where it was said; for scripts a cue with
 * its record. SubRip has no comments, and says nothing of it.
 *
 * A cue leaves once no earlier one can come, about half a minute after its onset (onset_order.h), the rest at the end. */
#include "sinks/event_json.h"
#include "sinks/line.h"
#include "sinks/onset_order.h"
#include "sinks/row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct style {
    const char *head;
    bool        is_numbered, has_comments, may_be_metadata;
    char        decimal;            /* before the milliseconds */
    const em_escape *escapes;
} style;

typedef struct cues {
    em_sink  base;
    em_line  line;
    em_onset_order *order;
    em_event_json record;           /* of metadata */
    unsigned long long n;           /* written */
} cues;

enum { TIMES_BYTES = 128 };         /* of a cue's number and times */

static em_status cues_init(em_sink *s, em_err *err)
{
    cues *c = (cues *)s;
    const style *y = s->row->kind;

    c->line.room = 2 * EM_ESCAPED_BYTES + TIMES_BYTES;
    if (!(c->line.text = malloc(c->line.room)))
        return em_fail(err, EM_ENOMEM, "no memory for a %s output", s->row->format);
    if (em_onset_order_new(&c->order, err) || em_event_json_init(&c->record, &s->cfg, err))
        return EM_ENOMEM;
    return em_out_write(&s->out, y->head, strlen(y->head), err);
}

static void cues_deinit(em_sink *s)
{
    cues *c = (cues *)s;

    em_onset_order_free(c->order);
    em_event_json_deinit(&c->record);
    free(c->line.text);
}

static void put_ms(em_line *l, long long ms, char decimal)
{
    em_line_put(l, "%02lld:%02lld:%02lld%c%03lld", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, decimal, ms % 1000);
}

static em_status make_room(em_line *l, size_t n, em_err *err)
{
    char *grown = n > l->room ? realloc(l->text, n) : l->text;

    if (!grown)
        return em_fail(err, EM_ENOMEM, "no memory for a record of vtt");
    l->text = grown;
    l->room = n > l->room ? n : l->room;
    return EM_OK;
}

static em_status put_record(cues *c, const em_event *e, em_err *err)
{
    const em_json *j = &c->record.json;
    bool has_one;
    em_status status = em_event_json_put(&c->record, e, &has_one, err);

    if (status || (status = make_room(&c->line, TIMES_BYTES + sizeof "\\u003e" * j->n, err)))
        return status;
    for (const char *s = j->text; *s; s++)
        if (*s == '>')
            em_line_put(&c->line, "\\u003e");
        else
            em_line_put(&c->line, "%c", *s);
    return EM_OK;
}

static bool is_metadata(const cues *c)
{
    const style *y = c->base.row->kind;

    return y->may_be_metadata && c->base.cfg.is_metadata;
}

static em_status put_text(cues *c, const em_event *e, em_err *err)
{
    const style *y = c->base.row->kind;

    if (is_metadata(c))
        return put_record(c, e, err);
    em_line_put(&c->line, "[");
    em_line_put_sound(&c->line, e, c->base.cfg.has_source_names, y->escapes);
    em_line_put(&c->line, "]");
    return EM_OK;
}

static em_status put_cue(cues *c, const em_event *e, em_err *err)
{
    const style *y = c->base.row->kind;
    const bool is_mark = e->type == EM_EVENT_MARK;              /* a point */
    const long long from = llround((is_mark ? e->time : e->u.sound.onset) * 1e3), to = is_mark ? from : llround(e->u.sound.offset * 1e3);
    em_status status;

    c->line.n = 0;
    if (y->is_numbered)
        em_line_put(&c->line, "%llu\n", c->n + 1);
    put_ms(&c->line, from, y->decimal);
    em_line_put(&c->line, " --> ");
    put_ms(&c->line, to > from ? to : from + 1, y->decimal);        /* an empty cue is none */
    em_line_put(&c->line, "\n");
    if ((status = put_text(c, e, err)))
        return status;
    em_line_put(&c->line, "\n\n");
    status = em_out_write(&c->base.out, c->line.text, c->line.n, err);
    c->n += !status;
    return status;
}

/* "NOTE 00:00:12.500 mark: the doorbell": a comment ends at an empty line and has no -->, as little as a cue's text. */
static em_status put_note(cues *c, const em_event *e, em_err *err)
{
    const style *y = c->base.row->kind;

    c->line.n = 0;
    em_line_put(&c->line, "NOTE ");
    put_ms(&c->line, llround(e->time * 1e3), y->decimal);
    if (c->base.cfg.has_source_names) {
        em_line_put(&c->line, " ");
        em_line_put_label(&c->line, e->source, y->escapes);
        em_line_put(&c->line, ":");
    }
    em_line_put(&c->line, *e->u.mark.text ? " mark: " : " mark");
    em_line_put_label(&c->line, e->u.mark.text, y->escapes);
    em_line_put(&c->line, "\n\n");
    return em_out_write(&c->base.out, c->line.text, c->line.n, err);
}

static em_status put_due(cues *c, bool is_end, em_err *err)
{
    em_status status = EM_OK;
    const em_event *e;

    while (!status && (e = em_onset_order_take(c->order, is_end)))
        status = put_cue(c, e, err);
    return status;
}

static em_status cues_put(em_sink *s, const em_event *e, em_err *err)
{
    const style *y = s->row->kind;
    cues *c = (cues *)s;

    if (e->type == EM_EVENT_MARK && !is_metadata(c))
        return y->has_comments ? put_note(c, e, err) : EM_OK;
    em_onset_order_put(c->order, e);
    return put_due(c, false, err);
}

static em_status cues_end(em_sink *s, em_err *err)
{
    return put_due((cues *)s, true, err);
}

static const em_escape vtt_escapes[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { 0 } };
static const em_escape srt_escapes[] = { { '<', "\u2039" }, { '>', "\u203a" }, { 0 } };

static const style vtt = { .head = "WEBVTT\n\n", .has_comments = true, .may_be_metadata = true, .decimal = '.', .escapes = vtt_escapes };
static const style srt = { .head = "", .is_numbered = true, .decimal = ',', .escapes = srt_escapes };

#define CUES .n_bytes = sizeof(cues), .init = cues_init, .put = cues_put, .end = cues_end, .deinit = cues_deinit

const em_sink_row em_sink_vtt = {
    CUES, .format = "vtt", .help = "subtitles, WebVTT", .kind = &vtt,
    .traits = { .extension = "vtt", .is_events = true, .is_one_timeline = true },
};
const em_sink_row em_sink_srt = {
    CUES, .format = "srt", .help = "subtitles, SubRip", .kind = &srt,
    .traits = { .extension = "srt", .is_events = true, .is_one_timeline = true },
};
