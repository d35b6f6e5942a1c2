/* learner.c - parameters that change, and the plan that runs both ways: see learner.h. */
#include "model/learner.h"

#include "model/plan.h"
#include "model/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BRANCHES_A_BLOCK = 4 };          /* at most: SS2D, its MLP, attention, its MLP */

struct em_learner {
    em_config     cfg;
    const em_ops *ops;
    em_dev       *dev;
    int           max_batch;
    em_params     params;
    em_lesson     lesson;
    em_practice   practice;
    em_weights    weights;
    em_plan       plan;
    em_outputs    out;
    em_mailbox    mailbox;
    void         *packed, *activations; /* on the device                              */
    size_t        n_bytes;              /* of activations and their gradients         */
    float        *laid, *piece;         /* [largest tensor] on the host               */
    float        *maps;                 /* [EM_MAPS + 4][n_mels] on the host: tables of the image, then bn0 as they were made from */
    em_output    *answers;              /* [max_batch] where logits go                */
};

/* ------------------------------------------------------------------ making one */

static em_status no_memory(em_err *err, size_t n_bytes)
{
    return em_fail(err, EM_ENOMEM, "no memory for %zu MB of training: --recompute, a smaller --micro-batch or preset need less", n_bytes >> 20);
}

static float *device_block(em_learner *l, size_t n)
{
    float *x = l->ops->alloc(l->dev, (n > 0 ? n : 1) * sizeof *x);

    if (x)
        l->ops->clear(l->dev, x, n);
    return x;
}

static em_status make_blocks(em_learner *l, em_err *err)
{
    const size_t n = l->params.n_total, most = em_params_largest(&l->params), mels = (size_t)l->cfg.n_mels;

    l->lesson = (em_lesson){
        .values = device_block(l, n), .grads = device_block(l, n), .layouts = calloc((size_t)l->params.n, sizeof *l->lesson.layouts),
        .matrices = calloc((size_t)l->params.n, sizeof *l->lesson.matrices), .decays = calloc((size_t)l->params.n, sizeof *l->lesson.decays),
    };
    l->laid = malloc(most * sizeof *l->laid);
    l->piece = malloc(most * sizeof *l->piece);
    l->maps = calloc((EM_MAPS + 4) * mels, sizeof *l->maps);
    l->answers = calloc((size_t)l->max_batch, sizeof *l->answers);
    if (!l->lesson.values || !l->lesson.grads || !l->lesson.layouts || !l->lesson.matrices || !l->lesson.decays || !l->laid || !l->piece ||
        !l->maps || !l->answers)
        return no_memory(err, 2 * n * sizeof(float));
    return EM_OK;
}

static em_status bind(em_learner *l, em_err *err)
{
    em_binder b = { .ops = l->ops, .dev = l->dev, .params = &l->params, .lesson = &l->lesson, .err = err };

    em_weights_bind(&l->weights, &b, &l->cfg);          /* measures */
    b.arena = (em_arena){ .size = b.arena.high, .base = l->packed = l->ops->alloc(l->dev, b.arena.high) };
    if (!l->packed)
        return no_memory(err, b.arena.size);
    l->lesson.n_matrices = l->lesson.n_decays = 0;
    em_weights_bind(&l->weights, &b, &l->cfg);
    return b.status;
}

