/* transcript.c - see transcript.h. */
#include "transcript.h"

#include <stdlib.h>
#include <string.h>

void transcript_add(transcript *t, const void *bytes, size_t n)
{
    while (t->n + n > t->room) {
        t->room = t->room ? 2 * t->room : 1 << 16;
        t->bytes = realloc(t->bytes, t->room);
        if (!t->bytes)
            abort();
    }
    memcpy(t->bytes + t->n, bytes, n);
    t->n += n;
}

static void add_scores(transcript *t, const earmark_scores *s)
{
    transcript_add(t, &s->time_s, sizeof s->time_s);
    transcript_add(t, &s->filled, sizeof s->filled);
    transcript_add(t, &s->rms_dbfs, sizeof s->rms_dbfs);
    transcript_add(t, s->scores, (size_t)s->n_classes * sizeof *s->scores);
    transcript_add(t, s->slots, (size_t)s->n_slots * (size_t)s->n_classes * sizeof *s->slots);
    transcript_add(t, s->embedding, (size_t)s->n_embedding * sizeof *s->embedding);
    t->last_s = s->time_s;
    t->n_hops++;
}

static void add_event(transcript *t, const earmark_event *e)
{
    const double times[] = { e->onset_s, e->offset_s, e->delay_s, e->res_s };
    const float numbers[] = { e->score, e->mean, e->threshold, e->dbfs };

    transcript_add(t, &e->type, sizeof e->type);
    transcript_add(t, e->id, strlen(e->id) + 1);
    transcript_add(t, e->label, strlen(e->label) + 1);
    transcript_add(t, &e->class_index, sizeof e->class_index);
    transcript_add(t, times, sizeof times);
    transcript_add(t, numbers, sizeof numbers);
    t->n_onsets += e->type == EARMARK_ONSET;
    t->n_offsets += e->type == EARMARK_OFFSET;
}

static void read_all(transcript *t, earmark_listener *l)
{
    const earmark_scores *s;
    const earmark_event *e;

    while ((s = earmark_next_scores(l)))
        add_scores(t, s);
    while ((e = earmark_next_event(l)))
        add_event(t, e);
}

static earmark_status push_chunk(earmark_listener *l, const sound *s, size_t at, size_t n, size_t *taken, earmark_error *error)
{
    const size_t from = at * (size_t)s->n_channels;

    if (s->integers)
        return earmark_push_s16(l, s->integers + from, n, taken, error);
    return earmark_push_float(l, s->floats + from, n, taken, error);
}

int transcript_of(transcript *out, earmark_model *model, const earmark_listener_options *o, const sound *s, size_t chunk, earmark_error *error)
{
    earmark_listener *l;
    earmark_status status = earmark_listener_new(&l, model, o, error);
    int is_done = 0;

    *out = (transcript){ 0 };
    for (size_t at = 0; at < s->n_frames && !status;) {
        const size_t left = s->n_frames - at;
        size_t taken = 0;

        status = push_chunk(l, s, at, left < chunk ? left : chunk, &taken, error);
        read_all(out, l);
        at += taken;
    }
    while (!status && !is_done) {
        status = earmark_finish(l, &is_done, error);
        read_all(out, l);
    }
    earmark_listener_free(l);
    return !status;
}
