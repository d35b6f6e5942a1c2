/* session.c - plan and activations of one model for up to max_batch windows: see session.h. */
#include "model/session.h"

#include "model/model_inside.h"
#include "model/plan.h"

#include <stdlib.h>
#include <string.h>

struct em_session {
    const em_model *model;
    em_config       cfg;                /* the model's, over the session's window           */
    int             max_batch;
    em_plan         plan;
    void           *block;              /* activations, on the device                       */
    em_outputs      out;
    const float   **frames;             /* [max_batch], filled at each run                  */
    int            *n_frames;
};

static em_status build(em_session *s, em_err *err)
{
    const em_ops *ops = s->model->ops;
    em_builder b = { .cfg = &s->cfg, .max_batch = s->max_batch };
    em_status status;

    em_plan_build(&b, &s->model->weights, s->frames, s->n_frames);      /* measures */
    status = ops->reserve(s->model->dev, b.max_k, b.max_n, err);
    if (status != EM_OK)
        return status;
    s->block = ops->alloc(s->model->dev, b.arena.high);
    if (!s->block)
        return em_fail(err, EM_ENOMEM, "no memory for %zu MB of activations: a shorter --window or fewer streams need less", b.arena.high >> 20);
    b.arena = (em_arena){ .base = s->block, .size = b.arena.high };
    b.plan = &s->plan;
    s->out = em_plan_build(&b, &s->model->weights, s->frames, s->n_frames);
    return b.status == EM_OK ? EM_OK : em_fail(err, b.status, "no memory for the plan");
}

em_status em_session_new(em_session **out, const em_model *model, const em_session_cfg *cfg, em_err *err)
{
    em_status status = EM_OK;
    em_session *s;

    *out = NULL;
    if (cfg->max_batch < 1 || cfg->max_batch > 4096)
        return em_fail(err, EM_EINVAL, "a batch of %d windows: must be 1 to 4096", cfg->max_batch);
    if (model->cfg.n_classes == 0)
        return em_fail(err, EM_EUNSUPPORTED, "this model knows no sounds (its labels are empty): it serves training, not tagging");
    s = calloc(1, sizeof *s);
    if (!s)
        return em_fail(err, EM_ENOMEM, "no memory for a session");
    s->model = model;
    s->cfg = model->cfg;
    s->max_batch = cfg->max_batch;
    s->frames = calloc((size_t)cfg->max_batch, sizeof *s->frames);
    s->n_frames = calloc((size_t)cfg->max_batch, sizeof *s->n_frames);
    if (!s->frames || !s->n_frames)
        status = em_fail(err, EM_ENOMEM, "no memory for a session");
    if (status == EM_OK && cfg->window_s > 0)
        status = em_config_set_window(&s->cfg, cfg->window_s, err);
    if (status == EM_OK)
        status = build(s, err);
    if (status != EM_OK) {
        em_session_free(s);
        return status;
    }
    *out = s;
    return EM_OK;
}

void em_session_free(em_session *s)
{
    if (!s)
        return;
    em_plan_deinit(&s->plan);
    if (s->block)
        s->model->ops->release(s->model->dev, s->block);
    free(s->frames);
    free(s->n_frames);
    free(s);
}

const em_config *em_session_config(const em_session *s) { return &s->cfg; }

em_status em_session_watch(em_session *s, const em_input *in, em_output *out, int B, em_plan_observer *seen, void *ctx, em_err *err)
{
    const em_ops *ops = s->model->ops;
    em_dev *dev = s->model->dev;
    const size_t classes = (size_t)s->cfg.n_classes, rows = (size_t)em_config_slots(&s->cfg) * classes, latent = (size_t)s->cfg.dims[EM_STAGES - 1];
    em_status status = EM_OK;

    if (B < 1 || B > s->max_batch)
        return em_fail(err, EM_EINVAL, "%d windows in a session for %d", B, s->max_batch);
    for (int b = 0; b < B; b++) {
        s->frames[b] = in[b].frames;
        s->n_frames[b] = in[b].n_frames;
    }
    em_plan_run(&s->plan, ops, dev, B, seen, ctx);
    for (int b = 0; b < B && status == EM_OK; b++) {
        status = ops->download(dev, out[b].logits, s->out.logits + (size_t)b * classes, classes, err);
        if (status == EM_OK && out[b].slots)
            status = ops->download(dev, out[b].slots, s->out.slots + (size_t)b * rows, rows, err);
        if (status == EM_OK && out[b].latent)
            status = ops->download(dev, out[b].latent, s->out.latent + (size_t)b * latent, latent, err);
    }
    return status;
}

em_status em_session_run(em_session *s, const em_input *in, em_output *out, int B, em_err *err)
{
    return em_session_watch(s, in, out, B, NULL, NULL, err);
}
