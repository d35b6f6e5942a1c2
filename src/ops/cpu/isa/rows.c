/* rows.c - layer norm, activation, gate and sums, over rows. */
#include "ops/cpu/isa/isa.h"

#include <math.h>
#include <stdbool.h>

/* What comes after the norm, on one vector at column i. */
EM_INLINE vf after(vf x, const em_rows *r, const float *gate, int i, int n)
{
    vf z;

    if (r->act == EM_ACT_GELU)
        v_gelu(&x, 1);
    if (!gate)
        return x;
    z = v_load_n(gate + i, n);
    v_silu(&z, 1);
    return x * z;
}

/* ---------------------------------------------------------------- rows of a norm, and GELU after it */

/* ABREAST rows are done side by side, for the sums of one wait for themselves; `group` is what the passes over them know. */
enum { ABREAST = CHAINS };

typedef struct group {
    const em_rows *r;
    const float *x;
    float *dst;
    vf sum[ABREAST], squares[ABREAST];
    float mean[ABREAST], rstd[ABREAST];
} group;

/* Passes over n columns from i on: sums; squares of what is left without the mean, for the variance of numbers far from 0
 * survives that; what goes out. */
typedef void pass(group *g, int i, int n, int rows, bool has_gelu);

EM_INLINE vf load_row(const group *g, int k, int i, int n) { return v_load_n(g->x + (size_t)k * g->r->ldx + i, n); }

EM_INLINE void add_up(group *g, int i, int n, const int rows, const bool has_gelu)
{
    (void)has_gelu;
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++)
        g->sum[k] += load_row(g, k, i, n);
}

EM_INLINE void add_squares(group *g, int i, int n, const int rows, const bool has_gelu)
{
    (void)has_gelu;
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++) {
        const vf d = load_row(g, k, i, n) - g->mean[k], inside = n == LANES ? d : v_keep_n(d, n);

        g->squares[k] += inside * inside;
    }
}

EM_INLINE void give(group *g, int i, int n, const int rows, const bool has_gelu)
{
    const vf weight = v_load_n(g->r->norm.weight + i, n), bias = v_load_n(g->r->norm.bias + i, n);
    vf y[ABREAST];

#pragma GCC unroll 4
    for (int k = 0; k < rows; k++)
        y[k] = (load_row(g, k, i, n) - g->mean[k]) * g->rstd[k] * weight + bias;
    if (has_gelu)
        v_gelu(y, rows);
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++)
        v_store_n(g->dst + (size_t)k * g->r->ldd + i, y[k], n);
}

EM_INLINE void go_over(group *g, pass *do_pass, const int rows, const bool has_gelu)
{
    const int n = g->r->n;
    int i = 0;

    for (; i + LANES <= n; i += LANES)
        do_pass(g, i, LANES, rows, has_gelu);
    if (i < n)
        do_pass(g, i, n - i, rows, has_gelu);
}

/* `rows` of them, a constant, from `first` on. */
EM_INLINE void norm_group(float *dst, const em_rows *r, int first, const int rows, const bool has_gelu)
{
    const float share = 1.f / (float)r->n;
    group g = { .r = r, .x = r->x + (size_t)first * r->ldx, .dst = dst + (size_t)first * r->ldd };

    go_over(&g, add_up, rows, has_gelu);
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++)
        g.mean[k] = v_sum(g.sum[k]) * share;
    go_over(&g, add_squares, rows, has_gelu);
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++)
        g.rstd[k] = 1.f / sqrtf(v_sum(g.squares[k]) * share + EM_NORM_EPS);
    go_over(&g, give, rows, has_gelu);
}

EM_INLINE void norm_rows(float *dst, const em_rows *r, const bool has_gelu)
{
    int i = 0;

    for (; i + ABREAST <= r->rows; i += ABREAST)
        norm_group(dst, r, i, ABREAST, has_gelu);
    for (; i < r->rows; i++)
        norm_group(dst, r, i, 1, has_gelu);
}

/* ---------------------------------------------------------------- a norm of sums, or with a gate: row by row, as memory is read ahead */

/* The loops of `wide` add into SUMS vectors: one alone would wait for itself at every step. Rows lie side by side, and what they
 * add up was often written by other threads: it is called for FAR floats ahead, which the hardware does not within a page's end. */
enum { SUMS = 4, FAR = 1024 };

EM_INLINE float total(const vf sum[SUMS]) { return v_sum((sum[0] + sum[1]) + (sum[2] + sum[3])); }

