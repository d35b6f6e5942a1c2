/* weights.c - the binder: names to tensors, tensors to their place. See weights.h. */
#include "model/weights.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void transpose(float *dst, const float *src, size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            dst[c * rows + r] = src[r * cols + c];
}

static int64_t all(const em_param *p) { (void)p; return 1; }
static int64_t outputs(const em_param *p) { return p->shape[0]; }
static int64_t directions(const em_param *p) { (void)p; return EM_DIRECTIONS; }
static int64_t rows(const em_param *p) { return (int64_t)p->n / p->shape[p->rank - 1]; }

/* [C][kh][kw] of one output */
static void lay_conv(float *dst, const float *src, const em_param *p)
{
    transpose(dst, src, (size_t)p->shape[1], (size_t)(p->shape[2] * p->shape[3]));
}

static void unlay_conv(float *dst, const float *src, const em_param *p)
{
    transpose(dst, src, (size_t)(p->shape[2] * p->shape[3]), (size_t)p->shape[1]);
}

static void lay_taps(float *dst, const float *src, const em_param *p)
{
    transpose(dst, src, (size_t)p->shape[0], 9);
}

static void unlay_taps(float *dst, const float *src, const em_param *p)
{
    transpose(dst, src, 9, (size_t)p->shape[0]);
}

static void lay_dt(float *dst, const float *src, const em_param *p)
{
    transpose(dst, src, (size_t)p->shape[1], (size_t)p->shape[2]);
}

static void unlay_dt(float *dst, const float *src, const em_param *p)
{
    transpose(dst, src, (size_t)p->shape[2], (size_t)p->shape[1]);
}

static void lay_states(float *dst, const float *src, const em_param *p)
{
    transpose(dst, src, (size_t)p->shape[0] / EM_DIRECTIONS, (size_t)p->shape[1]);
}

static void unlay_states(float *dst, const float *src, const em_param *p)
{
    transpose(dst, src, (size_t)p->shape[1], (size_t)p->shape[0] / EM_DIRECTIONS);
}

/* One row of 4*d: the two corners in the middle change places, which is its own way back. */
static void lay_merge(float *dst, const float *src, const em_param *p)
{
    static const size_t from[4] = { 0, 2, 1, 3 };
    const size_t d = (size_t)p->shape[p->rank - 1] / 4;

    for (size_t q = 0; q < 4; q++)
        memcpy(dst + q * d, src + from[q] * d, d * sizeof *dst);
}

const em_layout em_layout_conv = { outputs, lay_conv, unlay_conv }, em_layout_taps = { all, lay_taps, unlay_taps },
                em_layout_dt = { directions, lay_dt, unlay_dt }, em_layout_states = { directions, lay_states, unlay_states },
                em_layout_merge = { rows, lay_merge, lay_merge };

static size_t piece_size(const em_layout *layout, const em_param *p)
{
    return layout ? p->n / (size_t)layout->n_pieces(p) : 0;
}

static void each_piece(void (*f)(float *dst, const float *src, const em_param *p), float *x, float *piece, const em_param *p, size_t n)
{
    for (float *at = x; n > 0 && at < x + p->n; at += n) {
        memcpy(piece, at, n * sizeof *at);
        f(at, piece, p);
    }
}

void em_layout_apply(const em_layout *layout, float *x, float *piece, const em_param *p)
{
    if (layout)
        each_piece(layout->lay, x, piece, p, piece_size(layout, p));
}

void em_layout_undo(const em_layout *layout, float *x, float *piece, const em_param *p)
{
    if (layout)
        each_piece(layout->unlay, x, piece, p, piece_size(layout, p));
}

/* The tensor of that name; where weights are only read, it is read and rearranged into b->laid. NULL after a failure. */
static const em_param *fetch(em_binder *b, const em_layout *layout, const char *name, va_list args)
{
    char full[sizeof ((em_param *)0)->name];
    const em_param *p;

    vsnprintf(full, sizeof full, name, args);
    p = em_params_find(b->params, full);
    assert(p);
    if (b->status != EM_OK)
        return NULL;
    if (b->lesson) {
        b->lesson->layouts[p - b->params->list] = layout;
        return p;
    }
    if (!b->arena.base) {                           /* measuring: its shape is enough */
        b->n_piece = piece_size(layout, p) > b->n_piece ? piece_size(layout, p) : b->n_piece;
        return p;
    }
    b->status = b->from->read(b->from->ctx, b->laid, p, b->err);
    if (b->status != EM_OK)
        return NULL;
    em_layout_apply(layout, b->laid, b->piece, p);
    return p;
}

/* Where a model that learns keeps p. */
static float *value_of(const em_binder *b, const em_param *p) { return b->lesson->values ? b->lesson->values + p->offset : NULL; }
static float *grad_of(const em_binder *b, const em_param *p) { return b->lesson->grads ? b->lesson->grads + p->offset : NULL; }

const float *em_bind(em_binder *b, const em_layout *layout, const char *name, ...)
{
    const em_param *p;
    float *place;
    va_list args;

    va_start(args, name);
    p = fetch(b, layout, name, args);
    va_end(args);
    if (!p)
        return NULL;
    if (b->lesson)
        return value_of(b, p);
    place = em_arena_alloc(&b->arena, p->n * sizeof *place);
    if (place)
        b->status = b->ops->upload(b->dev, place, b->laid, p->n, b->err);
    return place;
}

