/* slots.c - see slots.h. One clip is open at a time; it is counted when a window of another one comes. */
#include "train/slots.h"

#include "train/events.h"

#include "model/activation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double hop_s = 0.01, grid_s = 1;

/* A window that waits for its slots. */
typedef struct window {
    const em_clip *clip;            /* NULL: it does not count      */
    double         seconds;
    bool           is_cut;
    int            begin;
} window;

struct em_slots {
    em_slots_cfg cfg;
    int       n_slots, n_classes, n_window;     /* hops of a window               */
    double    slot_hops;                        /* how many are a slot            */
    window   *windows;              /* [max_batch]                                */
    float    *logits;               /* [max_batch][n_slots][n_classes]            */
    float    *thresholds;           /* [n_classes]                                */
    window    open;                 /* the clip that scores are of; begin unused  */
    float    *scores;               /* [n_hops][n_classes] sums, then means       */
    int      *counts;               /* [n_hops] slots in a sum                    */
    size_t    room;                 /* hops                                       */
    int       n_hops, n_clips;
};

em_status em_slots_new(em_slots **out, const em_slots_cfg *cfg, em_err *err)
{
    const size_t classes = (size_t)cfg->model->n_classes, slots = (size_t)em_config_slots(cfg->model), batch = (size_t)cfg->max_batch;
    em_slots *s = *out = calloc(1, sizeof *s);

    if (!s)
        return em_fail(err, EM_ENOMEM, "no memory for time slots");
    *s = (em_slots){ .cfg = *cfg, .n_slots = (int)slots, .n_classes = (int)classes, .n_window = cfg->model->n_hops,
                     .slot_hops = em_config_slot_seconds(cfg->model) / hop_s };
    s->windows = calloc(batch, sizeof *s->windows);
    s->logits = malloc(batch * slots * classes * sizeof *s->logits);
    s->thresholds = malloc(classes * sizeof *s->thresholds);
    if (!s->windows || !s->logits || !s->thresholds) {
        em_slots_free(s);
        *out = NULL;
        return em_fail(err, EM_ENOMEM, "no memory for time slots");
    }
    for (size_t c = 0; c < classes; c++)
        s->thresholds[c] = cfg->thresholds ? cfg->thresholds[c] : .5f;
    return EM_OK;
}

void em_slots_free(em_slots *s)
{
    if (!s)
        return;
    free(s->windows);
    free(s->logits);
    free(s->thresholds);
    free(s->scores);
    free(s->counts);
    free(s);
}