static em_status build(em_learner *l, em_err *err)
{
    em_builder b = { .ops = l->ops, .dev = l->dev, .cfg = &l->cfg, .needs = { .max_batch = l->max_batch, .trains = true }, .practice = &l->practice };
    em_arena *back = &l->practice.arena;
    em_status status;

    l->practice.values = l->lesson.values;
    l->practice.grads = l->lesson.grads;
    em_plan_build(&b, &l->weights, l->mailbox.frames, l->mailbox.n_frames);         /* measures */
    status = l->ops->reserve(l->dev, &b.needs, err);
    if (status != EM_OK)
        return status;
    l->activations = l->ops->alloc(l->dev, b.arena.high + back->high);
    if (!l->activations)
        return no_memory(err, b.arena.high + back->high);
    l->n_bytes = b.arena.high + back->high;
    *back = (em_arena){ .base = (char *)l->activations + b.arena.high, .size = back->high };
    b.arena = (em_arena){ .base = l->activations, .size = b.arena.high };
    b.plan = &l->plan;
    l->practice.n_branches = 0;
    l->out = em_plan_build(&b, &l->weights, l->mailbox.frames, l->mailbox.n_frames);
    return b.status == EM_OK ? EM_OK : em_fail(err, b.status, "no memory for the plan");
}

static em_status make_branches(em_learner *l, bool drops_paths, em_err *err)
{
    int n_blocks = 0;

    if (!drops_paths)
        return EM_OK;
    for (int i = 0; i < EM_STAGES; i++)
        n_blocks += l->cfg.depths[i];
    l->practice.branches = device_block(l, (size_t)(BRANCHES_A_BLOCK * n_blocks * l->max_batch));
    return l->practice.branches ? EM_OK : no_memory(err, 0);
}

static size_t slots_of(const em_learner *l) { return (size_t)em_config_slots(&l->cfg) * (size_t)l->cfg.n_classes; }

static em_status open_mailbox(em_learner *l, em_err *err)
{
    const em_mailbox_cfg how = {
        .ops = l->ops, .dev = l->dev, .max_batch = l->max_batch, .n_mels = l->cfg.n_mels,
        .window = (size_t)em_config_sound_frames(&l->cfg) * (size_t)l->cfg.n_mels, .classes = (size_t)l->cfg.n_classes,
        .slots = slots_of(l), .latent = (size_t)l->cfg.dims[EM_STAGES - 1],
    };

    return em_mailbox_open(&l->mailbox, &how, err);
}

em_status em_learner_new(em_learner **out, const em_config *cfg, const em_learner_cfg *how, em_err *err)
{
    em_learner *l = *out = calloc(1, sizeof *l);
    em_status status;

    if (!l)
        return em_fail(err, EM_ENOMEM, "no memory for training");
    *l = (em_learner){ .cfg = *cfg, .ops = how->ops, .dev = how->dev, .max_batch = how->max_batch };
    l->practice.has_slots = how->learns_slots;
    l->practice.recomputes = how->recomputes;
    status = !how->ops->adamw ? em_fail(err, EM_EUNSUPPORTED, "the %s backend cannot train yet: --backend=cpu can", how->ops->name)
           : cfg->n_classes == 0 ? em_fail(err, EM_EINVAL, "a model without classes cannot learn any")
           : em_params_list(&l->params, cfg, err);
    if (status == EM_OK)
        status = em_weights_init(&l->weights, cfg, err);
    if (status == EM_OK)
        status = make_blocks(l, err);
    if (status == EM_OK)
        status = open_mailbox(l, err);
    if (status == EM_OK)
        status = bind(l, err);
    if (status == EM_OK)
        status = make_branches(l, how->drops_paths, err);
    if (status == EM_OK)
        status = build(l, err);
    if (status != EM_OK) {
        em_learner_free(l);
        *out = NULL;
    }
    return status;
}

void em_learner_free(em_learner *l)
{
    if (!l)
        return;
    em_plan_deinit(&l->plan);
    if (l->mailbox.in)
        em_mailbox_close(&l->mailbox);
    for (void *blocks[] = { l->lesson.values, l->lesson.grads, l->practice.branches, l->packed, l->activations }, **b = blocks;
         b < blocks + EM_COUNT(blocks); b++)
        if (*b)
            l->ops->release(l->dev, *b);
    free(l->lesson.layouts);
    free(l->lesson.matrices);
    free(l->lesson.decays);
    free(l->laid);
    free(l->piece);
    free(l->maps);
    free(l->answers);
    em_weights_deinit(&l->weights);
    em_params_deinit(&l->params);
    free(l);
}

