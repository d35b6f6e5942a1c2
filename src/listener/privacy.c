/* privacy.c - stretches of a stream where somebody speaks, and clips that have to keep away from them: see privacy.h. */
#include "listener/privacy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_CLIPS = 256,               /* that wait for their verdict, as the sink of clips has it              */
    MOST_SPANS = 64,                /* of speech; then the two oldest become one, with what lies between them */
    NAME_CHARS = 160,
};

static const double hair_s = 1e-3;  /* a resampler's sample more or less                                     */

typedef struct span { double begin, end; bool is_speech; } span;        /* not: sound that no window held    */

typedef struct shot {               /* an event whose clip was not judged                                    */
    char   id[EM_EVENT_ID_CHARS], source[NAME_CHARS];
    const char *label;
    double onset, offset;
    bool   is_over;
} shot;

struct em_privacy {
    em_privacy_cfg cfg;
    span   spans[MOST_SPANS];       /* in their order, apart from each other                                 */
    int    n_spans;
    shot   shots[MOST_CLIPS];
    int    n_shots;
    double heard_s, before_s;       /* end of the newest window, and of the one before it                    */
    bool   is_speech;               /* in the newest                                                         */
    double stop_s;                  /* of the stream; INFINITY: it goes on                                   */
    int64_t utc_ms;                 /* wall clock at heard_s                                                 */
    uint64_t n_dropped;
};

em_status em_privacy_new(em_privacy **out, const em_privacy_cfg *cfg, em_err *err)
{
    if (!(*out = calloc(1, sizeof **out)))
        return em_fail(err, EM_ENOMEM, "no memory for what may be kept");
    (*out)->cfg = *cfg;
    (*out)->stop_s = INFINITY;
    (*out)->utc_ms = -1;
    return EM_OK;
}

void em_privacy_free(em_privacy *p)
{
    free(p);
}

uint64_t em_privacy_dropped(const em_privacy *p)
{
    return p->n_dropped;
}

/* ---- where somebody speaks ---- */

static void add_span(em_privacy *p, double begin, double end, bool is_speech)
{
    span *last = p->n_spans > 0 ? &p->spans[p->n_spans - 1] : NULL;

    if (last && begin <= last->end + hair_s) {
        last->end = fmax(last->end, end);
        last->begin = fmin(last->begin, begin);
        last->is_speech |= is_speech;
        return;
    }
    if (p->n_spans == MOST_SPANS) {
        p->spans[1].begin = p->spans[0].begin;
        p->spans[1].is_speech |= p->spans[0].is_speech;
        memmove(p->spans, p->spans + 1, sizeof p->spans - sizeof p->spans[0]);
        p->n_spans--;
    }
    p->spans[p->n_spans++] = (span){ begin, end, is_speech };
}

static bool has_speech(const em_privacy *p, const float *scores)
{
    bool is_there = false;

    for (int c = 0; c < p->cfg.n_classes; c++)
        is_there |= p->cfg.is_speech[c] && !(scores[c] < EM_PRIVACY_SCORE);     /* NaN is no answer */
    return is_there;
}

/* What is wrong with [begin, end): NULL is nothing. */
static const char *objection(const em_privacy *p, double begin, double end)
{
    const char *found = NULL;

    for (int i = 0; i < p->n_spans; i++)
        if (p->spans[i].begin < end - hair_s && p->spans[i].end > begin + hair_s)
            found = found && strcmp(found, "speech") == 0 ? found : p->spans[i].is_speech ? "speech" : "unheard";
    return found;
}

/* ---- verdicts ---- */

static em_status tell(em_privacy *p, const shot *s, double begin, double end, const char *why_not, em_err *err)
{
    em_event e = { .type = EM_EVENT_CLIP, .source = s->source, .time = p->heard_s, .utc_ms = p->utc_ms };

    memcpy(e.u.clip.id, s->id, sizeof e.u.clip.id);
    e.u.clip.label = s->label;
    e.u.clip.begin = begin;
    e.u.clip.end = end;
    e.u.clip.is_over = s->is_over;
    e.u.clip.why_not = why_not;
    p->n_dropped += why_not != NULL;
    return p->cfg.take(p->cfg.ctx, &e, err);
}

