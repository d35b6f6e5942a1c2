#include "model/mailbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t rounded(size_t n_bytes) { return (n_bytes + EM_ALIGN - 1) / EM_ALIGN * EM_ALIGN; }

/* Where whole windows lie never changes, so the list of them is sent once. */
static em_status list_places(em_mailbox *m, em_err *err)
{
    const em_mailbox_cfg *c = &m->cfg;
    const float **list = (const float **)m->in_host;

    for (int b = 0; b < c->max_batch; b++)
        list[b] = (const float *)(m->in + m->at_frames) + (size_t)b * c->window;
    c->ops->send(c->dev, m->in, m->in_host, m->at_counts);
    return c->ops->sync(c->dev, err);
}

static em_status make_rings(em_mailbox *m, em_err *err)
{
    const em_mailbox_cfg *c = &m->cfg;

    if (c->n_streams == 0)
        return EM_OK;
    m->strips = (em_strip *)(m->in + m->at_strips);
    m->streams = calloc((size_t)c->n_streams, sizeof *m->streams);
    m->rings = c->ops->alloc(c->dev, (size_t)c->n_streams * c->window * sizeof *m->rings);
    return m->streams && m->rings ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for the frames of %d streams: fewer streams need less", c->n_streams);
}

em_status em_mailbox_open(em_mailbox *m, const em_mailbox_cfg *cfg, em_err *err)
{
    const size_t most = (size_t)cfg->max_batch;
    size_t in_bytes, out_bytes;
    em_status status;

    *m = (em_mailbox){ .cfg = *cfg };
    if (!cfg->ops->has_own_memory)
        m->cfg.n_streams = 0;
    m->at_counts = rounded(most * sizeof *m->frames);
    m->at_strips = m->at_counts + rounded(most * sizeof *m->n_frames);
    m->at_frames = m->at_strips + (m->cfg.n_streams > 0 ? rounded(most * sizeof *m->strips) : 0);
    in_bytes = m->at_frames + (cfg->ops->has_own_memory ? most * cfg->window * sizeof(float) : 0);
    out_bytes = most * (cfg->classes + cfg->slots + cfg->latent) * sizeof(float);
    m->in = cfg->ops->alloc(cfg->dev, in_bytes);
    if (!m->in)
        return em_fail(err, EM_ENOMEM, "no memory for %d windows", cfg->max_batch);
    m->frames = (const float **)m->in;
    m->n_frames = (int *)(m->in + m->at_counts);
    if (!cfg->ops->has_own_memory)
        return EM_OK;
    m->in_host = cfg->ops->alloc_host(cfg->dev, in_bytes);
    m->out_host = cfg->ops->alloc_host(cfg->dev, out_bytes);
    if (!m->in_host || !m->out_host)
        return em_fail(err, EM_ENOMEM, "no memory for %d windows", cfg->max_batch);
    status = make_rings(m, err);
    return status == EM_OK ? list_places(m, err) : status;
}

void em_mailbox_close(em_mailbox *m)
{
    const em_mailbox_cfg *c = &m->cfg;

    if (m->in)
        c->ops->release(c->dev, m->in);
    if (m->in_host)
        c->ops->release_host(c->dev, m->in_host);
    if (m->out_host)
        c->ops->release_host(c->dev, m->out_host);
    if (m->rings)
        c->ops->release(c->dev, m->rings);
    free(m->streams);
    *m = (em_mailbox){ 0 };
}

/* ---- streams ---- */

int em_mailbox_join(em_mailbox *m)
{
    for (int i = 0; i < m->cfg.n_streams; i++)
        if (!m->streams[i].has_joined) {
            m->streams[i] = (em_stream){ .has_joined = true };
            return i + 1;
        }
    return 0;
}

void em_mailbox_leave(em_mailbox *m, int stream)
{
    if (stream > 0 && stream <= m->cfg.n_streams)           /* none: joined on a device that was left */
        m->streams[stream - 1].has_joined = false;
}

/* Inner frames of a window that the ring holds from the one before: they are the last of that one's. */
static int kept(const em_stream *s, const em_input *in)
{
    const int64_t moved = in->end - s->end, inner = in->inner_end - in->inner_first;

    return s->has_frames && moved >= 0 && moved < inner ? (int)(inner - moved) : 0;
}

/* A ring serves one window of a run: of a second one nothing is kept. */
static em_stream *stream_of(const em_mailbox *m, const em_input *in)
{
    em_stream *s = in->stream > 0 && in->end >= 0 ? &m->streams[in->stream - 1] : NULL;

    return s && s->i_put != m->n_puts ? s : NULL;
}

