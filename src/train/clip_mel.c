/* clip_mel.c - two trays, one being filled while the other is on the device: see clip_mel.h. */
#include "train/clip_mel.h"

#include "mel/logmel.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRAYS = 2,
    ROOM_SECONDS = 160,                 /* of sound in a tray: four slabs of gpu/logmel.cu, 16 clips of 10 s     */
    MOST_CLIPS = 256,                   /* each has a frame more than its share of the sound                     */
};

typedef struct laid { int clip, n_frames; float *frames; size_t n; } laid;

typedef struct tray {
    float *samples;                     /* [room], the clips one after another; the device's kind of host memory */
    laid   clips[MOST_CLIPS];
    int    n_clips;
    size_t n_samples, n_frames;
} tray;

struct em_clip_mel {
    const em_ops     *ops;
    int               place;
    em_dev           *dev;
    em_spectra       *spectra;
    em_frontend_cfg   cfg;
    em_clip_mel_done *done;
    void             *ctx;
    size_t            room, room_frames;
    float            *samples, *frames; /* [room], [room_frames][n_mels] on the device                            */
    float            *made;             /* [room_frames][n_mels] on the host                                      */
    pthread_t         thread;
    bool              has_thread;
    pthread_mutex_t   lock;             /* of everything below, but for the tray that is on the device            */
    pthread_cond_t    changed;
    tray              trays[TRAYS];
    int               filling;          /* the tray that clips are laid into                                      */
    bool              has_opened, is_ending;
    em_err            opened;           /* why the device could not be; no code: it could                         */
};

/* ------------------------------------------------------------------ the device, on a thread of its own */

/* The tables of src/mel go to the device. */
static em_status open_spectra(em_clip_mel *m, em_err *err)
{
    em_logmel_cfg how = { .n_fft = m->cfg.n_fft, .hop = m->cfg.hop, .n_mels = m->cfg.n_mels, .most_frames = (int)m->room_frames };
    em_mel_band *bands = calloc((size_t)m->cfg.n_mels, sizeof *bands);
    em_logmel *tables = NULL;
    em_status status = bands ? em_logmel_new(&tables, &m->cfg, err) : em_fail(err, EM_ENOMEM, "no memory for %d bands", m->cfg.n_mels);

    if (status == EM_OK) {
        const em_filterbank *bank = em_logmel_bank(tables);

        for (int i = 0; i < bank->n_bands; i++) {
            const em_band *b = &bank->bands[i];

            bands[i] = (em_mel_band){ b->start, b->count, b->at };
            how.n_weights = b->at + b->count > how.n_weights ? b->at + b->count : how.n_weights;
        }
        how.hann = em_logmel_hann(tables);
        how.bands = bands;
        how.weights = bank->weights;
        status = m->ops->logmel_open(m->dev, &m->spectra, &how, err);
    }
    em_logmel_free(tables);
    free(bands);
    return status;
}

static em_status make_room(em_clip_mel *m, em_err *err)
{
    const size_t frame = (size_t)m->cfg.n_mels * sizeof(float);

    m->room = (size_t)ROOM_SECONDS * (size_t)m->cfg.rate_hz;
    m->room_frames = m->room / (size_t)m->cfg.hop + MOST_CLIPS;
    for (int i = 0; i < TRAYS; i++)
        m->trays[i].samples = m->ops->alloc_host(m->dev, m->room * sizeof(float));
    m->made = m->ops->alloc_host(m->dev, m->room_frames * frame);
    m->samples = m->ops->alloc(m->dev, m->room * sizeof(float));
    m->frames = m->ops->alloc(m->dev, m->room_frames * frame);
    if (!m->trays[0].samples || !m->trays[1].samples || !m->made || !m->samples || !m->frames)
        return em_fail(err, EM_ENOMEM, "no memory for the log-mel of %d s of sound at once", ROOM_SECONDS);
    return EM_OK;
}

static em_status open_device(em_clip_mel *m, em_err *err)
{
    em_status status = m->ops->open(&m->dev, &(em_dev_cfg){ .place = m->place }, err);

    if (status == EM_OK)
        status = make_room(m, err);
    return status == EM_OK ? open_spectra(m, err) : status;
}

static void close_device(em_clip_mel *m)
{
    void *const on_host[] = { m->trays[0].samples, m->trays[1].samples, m->made }, *const on_device[] = { m->samples, m->frames };

    if (m->spectra)
        m->ops->logmel_close(m->dev, m->spectra);
    for (size_t i = 0; i < EM_COUNT(on_host); i++)
        if (on_host[i])
            m->ops->release_host(m->dev, on_host[i]);
    for (size_t i = 0; i < EM_COUNT(on_device); i++)
        if (on_device[i])
            m->ops->release(m->dev, on_device[i]);
    m->ops->close(m->dev);
}