/* Tells of a shot what is known; *is_done: that is all. An event that still sounds is judged by the clip that it has at the longest. */
static em_status settle_one(em_privacy *p, const shot *s, bool *is_done, em_err *err)
{
    const em_privacy_cfg *cfg = &p->cfg;
    const double near_s = fmax(0, EM_PRIVACY_NEAR_S - cfg->window_s + cfg->step_s);     /* the windows see the rest of it */
    const double from = s->onset - cfg->pre_s, begin = fmax(0, from);
    double end = from + cfg->most_s;

    if (s->is_over)
        end = fmin(end, s->offset + cfg->post_s);
    end = fmin(end, p->stop_s);
    *is_done = isfinite(p->stop_s) || p->heard_s - cfg->window_s >= end + near_s - hair_s;
    return *is_done ? tell(p, s, begin, end, objection(p, begin - near_s, end + near_s), err) : EM_OK;
}

static em_status settle(em_privacy *p, em_err *err)
{
    em_status status = EM_OK;
    int n = 0;

    for (int i = 0; i < p->n_shots; i++) {
        const shot s = p->shots[i];
        bool is_done = false;

        if (!status)
            status = settle_one(p, &s, &is_done, err);
        if (!is_done)
            p->shots[n++] = s;
    }
    p->n_shots = n;
    return status;
}

/* The next moment. Windows between it and the one before, which nobody scored, might have had a word of the latter. */
static void go_on(em_privacy *p, double end_s)
{
    const double skipped_s = end_s - p->cfg.step_s;

    if (end_s - p->cfg.window_s > p->heard_s + hair_s)
        add_span(p, p->heard_s, end_s - p->cfg.window_s, false);
    if (p->is_speech && skipped_s > p->heard_s + hair_s)
        add_span(p, p->heard_s, fmin(skipped_s, p->heard_s + p->cfg.window_s), true);
    p->before_s = p->heard_s;
    p->heard_s = end_s;
    p->is_speech = false;
}

em_status em_privacy_hop(em_privacy *p, double end_s, int64_t utc_ms, const float *scores, em_err *err)
{
    em_status status = EM_OK;

    if (end_s > p->heard_s) {
        status = settle(p, err);
        go_on(p, end_s);
    }
    if (has_speech(p, scores)) {
        p->is_speech = true;
        add_span(p, fmax(0, fmin(end_s, p->before_s + p->cfg.step_s) - p->cfg.window_s), end_s, true);
    }
    p->utc_ms = utc_ms;
    return status;
}

em_status em_privacy_finish(em_privacy *p, double end_s, int64_t utc_ms, em_err *err)
{
    if (end_s > p->heard_s + hair_s)
        add_span(p, p->heard_s, end_s, false);
    p->stop_s = end_s;
    p->heard_s = end_s;
    p->utc_ms = utc_ms;
    return settle(p, err);
}

/* ---- events ---- */

static int find(const em_privacy *p, const em_event *e)
{
    for (int i = 0; i < p->n_shots; i++)
        if (strcmp(p->shots[i].id, e->u.sound.id) == 0 && strcmp(p->shots[i].source, e->source) == 0)
            return i;
    return -1;
}

static shot shot_of(const em_event *e)
{
    shot s = { .label = e->u.sound.label, .onset = e->u.sound.onset, .offset = e->u.sound.offset, .is_over = e->type == EM_EVENT_OFFSET };

    memcpy(s.id, e->u.sound.id, sizeof s.id);
    snprintf(s.source, sizeof s.source, "%s", e->source);
    return s;
}

em_status em_privacy_event(em_privacy *p, const em_event *e, em_err *err)
{
    int i;

    if (e->type != EM_EVENT_ONSET && e->type != EM_EVENT_OFFSET && e->type != EM_EVENT_RETRACT)
        return EM_OK;
    i = find(p, e);
    if (e->type == EM_EVENT_RETRACT && i >= 0)
        p->shots[i] = p->shots[--p->n_shots];
    else if (e->type == EM_EVENT_OFFSET && i >= 0)
        p->shots[i] = shot_of(e);
    else if (e->type == EM_EVENT_ONSET && p->n_shots < MOST_CLIPS)
        p->shots[p->n_shots++] = shot_of(e);
    else if (e->type == EM_EVENT_ONSET) {
        const shot s = shot_of(e);

        return tell(p, &s, s.onset, s.onset, "unheard", err);       /* more at once than clips are kept of */
    }
    return EM_OK;
}
