/* norm_linear.c - layer norm, gate, matrix product, bias, GELU, residual: see em_norm_linear in ops.h. */
#include "ops/cpu/device.h"

static void prep(const void *ctx, const em_kernels *k, float *dst, int first, int n)
{
    const em_norm_linear *a = ctx;
    const size_t at = (size_t)first * a->ldx;
    const em_rows rows = {
        .x = a->x + at, .more = a->x_more[0] ? a->x_more[0] + at : NULL,
        .gate = a->gate ? a->gate + (size_t)first * a->ldg + a->gate_column : NULL,
        .ldx = a->ldx, .ldg = a->ldg, .ldd = (size_t)a->w.k, .norm = a->norm, .n = a->w.k, .rows = n,
    };

    k->prep_rows(dst, &rows);
}

void em_cpu_norm_linear_fwd(em_dev *dev, const em_norm_linear *a, int B)
{
    const bool is_plain = !a->norm.weight && !a->x_more[0] && !a->gate;
    const em_product p = {
        .y = a->y, .a = a->x, .lda = a->ldx, .prep = is_plain ? NULL : prep, .ctx = a,
        .w = a->w, .bias = a->bias, .residual = a->residual, .act = a->act, .rows = B * a->L,
    };

    em_cpu_product(dev, &p);
}
