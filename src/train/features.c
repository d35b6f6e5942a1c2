/* features.c - one lock, a slot a clip, and workers that take what is asked for before what comes next: see features.h.
 *
 * A slot waits, is busy, then has frames or a reason why not: of its worker, or of the device that the worker left them to. Frames
 * stay if the cache has room for them; else they are there as long as somebody uses them. Nothing that is in the cache leaves it: an
 * epoch asks for every clip once, in another order each time, and then the same clips kept for ever serve as many requests as any
 * other choice. */
#include "train/features.h"

#include "base/log.h"
#include "train/clip_mel.h"
#include "train/sound.h"
#include "train/table.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef enum slot_state { WAITING, BUSY, USABLE, UNUSABLE } slot_state;

typedef struct slot {
    em_clip_frames frames;
    char      *why;                 /* owned */
    float     *data;                /* owned */
    slot_state state;
    bool       is_kept;             /* in the cache                                 */
    bool       is_known;            /* was decoded before                           */
    bool       is_queued;
    int        n_users;
    int        next;                /* in the queue, -1: the last                   */
} slot;

typedef struct worker {
    em_features *f;
    em_frontend *frontend;
    pthread_t    thread;
} worker;

struct em_features {
    const em_dataset *set;
    em_frontend_cfg   cfg;
    em_packs         *packs;
    em_clip_mel      *mel;          /* NULL: the workers make all frames            */
    em_err            note;         /* why there is none; no code: nobody asked     */
    bool              may_leave;    /* mel, where it fails                          */
    pthread_mutex_t   lock;         /* of everything below but the workers          */
    pthread_cond_t    work, ready;
    slot             *slots;        /* [set->n_clips]                               */
    int               first, last;  /* of the queue, -1: empty                      */
    int               ahead;        /* the next clip that nobody asked for          */
    bool              is_full;      /* the cache refused one: no more decoding ahead */
    bool              is_ending;
    size_t            limit;        /* bytes, SIZE_MAX: none                        */
    em_features_stats stats;
    em_err            fault;        /* of the device                                */
    bool              has_left;     /* mel failed, and nobody brings it any more    */
    worker           *workers;
    int               n_workers, n_started;
};

em_frontend_cfg em_features_frontend(const em_config *cfg)
{
    return em_frontend_usual(cfg->frontend == EM_FRONTEND_KALDI, cfg->sample_rate, cfg->n_mels);
}

/* Room for the frames of this sound. */
static em_status make_room(slot *made, const em_sound *sound, const em_frontend_cfg *cfg, const char *path, em_err *err)
{
    const int n = em_frontend_frames(cfg, sound->n);
    char shown[EM_SHOWN_PATH];

    if (n == 0)
        return em_fail(err, EM_EFORMAT, "%s: %.3f s are too short for one frame", em_shown_path(shown, path), (double)sound->n / cfg->rate_hz);
    made->data = malloc((size_t)n * (size_t)cfg->n_mels * sizeof *made->data);
    if (!made->data)
        return em_fail(err, EM_ENOMEM, "%s: no memory for its frames", em_shown_path(shown, path));
    made->frames.frames = made->data;
    made->frames.n_frames = n;
    return EM_OK;
}

/* Why a clip has no frames. */
static void spoil(slot *made, const em_err *err)
{
    free(made->data);
    made->data = NULL;
    made->state = UNUSABLE;
    made->why = strdup(err->msg);
    made->frames.frames = NULL;
    made->frames.n_frames = 0;
    made->frames.why = made->why ? made->why : "no memory";
}

static size_t bytes_of(const em_features *f, const slot *s)
{
    return (size_t)s->frames.n_frames * (size_t)f->cfg.n_mels * sizeof *s->data;
}

static void drop(slot *s)
{
    free(s->data);
    s->data = NULL;
    s->frames = (em_clip_frames){ 0 };
    s->state = WAITING;
}

/* With the lock: a clip that waits is made next after those that were asked for before. */
static void line_up(em_features *f, int i)
{
    slot *s = &f->slots[i];

    if (s->state != WAITING || s->is_queued)
        return;
    s->is_queued = true;
    s->next = -1;
    if (f->last >= 0)
        f->slots[f->last].next = i;
    else
        f->first = i;
    f->last = i;
    pthread_cond_signal(&f->work);
}

static void count(em_features *f, slot *s)
{
    f->stats.n_decoded++;
    f->stats.n_usable += s->state == USABLE && !s->is_known;
    f->stats.n_unusable += s->state == UNUSABLE && !s->is_known;
    s->is_known = true;
}

