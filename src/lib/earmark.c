/* earmark.c - a listener as earmark.h gives it: channels -> em_listener -> session -> watcher, on the caller's thread. The device
 * is the model's, so the session is used under the model's lock. */
#include "lib/earmark.h"

#include "base/arena.h"
#include "base/channel.h"
#include "base/pool.h"
#include "lib/inside.h"
#include "lib/listener_options.h"
#include "lib/rules.h"
#include "listener/listener.h"
#include "model/activation.h"
#include "model/session.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1024, FIRST_EVENTS = 16 };   /* frames converted at once; events that there is room for at first */

typedef struct told { earmark_event event; char id[EM_EVENT_ID_CHARS]; } told;

struct earmark_listener {
    earmark_model *model;           /* borrowed                                                      */
    char          *name;
    int            n_channels, channel;
    em_rules       rules;
    em_session    *session;
    int            stream;          /* of the session */
    em_listener   *ear;
    em_watcher    *watcher;
    float         *frames, *mono;   /* [BLOCK][n_channels], [BLOCK]                                  */
    em_output      out;             /* of the newest window                                          */
    earmark_scores scores;
    bool           has_scores;      /* which nobody has read                                         */
    told          *events;          /* [room] of the last push; n of them, i_next of these were read */
    size_t         room, n, i_next;
    bool           is_finished, is_done, has_failed;
};

/* ---- life ---- */

static em_status make_rules(earmark_listener *l, const earmark_listener_options *o, em_err *err)
{
    const em_settings settings = em_listener_options_settings(o);
    const em_known known = em_model_classes_known(&l->model->classes, l->model->model, em_session_config(l->session));
    em_selection selection = { 0 };
    em_status status = em_selection_make(&selection, &known, &settings, err);

    if (!status)
        status = em_rules_make(&l->rules, &known, &selection, &settings, err);
    em_selection_deinit(&selection);
    return status;
}

static em_status make_room(earmark_listener *l, em_err *err)
{
    const em_config *cfg = em_session_config(l->session);
    const size_t n = (size_t)cfg->n_classes, n_slots = (size_t)em_config_slots(cfg), n_latent = (size_t)cfg->dims[EM_STAGES - 1];

    l->frames = em_alloc((size_t)BLOCK * (size_t)l->n_channels * sizeof *l->frames);
    l->mono = em_alloc(BLOCK * sizeof *l->mono);
    l->out.logits = em_alloc(n * sizeof(float));
    l->out.slots = em_alloc(n_slots * n * sizeof(float));
    l->out.latent = em_alloc(n_latent * sizeof(float));
    l->events = calloc(FIRST_EVENTS, sizeof *l->events);
    l->room = FIRST_EVENTS;
    if (!l->frames || !l->mono || !l->out.logits || !l->out.slots || !l->out.latent || !l->events)
        return em_fail(err, EM_ENOMEM, "no memory for a listener");
    l->scores = (earmark_scores){
        .n_classes = (int)n, .scores = l->out.logits, .n_slots = (int)n_slots, .slot_s = em_config_slot_seconds(cfg), .slots = l->out.slots,
        .n_embedding = (int)n_latent, .embedding = l->out.latent,
    };
    return EM_OK;
}

static em_status make_ear(earmark_listener *l, const earmark_listener_options *o, em_err *err)
{
    const em_config *cfg = em_session_config(l->session);
    const em_listener_cfg ear = {
        .frontend = em_frontend_usual(cfg->frontend == EM_FRONTEND_KALDI, cfg->sample_rate, cfg->n_mels),
        .window_samples = em_config_window_samples(cfg), .step_samples = em_step_samples(o->step_s, cfg->sample_rate),
        .rate_hz = o->rate_hz ? o->rate_hz : cfg->sample_rate, .has_levels = true,
    };

    return em_listener_new(&l->ear, &ear, err);
}

