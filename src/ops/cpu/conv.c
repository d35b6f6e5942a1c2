/* conv.c - strided convolution as a matrix product over gathered taps, norm before or after: em_conv in ops.h. Wide images are in
 * conv_rows.c.
 *
 * Channels-last, so the taps of one kernel row are one run of kw*C floats. */
#include "ops/cpu/conv.h"

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

/* An output pixel of the batch, and the next one. */
typedef struct pixel { int b, oy, ox; } pixel;

static pixel pixel_at(const em_conv *a, int row) { return (pixel){ row / (a->Ho * a->Wo), row / a->Wo % a->Ho, row % a->Wo }; }

static inline void advance(pixel *p, const em_conv *a)
{
    if (++p->ox < a->Wo)
        return;
    p->ox = 0;
    if (++p->oy < a->Ho)
        return;
    p->oy = 0;
    p->b++;
}

static void gather_rows(float *dst, const em_conv *a, int first, int n)
{
    const size_t image = (size_t)a->H * (size_t)a->W * (size_t)a->C;
    pixel p = pixel_at(a, first);

    for (int i = 0; i < n; i++, advance(&p, a))
        gather(dst + (size_t)i * (size_t)a->w.k, a, a->x + (size_t)p.b * image, p.oy, p.ox);
}

static em_rows normed_taps(const em_conv *a, const float *x, int n)
{
    return (em_rows){ .x = x, .ldx = (size_t)a->w.k, .ldd = (size_t)a->w.k, .norm = a->norm_before, .n = a->w.k, .rows = n };
}

static void prep(const void *ctx, const em_kernels *k, float *dst, int first, int n)
{
    const em_conv *a = ctx;

    gather_rows(dst, a, first, n);
    if (a->norm_before.weight) {
        const em_rows rows = normed_taps(a, dst, n);

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
        .x = n->a->raw ? n->a->raw + (size_t)first * width : y, .ldx = width, .ldd = width,
        .norm = n->a->norm_after, .act = n->a->act, .n = n->a->w.n, .rows = n->rows - first < ROWS_A_TASK ? n->rows - first : ROWS_A_TASK,
    };

    (void)worker;
    n->dev->k->prep_rows(y, &rows);
}

/* ------------------------------------------------------------------ one plane in: the first layer */

typedef struct plane { em_dev *dev; const em_conv *a; int tasks_a_window; float *parts; } plane;

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
    plane p = { .dev = dev, .a = a, .tasks_a_window = (a->Ho + ROWS_A_PLANE_TASK - 1) / ROWS_A_PLANE_TASK };

    em_pool_run(dev->pool, plane_task, &p, B * p.tasks_a_window);
}

void em_cpu_conv_fwd(em_dev *dev, const em_conv *a, int B)
{
    const bool is_normed = a->norm_after.weight;
    const em_product p = {
        .y = a->raw ? a->raw : a->y, .prep = prep, .ctx = a, .w = a->w, .bias = a->bias,
        .act = is_normed ? EM_ACT_NONE : a->act, .rows = B * a->Ho * a->Wo,
    };
    after n = { dev, a, p.rows };

    if (is_plane(a)) {
        conv_plane(dev, a, B);
        return;
    }
    if (em_cpu_conv_is_wide(a)) {
        em_cpu_conv_rows(dev, a, B);
        return;
    }
    em_cpu_product(dev, &p);
    if (is_normed)
        em_pool_run(dev->pool, norm_task, &n, (p.rows + ROWS_A_TASK - 1) / ROWS_A_TASK);
}

/* ------------------------------------------------------------------ back */

static const float *prep_dy(const void *ctx, const em_kernels *k, float *dst, int first, int n, float *parts, float *work)
{
    const em_conv *a = ctx;
    const size_t N = (size_t)a->w.n, at = (size_t)first * N;
    float *dweight = parts + (a->dbias ? a->w.n : 0);

    k->rows_back(&(em_rows_back){
        .rows = { .x = a->raw + at, .ldx = N, .norm = a->norm_after, .act = a->act, .n = a->w.n, .rows = n },
        .dy = a->dy + at, .ldy = N, .dx = dst, .lddx = N, .dweight = dweight, .dbias = dweight + N, .work = work,
    });
    return dst;
}

static void prep_back(const void *ctx, const em_kernels *k, float *dst, int first, int n, float *work)
{
    (void)work;
    prep(ctx, k, dst, first, n);
}