/* With the lock: what was made goes into its slot. */
static void publish(em_features *f, int i, const slot *made)
{
    slot *s = &f->slots[i];

    s->frames = made->frames;
    s->data = made->data;
    s->why = made->why;
    s->state = made->state;
    count(f, s);
    if (s->state == USABLE) {
        s->is_kept = bytes_of(f, s) <= f->limit - f->stats.kept_bytes;
        if (s->is_kept)
            f->stats.kept_bytes += bytes_of(f, s);
        else
            f->is_full = true;
        if (!s->is_kept && s->n_users == 0)
            drop(s);
    }
    pthread_cond_broadcast(&f->ready);
}

/* With the lock: the clip has to be made once more, by a worker. */
static void begin_again(em_features *f, int i)
{
    drop(&f->slots[i]);
    if (f->slots[i].n_users > 0)
        line_up(f, i);
}

/* The device has made the frames of clip i, or failed. */
static void hear_device(void *ctx, int i, const em_err *failure)
{
    em_features *f = ctx;
    bool leaves;

    pthread_mutex_lock(&f->lock);
    leaves = failure && f->may_leave && !f->has_left;
    f->has_left |= leaves;
    if (failure && f->may_leave) {
        begin_again(f, i);
    } else {
        slot made = f->slots[i];

        made.state = USABLE;
        if (failure) {
            f->fault = *failure;
            spoil(&made, failure);
        }
        publish(f, i, &made);
    }
    pthread_mutex_unlock(&f->lock);
    if (leaves)
        em_log(EM_LOG_WARNING, "%s: the CPU makes the log-mel of clips", failure->msg);
}

/* The slot stays busy until the device is heard of. False: there is none, or none that takes this clip. */
static bool leave_to_device(em_features *f, int i, const slot *made, const em_sound *sound)
{
    bool is_left;

    if (!f->mel || !em_clip_mel_takes(f->mel, sound->n))
        return false;
    pthread_mutex_lock(&f->lock);
    is_left = !f->has_left;
    if (is_left) {
        f->slots[i].frames = made->frames;
        f->slots[i].data = made->data;
    }
    pthread_mutex_unlock(&f->lock);
    if (is_left)
        em_clip_mel_give(f->mel, i, made->data, sound->samples, sound->n);
    return is_left;
}

/* Clip i from its file to its slot, without the lock. */
static void decode(worker *w, int i)
{
    em_features *f = w->f;
    const em_clip *clip = &f->set->clips[i];
    em_sound sound;
    em_err err = { 0 };
    slot made = { .state = USABLE };
    em_status status = em_sound_read(&sound, f->packs, clip, f->cfg.rate_hz, &err);

    if (status == EM_OK)
        status = make_room(&made, &sound, &f->cfg, clip->path, &err);
    made.frames.seconds = (double)sound.n / f->cfg.rate_hz;
    made.frames.is_cut = sound.is_cut;
    made.frames.is_lost = sound.is_lost;
    if (status != EM_OK || !leave_to_device(f, i, &made, &sound)) {
        if (status == EM_OK)
            em_frontend_window(w->frontend, made.data, sound.samples, sound.n);
        else
            spoil(&made, &err);
        pthread_mutex_lock(&f->lock);
        publish(f, i, &made);
        pthread_mutex_unlock(&f->lock);
    }
    free(sound.samples);
}

/* With the lock: the clip to decode next, -1: none now. */
static int take(em_features *f)
{
    int i = f->first;

    if (i >= 0) {
        f->first = f->slots[i].next;
        f->last = f->first < 0 ? -1 : f->last;
        f->slots[i].is_queued = false;
    } else if (!f->is_full) {
        while (f->ahead < f->set->n_clips && f->slots[f->ahead].state != WAITING)
            f->ahead++;
        i = f->ahead < f->set->n_clips ? f->ahead++ : -1;
    }
    if (i >= 0)
        f->slots[i].state = BUSY;
    return i;
}

