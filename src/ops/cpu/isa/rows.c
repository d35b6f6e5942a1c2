/* rows.c - layer norm, activation and gate, over rows. */
#include "ops/cpu/isa/isa.h"

#include <math.h>
#include <stdbool.h>

/* ---------------------------------------------------------------- rows of a norm, and what comes after it */

/* ABREAST rows are done side by side, for the sums of one wait for themselves; `group` is what the passes over them know. Rows
 * lie one behind the other, and others wrote them: they are called for FAR floats ahead, which the hardware does not past a page. */
enum { ABREAST = CHAINS, FAR = 1024 };

typedef struct kind { bool has_gelu, has_gate; } kind;

typedef struct group {
    const em_rows *r;
    const float *x, *gate;
    float *dst;
    vf sum[ABREAST], squares[ABREAST];
    float mean[ABREAST], rstd[ABREAST];
} group;

/* Passes over n columns from i on: sums; squares of what is left without the mean, for the variance of numbers far from 0
 * survives that; what goes out. */
typedef void pass(group *g, int i, int n, int rows, kind is);

EM_INLINE vf load_row(const group *g, int k, int i, int n) { return v_load_n(g->x + (size_t)k * g->r->ldx + i, n); }

EM_INLINE void add_up(group *g, int i, int n, const int rows, const kind is)
{
    (void)is;
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++) {
        g->sum[k] += load_row(g, k, i, n);
        __builtin_prefetch(g->x + (size_t)k * g->r->ldx + i + FAR, 0, 2);
    }
}

EM_INLINE void add_squares(group *g, int i, int n, const int rows, const kind is)
{
    (void)is;
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++) {
        const vf d = load_row(g, k, i, n) - g->mean[k], inside = n == LANES ? d : v_keep_n(d, n);

        g->squares[k] += inside * inside;
    }
}

EM_INLINE void give(group *g, int i, int n, const int rows, const kind is)
{
    const vf weight = v_load_n(g->r->norm.weight + i, n), bias = v_load_n(g->r->norm.bias + i, n);
    vf y[ABREAST];

#pragma GCC unroll 4
    for (int k = 0; k < rows; k++)
        y[k] = (load_row(g, k, i, n) - g->mean[k]) * g->rstd[k] * weight + bias;
    if (is.has_gelu)
        v_gelu(y, rows);
    if (is.has_gate) {
        vf z[ABREAST];

#pragma GCC unroll 4
        for (int k = 0; k < rows; k++)
            z[k] = v_load_n(g->gate + (size_t)k * g->r->ldg + i, n);
        v_silu(z, rows);
#pragma GCC unroll 4
        for (int k = 0; k < rows; k++)
            y[k] *= z[k];
    }
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++)
        v_store_n(g->dst + (size_t)k * g->r->ldd + i, y[k], n);
}

EM_INLINE void go_over(group *g, pass *do_pass, const int rows, const kind is)
{
    const int n = g->r->n;
    int i = 0;

    for (; i + LANES <= n; i += LANES)
        do_pass(g, i, LANES, rows, is);
    if (i < n)
        do_pass(g, i, n - i, rows, is);
}

/* `rows` of them, a constant, from `first` on. */
EM_INLINE void norm_group(float *dst, const em_rows *r, int first, const int rows, const kind is)
{
    const float share = 1.f / (float)r->n;
    group g = { .r = r, .x = r->x + (size_t)first * r->ldx, .dst = dst + (size_t)first * r->ldd };

    if (is.has_gate)
        g.gate = r->gate + (size_t)first * r->ldg;
    go_over(&g, add_up, rows, is);
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++)
        g.mean[k] = v_sum(g.sum[k]) * share;
    go_over(&g, add_squares, rows, is);
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++)
        g.rstd[k] = 1.f / sqrtf(v_sum(g.squares[k]) * share + EM_NORM_EPS);
    go_over(&g, give, rows, is);
}

EM_INLINE void norm_rows(float *dst, const em_rows *r, const kind is)
{
    int i = 0;

    for (; i + ABREAST <= r->rows; i += ABREAST)
        norm_group(dst, r, i, ABREAST, is);
    for (; i < r->rows; i++)
        norm_group(dst, r, i, 1, is);
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

/* Without a norm there is only what comes after it. */
static void plain(float *dst, const float *x, const float *gate, const em_rows *r)
{
    int i = r->act == EM_ACT_GELU && !gate ? gelu_steps(dst, x, r->n) : 0;

    for (; i < r->n; i += LANES) {
        const int part = r->n - i < LANES ? r->n - i : LANES;
        vf v = v_load_n(x + i, part);

        if (r->act == EM_ACT_GELU)
            v_gelu(&v, 1);
        if (gate) {
            vf z = v_load_n(gate + i, part);

            v_silu(&z, 1);
            v *= z;
        }
        v_store_n(dst + i, v, part);
    }
}

void EM_K(prep_rows)(float *dst, const em_rows *r)
{
    if (!r->norm.weight)
        for (size_t row = 0; row < (size_t)r->rows; row++)
            plain(dst + row * r->ldd, r->x + row * r->ldx, r->gate ? r->gate + row * r->ldg : NULL, r);
    else if (r->act == EM_ACT_GELU && r->gate)
        norm_rows(dst, r, (kind){ .has_gelu = true, .has_gate = true });
    else if (r->act == EM_ACT_GELU)
        norm_rows(dst, r, (kind){ .has_gelu = true });
    else if (r->gate)
        norm_rows(dst, r, (kind){ .has_gate = true });
    else
        norm_rows(dst, r, (kind){ 0 });
}

void EM_K(add_row)(float *dst, const float *x, int n, float scale)
{
    for (int i = 0; i < n; i += LANES) {
        const int part = n - i < LANES ? n - i : LANES;

        v_store_n(dst + i, v_load_n(dst + i, part) + scale * v_load_n(x + i, part), part);
    }
}
