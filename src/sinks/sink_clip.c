/* sink_clip.c - a clip for each event (--clip-dir). Not a format that people choose with --format.
 *
 * A clip holds the samples from pre_s before the onset to post_s behind the offset, to the sample: round(time * rate) of the source. It is
 * written when the event is over and its last sample has come. What is longer than most_s is cut there; while such an event still
 * sounds, the tape says when its beginning can wait no longer, and it is written by the onset that was told. Clips that are judged
 * (--private) are written by the CLIP event that lets them be, as that says, and at no other time: where it was lost there is none. */
#include "sinks/clip.h"
#include "sinks/row.h"

#include "base/lane.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double mark_s = 10;    /* of sound before a mark */

enum { MOST = 256, LATE_S = 5, CLEAN_BYTES = 200 };     /* events under way; seconds of tape that are left when a clip cannot wait */

typedef struct shot {
    char   id[EM_EVENT_ID_CHARS], source[EM_TAPE_NAME];
    const char *label;              /* "mark": of no event */
    double onset, offset;           /* seconds; offset: once it is over */
    bool   is_over, is_written;
    bool   is_ours;                 /* the file is                      */
} shot;

typedef struct clips {
    em_sink base;
    shot    shots[MOST];
    int     n;
    bool    has_warned, has_told_old;
    unsigned long long n_written, n_failed;
} clips;

static em_status clips_init(em_sink *s, em_err *err)
{
    const char *dir = s->cfg.clip->dir;

    return access(dir, W_OK | X_OK) == 0 ? EM_OK : em_fail(err, EM_EIO, "%s: clips cannot be written there: %s", dir, strerror(errno));
}

/* The first for everybody, all with -v. */
static void tell_failure(clips *c, const char *why)
{
    c->n_failed++;
    em_log(c->has_warned ? EM_LOG_DEBUG : EM_LOG_WARNING, "%s%s", why,
           c->has_warned ? "" : " (further clips that fail are counted; -v tells each)");
    c->has_warned = true;
}

/* ---- one clip ---- */

static void write_span(clips *c, shot *s, const em_tape_state *tape, int64_t begin, int64_t end)
{
    char path[PATH_MAX], title[CLEAN_BYTES], source[CLEAN_BYTES], comment[2 * CLEAN_BYTES];
    em_clip clip = { .path = path, .tape = c->base.cfg.clip->tape, .source = s->source, .rate_hz = tape->rate_hz, .begin = begin, .end = end,
                     .title = title, .comment = comment };
    bool is_old;
    em_err err;

    em_clip_path(path, sizeof path, c->base.cfg.clip->dir, s->source, s->label, s->id);
    em_text_clean(title, sizeof title, s->label);
    snprintf(comment, sizeof comment, "%s from %.3f s, event %s", em_text_clean(source, sizeof source, s->source),
             tape->start_s + (double)begin / tape->rate_hz, s->id);
    if (em_clip_write(&is_old, &clip, &err)) {
        tell_failure(c, err.msg);
        return;
    }
    s->is_ours = !is_old;
    c->n_written += s->is_ours;
    if (is_old) {
        em_log(c->has_told_old ? EM_LOG_DEBUG : EM_LOG_WARNING, "%.180s: is there already, and stays", path);
        c->has_told_old = true;
    }
}

static void write_inside(clips *c, shot *s, const em_tape_state *tape, int64_t begin, int64_t end)
{
    if (end > tape->next)
        end = tape->next;
    if (begin < tape->first)
        tell_failure(c, "a clip's beginning is gone before it was written: the writing is too slow");
    else if (begin < end)
        write_span(c, s, tape, begin, end);
}

static int64_t sample_at(const em_tape_state *tape, double time)
{
    const int64_t i = llround((time - tape->start_s) * tape->rate_hz);

    return i > 0 ? i : 0;
}

/* Writes what can be written now; stop_s: the stream ended there, nothing more comes. True: this shot is done with. */
static bool settle(clips *c, shot *s, double stop_s)
{
    const em_sink_clip_cfg *cfg = c->base.cfg.clip;
    em_tape_state tape;
    int64_t begin, end;

    if (s->is_written)
        return s->is_over;
    if (!em_tape_look(cfg->tape, s->source, &tape)) {
        tell_failure(c, "a clip's source is gone before it was written");
        return true;
    }
    begin = sample_at(&tape, s->onset - cfg->pre_s);
    end = begin + (int64_t)(cfg->most_s * tape.rate_hz);
    if (s->is_over && sample_at(&tape, s->offset + cfg->post_s) < end)
        end = sample_at(&tape, s->offset + cfg->post_s);
    if (isfinite(stop_s) && sample_at(&tape, stop_s) < end)
        end = sample_at(&tape, stop_s);
    if (!isfinite(stop_s) && (tape.next < end || (!s->is_over && tape.next < begin + tape.n_room - LATE_S * (int64_t)tape.rate_hz)))
        return false;
    s->is_written = true;
    write_inside(c, s, &tape, begin, end);
    return s->is_over;
}