/* dst = x [+ more], n of them; returns their sum. */
EM_INLINE float collect(float *dst, const float *x, const float *more, int n)
{
    vf sum[SUMS] = { { 0 } };
    int i = 0;

    for (; i + SUMS * LANES <= n; i += SUMS * LANES)
#pragma GCC unroll 4
        for (int j = 0; j < SUMS; j++) {
            const int at = i + j * LANES;
            const vf v = more ? v_load(x + at) + v_load(more + at) : v_load(x + at);

            __builtin_prefetch(x + at + FAR, 0, 2);
            if (more)
                __builtin_prefetch(more + at + FAR, 0, 2);

            v_store(dst + at, v);
            sum[j] += v;
        }
    for (; i < n; i += LANES) {
        const int part = n - i < LANES ? n - i : LANES;
        const vf v = more ? v_load_n(x + i, part) + v_load_n(more + i, part) : v_load_n(x + i, part);

        v_store_n(dst + i, v, part);
        sum[0] += v;
    }
    return total(sum);
}

/* The sum of squares of x - mean. */
EM_INLINE float spread(const float *x, float mean, int n)
{
    vf sum[SUMS] = { { 0 } };
    int i = 0;

    for (; i + SUMS * LANES <= n; i += SUMS * LANES)
#pragma GCC unroll 4
        for (int j = 0; j < SUMS; j++) {
            const vf d = v_load(x + i + j * LANES) - mean;

            sum[j] += d * d;
        }
    for (; i < n; i += LANES) {
        const int part = n - i < LANES ? n - i : LANES;
        const vf d = v_keep_n(v_load_n(x + i, part) - mean, part);

        sum[0] += d * d;
    }
    return total(sum);
}

/* dst = after((dst - mean) * rstd * weight + bias). */
EM_INLINE void rescale(float *dst, float mean, float rstd, const float *gate, const em_rows *r, const bool is_plain)
{
    const float *weight = r->norm.weight, *bias = r->norm.bias;
    const int n = r->n;
    int i = 0;

    for (; is_plain && i + LANES <= n; i += LANES)
        v_store(dst + i, (v_load(dst + i) - mean) * rstd * v_load(weight + i) + v_load(bias + i));
    for (; i < n; i += LANES) {
        const int part = n - i < LANES ? n - i : LANES;
        const vf y = (v_load_n(dst + i, part) - mean) * rstd * v_load_n(weight + i, part) + v_load_n(bias + i, part);

        v_store_n(dst + i, after(y, r, gate, i, part), part);
    }
}

/* The same of one row, with dst as the place between the passes. */
static void wide(float *dst, const float *x, const float *more, const float *gate, const em_rows *r)
{
    const float share = 1.f / (float)r->n;
    const float mean = (more ? collect(dst, x, more, r->n) : collect(dst, x, NULL, r->n)) * share;
    const float rstd = 1.f / sqrtf(spread(dst, mean, r->n) * share + EM_NORM_EPS);

    if (r->act == EM_ACT_NONE && !gate)
        rescale(dst, mean, rstd, NULL, r, true);
    else
        rescale(dst, mean, rstd, gate, r, false);
}

/* ---------------------------------------------------------------- no norm */

/* GELU alone, CHAINS vectors in step: a hidden layer that was kept for the way back. */
EM_INLINE int gelu_steps(float *dst, const float *x, int n)
{
    int i = 0;

    for (; i + CHAINS * LANES <= n; i += CHAINS * LANES) {
        vf v[CHAINS];

#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++)
            v[c] = v_load(x + i + c * LANES);
        v_gelu(v, CHAINS);
#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++)
            v_store(dst + i + c * LANES, v[c]);
    }
    return i;
}

/* Without a norm there is only what comes before and after it. */
static void plain(float *dst, const float *x, const float *more, const float *gate, const em_rows *r)
{
    int i = r->act == EM_ACT_GELU && !more && !gate ? gelu_steps(dst, x, r->n) : 0;

    for (; i < r->n; i += LANES) {
        const int part = r->n - i < LANES ? r->n - i : LANES;
        vf v = v_load_n(x + i, part);

        if (more)
            v += v_load_n(more + i, part);
        v_store_n(dst + i, after(v, r, gate, i, part), part);
    }
}

static void any_row(float *dst, const em_rows *r, size_t row)
{
    const float *x = r->x + row * r->ldx, *more = r->more ? r->more + row * r->ldx : NULL, *gate = r->gate ? r->gate + row * r->ldg : NULL;

    if (r->norm.weight)
        wide(dst + row * r->ldd, x, more, gate, r);
    else
        plain(dst + row * r->ldd, x, more, gate, r);
}

void EM_K(prep_rows)(float *dst, const em_rows *r)
{
    if (!r->norm.weight || r->more || r->gate)
        for (size_t row = 0; row < (size_t)r->rows; row++)
            any_row(dst, r, row);
    else if (r->act == EM_ACT_GELU)
        norm_rows(dst, r, true);
    else
        norm_rows(dst, r, false);
}

void EM_K(add_row)(float *dst, const float *x, int n, float scale)
{
    for (int i = 0; i < n; i += LANES) {
        const int part = n - i < LANES ? n - i : LANES;

        v_store_n(dst + i, v_load_n(dst + i, part) + scale * v_load_n(x + i, part), part);
    }
}
