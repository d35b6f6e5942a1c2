/* rows.c - layer norm, gate and sums over one row at a time. */
#include "ops/cpu/isa/isa.h"

#include <math.h>

static const float norm_eps = 1e-5f;

EM_INLINE int part(int i, int n) { return n - i < LANES ? n - i : LANES; }

/* Mean and 1/sqrt(var + eps) of x[n], in two passes: the variance of numbers far from 0 survives. */
static void statistics(float *mean, float *rstd, const float *x, int n)
{
    vf sum = { 0 }, squares = { 0 };
    double m;

    for (int i = 0; i < n; i += LANES)
        sum += v_load_n(x + i, part(i, n));
    m = (double)v_sum(sum) / n;
    for (int i = 0; i < n; i += LANES) {
        vf d = v_load_n(x + i, part(i, n)) - (float)m;

        if (part(i, n) < LANES)                     /* lanes past the end read 0, not the mean */
            for (int j = part(i, n); j < LANES; j++)
                d[j] = 0.f;
        squares += d * d;
    }
    *mean = (float)m;
    *rstd = 1.f / sqrtf(v_sum(squares) / (float)n + norm_eps);
}

void EM_K(prep_row)(float *dst, const float *x, const float *more, const float *gate, const em_row_prep *p)
{
    const int n = p->k;
    float mean, rstd;

    if (more) {
        for (int i = 0; i < n; i += LANES)
            v_store_n(dst + i, v_load_n(x + i, part(i, n)) + v_load_n(more + i, part(i, n)), part(i, n));
        x = dst;
    }
    if (p->norm.weight) {
        statistics(&mean, &rstd, x, n);
        for (int i = 0; i < n; i += LANES) {
            vf d = (v_load_n(x + i, part(i, n)) - mean) * rstd;
            vf w = v_load_n(p->norm.weight + i, part(i, n)), b = v_load_n(p->norm.bias + i, part(i, n));

            v_store_n(dst + i, d * w + b, part(i, n));
        }
    } else if (!more && dst != x) {
        memcpy(dst, x, (size_t)n * sizeof *dst);
    }
    if (p->act == EM_ACT_GELU)
        for (int i = 0; i < n; i += LANES)
            v_store_n(dst + i, v_gelu(v_load_n(dst + i, part(i, n))), part(i, n));
    if (gate)
        for (int i = 0; i < n; i += LANES)
            v_store_n(dst + i, v_load_n(dst + i, part(i, n)) * v_silu(v_load_n(gate + i, part(i, n))), part(i, n));
}

void EM_K(add_row)(float *x, const float *y, int n, float scale)
{
    for (int i = 0; i < n; i += LANES)
        v_store_n(x + i, v_load_n(x + i, part(i, n)) + scale * v_load_n(y + i, part(i, n)), part(i, n));
}
