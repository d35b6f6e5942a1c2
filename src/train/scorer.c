/* scorer.c - clips through a session, batch by batch: see scorer.h. */
#include "train/scorer.h"

#include "model/activation.h"
#include "model/session.h"
#include "train/canvas.h"
#include "train/examples.h"
#include "train/slots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct scoring {
    const em_score_cfg *cfg;
    const em_config    *model;
    em_session *session;
    em_level    level;
    int         frames;             /* of a window                                */
    float      *windows;            /* [max_batch][frames][n_mels]                */
    float      *answers;            /* [max_batch][n_classes]                     */
    em_input   *in;
    em_output  *out;
    int        *rows;               /* [max_batch] of which clip (row of the scores) a window is */
    int         n_waiting;
    float      *counts;             /* [n] windows that a clip has had            */
    em_scores  *scores;
    em_slots   *slots;              /* NULL: nobody asks when something sounds    */
} scoring;

static void add_answers(scoring *s)
{
    const size_t classes = (size_t)s->scores->n_classes;

    for (int w = 0; w < s->n_waiting; w++) {
        float *logits = s->scores->logits + (size_t)s->rows[w] * classes;

        for (size_t c = 0; c < classes; c++)
            logits[c] += s->answers[(size_t)w * classes + c];
        s->counts[s->rows[w]]++;
    }
    s->n_waiting = 0;
}

static em_status flush(scoring *s, em_err *err)
{
    em_status status = s->n_waiting > 0 ? em_session_run(s->session, s->in, s->out, s->n_waiting, err) : EM_OK;

    if (status == EM_OK && s->slots)
        status = em_slots_take(s->slots, s->n_waiting, err);
    if (status == EM_OK)
        add_answers(s);
    return status;
}

/* Room for the slots of the window that is about to wait, if they are wanted: it ends at frame `end` of the clip. */
static float *slots_room(scoring *s, int row, const em_clip_frames *clip, int end)
{
    const em_clip *what = &s->cfg->set->clips[s->scores->clips[row]];

    return s->slots ? em_slots_expect(s->slots, s->n_waiting, what, clip, end - s->frames) : NULL;
}

/* One window of a clip: its frames [begin, begin + n), at the end of the window. */
static em_status hear(scoring *s, int row, const em_clip_frames *clip, int begin, int n, em_err *err)
{
    const size_t mels = (size_t)s->model->n_mels, all = (size_t)s->frames * mels, part = (size_t)n * mels;
    float *window = s->windows + (size_t)s->n_waiting * all;

    for (size_t i = 0; i < all - part; i++)
        window[i] = s->level.floor;
    memcpy(window + all - part, clip->frames + (size_t)begin * mels, part * sizeof *window);
    s->in[s->n_waiting] = (em_input){ .frames = window, .n_frames = s->frames };
    s->out[s->n_waiting] = (em_output){ .logits = s->answers + (size_t)s->n_waiting * (size_t)s->scores->n_classes,
                                        .slots = slots_room(s, row, clip, begin + n) };
    s->rows[s->n_waiting++] = row;
    return s->n_waiting == s->cfg->max_batch ? flush(s, err) : EM_OK;
}

/* One frame of htsat's looks past the end of a clip and is left out, as a window leaves its own out. */
static int usable_frames(const scoring *s, const em_clip_frames *clip)
{
    const bool drops_last = s->model->frontend == EM_FRONTEND_HTSAT && s->model->fit == EM_FIT_PAD && clip->n_frames > 1;

    return clip->n_frames - drops_last;
}

static em_status hear_clip(scoring *s, int row, const em_clip_frames *clip, em_err *err)
{
    const int n = usable_frames(s, clip), last = n - s->frames, hop = s->frames / 2;
    em_status status = EM_OK;

    if (last <= 0)
        return hear(s, row, clip, 0, n, err);
    for (int at = 0; at < last && status == EM_OK; at += hop)
        status = hear(s, row, clip, at, s->frames, err);
    return status == EM_OK ? hear(s, row, clip, last, s->frames, err) : status;
}

static void note_targets(em_scores *s, const em_clip *clip)
{
    unsigned char *row = s->targets + (size_t)s->n * (size_t)s->n_classes;

    for (int i = 0; i < clip->n_labels; i++)
        row[clip->labels[i]] = 1;
}

static em_status hear_all(scoring *s, em_err *err)
{
    const em_score_cfg *cfg = s->cfg;
    em_status status = EM_OK;

    for (int i = 0; i < cfg->n_clips && status == EM_OK; i++) {
        em_clip_frames clip;

        if (cfg->stop && atomic_load(cfg->stop))
            return em_fail(err, EM_ECANCELED, "stopped");
        clip = em_features_get(cfg->features, cfg->clips[i]);
        if (clip.n_frames == 0) {
            status = em_features_fault(cfg->features, err);
            s->scores->n_unusable++;
        } else {
            note_targets(s->scores, &cfg->set->clips[cfg->clips[i]]);
            s->scores->clips[s->scores->n] = cfg->clips[i];
            status = hear_clip(s, s->scores->n++, &clip, err);
        }
        em_features_done(cfg->features, cfg->clips[i]);
    }
    if (status == EM_OK)
        status = flush(s, err);
    return status == EM_OK && s->slots ? em_slots_end(s->slots, &s->scores->n_timed, err) : status;
}

