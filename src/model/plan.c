/* plan.c - builds the list of calls and walks it: see plan.h. */
#include "model/plan.h"

#include <stdlib.h>

/* Activations are multiples of a page long, so side by side all would begin at the same place of one: what the scan reads
 * and writes at a token would fall into one set of the first cache. */
enum { STAGGER_BYTES = 17 * 64 };

float *em_build_floats(em_builder *b, size_t n)
{
    return em_arena_alloc(&b->arena, n * (size_t)b->needs.max_batch * sizeof(float) + STAGGER_BYTES);
}

float *em_build_inner(em_builder *b, size_t n)
{
    return em_arena_alloc(&b->arena, n * (size_t)b->needs.max_batch * b->ops->inner_bytes(b->dev) + STAGGER_BYTES);
}

em_mark em_build_mark(const em_builder *b) { return (em_mark){ b->arena.used, b->plan ? b->plan->n : 0 }; }

/* The last of these calls leaves its result in front of the mark; it runs again only for what a norm behind it saw. */
static void note_again(em_plan *p, int first)
{
    em_call *last = &p->calls[p->n - 1];
    const bool keeps_raw = last->kind == EM_CALL_CONV && last->a.conv.raw;

    last->first_again = first;
    last->end_again = keeps_raw ? p->n : p->n - 1;
}

void em_build_rewind(em_builder *b, em_mark mark)
{
    if (b->practice && !b->practice->recomputes)
        return;
    em_arena_rewind(&b->arena, mark.used);
    if (b->practice && b->plan && b->status == EM_OK)
        note_again(b->plan, mark.n_calls);
}

float *em_build_back(em_builder *b, size_t n)
{
    return b->practice ? em_arena_alloc(&b->practice->arena, n * (size_t)b->needs.max_batch * sizeof(float) + STAGGER_BYTES) : NULL;
}

size_t em_build_back_mark(const em_builder *b) { return b->practice ? b->practice->arena.used : 0; }

void em_build_back_rewind(em_builder *b, size_t mark)
{
    if (b->practice)
        em_arena_rewind(&b->practice->arena, mark);
}

float *em_build_grad(const em_builder *b, const float *value)
{
    return b->practice && b->practice->grads && value ? b->practice->grads + (value - b->practice->values) : NULL;
}

const float *em_build_branch(em_builder *b)
{
    em_practice *p = b->practice;
    const size_t at = p ? (size_t)p->n_branches++ * (size_t)b->needs.max_batch : 0;

    return p && p->branches ? p->branches + at : NULL;
}

static int max_int(int a, int b) { return a > b ? a : b; }
static size_t max_size(size_t a, size_t b) { return a > b ? a : b; }

static void note_product(em_needs *needs, int rows, int k)
{
    needs->k = max_int(needs->k, k);
    needs->rows = max_size(needs->rows, (size_t)rows * (size_t)((k + 63) / 64 * 64));
}

static void note_mlp(em_needs *needs, const em_mlp *a)
{
    note_product(needs, a->L, a->w1.k);
    needs->k = max_int(needs->k, a->w1.k + a->w1.n);
    needs->hidden = max_size(needs->hidden, (size_t)a->L * (size_t)a->w1.n);
}

static void note_scan(em_needs *needs, const em_scan4 *a)
{
    needs->n = max_int(needs->n, a->N);
    needs->recurrences = max_int(needs->recurrences, EM_DIRECTIONS * a->D * a->N);
    needs->d = max_int(needs->d, a->D);
    needs->r = max_int(needs->r, a->R);
}

static void note_attention(em_needs *needs, const em_attention *a)
{
    needs->side = max_int(needs->side, a->side);
    needs->head_width = max_int(needs->head_width, a->C / a->heads);
}

