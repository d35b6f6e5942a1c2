/* weights.c - the binder: names to tensors, tensors to their place. See weights.h. */
#include "model/weights.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
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

static void lay_taps(float *dst, const float *src, const em_param *p)
{
    transpose(dst, src, (size_t)p->shape[0], 9);
}

static void lay_dt(float *dst, const float *src, const em_param *p)
{
    transpose(dst, src, (size_t)p->shape[1], (size_t)p->shape[2]);
}

static void lay_decay(float *dst, const float *src, const em_param *p)
{
    const size_t D = (size_t)p->shape[0] / EM_DIRECTIONS, N = (size_t)p->shape[1];

    transpose(dst, src, D, N);
    for (size_t i = 0; i < D * N; i++)
        dst[i] = (float)(-exp((double)dst[i]) * 1.4426950408889634);
}

/* one row of 4*d */
static void lay_merge(float *dst, const float *src, const em_param *p)
{
    static const size_t from[4] = { 0, 2, 1, 3 };
    const size_t d = (size_t)p->shape[p->rank - 1] / 4;

    for (size_t q = 0; q < 4; q++)
        memcpy(dst + q * d, src + from[q] * d, d * sizeof *dst);
}

const em_layout em_layout_conv = { outputs, lay_conv }, em_layout_taps = { all, lay_taps }, em_layout_dt = { directions, lay_dt },
                em_layout_decay = { directions, lay_decay }, em_layout_merge = { rows, lay_merge };

static size_t piece_size(const em_layout *layout, const em_param *p)
{
    return layout ? p->n / (size_t)layout->n_pieces(p) : 0;
}

static void rearrange(em_binder *b, const em_layout *layout, const em_param *p)
{
    const size_t n = piece_size(layout, p);

    for (float *at = b->laid; n > 0 && at < b->laid + p->n; at += n) {
        memcpy(b->piece, at, n * sizeof *at);
        layout->lay(at, b->piece, p);
    }
}

/* The tensor of that name, read and rearranged into b->laid. NULL after a failure. */
static const em_param *fetch(em_binder *b, const em_layout *layout, const char *name, va_list args)
{
    char full[sizeof ((em_param *)0)->name];
    const em_param *p;

    vsnprintf(full, sizeof full, name, args);
    p = em_params_find(b->params, full);
    assert(p);
    if (b->status != EM_OK)
        return NULL;
    if (!b->arena.base) {                           /* measuring: its shape is enough */
        b->n_piece = piece_size(layout, p) > b->n_piece ? piece_size(layout, p) : b->n_piece;
        return p;
    }
    b->status = b->from->read(b->from->ctx, b->laid, p, b->err);
    if (b->status != EM_OK)
        return NULL;
    rearrange(b, layout, p);
    return p;
}

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
    place = em_arena_alloc(&b->arena, p->n * sizeof *place);
    if (place)
        b->status = b->ops->upload(b->dev, place, b->laid, p->n, b->err);
    return place;
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
    place = em_arena_alloc(&b->arena, b->ops->pack_bytes(b->dev, m.n, m.k));
    if (place)
        b->status = b->ops->pack(b->dev, place, b->laid, m.n, m.k, b->err);
    m.data = place;
    return m;
}

em_norm em_bind_norm(em_binder *b, const em_layout *layout, const char *name, ...)
{
    char prefix[sizeof ((em_param *)0)->name];
    em_norm norm;
    va_list args;

    va_start(args, name);
    vsnprintf(prefix, sizeof prefix, name, args);
    va_end(args);
    norm.weight = em_bind(b, layout, "%s.weight", prefix);
    norm.bias = em_bind(b, layout, "%s.bias", prefix);
    return norm;
}