static em_strip follow(em_mailbox *m, const em_input *in)
{
    em_stream *s = stream_of(m, in);
    em_strip strip = { .head = in->n_frames, .size = (int)(m->cfg.window / (size_t)m->cfg.n_mels) };

    assert(in->n_frames <= strip.size);
    if (!s)
        return strip;
    strip.n_kept = kept(s, in);
    if (strip.n_kept > 0) {
        strip.head = in->inner_first;
        strip.first = (int)((s->first + in->end - s->end) % strip.size);
    }
    strip.ring = m->rings + (size_t)(in->stream - 1) * m->cfg.window;
    *s = (em_stream){ .has_joined = true, .has_frames = true, .end = in->end, .first = strip.first, .i_put = m->n_puts };
    return strip;
}

/* ---- windows up, answers down ---- */

/* Frames that the device does not have, behind those of the windows before. */
static void put_strip(em_mailbox *m, const em_input *in, int b)
{
    const size_t n_mels = (size_t)m->cfg.n_mels;
    em_strip *strip = (em_strip *)(m->in_host + m->at_strips) + b;
    float *to = (float *)(m->in_host + m->at_frames) + m->n_put;
    size_t head, tail;

    *strip = follow(m, in);
    strip->fresh = (const float *)(m->in + m->at_frames) + m->n_put;
    head = (size_t)strip->head * n_mels;
    tail = (size_t)(in->n_frames - strip->head - strip->n_kept) * n_mels;
    memcpy(to, in->frames, head * sizeof *to);
    memcpy(to + head, in->frames + head + (size_t)strip->n_kept * n_mels, tail * sizeof *to);
    m->n_put += head + tail;
}

static void put_whole(em_mailbox *m, const em_input *in, int b)
{
    float *to = (float *)(m->in_host + m->at_frames) + (size_t)b * m->cfg.window;

    memcpy(to, in->frames, (size_t)in->n_frames * (size_t)m->cfg.n_mels * sizeof *to);
    m->n_put = (size_t)(b + 1) * m->cfg.window;
}

void em_mailbox_put(em_mailbox *m, const em_input *in, int B, int n)
{
    int *counts;

    if (!m->in_host) {
        for (int b = 0; b < B; b++) {
            m->frames[b] = in[b].frames;
            m->n_frames[b] = in[b].n_frames;
        }
        return;
    }
    m->n_puts++;
    m->n_put = 0;
    counts = (int *)(m->in_host + m->at_counts);
    for (int b = 0; b < n; b++)
        counts[b] = b < B ? in[b].n_frames : 0;
    for (int b = 0; b < B; b++)
        (m->strips ? put_strip : put_whole)(m, &in[b], b);
}

void em_mailbox_send(const em_mailbox *m)
{
    const em_mailbox_cfg *c = &m->cfg;

    if (m->in_host)
        c->ops->send(c->dev, m->in + m->at_counts, m->in_host + m->at_counts, m->at_frames - m->at_counts + m->n_put * sizeof(float));
}

/* Where the answers of each kind begin in out_host. */
static float *host_logits(const em_mailbox *m) { return m->out_host; }
static float *host_latent(const em_mailbox *m) { return m->out_host + (size_t)m->cfg.max_batch * m->cfg.classes; }
static float *host_slots(const em_mailbox *m)  { return host_latent(m) + (size_t)m->cfg.max_batch * m->cfg.latent; }

void em_mailbox_fetch(const em_mailbox *m, const em_outputs *from, int n)
{
    const em_mailbox_cfg *c = &m->cfg;
    const size_t of = (size_t)n * sizeof(float);

    if (!m->out_host)
        return;
    if (n == c->max_batch) {                                /* the three lie side by side: one copy */
        c->ops->fetch(c->dev, m->out_host, from->logits, of * (c->classes + c->latent + c->slots));
        return;
    }
    c->ops->fetch(c->dev, host_logits(m), from->logits, of * c->classes);
    c->ops->fetch(c->dev, host_latent(m), from->latent, of * c->latent);
    c->ops->fetch(c->dev, host_slots(m), from->slots, of * c->slots);
}

static void hand_out(float *dst, const float *src, int b, size_t n)
{
    if (dst)
        memcpy(dst, src + (size_t)b * n, n * sizeof *dst);
}

em_status em_mailbox_take(const em_mailbox *m, const em_outputs *from, em_output *out, int B, em_err *err)
{
    const em_mailbox_cfg *c = &m->cfg;
    const bool is_copied = m->out_host;
    em_status status = c->ops->sync(c->dev, err);

    for (int b = 0; b < B && status == EM_OK; b++) {
        hand_out(out[b].logits, is_copied ? host_logits(m) : from->logits, b, c->classes);
        hand_out(out[b].latent, is_copied ? host_latent(m) : from->latent, b, c->latent);
        hand_out(out[b].slots, is_copied ? host_slots(m) : from->slots, b, c->slots);
    }
    return status;
}