static void *work(void *arg)
{
    worker *w = arg;
    em_features *f = w->f;

    pthread_mutex_lock(&f->lock);
    while (!f->is_ending) {
        const int i = take(f);

        if (i < 0) {
            pthread_cond_wait(&f->work, &f->lock);
            continue;
        }
        pthread_mutex_unlock(&f->lock);
        decode(w, i);
        pthread_mutex_lock(&f->lock);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

static em_status make_workers(em_features *f, em_err *err)
{
    f->workers = calloc((size_t)f->n_workers, sizeof *f->workers);
    if (!f->workers)
        return em_fail(err, EM_ENOMEM, "no memory for %d decoding threads", f->n_workers);
    for (int i = 0; i < f->n_workers; i++) {
        worker *w = &f->workers[i];
        em_status status = em_frontend_new(&w->frontend, &f->cfg, err);

        if (status != EM_OK)
            return status;
        w->f = f;
    }
    return EM_OK;
}

static em_status start_workers(em_features *f, em_err *err)
{
    for (; f->n_started < f->n_workers; f->n_started++)
        if (pthread_create(&f->workers[f->n_started].thread, NULL, work, &f->workers[f->n_started]) != 0)
            return em_fail(err, EM_ENOMEM, "decoding thread %d of %d cannot be started", f->n_started + 1, f->n_workers);
    return EM_OK;
}

/* A machine without the device's library has src/mel. */
static em_status open_device(em_features *f, const em_features_device *device, em_err *err)
{
    em_status status;

    if (!device || !device->ops->logmel_open || f->cfg.is_kaldi)
        return EM_OK;
    f->may_leave = device->may_be_left;
    status = em_clip_mel_new(&f->mel, device->ops, device->place, &f->cfg, hear_device, f, &f->note);
    if (status != EM_OK && status != EM_EUNSUPPORTED && !f->may_leave)
        return em_fail(err, status, "%s", f->note.msg);
    return EM_OK;
}

em_status em_features_new(em_features **out, const em_dataset *set, const em_config *cfg, const em_features_device *device, int n_threads,
                          size_t cache_mb, em_err *err)
{
    em_features *f;
    em_status status;

    *out = NULL;
    if (n_threads < 1 || n_threads > EM_MOST_DECODERS)
        return em_fail(err, EM_EINVAL, "%d decoding threads: 1 to %d can be had", n_threads, EM_MOST_DECODERS);
    f = calloc(1, sizeof *f);
    if (!f)
        return em_fail(err, EM_ENOMEM, "no memory for features");
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->work, NULL);
    pthread_cond_init(&f->ready, NULL);
    f->set = set;
    f->cfg = em_features_frontend(cfg);
    f->first = f->last = -1;
    f->limit = cache_mb == 0 || cache_mb > SIZE_MAX >> 20 ? SIZE_MAX : cache_mb << 20;
    f->n_workers = n_threads;
    f->slots = calloc((size_t)set->n_clips, sizeof *f->slots);
    status = f->slots ? em_packs_new(&f->packs, err) : em_fail(err, EM_ENOMEM, "no memory for %d clips", set->n_clips);
    if (status == EM_OK)
        status = make_workers(f, err);
    if (status == EM_OK)
        status = open_device(f, device, err);
    if (status == EM_OK)
        status = start_workers(f, err);
    if (status != EM_OK) {
        em_features_free(f);
        return status;
    }
    *out = f;
    return EM_OK;
}

static void stop_workers(em_features *f)
{
    pthread_mutex_lock(&f->lock);
    f->is_ending = true;
    pthread_cond_broadcast(&f->work);
    pthread_mutex_unlock(&f->lock);
    for (int i = 0; i < f->n_started; i++)
        pthread_join(f->workers[i].thread, NULL);
    for (int i = 0; i < f->n_workers && f->workers; i++)
        em_frontend_free(f->workers[i].frontend);
    free(f->workers);
}

void em_features_free(em_features *f)
{
    if (!f)
        return;
    stop_workers(f);
    em_clip_mel_free(f->mel);
    for (int i = 0; i < f->set->n_clips && f->slots; i++) {
        free(f->slots[i].data);
        free(f->slots[i].why);
    }
    free(f->slots);
    em_packs_free(f->packs);
    pthread_cond_destroy(&f->ready);
    pthread_cond_destroy(&f->work);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

/* With the lock. */
static void ask(em_features *f, int i)
{
    f->slots[i].n_users++;
    line_up(f, i);
}

em_clip_frames em_features_get(em_features *f, int i)
{
    slot *s = &f->slots[i];
    em_clip_frames frames;

    pthread_mutex_lock(&f->lock);
    ask(f, i);
    while (s->state == WAITING || s->state == BUSY)
        pthread_cond_wait(&f->ready, &f->lock);
    frames = s->frames;
    pthread_mutex_unlock(&f->lock);
    return frames;
}

void em_features_want(em_features *f, int i)
{
    pthread_mutex_lock(&f->lock);
    ask(f, i);
    pthread_mutex_unlock(&f->lock);
}

void em_features_done(em_features *f, int i)
{
    slot *s = &f->slots[i];

    pthread_mutex_lock(&f->lock);
    assert(s->n_users > 0);
    if (--s->n_users == 0 && s->state == USABLE && !s->is_kept)
        drop(s);
    pthread_mutex_unlock(&f->lock);
}

em_features_stats em_features_count(em_features *f)
{
    em_features_stats stats;

    pthread_mutex_lock(&f->lock);
    stats = f->stats;
    pthread_mutex_unlock(&f->lock);
    return stats;
}

em_status em_features_fault(em_features *f, em_err *err)
{
    em_status status;

    pthread_mutex_lock(&f->lock);
    status = f->fault.code == EM_OK ? EM_OK : em_fail(err, f->fault.code, "%s", f->fault.msg);
    pthread_mutex_unlock(&f->lock);
    return status;
}

const char *em_features_note(const em_features *f) { return f->note.code != EM_OK ? f->note.msg : NULL; }