const float *em_bind_learned(em_binder *b, const char *name, ...)
{
    const em_param *p = NULL;
    va_list args;

    va_start(args, name);
    if (b->lesson)
        p = fetch(b, NULL, name, args);
    va_end(args);
    return p ? value_of(b, p) : NULL;
}

const float *em_bind_decay(em_binder *b, const char *name, ...)
{
    const em_param *p;
    float *place;
    va_list args;

    va_start(args, name);
    p = fetch(b, &em_layout_states, name, args);
    va_end(args);
    if (!p)
        return NULL;
    place = em_arena_alloc(&b->arena, p->n * sizeof *place);
    if (!place)
        return NULL;
    if (b->lesson) {
        b->lesson->decays[b->lesson->n_decays++] = (em_decays){ place, value_of(b, p), p->n };
        return place;
    }
    for (size_t i = 0; i < p->n; i++)
        b->laid[i] = (float)(-exp((double)b->laid[i]) * 1.4426950408889634);
    b->status = b->ops->upload(b->dev, place, b->laid, p->n, b->err);
    return place;
}

/* Both forms have room; what is in them follows the values (em_ops.repack). */
static em_matrix lesson_matrix(em_binder *b, const em_param *p, int n, int k)
{
    void *data = em_arena_alloc(&b->arena, b->ops->pack_bytes(b->dev, n, k)), *back = em_arena_alloc(&b->arena, b->ops->pack_bytes(b->dev, k, n));

    if (data)
        b->lesson->matrices[b->lesson->n_matrices++] = (em_repack){ data, back, value_of(b, p), n, k };
    return (em_matrix){ .data = data, .n = n, .k = k, .back = back, .grad = grad_of(b, p) };
}

em_matrix em_bind_matrix(em_binder *b, const em_layout *layout, const char *name, ...)
{
    em_matrix m = { 0 };
    const em_param *p;
    va_list args;
    void *place;

    va_start(args, name);
    p = fetch(b, layout, name, args);
    va_end(args);
    if (!p)
        return m;
    m.n = (int)(p->rank == 3 ? p->shape[0] * p->shape[1] : p->shape[0]);
    m.k = (int)(p->n / (size_t)m.n);
    if (b->lesson)
        return lesson_matrix(b, p, m.n, m.k);
    place = em_arena_alloc(&b->arena, b->ops->pack_bytes(b->dev, m.n, m.k));
    if (place)
        b->status = b->ops->pack(b->dev, place, b->laid, m.n, m.k, b->err);
    m.data = place;
    return m;
}

em_norm em_bind_norm(em_binder *b, const em_layout *layout, const char *name, ...)
{
    char prefix[sizeof ((em_param *)0)->name];
    em_norm norm = { 0 };
    va_list args;

    va_start(args, name);
    vsnprintf(prefix, sizeof prefix, name, args);
    va_end(args);
    norm.weight = em_bind(b, layout, "%s.weight", prefix);
    norm.bias = em_bind(b, layout, "%s.bias", prefix);
    if (b->lesson && b->lesson->grads) {
        norm.dweight = b->lesson->grads + (norm.weight - b->lesson->values);
        norm.dbias = b->lesson->grads + (norm.bias - b->lesson->values);
    }
    return norm;
}

/* ------------------------------------------------------------------ the whole model */

em_status em_weights_init(em_weights *w, const em_config *cfg, em_err *err)
{
    *w = (em_weights){ 0 };
    for (int i = 0; i < EM_STAGES; i++) {
        if (cfg->block != EM_BLOCK_SWIN)
            w->blocks[i] = calloc((size_t)cfg->depths[i], sizeof *w->blocks[i]);
        if (cfg->block != EM_BLOCK_SS2D)
            w->attention[i] = calloc((size_t)cfg->depths[i], sizeof *w->attention[i]);
        if ((cfg->block != EM_BLOCK_SWIN && !w->blocks[i]) || (cfg->block != EM_BLOCK_SS2D && !w->attention[i]))
            return em_fail(err, EM_ENOMEM, "no memory for the model");
    }
    return EM_OK;
}

void em_weights_deinit(em_weights *w)
{
    for (int i = 0; i < EM_STAGES; i++) {
        free(w->blocks[i]);
        free(w->attention[i]);
    }
    *w = (em_weights){ 0 };
}

void em_weights_bind(em_weights *w, em_binder *b, const em_config *cfg)
{
    em_frontend_bind(w, b, cfg);
    em_embed_bind(&w->embed, b, cfg);
    for (int i = 0; i < EM_STAGES; i++) {
        for (int j = 0; j < cfg->depths[i]; j++) {
            if (w->blocks[i])
                em_ss_block_bind(&w->blocks[i][j], b, cfg, i, j);
            if (w->attention[i])
                em_attention_block_bind(&w->attention[i][j], b, cfg, i, j);
        }
        if (i + 1 < EM_STAGES)
            em_down_bind(&w->down[i], b, cfg, i);
    }
    em_head_bind(&w->head, b, cfg);
}