/* An event of the watcher's waits until it is read. */
static em_status keep_event(void *ctx, const em_event *e, em_err *err)
{
    static const earmark_event_type types[] = {
        [EM_EVENT_ONSET] = EARMARK_ONSET, [EM_EVENT_OFFSET] = EARMARK_OFFSET, [EM_EVENT_RETRACT] = EARMARK_RETRACT,
    };
    earmark_listener *l = ctx;
    told *t;

    if (l->n == l->room) {
        told *grown = realloc(l->events, 2 * l->room * sizeof *grown);

        if (!grown)
            return em_fail(err, EM_ENOMEM, "no memory for the events of %.80s", l->name);
        l->events = grown;
        l->room *= 2;
    }
    t = &l->events[l->n++];
    memcpy(t->id, e->u.sound.id, sizeof t->id);
    t->event = (earmark_event){
        .type = types[e->type], .label = e->u.sound.label, .class_index = e->u.sound.i_class, .onset_s = e->u.sound.onset,
        .offset_s = e->u.sound.offset, .delay_s = e->u.sound.delay, .res_s = e->u.sound.res, .score = e->u.sound.score,
        .mean = e->u.sound.mean, .threshold = e->u.sound.threshold, .dbfs = e->u.sound.dbfs,
    };
    return EM_OK;
}

static em_status open_session(earmark_listener *l, double window_s, em_err *err)
{
    const em_session_cfg cfg = { .max_batch = 1, .max_streams = 1, .window_s = window_s, .other = em_host_move, .other_ctx = &l->model->host };
    em_status status;

    pthread_mutex_lock(&l->model->lock);
    status = em_session_new(&l->session, l->model->host.now.model, &cfg, err);
    l->stream = status ? 0 : em_session_join(l->session);
    pthread_mutex_unlock(&l->model->lock);
    return status;
}

static em_status open_listener(earmark_listener *l, const earmark_listener_options *given, em_err *err)
{
    em_watcher_cfg watcher = { .rules = &l->rules.watch, .take = keep_event, .ctx = l };
    earmark_listener_options o;
    em_status status = em_listener_options_read(&o, given, err);

    if (status)
        return status;
    l->n_channels = o.channels;
    l->channel = o.channel;
    if (!(l->name = strdup(o.name)))
        return em_fail(err, EM_ENOMEM, "no memory for a listener");
    watcher.source = l->name;
    if ((status = open_session(l, o.window_s, err)) || (status = make_rules(l, &o, err)) || (status = make_room(l, err)) ||
        (status = make_ear(l, &o, err)))
        return status;
    return em_watcher_new(&l->watcher, &watcher, err);
}

earmark_status earmark_listener_new(earmark_listener **out, earmark_model *model, const earmark_listener_options *options,
                                    earmark_error *error)
{
    em_err err = { 0 };
    earmark_listener *l = calloc(1, sizeof *l);
    em_status status = EM_ENOMEM;

    if (l) {
        l->model = model;
        status = open_listener(l, options, &err);
    } else {
        em_fail(&err, status, "no memory for a listener");
    }
    if (status) {
        earmark_listener_free(l);
        l = NULL;
    }
    *out = l;
    return em_tell_error(error, status, &err);
}

void earmark_listener_free(earmark_listener *l)
{
    if (!l)
        return;
    em_watcher_free(l->watcher);
    em_listener_free(l->ear);
    em_rules_deinit(&l->rules);
    pthread_mutex_lock(&l->model->lock);
    em_session_free(l->session);
    pthread_mutex_unlock(&l->model->lock);
    free(l->frames);
    free(l->mono);
    free(l->out.logits);
    free(l->out.slots);
    free(l->out.latent);
    free(l->events);
    free(l->name);
    free(l);
}

/* ---- sound in ---- */

static em_status score(earmark_listener *l, const em_hop *hop, em_err *err)
{
    const em_input in = { .frames = hop->frames, .n_frames = hop->n_frames, .stream = l->stream, .end = hop->end_frame,
                          .inner_first = hop->inner_first, .inner_end = hop->inner_end };
    const em_watched watched = {
        .hop = { .end_sample = hop->end_sample, .filled = hop->filled, .scores = l->out.logits, .slots = l->out.slots,
                 .levels = hop->levels, .n_levels = hop->n_levels, .first_level = hop->first_level },
        .dbfs = hop->rms_dbfs, .anchor_ms = -1,
    };
    em_status status;

    pthread_mutex_lock(&l->model->lock);
    status = em_session_run(l->session, &in, &l->out, 1, err);
    pthread_mutex_unlock(&l->model->lock);
    if (status)
        return status;
    em_activate_output(&l->out, em_session_config(l->session));
    l->scores.time_s = hop->time_s;
    l->scores.filled = hop->filled;
    l->scores.rms_dbfs = hop->rms_dbfs;
    l->scores.peak_dbfs = hop->peak_dbfs;
    l->has_scores = true;
    return em_watcher_hop(l->watcher, &watched, err);
}

