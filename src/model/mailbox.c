#include "model/mailbox.h"

#include <string.h>

static size_t rounded(size_t n_bytes) { return (n_bytes + EM_ALIGN - 1) / EM_ALIGN * EM_ALIGN; }

/* Where the windows lie never changes, so the list of them is sent once. */
static em_status list_places(em_mailbox *m, em_err *err)
{
    const em_mailbox_cfg *c = &m->cfg;
    const float **list = (const float **)m->in_host;

    for (int b = 0; b < c->max_batch; b++)
        list[b] = (const float *)(m->in + m->at_frames) + (size_t)b * c->window;
    c->ops->send(c->dev, m->in, m->in_host, m->at_counts);
    return c->ops->sync(c->dev, err);
}

em_status em_mailbox_open(em_mailbox *m, const em_mailbox_cfg *cfg, em_err *err)
{
    const size_t most = (size_t)cfg->max_batch;
    size_t in_bytes, out_bytes;

    *m = (em_mailbox){ .cfg = *cfg };
    m->at_counts = rounded(most * sizeof *m->frames);
    m->at_frames = m->at_counts + rounded(most * sizeof *m->n_frames);
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
    return list_places(m, err);
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
    *m = (em_mailbox){ 0 };
}

void em_mailbox_put(em_mailbox *m, const em_input *in, int B, int n)
{
    const em_mailbox_cfg *c = &m->cfg;
    int *counts;
    float *frames;

    if (!m->in_host) {
        for (int b = 0; b < B; b++) {
            m->frames[b] = in[b].frames;
            m->n_frames[b] = in[b].n_frames;
        }
        return;
    }
    counts = (int *)(m->in_host + m->at_counts);
    frames = (float *)(m->in_host + m->at_frames);
    for (int b = 0; b < n; b++)
        counts[b] = b < B ? in[b].n_frames : 0;
    for (int b = 0; b < B; b++)
        memcpy(frames + (size_t)b * c->window, in[b].frames, (size_t)in[b].n_frames * (size_t)c->n_mels * sizeof *frames);
}

void em_mailbox_send(const em_mailbox *m, int n)
{
    const em_mailbox_cfg *c = &m->cfg;

    if (m->in_host)
        c->ops->send(c->dev, m->in + m->at_counts, m->in_host + m->at_counts,
                     m->at_frames - m->at_counts + (size_t)n * c->window * sizeof(float));
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