static em_status finish(scoring *s, em_err *err)
{
    em_scores *o = s->scores;

    for (int i = 0; i < o->n; i++) {
        float *logits = o->logits + (size_t)i * (size_t)o->n_classes, *p = o->probabilities + (size_t)i * (size_t)o->n_classes;

        for (int c = 0; c < o->n_classes; c++)
            p[c] = logits[c] /= s->counts[i];
        if (!em_activate(p, o->n_classes, s->model->activation))
            return em_fail(err, EM_EFORMAT, "%s: the model's answer to it is no number", s->cfg->set->clips[o->clips[i]].name);
    }
    return EM_OK;
}

static em_status make_room(scoring *s, em_err *err)
{
    const size_t n = (size_t)s->cfg->n_clips + 1, classes = (size_t)s->scores->n_classes, batch = (size_t)s->cfg->max_batch;
    em_scores *o = s->scores;

    o->logits = calloc(2 * n * classes, sizeof *o->logits);
    o->targets = calloc(n * classes, 1);
    o->clips = calloc(n, sizeof *o->clips);
    s->windows = malloc(batch * (size_t)s->frames * (size_t)s->model->n_mels * sizeof *s->windows);
    s->answers = malloc(batch * classes * sizeof *s->answers);
    s->in = calloc(batch, sizeof *s->in);
    s->out = calloc(batch, sizeof *s->out);
    s->rows = calloc(batch, sizeof *s->rows);
    s->counts = calloc(n, sizeof *s->counts);
    if (!o->logits || !o->targets || !o->clips || !s->windows || !s->answers || !s->in || !s->out || !s->rows || !s->counts)
        return em_fail(err, EM_ENOMEM, "no memory for the scores of %d clips", s->cfg->n_clips);
    o->probabilities = o->logits + n * classes;
    return EM_OK;
}

/* Nothing to do where no clip has a strong label. */
static em_status prepare_times(scoring *s, em_err *err)
{
    const em_score_cfg *cfg = s->cfg;
    em_scores *o = s->scores;
    em_slots_cfg how = { .model = s->model, .max_batch = cfg->max_batch, .thresholds = cfg->thresholds };
    bool has_spans = false;

    for (int i = 0; i < cfg->n_clips && !has_spans; i++)
        has_spans = cfg->set->clips[cfg->clips[i]].n_spans > 0 && em_slots_can_count(&cfg->set->clips[cfg->clips[i]]);
    if (!has_spans)
        return EM_OK;
    o->segments = how.segments = calloc((size_t)o->n_classes, sizeof *o->segments);
    o->events = how.events = calloc((size_t)o->n_classes, sizeof *o->events);
    if (!o->segments || !o->events)
        return em_fail(err, EM_ENOMEM, "no memory to count %d classes", o->n_classes);
    return em_slots_new(&s->slots, &how, err);
}

em_status em_score(em_scores *out, const em_model *model, const em_score_cfg *cfg, em_err *err)
{
    const em_session_cfg how = { .max_batch = cfg->max_batch, .window_s = cfg->window_s, .may_be_short = true,
                                 .other = cfg->other, .other_ctx = cfg->other_ctx };
    scoring s = { .cfg = cfg, .scores = out };
    em_status status;

    *out = (em_scores){ .n_classes = em_model_config(model)->n_classes };
    status = em_session_new(&s.session, model, &how, err);
    if (status == EM_OK) {
        s.model = em_session_config(s.session);
        s.level = em_level_of(s.model->frontend);
        s.frames = em_examples_frames(s.model);
        status = make_room(&s, err);
    }
    if (status == EM_OK && cfg->wants_times)
        status = prepare_times(&s, err);
    if (status == EM_OK)
        status = hear_all(&s, err);
    if (status == EM_OK && out->n == 0)
        status = em_fail(err, EM_EFORMAT, "none of %d clips could be used", cfg->n_clips);
    if (status == EM_OK)
        status = finish(&s, err);
    em_slots_free(s.slots);
    em_session_free(s.session);
    free(s.windows);
    free(s.answers);
    free(s.in);
    free(s.out);
    free(s.rows);
    free(s.counts);
    return status;
}

void em_scores_deinit(em_scores *s)
{
    free(s->logits);
    free(s->targets);
    free(s->clips);
    free(s->segments);
    free(s->events);
    *s = (em_scores){ 0 };
}

static int answer_of(const em_scores *s, int i)
{
    const float *p = s->logits + (size_t)i * (size_t)s->n_classes;
    int best = 0;

    for (int c = 1; c < s->n_classes; c++)
        best = p[c] > p[best] ? c : best;
    return best;
}

double em_scores_accuracy(const em_scores *s)
{
    int n = 0, n_right = 0;

    for (int i = 0; i < s->n; i++) {
        const unsigned char *row = s->targets + (size_t)i * (size_t)s->n_classes;
        bool has_class = false;

        for (int c = 0; c < s->n_classes; c++)
            has_class |= row[c];
        n += has_class;
        n_right += has_class && row[answer_of(s, i)];
    }
    return n > 0 ? (double)n_right / n : NAN;
}

em_scored em_scores_view(const em_scores *s)
{
    return (em_scored){ .scores = s->probabilities, .targets = s->targets, .n = s->n, .n_classes = s->n_classes };
}