static em_status begin(earmark_listener *l, em_err *err)
{
    l->has_scores = false;
    l->n = l->i_next = 0;
    return l->has_failed ? em_fail(err, EM_EINVAL, "%.80s: has failed before, and can only be freed", l->name) : EM_OK;
}

/* What is pushed: floats, or else integers, or else nothing, a gap. */
typedef struct piece { const float *floats; const int16_t *integers; } piece;

static const float *listen_to(earmark_listener *l, const piece *p, size_t at, size_t n)
{
    const size_t from = at * (size_t)l->n_channels, n_samples = n * (size_t)l->n_channels;

    if (p->floats)
        memcpy(l->frames, p->floats + from, n_samples * sizeof *l->frames);
    for (size_t i = 0; p->integers && i < n_samples; i++)
        l->frames[i] = (float)p->integers[from + i] / 32768;
    em_channel_clean(l->frames, n_samples);
    if (l->channel == 0)
        em_channel_mix(l->mono, l->frames, n, l->n_channels);
    else
        em_channel_pick(l->mono, l->frames, n, l->n_channels, l->channel - 1);
    return l->mono;
}

/* Up to n frames of the piece, not past the next hop. */
static size_t take(earmark_listener *l, const piece *p, size_t at, size_t n)
{
    n = n < BLOCK ? n : BLOCK;
    if (!p->floats && !p->integers)
        return em_listener_push_silence(l->ear, n);
    return em_listener_push(l->ear, listen_to(l, p, at, n), n);
}

static earmark_status push(earmark_listener *l, const piece *p, size_t n_frames, size_t *n_taken, earmark_error *error)
{
    const uint64_t denormals = em_flush_denormals();        /* as the threads of the backend: the same bits on every thread */
    em_err err = { 0 };
    em_status status = begin(l, &err);
    em_hop hop;

    *n_taken = 0;
    if (!status && l->is_finished)
        status = em_fail(&err, EM_EINVAL, "%.80s: its end was told, and nothing comes behind it", l->name);
    else if (!status)
        for (;;) {
            if (em_listener_next(l->ear, &hop)) {
                status = score(l, &hop, &err);
                l->has_failed = status != EM_OK;
                break;
            }
            if (*n_taken == n_frames)
                break;
            *n_taken += take(l, p, *n_taken, n_frames - *n_taken);
        }
    em_restore_denormals(denormals);
    return em_tell_error(error, status, &err);
}

earmark_status earmark_push_float(earmark_listener *l, const float *frames, size_t n_frames, size_t *n_taken, earmark_error *error)
{
    return push(l, &(piece){ .floats = frames }, n_frames, n_taken, error);
}

earmark_status earmark_push_s16(earmark_listener *l, const int16_t *frames, size_t n_frames, size_t *n_taken, earmark_error *error)
{
    return push(l, &(piece){ .integers = frames }, n_frames, n_taken, error);
}

earmark_status earmark_push_gap(earmark_listener *l, size_t n_frames, size_t *n_taken, earmark_error *error)
{
    return push(l, &(piece){ 0 }, n_frames, n_taken, error);
}

earmark_status earmark_finish(earmark_listener *l, int *is_done, earmark_error *error)
{
    const uint64_t denormals = em_flush_denormals();
    em_err err = { 0 };
    em_status status = begin(l, &err);
    em_hop hop;

    if (!status && !l->is_finished)
        em_listener_finish(l->ear);
    l->is_finished = true;
    if (!status && em_listener_next(l->ear, &hop)) {
        status = score(l, &hop, &err);
    } else if (!status && !l->is_done) {
        status = em_watcher_finish(l->watcher, &err);
        l->is_done = true;
    }
    l->has_failed |= status != EM_OK;
    *is_done = l->is_done;
    em_restore_denormals(denormals);
    return em_tell_error(error, status, &err);
}

/* ---- results out ---- */

const earmark_scores *earmark_next_scores(earmark_listener *l)
{
    const earmark_scores *scores = l->has_scores ? &l->scores : NULL;

    l->has_scores = false;
    return scores;
}

const earmark_event *earmark_next_event(earmark_listener *l)
{
    told *t;

    if (l->i_next == l->n)
        return NULL;
    t = &l->events[l->i_next++];
    t->event.id = t->id;                /* only now: more events may have moved it */
    return &t->event;
}