/* Clips of one length that lie side by side are one call. */
static em_status transform(em_clip_mel *m, const tray *t, em_err *err)
{
    const em_ops *ops = m->ops;
    const size_t mels = (size_t)m->cfg.n_mels;
    size_t sample = 0, frame = 0;

    ops->send(m->dev, m->samples, t->samples, t->n_samples * sizeof(float));
    for (int i = 0, n; i < t->n_clips; i += n) {
        const laid *c = &t->clips[i];

        for (n = 1; i + n < t->n_clips && t->clips[i + n].n == c->n; n++)
            ;
        ops->logmel_fwd(m->dev, m->spectra, m->frames + frame * mels, m->samples + sample, (int)c->n, n);
        sample += (size_t)n * c->n;
        frame += (size_t)n * (size_t)c->n_frames;
    }
    ops->fetch(m->dev, m->made, m->frames, t->n_frames * mels * sizeof(float));
    return ops->sync(m->dev, err);
}

static void hand_out(em_clip_mel *m, const tray *t, const em_err *failure)
{
    const float *made = m->made;

    for (int i = 0; i < t->n_clips; i++) {
        const laid *c = &t->clips[i];
        const size_t n = (size_t)c->n_frames * (size_t)m->cfg.n_mels;

        if (!failure)
            memcpy(c->frames, made, n * sizeof *made);
        made += n;
        m->done(m->ctx, c->clip, failure);
    }
}

/* Until clips wait, and the tray they lie in is taken from those who fill it; NULL: the end. With the lock. */
static tray *take(em_clip_mel *m)
{
    tray *t = &m->trays[m->filling];

    while (t->n_clips == 0 && !m->is_ending)
        pthread_cond_wait(&m->changed, &m->lock);
    if (t->n_clips == 0)
        return NULL;
    m->filling = (m->filling + 1) % TRAYS;              /* it is empty: this thread alone takes trays, and one at a time */
    pthread_cond_broadcast(&m->changed);
    return t;
}

static void *work(void *arg)
{
    em_clip_mel *m = arg;
    em_err err = { 0 };

    if (open_device(m, &err) == EM_OK)
        err.code = EM_OK;
    pthread_mutex_lock(&m->lock);
    m->opened = err;
    m->has_opened = true;
    pthread_cond_broadcast(&m->changed);
    for (tray *t; m->opened.code == EM_OK && (t = take(m));) {
        pthread_mutex_unlock(&m->lock);
        hand_out(m, t, transform(m, t, &err) == EM_OK ? NULL : &err);
        t->n_clips = 0;
        t->n_samples = t->n_frames = 0;
        pthread_mutex_lock(&m->lock);
    }
    pthread_mutex_unlock(&m->lock);
    if (m->dev)
        close_device(m);
    return NULL;
}

/* ------------------------------------------------------------------ clips */

bool em_clip_mel_takes(const em_clip_mel *m, size_t n) { return n <= m->room; }

void em_clip_mel_give(em_clip_mel *m, int clip, float *frames, const float *samples, size_t n)
{
    const int n_frames = em_frontend_frames(&m->cfg, n);
    tray *t;

    pthread_mutex_lock(&m->lock);
    for (t = &m->trays[m->filling]; t->n_clips == MOST_CLIPS || t->n_samples + n > m->room; t = &m->trays[m->filling])
        pthread_cond_wait(&m->changed, &m->lock);
    memcpy(t->samples + t->n_samples, samples, n * sizeof *samples);
    t->clips[t->n_clips++] = (laid){ clip, n_frames, frames, n };
    t->n_samples += n;
    t->n_frames += (size_t)n_frames;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
}

/* ------------------------------------------------------------------ from beginning to end */

static em_status wait_for_device(em_clip_mel *m, em_err *err)
{
    pthread_mutex_lock(&m->lock);
    while (!m->has_opened)
        pthread_cond_wait(&m->changed, &m->lock);
    pthread_mutex_unlock(&m->lock);
    return m->opened.code == EM_OK ? EM_OK : em_fail(err, m->opened.code, "%s", m->opened.msg);
}

em_status em_clip_mel_new(em_clip_mel **out, const em_ops *ops, int place, const em_frontend_cfg *cfg, em_clip_mel_done *done, void *ctx,
                          em_err *err)
{
    em_clip_mel *m;
    em_status status;

    *out = NULL;
    if (!ops->logmel_open || cfg->is_kaldi)
        return em_fail(err, EM_EUNSUPPORTED, "the %s backend makes no %s frames", ops->name, cfg->is_kaldi ? "kaldi" : "htsat");
    m = calloc(1, sizeof *m);
    if (!m)
        return em_fail(err, EM_ENOMEM, "no memory for clips");
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->changed, NULL);
    m->ops = ops;
    m->place = place;
    m->cfg = *cfg;
    m->done = done;
    m->ctx = ctx;
    m->has_thread = pthread_create(&m->thread, NULL, work, m) == 0;
    status = m->has_thread ? wait_for_device(m, err) : em_fail(err, EM_ENOMEM, "no thread for the log-mel of clips");
    if (status != EM_OK) {
        em_clip_mel_free(m);
        return status;
    }
    *out = m;
    return EM_OK;
}

void em_clip_mel_free(em_clip_mel *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    m->is_ending = true;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
    if (m->has_thread)
        pthread_join(m->thread, NULL);
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