/* ---- records ---- */

static shot *find(clips *c, const em_event *e)
{
    for (int i = 0; i < c->n; i++)
        if (strcmp(c->shots[i].id, e->u.sound.id) == 0 && strcmp(c->shots[i].source, e->source) == 0)
            return &c->shots[i];
    return NULL;
}

static void drop(clips *c, shot *s)
{
    *s = c->shots[--c->n];
}

/* Of what has its clip only the end is awaited, which may be among lost records: such a place is free. */
static void make_room(clips *c)
{
    for (int i = 0; i < c->n && c->n == MOST; i++)
        if (c->shots[i].is_written)
            drop(c, &c->shots[i]);
}

static shot *add(clips *c, const em_event *e, const char *id, const char *label)
{
    shot *s;

    make_room(c);
    if (c->n == MOST) {
        tell_failure(c, "more events at once than clips are kept of");
        return NULL;
    }
    s = &c->shots[c->n++];
    *s = (shot){ .label = label };
    memcpy(s->id, id, sizeof s->id);
    snprintf(s->source, sizeof s->source, "%s", e->source);
    return s;
}

static void take_sound(clips *c, const em_event *e)
{
    shot *s = find(c, e);

    if (!s && (c->base.cfg.clip->is_judged || !(s = add(c, e, e->u.sound.id, e->u.sound.label))))
        return;
    s->onset = e->u.sound.onset;
    s->offset = e->u.sound.offset;
    s->is_over = e->type == EM_EVENT_OFFSET;
}

/* What came before it, of the same length whatever is kept around events. Nobody judges whose sound that is, so that --private has none. */
static void take_mark(clips *c, const em_event *e)
{
    const em_sink_clip_cfg *cfg = c->base.cfg.clip;
    shot *s = e->u.mark.has_clip && !cfg->is_judged ? add(c, e, e->u.mark.id, "mark") : NULL;

    if (!s)
        return;
    s->onset = e->time - mark_s + cfg->pre_s;
    s->offset = e->time - cfg->post_s;
    s->is_over = true;
}

/* It never was: so has no clip. */
static void take_back(clips *c, const em_event *e)
{
    char path[PATH_MAX];
    shot *s = find(c, e);

    if (!s)
        return;
    if (s->is_ours)
        unlink(em_clip_path(path, sizeof path, c->base.cfg.clip->dir, s->source, s->label, s->id));
    drop(c, s);
}

/* What may be kept is there already. An event that still sounds is remembered: it may be taken back. */
static void take_verdict(clips *c, const em_event *e)
{
    em_event sound = { .type = EM_EVENT_OFFSET, .source = e->source };
    em_tape_state tape;
    shot *s;

    if (e->u.clip.why_not)
        return;
    memcpy(sound.u.sound.id, e->u.clip.id, sizeof sound.u.sound.id);
    sound.u.sound.label = e->u.clip.label;
    if (!(s = add(c, &sound, sound.u.sound.id, sound.u.sound.label)))
        return;
    s->is_written = true;
    s->is_over = e->u.clip.is_over;
    if (!em_tape_look(c->base.cfg.clip->tape, s->source, &tape))
        tell_failure(c, "a clip's source is gone before it was written");
    else
        write_inside(c, s, &tape, sample_at(&tape, e->u.clip.begin), sample_at(&tape, e->u.clip.end));
}

static bool is_of_stopped(const shot *s, const em_event *e)
{
    return e->type == EM_EVENT_STOP && em_lane_is_of(s->source, e->source);
}

static em_status clips_put(em_sink *base, const em_event *e, em_err *err)
{
    clips *c = (clips *)base;

    (void)err;
    if (e->type == EM_EVENT_ONSET || e->type == EM_EVENT_OFFSET)
        take_sound(c, e);
    else if (e->type == EM_EVENT_RETRACT)
        take_back(c, e);
    else if (e->type == EM_EVENT_CLIP)
        take_verdict(c, e);
    else if (e->type == EM_EVENT_MARK)
        take_mark(c, e);
    for (int i = c->n - 1; i >= 0; i--) {
        shot *s = &c->shots[i];
        const bool has_stopped = is_of_stopped(s, e);

        if (settle(c, s, has_stopped ? e->time : INFINITY) || has_stopped || (e->type == EM_EVENT_LOST && s->is_written))
            drop(c, s);
    }
    return EM_OK;
}

static em_status clips_end(em_sink *base, em_err *err)
{
    const clips *c = (const clips *)base;

    em_log(EM_LOG_DEBUG, "%llu clips written", c->n_written);
    if (c->n_failed > 0)
        return em_fail(err, EM_EIO, "%.100s: of %llu clips %llu could not be written", base->cfg.clip->dir, c->n_written + c->n_failed,
                       c->n_failed);
    return EM_OK;
}

const em_sink_row em_sink_clip = {
    .format = "clip", .n_bytes = sizeof(clips), .traits = { .extension = "clip", .is_events = true }, .has_no_file = true,
    .init = clips_init, .put = clips_put, .end = clips_end,
};