const em_config *em_learner_config(const em_learner *l) { return &l->cfg; }
const em_params *em_learner_params(const em_learner *l) { return &l->params; }
float *em_learner_values(em_learner *l) { return l->lesson.values; }
float *em_learner_grads(em_learner *l) { return l->lesson.grads; }
const em_plan *em_learner_plan(const em_learner *l) { return &l->plan; }
size_t em_learner_bytes(const em_learner *l) { return l->n_bytes; }

/* ------------------------------------------------------------------ tensors in and out */

static const em_layout *layout_of(const em_learner *l, const em_param *p) { return l->lesson.layouts[p - l->params.list]; }

em_status em_learner_put(em_learner *l, float *block, const em_param *p, const float *src, em_err *err)
{
    memcpy(l->laid, src, p->n * sizeof *src);
    em_layout_apply(layout_of(l, p), l->laid, l->piece, p);
    return l->ops->upload(l->dev, block + p->offset, l->laid, p->n, err);
}

em_status em_learner_get(em_learner *l, const float *block, const em_param *p, float *dst, em_err *err)
{
    em_status status = l->ops->download(l->dev, dst, block + p->offset, p->n, err);

    if (status == EM_OK)
        em_layout_undo(layout_of(l, p), dst, l->piece, p);
    return status;
}

em_status em_learner_load(em_learner *l, const em_tensor_source *from, em_err *err)
{
    float *x = malloc(em_params_largest(&l->params) * sizeof *x);
    em_status status = x ? EM_OK : no_memory(err, em_params_largest(&l->params) * sizeof *x);

    for (int i = 0; i < l->params.n && status == EM_OK; i++) {
        status = from->read(from->ctx, x, &l->params.list[i], err);
        if (status == EM_OK)
            status = em_learner_put(l, l->lesson.values, &l->params.list[i], x, err);
    }
    free(x);
    return status == EM_OK ? em_learner_refresh(l, err) : status;
}

static em_status read_block(void *ctx, float *dst, const em_param *p, em_err *err)
{
    const em_learner_reader *r = ctx;

    return em_learner_get(r->l, r->block, em_params_find(&r->l->params, p->name), dst, err);
}

em_tensor_source em_learner_source(em_learner_reader *r) { return (em_tensor_source){ read_block, r }; }

em_status em_learner_refresh(em_learner *l, em_err *err)
{
    l->ops->repack(l->dev, l->lesson.matrices, l->lesson.n_matrices);
    for (int i = 0; i < l->lesson.n_decays; i++)
        l->ops->decay(l->dev, l->lesson.decays[i].a, l->lesson.decays[i].a_log, l->lesson.decays[i].n);
    return l->ops->sync(l->dev, err);
}

/* ------------------------------------------------------------------ bn0 */

static const char *const bn_names[4] = { "bn0.weight", "bn0.bias", "bn0.running_mean", "bn0.running_var" };

/* Weight, bias, running mean and variance, as they are now, in the room behind the maps. */
static em_status read_bn(em_learner *l, float *bn[4], em_err *err)
{
    const size_t mels = (size_t)l->cfg.n_mels;
    em_status status = EM_OK;

    for (int i = 0; i < 4; i++)
        bn[i] = l->maps + (EM_MAPS + (size_t)i) * mels;
    for (int i = 0; i < 4 && status == EM_OK; i++)
        status = em_learner_get(l, l->lesson.values, em_params_find(&l->params, bn_names[i]), bn[i], err);
    return status;
}