/* What the device must keep scratch for. */
static void note_sizes(em_builder *b, const em_call *call)
{
    em_needs *needs = &b->needs;

    switch (call->kind) {
    case EM_CALL_CONV:            note_product(needs, call->a.conv.Ho * call->a.conv.Wo, call->a.conv.w.k); break;
    case EM_CALL_NORM_LINEAR:     note_product(needs, call->a.norm_linear.L, call->a.norm_linear.w.k); break;
    case EM_CALL_MLP:             note_mlp(needs, &call->a.mlp); break;
    case EM_CALL_CONV_SILU_XPROJ: note_product(needs, call->a.conv_silu_xproj.H * call->a.conv_silu_xproj.W, call->a.conv_silu_xproj.w.k); break;
    case EM_CALL_TOKENS:          note_product(needs, call->a.tokens.H * call->a.tokens.W, call->a.tokens.C); break;
    case EM_CALL_SCAN4:           note_scan(needs, &call->a.scan4); break;
    case EM_CALL_ATTENTION:       note_attention(needs, &call->a.attention); break;
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

void em_build_linear(em_builder *b, const char *label, int stage, em_norm_linear a)
{
    em_call call = { .kind = EM_CALL_NORM_LINEAR, .label = label, .stage = stage };

    call.a.norm_linear = a;
    em_build_call(b, &call);
}

em_grid em_build_next(em_builder *b, em_grid x)
{
    if (b->practice)
        x.x = em_build_floats(b, (size_t)x.H * (size_t)x.W * (size_t)x.C);
    return x;
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
    if (cfg->frontend == EM_FRONTEND_HTSAT)             /* Kaldi's frames meet no parameter before the first layer */
        g.dx = em_build_back(b, (size_t)cfg->n_mels * (size_t)cfg->n_frames);
    call.a.image = (em_image){
        .y = g.x, .frames = frames, .n_frames = n_frames, .strips = b->strips, .F = cfg->n_mels, .cols = cfg->n_frames, .fold = cfg->fold,
        /* The frontend's last frame of a padded window looks past its end: it is left out (1000 of 1001). */
        .sound = is_padded ? cfg->n_hops : cfg->n_frames,
        .is_stretched = cfg->fit == EM_FIT_STRETCH, .scale = w->scale, .shift = w->shift, .quiet = w->quiet,
        .dy = g.dx, .centre = w->centre, .spread = w->spread, .quiet_frame = w->quiet_frame,
        .dweight = em_build_grad(b, w->bn_weight), .dbias = em_build_grad(b, w->bn_bias),
    };
    em_build_call(b, &call);
    return g;
}

em_outputs em_plan_build(em_builder *b, const em_weights *w, const float *const *frames, const int *n_frames)
{
    const em_config *cfg = b->cfg;
    em_grid x = em_embed_room(b, cfg->fold * cfg->n_mels, cfg->n_frames / cfg->fold);
    const em_mark mark = em_build_mark(b);              /* the image and what lies between go when x is made */
    const size_t back_mark = em_build_back_mark(b);     /* and their gradients' room is the blocks', whose way back is over then */

    em_embed_build(b, &w->embed, image_build(b, w, frames, n_frames), x);
    em_build_rewind(b, mark);
    em_build_back_rewind(b, back_mark);
    for (int i = 0; i < EM_STAGES; i++) {
        for (int j = 0; j < cfg->depths[i]; j++) {
            if (w->blocks[i])
                x = em_ss_block_build(b, &w->blocks[i][j], x, i);
            if (w->attention[i])
                x = em_attention_block_build(b, &w->attention[i][j], x, i, j);
        }
        if (i + 1 < EM_STAGES)
            x = em_down_build(b, &w->down[i], x, i);
    }
    return em_head_build(b, &w->head, x);
}

void em_plan_call(const em_call *c, const em_ops *ops, em_dev *dev, int B)
{
    switch (c->kind) {
    case EM_CALL_IMAGE:           ops->image_fwd(dev, &c->a.image, B); break;
    case EM_CALL_CONV:            ops->conv_fwd(dev, &c->a.conv, B); break;
    case EM_CALL_NORM_LINEAR:     ops->norm_linear_fwd(dev, &c->a.norm_linear, B); break;
    case EM_CALL_MLP:             ops->mlp_fwd(dev, &c->a.mlp, B); break;
    case EM_CALL_CONV_SILU_XPROJ: ops->conv_silu_xproj_fwd(dev, &c->a.conv_silu_xproj, B); break;
    case EM_CALL_SCAN4:           ops->scan4_fwd(dev, &c->a.scan4, B); break;
    case EM_CALL_ATTENTION:       ops->attention_fwd(dev, &c->a.attention, B); break;
    case EM_CALL_TOKENS:          ops->tokens_fwd(dev, &c->a.tokens, B); break;
    case EM_CALL_MEAN:            ops->mean_fwd(dev, &c->a.mean, B); break;
    }
}

void em_plan_call_back(const em_call *c, const em_ops *ops, em_dev *dev, int B)
{
    switch (c->kind) {
    case EM_CALL_IMAGE:           if (c->a.image.dy) ops->image_bwd(dev, &c->a.image, B); break;
    case EM_CALL_CONV:            ops->conv_bwd(dev, &c->a.conv, B); break;
    case EM_CALL_NORM_LINEAR:     ops->norm_linear_bwd(dev, &c->a.norm_linear, B); break;
    case EM_CALL_MLP:             break;                /* a plan that trains has two products instead */
    case EM_CALL_CONV_SILU_XPROJ: ops->conv_silu_xproj_bwd(dev, &c->a.conv_silu_xproj, B); break;
    case EM_CALL_SCAN4:           ops->scan4_bwd(dev, &c->a.scan4, B); break;
    case EM_CALL_ATTENTION:       ops->attention_bwd(dev, &c->a.attention, B); break;
    case EM_CALL_TOKENS:          ops->tokens_bwd(dev, &c->a.tokens, B); break;
    case EM_CALL_MEAN:            ops->mean_bwd(dev, &c->a.mean, B); break;
    }
}

static const float *first_of(const float *const *list, int n)
{
    const float *first = NULL;

    for (int i = 0; i < n; i++)
        if (list[i] && (!first || list[i] < first))
            first = list[i];
    return first;
}

const float *em_call_first_grad(const em_call *call)
{
    const em_conv *cv = &call->a.conv;
    const em_norm_linear *linear = &call->a.norm_linear;
    const em_conv_silu_xproj *cx = &call->a.conv_silu_xproj;
    const em_scan4 *scan = &call->a.scan4;

    switch (call->kind) {
    case EM_CALL_IMAGE:           return call->a.image.dweight;
    case EM_CALL_CONV:            return first_of((const float *[]){ cv->w.grad, cv->dbias, cv->norm_before.dweight, cv->norm_after.dweight }, 4);
    case EM_CALL_NORM_LINEAR:     return first_of((const float *[]){ linear->w.grad, linear->dbias, linear->norm.dweight }, 3);
    case EM_CALL_CONV_SILU_XPROJ: return first_of((const float *[]){ cx->w.grad, cx->dtaps, cx->dbias }, 3);
    case EM_CALL_SCAN4:           return first_of((const float *[]){ scan->ddt_w, scan->ddt_bias, scan->da_log, scan->dskip }, 4);
    case EM_CALL_ATTENTION:       return call->a.attention.dtable;
    case EM_CALL_TOKENS:          return call->a.tokens.norm.dweight;
    case EM_CALL_MLP:
    case EM_CALL_MEAN:            break;
    }
    return NULL;
}

static void run_calls(const em_plan *plan, int first, int end, const em_ops *ops, em_dev *dev, int B, em_plan_observer *seen, void *ctx)
{
    for (int i = first; i < end; i++) {
        em_plan_call(&plan->calls[i], ops, dev, B);
        if (!seen)
            continue;
        ops->sync(dev, NULL);               /* a failure stays with the device: the run's end tells it */
        seen(ctx, &plan->calls[i]);
    }
}

void em_plan_run(const em_plan *plan, const em_ops *ops, em_dev *dev, int B, em_plan_observer *seen, void *ctx)
{
    run_calls(plan, 0, plan->n, ops, dev, B, seen, ctx);
}

void em_plan_again(const em_plan *plan, int i, const em_ops *ops, em_dev *dev, int B, em_plan_observer *seen, void *ctx)
{
    run_calls(plan, plan->calls[i].first_again, plan->calls[i].end_again, ops, dev, B, seen, ctx);
}