/* What gather took from the image goes back there. */
static inline void scatter(float *image, const em_conv *a, const float *taps, int oy, int ox)
{
    const int x0 = ox * a->stride - a->pad_x, y0 = oy * a->stride - a->pad_y;
    const int first = x0 < 0 ? -x0 : 0, end = x0 + a->kw > a->W ? a->W - x0 : a->kw;
    const size_t C = (size_t)a->C, n = first < end ? (size_t)(end - first) * C : 0;

    for (int ky = 0; ky < a->kh; ky++, taps += (size_t)a->kw * C) {
        const int iy = y0 + ky;
        float *to = image + ((size_t)iy * (size_t)a->W + (size_t)(x0 + first)) * C;

        if (iy < 0 || iy >= a->H)
            continue;
        for (size_t i = 0; i < n; i++)
            to[i] += taps[(size_t)first * C + i];
    }
}

/* Blocks of one window come in order: the first one clears it. */
static void take(const void *ctx, const em_kernels *k, float *dm, int first, int n, float *parts, float *work)
{
    const em_conv *a = ctx;
    const size_t K = (size_t)a->w.k, image = (size_t)a->H * (size_t)a->W * (size_t)a->C;
    pixel p = pixel_at(a, first);
    float *dx = a->dx + (size_t)p.b * image;

    if (a->norm_before.weight) {
        float *dweight = parts + (a->dbias ? a->w.n : 0), *taps = work + 2 * (K + (size_t)k->lanes);

        gather_rows(taps, a, first, n);
        k->rows_back(&(em_rows_back){
            .rows = normed_taps(a, taps, n), .dy = dm, .ldy = K, .dx = dm, .lddx = K, .dweight = dweight, .dbias = dweight + K, .work = work,
        });
    }
    if (p.oy == 0 && p.ox == 0)
        memset(dx, 0, image * sizeof *dx);
    for (int i = 0; i < n; i++, advance(&p, a))
        scatter(dx, a, dm + (size_t)i * K, p.oy, p.ox);
}

/* What a window adds to the parameters' gradients. */
static size_t plane_part(const em_conv *a) { return (size_t)a->w.n * (size_t)(a->w.k + 3); }

static void plane_back_task(void *ctx, int b, int worker)
{
    const plane *p = ctx;
    const em_conv *a = p->a;
    const size_t image = (size_t)a->H * (size_t)a->W, n = (size_t)a->w.n, at = (size_t)b;
    float *w = p->dev->scratch[worker];

    p->dev->k->gemm_unpack(w, a->w.data, a->w.n, a->w.k);
    p->dev->k->conv_plane_back(&(em_plane_back){
        .conv = a, .image = a->x + at * image, .w = w, .dy = a->dy + at * (size_t)a->Ho * (size_t)a->Wo * n, .dx = a->dx ? a->dx + at * image : NULL,
        .sums = p->parts + at * plane_part(a), .work = w + n * (size_t)a->w.k,
    });
}

static void conv_plane_back(em_dev *dev, const em_conv *a, int B)
{
    const int n = a->w.n;
    const em_sum sums[EM_SUMS] = { { a->w.grad, n * a->w.k }, { a->dbias, n }, { a->norm_after.dweight, n }, { a->norm_after.dbias, n } };
    plane p = { .dev = dev, .a = a, .parts = em_cpu_shared(dev, (size_t)B * plane_part(a)) };

    if (!p.parts || !em_cpu_scratch(dev, (size_t)(n * a->w.k) + plane_part(a) * (size_t)dev->k->lanes))
        return;
    em_pool_run(dev->pool, plane_back_task, &p, B);
    em_cpu_add_parts(dev, sums, p.parts, plane_part(a), B);
}

void em_cpu_conv_bwd(em_dev *dev, const em_conv *a, int B)
{
    const em_norm *norm = a->norm_before.weight ? &a->norm_before : &a->norm_after;
    const int normed = !norm->weight ? 0 : norm == &a->norm_before ? a->w.k : a->w.n;
    const size_t lanes = (size_t)dev->k->lanes, widest = (size_t)(a->w.k > a->w.n ? a->w.k : a->w.n);
    const em_product_back p = {
        .prep = prep_back, .dy = a->dy, .prep_dy = a->norm_after.weight ? prep_dy : NULL, .take = a->dx ? take : NULL, .ctx = a, .w = a->w,
        .n_groups = B, .rows_a_group = a->Ho * a->Wo, .is_serial = a->dx != NULL,
        .sums = { { a->dbias, a->dbias ? a->w.n : 0 }, { norm->dweight, normed }, { norm->dbias, normed } },
        .n_work = 2 * (widest + lanes) + (a->norm_before.weight ? EM_BACK_ROWS * (size_t)a->w.k : 0),
    };

    if (is_plane(a)) {
        conv_plane_back(dev, a, B);
        return;
    }
    em_cpu_product_back(dev, &p);
}