em_status em_learner_statistics(em_learner *l, const double *mean, const double *var, em_err *err)
{
    const bool is_normed = l->cfg.frontend == EM_FRONTEND_HTSAT;
    const size_t mels = (size_t)l->cfg.n_mels;
    float *bn[4] = { 0 };
    em_status status = is_normed ? read_bn(l, bn, err) : EM_OK;

    for (size_t i = 0; i < mels && status == EM_OK && is_normed && mean; i++) {
        bn[2][i] = (float)mean[i];
        bn[3][i] = (float)var[i];
    }
    if (status != EM_OK)
        return status;
    em_frontend_maps(l->maps, &l->cfg, (const float *const *)bn);
    return l->ops->upload(l->dev, l->weights.maps, l->maps, EM_MAPS * mels, err);
}

em_status em_learner_follow(em_learner *l, const double *mean, const double *var, double n, em_err *err)
{
    const bool is_normed = l->cfg.frontend == EM_FRONTEND_HTSAT;
    float *bn[4] = { 0 };
    em_status status = is_normed ? read_bn(l, bn, err) : EM_OK;

    for (int i = 0; i < l->cfg.n_mels && status == EM_OK && is_normed; i++) {
        bn[2][i] = (float)(.9 * (double)bn[2][i] + .1 * mean[i]);
        bn[3][i] = (float)(.9 * (double)bn[3][i] + .1 * var[i] * n / (n - 1));
    }
    for (int i = 2; i < 4 && status == EM_OK && is_normed; i++)
        status = em_learner_put(l, l->lesson.values, em_params_find(&l->params, bn_names[i]), bn[i], err);
    return status;
}

/* ------------------------------------------------------------------ residual branches */

int em_learner_branches(const em_learner *l) { return l->practice.n_branches; }

/* Blocks have equally many. */
int em_learner_branch_block(const em_learner *l, int branch)
{
    int n_blocks = 0;

    for (int i = 0; i < EM_STAGES; i++)
        n_blocks += l->cfg.depths[i];
    return branch / (l->practice.n_branches / n_blocks);
}

em_status em_learner_set_branches(em_learner *l, const float *factors, em_err *err)
{
    return l->ops->upload(l->dev, l->practice.branches, factors, (size_t)l->practice.n_branches * (size_t)l->max_batch, err);
}

/* ------------------------------------------------------------------ both ways */

em_status em_learner_forward(em_learner *l, const em_input *in, float *logits, float *slots, int B, em_err *err)
{
    if (B < 1 || B > l->max_batch)
        return em_fail(err, EM_EINVAL, "%d windows for a learner of %d", B, l->max_batch);
    for (int b = 0; b < B; b++)
        l->answers[b] = (em_output){ .logits = logits + (size_t)b * (size_t)l->cfg.n_classes,
                                     .slots = slots ? slots + (size_t)b * slots_of(l) : NULL };
    em_mailbox_put(&l->mailbox, in, B, B);
    em_mailbox_send(&l->mailbox);
    em_plan_run(&l->plan, l->ops, l->dev, B, NULL, NULL);
    em_mailbox_fetch(&l->mailbox, &l->out, B);
    return em_mailbox_take(&l->mailbox, &l->out, l->answers, B, err);
}

em_status em_learner_backward(em_learner *l, const float *dlogits, const float *dslots, int B, em_learner_ready *ready, void *ctx, em_err *err)
{
    em_status status = l->ops->upload(l->dev, l->out.dlogits, dlogits, (size_t)B * (size_t)l->cfg.n_classes, err);

    if (status == EM_OK && l->practice.has_slots)
        status = l->ops->upload(l->dev, l->out.dslots, dslots, (size_t)B * slots_of(l), err);
    for (int i = l->plan.n - 1; i >= 0 && status == EM_OK; i--) {
        const float *first = em_call_first_grad(&l->plan.calls[i]);

        em_plan_again(&l->plan, i, l->ops, l->dev, B, NULL, NULL);
        em_plan_call_back(&l->plan.calls[i], l->ops, l->dev, B);
        if (ready && first)
            ready(ctx, (size_t)(first - l->lesson.grads));
    }
    return status == EM_OK ? l->ops->sync(l->dev, err) : status;
}
