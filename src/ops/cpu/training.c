/* training.c - what a step does to whole blocks of numbers: packed weights made anew, AdamW, sums and blends.
 * Cut into pieces of fixed size, so that sums have the same bits for every number of threads. */
#include "ops/cpu/device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 14 };

static int pieces(size_t n) { return (int)((n + PIECE - 1) / PIECE); }

static size_t piece_end(size_t begin, size_t n) { return begin + PIECE < n ? begin + PIECE : n; }

/* ------------------------------------------------------------------ weights */

typedef struct repacking { const em_kernels *k; const em_repack *list; } repacking;

static void repack_task(void *ctx, int i, int worker)
{
    const repacking *j = ctx;
    const em_repack *r = &j->list[i / 2];

    (void)worker;
    if (i % 2 == 0)
        j->k->gemm_pack(r->data, r->plain, r->n, r->k);
    else
        j->k->gemm_pack_back(r->back, r->plain, r->n, r->k);
}

void em_cpu_repack(em_dev *dev, const em_repack *list, int n)
{
    repacking j = { dev->k, list };

    em_pool_run(dev->pool, repack_task, &j, 2 * n);
}

typedef struct block { float *y; const float *x; double *sums; size_t n; float share; } block;

static void decay_task(void *ctx, int i, int worker)
{
    const block *j = ctx;
    const size_t begin = (size_t)i * PIECE, end = piece_end(begin, j->n);

    (void)worker;
    for (size_t at = begin; at < end; at++)
        j->y[at] = (float)(-exp((double)j->x[at]) * 1.4426950408889634);
}

void em_cpu_decay(em_dev *dev, float *a, const float *a_log, size_t n)
{
    block j = { .y = a, .x = a_log, .n = n };

    em_pool_run(dev->pool, decay_task, &j, pieces(n));
}

/* ------------------------------------------------------------------ blocks */

static void clear_task(void *ctx, int i, int worker)
{
    const block *j = ctx;
    const size_t begin = (size_t)i * PIECE, end = piece_end(begin, j->n);

    (void)worker;
    memset(j->y + begin, 0, (end - begin) * sizeof *j->y);
}

void em_cpu_clear(em_dev *dev, float *x, size_t n)
{
    block j = { .y = x, .n = n };

    em_pool_run(dev->pool, clear_task, &j, pieces(n));
}

static void blend_task(void *ctx, int i, int worker)
{
    const block *j = ctx;
    const size_t begin = (size_t)i * PIECE, end = piece_end(begin, j->n);

    (void)worker;
    for (size_t at = begin; at < end; at++)
        j->y[at] += j->share * (j->x[at] - j->y[at]);
}

void em_cpu_blend(em_dev *dev, float *y, const float *x, float share, size_t n)
{
    block j = { .y = y, .x = x, .n = n, .share = share };

    em_pool_run(dev->pool, blend_task, &j, pieces(n));
}

static void squares_task(void *ctx, int i, int worker)
{
    const block *j = ctx;
    const size_t begin = (size_t)i * PIECE, end = piece_end(begin, j->n);
    double sum[4] = { 0 };                              /* four chains: one would wait for itself */
    size_t at = begin;

    (void)worker;
    for (; at + 4 <= end; at += 4)
        for (size_t c = 0; c < 4; c++)
            sum[c] += (double)j->x[at + c] * (double)j->x[at + c];
    for (; at < end; at++)
        sum[0] += (double)j->x[at] * (double)j->x[at];
    j->sums[i] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

double em_cpu_sum_squares(em_dev *dev, const float *x, size_t n)
{
    block j = { .x = x, .n = n, .sums = (double *)em_cpu_shared(dev, 2 * (size_t)pieces(n)) };
    double sum = 0;

    if (!j.sums)
        return NAN;
    em_pool_run(dev->pool, squares_task, &j, pieces(n));
    for (int i = 0; i < pieces(n); i++)
        sum += j.sums[i];
    return sum;
}

/* ------------------------------------------------------------------ AdamW */

static void adamw_range(const em_adamw *a, const em_adamw_range *r)
{
    const float keep = 1.f - r->rate * r->decay, rate = r->rate / a->c1, root = 1.f / a->c2;

    for (size_t i = r->begin; i < r->begin + r->n; i++) {
        const float g = a->g[i] * a->scale;
        const float m = a->beta1 * a->m[i] + (1.f - a->beta1) * g, v = a->beta2 * a->v[i] + (1.f - a->beta2) * g * g;

        a->m[i] = m;
        a->v[i] = v;
        a->w[i] = a->w[i] * keep - rate * m / (sqrtf(v * root) + a->eps);
    }
}

/* Piece i of all ranges' pieces, one after the other. */
static void adamw_task(void *ctx, int i, int worker)
{
    const em_adamw *a = ctx;
    const em_adamw_range *r = a->ranges;
    em_adamw_range piece;

    (void)worker;
    for (; i >= pieces(r->n); r++)
        i -= pieces(r->n);
    piece = *r;
    piece.begin += (size_t)i * PIECE;
    piece.n = piece_end((size_t)i * PIECE, r->n) - (size_t)i * PIECE;
    adamw_range(a, &piece);
}

void em_cpu_adamw(em_dev *dev, const em_adamw *a)
{
    em_adamw copy = *a;
    int n = 0;

    for (int i = 0; i < a->n_ranges; i++)
        n += pieces(a->ranges[i].n);
    em_pool_run(dev->pool, adamw_task, &copy, n);
}
