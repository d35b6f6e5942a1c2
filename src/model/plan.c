/* plan.c - builds the list of calls and walks it: see plan.h. */
#include "model/plan.h"

#include <stdlib.h>

/* Activations are multiples of a page long, so side by side all would begin at the same place of one: what the scan reads
 * and writes at a token would fall into one set of the first cache. */
enum { STAGGER_BYTES = 17 * 64 };

float *em_build_floats(em_builder *b, size_t n)
{
    return em_arena_alloc(&b->arena, n * (size_t)b->max_batch * sizeof(float) + STAGGER_BYTES);
}

static int max_int(int a, int b) { return a > b ? a : b; }

/* What the device must keep scratch for. */
static void note_sizes(em_builder *b, const em_call *call)
{
    switch (call->kind) {
    case EM_CALL_CONV:            b->max_k = max_int(b->max_k, call->a.conv.w.k); break;
    case EM_CALL_NORM_LINEAR:     b->max_k = max_int(b->max_k, call->a.norm_linear.w.k); break;
    case EM_CALL_MLP:             b->max_k = max_int(b->max_k, call->a.mlp.w1.k + call->a.mlp.w1.n); break;
    case EM_CALL_CONV_SILU_XPROJ: b->max_k = max_int(b->max_k, call->a.conv_silu_xproj.w.k); break;
    case EM_CALL_TOKENS:          b->max_k = max_int(b->max_k, call->a.tokens.C); break;
    case EM_CALL_SCAN4:           b->max_n = max_int(b->max_n, call->a.scan4.N); break;
    case EM_CALL_IMAGE:
    case EM_CALL_MEAN:            break;
    }
}

void em_build_call(em_builder *b, const em_call *call)
{
    em_plan *p = b->plan;

    note_sizes(b, call);
    if (!p || b->status != EM_OK)
        return;
    if (p->n == p->room) {
        int room = p->room ? 2 * p->room : 64;
        em_call *calls = realloc(p->calls, (size_t)room * sizeof *calls);

        if (!calls) {
            b->status = EM_ENOMEM;
            return;
        }
        p->calls = calls;
        p->room = room;
    }
    p->calls[p->n++] = *call;
}

void em_plan_deinit(em_plan *plan)
{
    free(plan->calls);
    *plan = (em_plan){ 0 };
}

static em_grid image_build(em_builder *b, const em_weights *w, const float *const *frames, const int *n_frames)
{
    const em_config *cfg = b->cfg;
    const bool is_padded = cfg->fit == EM_FIT_PAD && cfg->frontend == EM_FRONTEND_HTSAT;
    em_call call = { .kind = EM_CALL_IMAGE, .label = "image", .stage = -1 };
    em_grid g = { .H = cfg->fold * cfg->n_mels, .W = cfg->n_frames / cfg->fold, .C = 1 };

    g.x = em_build_floats(b, (size_t)cfg->n_mels * (size_t)cfg->n_frames);
    call.a.image = (em_image){
        .y = g.x, .frames = frames, .n_frames = n_frames, .F = cfg->n_mels, .cols = cfg->n_frames, .fold = cfg->fold,
        /* The frontend's last frame of a padded window looks past its end: it is left out (1000 of 1001). */
        .sound = is_padded ? cfg->n_hops : cfg->n_frames,
        .is_stretched = cfg->fit == EM_FIT_STRETCH, .scale = w->scale, .shift = w->shift, .quiet = w->quiet,
    };
    em_build_call(b, &call);
    return g;
}

em_outputs em_plan_build(em_builder *b, const em_weights *w, const float *const *frames, const int *n_frames)
{
    const em_config *cfg = b->cfg;
    em_grid x = em_embed_build(b, &w->embed, image_build(b, w, frames, n_frames));

    for (int i = 0; i < EM_STAGES; i++) {
        for (int j = 0; j < cfg->depths[i]; j++)
            em_ss_block_build(b, &w->blocks[i][j], x, i);
        if (i + 1 < EM_STAGES)
            x = em_down_build(b, &w->down[i], x, i);
    }
    return em_head_build(b, &w->head, x);
}

void em_plan_run(const em_plan *plan, const em_ops *ops, em_dev *dev, int B, em_plan_observer *seen, void *ctx)
{
    for (int i = 0; i < plan->n; i++) {
        const em_call *c = &plan->calls[i];

        switch (c->kind) {
        case EM_CALL_IMAGE:           ops->image_fwd(dev, &c->a.image, B); break;
        case EM_CALL_CONV:            ops->conv_fwd(dev, &c->a.conv, B); break;
        case EM_CALL_NORM_LINEAR:     ops->norm_linear_fwd(dev, &c->a.norm_linear, B); break;
        case EM_CALL_MLP:             ops->mlp_fwd(dev, &c->a.mlp, B); break;
        case EM_CALL_CONV_SILU_XPROJ: ops->conv_silu_xproj_fwd(dev, &c->a.conv_silu_xproj, B); break;
        case EM_CALL_SCAN4:           ops->scan4_fwd(dev, &c->a.scan4, B); break;
        case EM_CALL_TOKENS:          ops->tokens_fwd(dev, &c->a.tokens, B); break;
        case EM_CALL_MEAN:            ops->mean_fwd(dev, &c->a.mean, B); break;
        }
        if (seen)
            seen(ctx, c);
    }
}
