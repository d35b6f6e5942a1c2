/* rows.c - layer norm, gate and sums over one row at a time. */
#include "ops/cpu/isa/isa.h"

#include <math.h>
#include <stdbool.h>

enum { NARROW = 6 };                        /* vectors of a row that is kept in registers */

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

/* A row of nv vectors, the last of `tail` lanes; nv is a constant. Mean first, then squares of what is left: the
 * variance of numbers far from 0 survives. */
EM_INLINE void narrow(float *dst, const float *x, const float *more, const float *gate, const em_rows *r, const int nv, int tail)
{
    const float share = 1.f / (float)r->n;
    vf v[NARROW], sum = { 0 }, squares = { 0 };
    float mean, rstd;

#pragma GCC unroll 6
    for (int i = 0; i < nv; i++) {
        const int n = i == nv - 1 ? tail : LANES;

        v[i] = v_load_n(x + i * LANES, n);
        if (more)
            v[i] += v_load_n(more + i * LANES, n);
        sum += v[i];
    }
    mean = v_sum(sum) * share;
#pragma GCC unroll 6
    for (int i = 0; i < nv; i++) {
        v[i] -= mean;
        if (i == nv - 1 && tail < LANES)
            v[i] = v_keep_n(v[i], tail);
        squares += v[i] * v[i];
    }
    rstd = 1.f / sqrtf(v_sum(squares) * share + EM_NORM_EPS);
#pragma GCC unroll 6
    for (int i = 0; i < nv; i++) {
        const int n = i == nv - 1 ? tail : LANES;
        vf y = v[i] * rstd * v_load_n(r->norm.weight + i * LANES, n) + v_load_n(r->norm.bias + i * LANES, n);

        v_store_n(dst + i * LANES, after(y, r, gate, i * LANES, n), n);
    }
}

/* The loops of `wide` add into SUMS vectors: one alone would wait for itself at every step. */
enum { SUMS = 4 };

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

/* Any row: what `narrow` does, with dst as the place between the passes. */
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

void EM_K(prep_rows)(float *dst, const em_rows *r)
{
    const int nv = (r->n + LANES - 1) / LANES, tail = r->n - (nv - 1) * LANES;

    for (int row = 0; row < r->rows; row++, dst += r->ldd) {
        const float *x = r->x + (size_t)row * r->ldx;
        const float *more = r->more ? r->more + (size_t)row * r->ldx : NULL;
        const float *gate = r->gate ? r->gate + (size_t)row * r->ldg : NULL;

        if (!r->norm.weight) {
            plain(dst, x, more, gate, r);
            continue;
        }
        switch (nv) {
        case 1:  narrow(dst, x, more, gate, r, 1, tail); break;
        case 2:  narrow(dst, x, more, gate, r, 2, tail); break;
        case 3:  narrow(dst, x, more, gate, r, 3, tail); break;
        case 4:  narrow(dst, x, more, gate, r, 4, tail); break;
        case 5:  narrow(dst, x, more, gate, r, 5, tail); break;
        case 6:  narrow(dst, x, more, gate, r, 6, tail); break;
        default: wide(dst, x, more, gate, r); break;
        }
    }
}

void EM_K(add_row)(float *dst, const float *x, int n, float scale)
{
    for (int i = 0; i < n; i += LANES) {
        const int part = n - i < LANES ? n - i : LANES;

        v_store_n(dst + i, v_load_n(dst + i, part) + scale * v_load_n(x + i, part), part);
    }
}
