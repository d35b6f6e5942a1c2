/* weights.c - the binder: names to tensors, tensors to their place. See weights.h. */
#include "model/weights.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void em_layout_conv(float *dst, const float *src, const em_param *p)
{
    const size_t C = (size_t)p->shape[1], area = (size_t)(p->shape[2] * p->shape[3]);

    for (size_t o = 0; o < (size_t)p->shape[0]; o++)
        for (size_t c = 0; c < C; c++)
            for (size_t i = 0; i < area; i++)
                dst[(o * area + i) * C + c] = src[(o * C + c) * area + i];
}

static void transpose(float *dst, const float *src, size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            dst[c * rows + r] = src[r * cols + c];
}

void em_layout_taps(float *dst, const float *src, const em_param *p)
{
    transpose(dst, src, (size_t)p->shape[0], 9);
}

void em_layout_dt(float *dst, const float *src, const em_param *p)
{
    const size_t D = (size_t)p->shape[1], R = (size_t)p->shape[2];

    for (size_t k = 0; k < EM_DIRECTIONS; k++)
        transpose(dst + k * D * R, src + k * D * R, D, R);
}

void em_layout_decay(float *dst, const float *src, const em_param *p)
{
    const size_t D = (size_t)p->shape[0] / EM_DIRECTIONS, N = (size_t)p->shape[1];

    for (size_t k = 0; k < EM_DIRECTIONS; k++)
        transpose(dst + k * D * N, src + k * D * N, D, N);
    for (size_t i = 0; i < p->n; i++)
        dst[i] = (float)(-exp((double)dst[i]) * 1.4426950408889634);
}

void em_layout_merge(float *dst, const float *src, const em_param *p)
{
    static const size_t from[4] = { 0, 2, 1, 3 };
    const size_t d = (size_t)p->shape[p->rank - 1] / 4, rows = p->n / (4 * d);

    for (size_t r = 0; r < rows; r++)
        for (size_t q = 0; q < 4; q++)
            memcpy(dst + (4 * r + q) * d, src + (4 * r + from[q]) * d, d * sizeof *dst);
}

/* The tensor of that name, read and rearranged into b->laid. NULL after a failure. */
static const em_param *fetch(em_binder *b, em_layout *layout, const char *name, va_list args)
{
    char full[sizeof ((em_param *)0)->name];
    const em_param *p;

    vsnprintf(full, sizeof full, name, args);
    p = em_params_find(b->params, full);
    assert(p);
    if (b->status != EM_OK)
        return NULL;
    if (!b->arena.base)                             /* measuring: its shape is enough */
        return p;
    b->status = b->from->read(b->from->ctx, layout ? b->raw : b->laid, p, b->err);
    if (b->status != EM_OK)
        return NULL;
    if (layout)
        layout(b->laid, b->raw, p);
    return p;
}

const float *em_bind(em_binder *b, em_layout *layout, const char *name, ...)
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

em_matrix em_bind_matrix(em_binder *b, em_layout *layout, const char *name, ...)
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

em_norm em_bind_norm(em_binder *b, em_layout *layout, const char *name, ...)
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
