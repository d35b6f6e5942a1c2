/* sink_obs.c - a small file that always holds the newest events, one `hh:mm:ss Label` a line, oldest first, for overlays that read
 * a file again and again (OBS Studio's text source).
 *
 * A line is there as soon as an event has begun, and goes again when it is retracted. The time is that of its onset: of the
 * day, in the zone of this machine (TZ), where the wall clock is known, and else of the stream. At most cfg.top_k lines.
 * Every change replaces the file whole, by PATH.part and a rename: a reader sees the old lines or the new ones. */
#include "sinks/line.h"
#include "sinks/row.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_BYTES = 240 };          /* a time and two names of 100 */

typedef struct shown { char id[EM_EVENT_ID_CHARS], text[LINE_BYTES]; } shown;

typedef struct obs {
    em_sink base;
    char   *path;
    shown  *lines;                  /* [top_k] */
    int     n;
    em_line all;
} obs;

static em_status rewrite(obs *o, em_err *err)
{
    em_out out;
    em_status status = em_out_open(&out, o->path, o->base.cfg.give_up, err), closed;

    o->all.n = 0;
    for (int i = 0; i < o->n; i++)
        em_line_put(&o->all, "%s\n", o->lines[i].text);
    if (!status && o->n > 0)
        status = em_out_write(&out, o->all.text, o->all.n, err);
    closed = em_out_close(&out, EM_SINK_WHOLE, status ? NULL : err);
    return status ? status : closed;
}

/* The file is emptied at once: the lines of an earlier run are not news. */
static em_status obs_init(em_sink *s, em_err *err)
{
    obs *o = (obs *)s;
    const size_t n = (size_t)s->cfg.top_k;

    if (!s->out.part)
        return em_fail(err, s->out.path ? EM_EIO : EM_EINVAL, "%s: is no file that -f obs could replace",
                       s->out.path ? s->out.path : "standard output");
    o->path = strdup(s->out.path);
    o->lines = calloc(n, sizeof *o->lines);
    o->all.room = n * (LINE_BYTES + 1) + 1;
    o->all.text = malloc(o->all.room);
    if (!o->path || !o->lines || !o->all.text)
        return em_fail(err, EM_ENOMEM, "no memory for an obs output");
    return em_out_close(&s->out, EM_SINK_WHOLE, err);
}

static void obs_deinit(em_sink *s)
{
    obs *o = (obs *)s;

    free(o->path);
    free(o->lines);
    free(o->all.text);
}

static void put_time(em_line *l, const em_event *e)
{
    long long s = e->utc_ms >= 0 ? e->utc_ms / 1000 : (long long)e->time;
    time_t at = (time_t)s;
    struct tm day;

    if (e->utc_ms >= 0 && localtime_r(&at, &day))
        em_line_put(l, "%02d:%02d:%02d ", day.tm_hour, day.tm_min, day.tm_sec);
    else
        em_line_put(l, "%02lld:%02lld:%02lld ", s / 3600, s / 60 % 60, s % 60);
}

static void drop(obs *o, int i)
{
    o->n--;
    memmove(&o->lines[i], &o->lines[i + 1], (size_t)(o->n - i) * sizeof *o->lines);
}

static void add(obs *o, const em_event *e)
{
    em_line text = { .room = LINE_BYTES };
    shown *line;

    if (o->n == o->base.cfg.top_k)
        drop(o, 0);
    line = &o->lines[o->n++];
    memcpy(line->id, e->u.sound.id, sizeof line->id);
    text.text = line->text;
    put_time(&text, e);
    if (o->base.cfg.has_source_names) {
        em_line_put_name(&text, e->source);
        em_line_put(&text, ": ");
    }
    em_line_put_name(&text, e->u.sound.label);
}

static em_status obs_put(em_sink *s, const em_event *e, em_err *err)
{
    obs *o = (obs *)s;

    if (e->type == EM_EVENT_ONSET) {
        add(o, e);
        return rewrite(o, err);
    }
    for (int i = 0; e->type == EM_EVENT_RETRACT && i < o->n; i++)
        if (strcmp(o->lines[i].id, e->u.sound.id) == 0) {
            drop(o, i);
            return rewrite(o, err);
        }
    return EM_OK;
}

const em_sink_row em_sink_obs = {
    .format = "obs", .help = "the newest events, for an overlay", .n_bytes = sizeof(obs),
    .traits = { .extension = "obs.txt", .is_events = true, .is_rewritten = true },
    .init = obs_init, .put = obs_put, .deinit = obs_deinit,
};