bool em_slots_can_count(const em_clip *clip)
{
    for (int i = 0; i < clip->n_labels; i++) {
        bool has_time = false;

        for (int k = 0; k < clip->n_spans && !has_time; k++)
            has_time = clip->spans[k].label == clip->labels[i];
        if (!has_time)
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------ a clip's end */

static void make_means(em_slots *s)
{
    for (int h = 0; h < s->n_hops; h++)
        for (int c = 0; c < s->n_classes && s->counts[h] > 1; c++)
            s->scores[(size_t)h * (size_t)s->n_classes + (size_t)c] /= (float)s->counts[h];
}

/* The clip's labels; of a file that was heard in part, what lies in that part. The caller frees out->list. */
static em_status wanted_spans(em_spans *out, const window *w, em_err *err)
{
    const em_clip *clip = w->clip;

    *out = (em_spans){ .list = malloc(((size_t)clip->n_spans + 1) * sizeof *out->list) };
    if (!out->list)
        return em_fail(err, EM_ENOMEM, "no memory for its labels");
    for (int i = 0; i < clip->n_spans; i++) {
        em_span one = clip->spans[i];

        if (w->is_cut && one.onset >= w->seconds)
            continue;
        one.offset = w->is_cut ? fmin(one.offset, w->seconds) : one.offset;
        out->list[out->n++] = one;
    }
    return EM_OK;
}

static em_status count_clip(em_slots *s, em_err *err)
{
    em_spans wanted = { 0 }, found = { 0 };
    em_err why = { 0 };
    em_status status = wanted_spans(&wanted, &s->open, &why);

    make_means(s);
    if (status == EM_OK)
        status = em_spans_of_slots(&found, s->scores, s->n_hops, s->n_classes, hop_s, s->open.seconds, s->thresholds, &why);
    if (status == EM_OK)
        status = em_segments_count(s->cfg.segments, s->n_classes, wanted, found, grid_s, &why);
    if (status == EM_OK)
        status = em_events_count(s->cfg.events, s->n_classes, wanted, found, &em_event_rules_dcase, &why);
    if (status != EM_OK)
        em_fail(err, status, "%s: %s", s->open.clip->name, why.msg);
    free(wanted.list);
    free(found.list);
    s->n_clips++;
    s->open.clip = NULL;
    return status;
}

/* ------------------------------------------------------------------ a clip's begin */

static em_status make_room(em_slots *s, size_t n_hops, em_err *err)
{
    float *scores;
    int *counts;

    if (n_hops <= s->room)
        return EM_OK;
    scores = realloc(s->scores, n_hops * (size_t)s->n_classes * sizeof *scores);
    s->scores = scores ? scores : s->scores;
    counts = realloc(s->counts, n_hops * sizeof *counts);
    s->counts = counts ? counts : s->counts;
    if (!scores || !counts)
        return em_fail(err, EM_ENOMEM, "no memory for the scores of %g s", (double)n_hops * hop_s);
    s->room = n_hops;
    return EM_OK;
}

static em_status open_clip(em_slots *s, const window *w, em_err *err)
{
    const int n_hops = (int)(w->seconds / hop_s + 1e-6);
    em_status status = make_room(s, (size_t)n_hops, err);

    if (status != EM_OK)
        return status;
    s->open = *w;
    s->n_hops = n_hops;
    if (n_hops > 0) {
        memset(s->scores, 0, (size_t)n_hops * (size_t)s->n_classes * sizeof *s->scores);
        memset(s->counts, 0, (size_t)n_hops * sizeof *s->counts);
    }
    return EM_OK;
}

/* ------------------------------------------------------------------ windows */

/* Slot i of a window covers its hops [i, i + 1) * slot_hops; what a window's last slot hears past its end is padding. */
static void lay(em_slots *s, const window *w, float *slots)
{
    const size_t classes = (size_t)s->n_classes;

    for (int i = 0; i < s->n_slots; i++) {
        const int end_in_window = (int)lround((i + 1) * s->slot_hops);
        const int end = w->begin + (end_in_window < s->n_window ? end_in_window : s->n_window);
        const int begin = w->begin + (int)lround(i * s->slot_hops);
        float *slot = slots + (size_t)i * classes;

        if (end <= 0 || begin >= s->n_hops)
            continue;
        em_activate(slot, s->n_classes, s->cfg.model->activation);
        for (int h = begin > 0 ? begin : 0; h < end && h < s->n_hops; h++) {
            for (size_t c = 0; c < classes; c++)
                s->scores[(size_t)h * classes + c] += slot[c];
            s->counts[h]++;
        }
    }
}

static float *room_of(const em_slots *s, int i)
{
    return s->logits + (size_t)i * (size_t)s->n_slots * (size_t)s->n_classes;
}

float *em_slots_expect(em_slots *s, int i, const em_clip *clip, const em_clip_frames *frames, int begin)
{
    const bool counts = em_slots_can_count(clip);

    s->windows[i] = (window){ counts ? clip : NULL, frames->seconds, frames->is_cut, begin };
    return counts ? room_of(s, i) : NULL;
}

em_status em_slots_take(em_slots *s, int n, em_err *err)
{
    em_status status = EM_OK;

    for (int i = 0; i < n && status == EM_OK; i++) {
        const window *w = &s->windows[i];

        if (!w->clip)
            continue;
        if (s->open.clip && s->open.clip != w->clip)
            status = count_clip(s, err);
        if (status == EM_OK && !s->open.clip)
            status = open_clip(s, w, err);
        if (status == EM_OK)
            lay(s, w, room_of(s, i));
    }
    return status;
}

em_status em_slots_end(em_slots *s, int *n_clips, em_err *err)
{
    const em_status status = s->open.clip ? count_clip(s, err) : EM_OK;

    *n_clips = s->n_clips;
    return status;
}
