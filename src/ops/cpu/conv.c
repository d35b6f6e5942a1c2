/* conv.c - strided convolution as a matrix product over gathered taps, norm before or after: em_conv in ops.h.
 *
 * Channels-last, so the taps of one kernel row are one run of kw*C floats. */
#include "ops/cpu/device.h"

#include <stdbool.h>
#include <string.h>

/* n floats; small runs are the rule in the first layer, where a call would cost more than the copy. */
static inline void copy(float *dst, const float *src, size_t n)
{
    if (n > 16) {
        memcpy(dst, src, n * sizeof *dst);
        return;
    }
    for (size_t i = 0; i < n; i++)
        dst[i] = src[i];
}

static inline void clear(float *dst, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = 0.f;
}

/* The kh*kw*C inputs under one output pixel; zeros outside the image. */
static inline void gather(float *dst, const em_conv *a, const float *image, int oy, int ox)
{
    const int x0 = ox * a->stride - a->pad_x, y0 = oy * a->stride - a->pad_y;
    const int first = x0 < 0 ? -x0 : 0, end = x0 + a->kw > a->W ? a->W - x0 : a->kw;       /* taps inside, of kw */
    const size_t C = (size_t)a->C, run = (size_t)a->kw * C, before = (size_t)first * C, inside = (size_t)(end - first) * C;

    for (int ky = 0; ky < a->kh; ky++, dst += run) {
        const int iy = y0 + ky;

        if (iy < 0 || iy >= a->H || first >= end) {
            clear(dst, run);
            continue;
        }
        clear(dst, before);
        copy(dst + before, image + ((size_t)iy * (size_t)a->W + (size_t)(x0 + first)) * C, inside);
        clear(dst + before + inside, run - before - inside);
    }
}

static void prep(const void *ctx, const em_kernels *k, float *dst, int first, int n)
{
    const em_conv *a = ctx;
    const size_t image = (size_t)a->H * (size_t)a->W * (size_t)a->C;
    int b = first / (a->Ho * a->Wo), oy = first / a->Wo % a->Ho, ox = first % a->Wo;

    for (int i = 0; i < n; i++) {
        gather(dst + (size_t)i * (size_t)a->w.k, a, a->x + (size_t)b * image, oy, ox);
        if (++ox < a->Wo)
            continue;
        ox = 0;
        if (++oy < a->Ho)
            continue;
        oy = 0;
        b++;
    }
    if (a->norm_before.weight) {
        const em_rows rows = { .x = dst, .ldx = (size_t)a->w.k, .ldd = (size_t)a->w.k, .norm = a->norm_before, .n = a->w.k, .rows = n };

        k->prep_rows(dst, &rows);
    }
}

typedef struct after { em_dev *dev; const em_conv *a; int rows; } after;

enum { ROWS_A_TASK = 128 };

static void norm_task(void *ctx, int i, int worker)
{
    const after *n = ctx;
    const size_t width = (size_t)n->a->w.n;
    const int first = i * ROWS_A_TASK;
    float *y = n->a->y + (size_t)first * width;
    const em_rows rows = {
        .x = y, .ldx = width, .ldd = width, .norm = n->a->norm_after, .act = n->a->act, .n = n->a->w.n,
        .rows = n->rows - first < ROWS_A_TASK ? n->rows - first : ROWS_A_TASK,
    };

    (void)worker;
    n->dev->k->prep_rows(y, &rows);
}

/* ------------------------------------------------------------------ one plane in: the first layer */

typedef struct plane { em_dev *dev; const em_conv *a; int tasks_a_window; } plane;

enum { ROWS_A_PLANE_TASK = 8 };             /* output rows: the weights are unpacked once for them */

static bool is_plane(const em_conv *a)
{
    return a->C == 1 && a->norm_after.weight && !a->norm_before.weight && a->w.k <= EM_PLANE_TAPS && a->w.n <= EM_PLANE_CHANNELS;
}

static void plane_task(void *ctx, int i, int worker)
{
    const plane *p = ctx;
    const em_conv *a = p->a;
    const em_kernels *k = p->dev->k;
    const int b = i / p->tasks_a_window, first = i % p->tasks_a_window * ROWS_A_PLANE_TASK;
    const int end = first + ROWS_A_PLANE_TASK < a->Ho ? first + ROWS_A_PLANE_TASK : a->Ho;
    const float *image = a->x + (size_t)b * (size_t)a->H * (size_t)a->W;
    float *w = p->dev->scratch[worker];

    k->gemm_unpack(w, a->w.data, a->w.n, a->w.k);
    for (int oy = first; oy < end; oy++)
        k->conv_plane_row(a->y + ((size_t)b * (size_t)a->Ho + (size_t)oy) * (size_t)a->Wo * (size_t)a->w.n, image, w, a, oy);
}

static void conv_plane(em_dev *dev, const em_conv *a, int B)
{
    plane p = { dev, a, (a->Ho + ROWS_A_PLANE_TASK - 1) / ROWS_A_PLANE_TASK };

    em_pool_run(dev->pool, plane_task, &p, B * p.tasks_a_window);
}

void em_cpu_conv_fwd(em_dev *dev, const em_conv *a, int B)
{
    const bool is_normed = a->norm_after.weight;
    const em_product p = {
        .y = a->y, .prep = prep, .ctx = a, .w = a->w, .bias = a->bias,
        .act = is_normed ? EM_ACT_NONE : a->act, .rows = B * a->Ho * a->Wo,
    };
    after n = { dev, a, p.rows };

    if (is_plane(a)) {
        conv_plane(dev, a, B);
        return;
    }
    em_cpu_product(dev, &p);
    if (is_normed)
        em_pool_run(dev->pool, norm_task, &n, (p.rows + ROWS_A_TASK - 1) / ROWS_A_TASK);
}
