/* conv.c - strided convolution as a matrix product over gathered taps, norm before or after: em_conv in ops.h.
 *
 * Channels-last, so the taps of one kernel row are one run of kw*C floats. */
#include "ops/cpu/device.h"

#include <string.h>

/* The kh*kw*C inputs under output pixel `row` of the batch; zeros outside the image. */
static void gather(const void *ctx, const em_kernels *k, float *dst, int row)
{
    const em_conv *a = ctx;
    const int b = row / (a->Ho * a->Wo), oy = row / a->Wo % a->Ho, ox = row % a->Wo;
    const int x0 = ox * a->stride - a->pad_x;
    const int first = x0 < 0 ? -x0 : 0, end = x0 + a->kw > a->W ? a->W - x0 : a->kw;       /* taps inside, of kw */
    const size_t C = (size_t)a->C, run = (size_t)a->kw * C;

    for (int ky = 0; ky < a->kh; ky++) {
        const int iy = oy * a->stride - a->pad_y + ky;
        float *taps = dst + (size_t)ky * run;

        if (iy < 0 || iy >= a->H || first >= end) {
            memset(taps, 0, run * sizeof *taps);
            continue;
        }
        memset(taps, 0, (size_t)first * C * sizeof *taps);
        memcpy(taps + (size_t)first * C, a->x + (((size_t)b * (size_t)a->H + (size_t)iy) * (size_t)a->W + (size_t)(x0 + first)) * C,
               (size_t)(end - first) * C * sizeof *taps);
        memset(taps + (size_t)end * C, 0, (run - (size_t)end * C) * sizeof *taps);
    }
    if (a->norm_before.weight) {
        const em_row_prep how = { .norm = a->norm_before, .k = a->w.k };

        k->prep_row(dst, dst, NULL, NULL, &how);
    }
}

typedef struct after { em_dev *dev; const em_conv *a; int rows; } after;

enum { ROWS_A_TASK = 32 };

static void norm_task(void *ctx, int i, int worker)
{
    const after *n = ctx;
    const em_row_prep how = { .norm = n->a->norm_after, .act = n->a->act, .k = n->a->w.n };
    const int end = (i + 1) * ROWS_A_TASK < n->rows ? (i + 1) * ROWS_A_TASK : n->rows;

    (void)worker;
    for (int r = i * ROWS_A_TASK; r < end; r++) {
        float *y = n->a->y + (size_t)r * (size_t)n->a->w.n;

        n->dev->k->prep_row(y, y, NULL, NULL, &how);
    }
}

void em_cpu_conv_fwd(em_dev *dev, const em_conv *a, int B)
{
    const bool is_normed = a->norm_after.weight;
    const em_product p = {
        .y = a->y, .prep = gather, .ctx = a, .w = a->w, .bias = a->bias,
        .act = is_normed ? EM_ACT_NONE : a->act, .rows = B * a->Ho * a->Wo,
    };
    after n = { dev, a, p.rows };

    em_cpu_product(dev, &p);
    if (is_normed)
        em_pool_run(dev->pool, norm_task, &n, (p.rows + ROWS_A_TASK - 1) / ROWS_A_TASK);
}
