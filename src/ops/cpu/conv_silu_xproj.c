/* conv_silu_xproj.c - depthwise convolution, SiLU and the x projections of a block of image rows, while the rows
 * are still in cache: em_conv_silu_xproj in ops.h. */
#include "ops/cpu/device.h"

#include <string.h>

/* Of a task: enough rows that each is read once for the three that need it, few enough that u stays in cache. */
enum { TOKENS = 256, LEAST_TOKENS = 64 };

typedef struct job { em_dev *dev; const em_conv_silu_xproj *a; int rows_a_task, tasks_a_window; } job;

static void task(void *ctx, int i, int worker)
{
    const job *j = ctx;
    const em_conv_silu_xproj *a = j->a;
    const int b = i / j->tasks_a_window, h0 = i % j->tasks_a_window * j->rows_a_task;
    const int h1 = h0 + j->rows_a_task < a->H ? h0 + j->rows_a_task : a->H;
    const size_t window = (size_t)b * (size_t)a->H * (size_t)a->W, first = window + (size_t)h0 * (size_t)a->W;
    float *u = a->u + first * (size_t)a->D;
    const em_gemm g = {
        .y = a->x_dbl + first * (size_t)a->w.n, .ldy = (size_t)a->w.n, .a = u, .lda = (size_t)a->D, .w = a->w.data,
        .rows = (h1 - h0) * a->W, .K = a->D, .N = a->w.n, .panel_end = j->dev->k->gemm_panels(a->w.n),
    };

    (void)worker;
    if (!em_cpu_is_kept(a->kept, b))
        return;
    j->dev->k->dwconv_silu_rows(u, a->raw ? a->raw + first * (size_t)a->D : u, a->x + window * a->ldx, a, h0, h1);
    j->dev->k->gemm(&g);
}

/* Four tasks a thread, so that nobody waits long at the end; small ones, which read more rows than they make, not beyond two. */
static int rows_a_task(const em_conv_silu_xproj *a, int n_rows, int n_threads)
{
    const int quarter = n_rows / (4 * n_threads), half = n_rows / (2 * n_threads), least = LEAST_TOKENS / a->W, most = TOKENS / a->W;
    int rows = quarter > least ? quarter : half < least ? half : least;

    rows = rows < most ? rows : most;
    return rows > 0 ? rows : 1;
}

void em_cpu_conv_silu_xproj_fwd(em_dev *dev, const em_conv_silu_xproj *a, int B)
{
    job j = { dev, a, rows_a_task(a, B * a->H, em_pool_threads(dev->pool)), 0 };

    j.tasks_a_window = (a->H + j.rows_a_task - 1) / j.rows_a_task;
    em_pool_run(dev->pool, task, &j, B * j.tasks_a_window);
}

/* ------------------------------------------------------------------ back */

/* The gradient of u is what four scans left and what the projections add; through SiLU it stays in du[0]. */
static void take(const void *ctx, const em_kernels *k, float *dm, int first, int n, float *parts, float *work)
{
    const em_conv_silu_xproj *a = ctx;
    const size_t D = (size_t)a->D, at = (size_t)first * D;

    (void)work;
    for (int i = 0; i < n; i++) {
        const size_t row = at + (size_t)i * D;

        k->silu_back(a->du[0] + row, dm + (size_t)i * D, a->du[0] + row, a->du[1] + row, a->raw + row, a->D);
        if (a->dbias)
            k->add_row(parts, a->du[0] + row, a->D, 1.f);
    }
}

typedef struct taps_job { const em_kernels *k; const em_conv_silu_xproj *a; float *parts; int tasks_a_window; } taps_job;

enum { ROWS_A_TAPS_TASK = 8 };

static void taps_task(void *ctx, int i, int worker)
{
    const taps_job *j = ctx;
    const em_conv_silu_xproj *a = j->a;
    const int b = i / j->tasks_a_window, h0 = i % j->tasks_a_window * ROWS_A_TAPS_TASK;
    const int h1 = h0 + ROWS_A_TAPS_TASK < a->H ? h0 + ROWS_A_TAPS_TASK : a->H;
    const size_t window = (size_t)b * (size_t)a->H * (size_t)a->W, D = (size_t)a->D;
    float *dtaps = j->parts + (size_t)i * 9 * D;

    (void)worker;
    memset(dtaps, 0, 9 * D * sizeof *dtaps);
    if (em_cpu_is_kept(a->kept, b))
        j->k->dwconv_back_rows(a->dx + window * a->ldx, dtaps, a->du[0] + window * D, a->x + window * a->ldx, a, h0, h1);
}

void em_cpu_conv_silu_xproj_bwd(em_dev *dev, const em_conv_silu_xproj *a, int B)
{
    const em_product_back p = {
        .a = a->u, .lda = (size_t)a->D, .dy = a->dx_dbl, .take = take, .ctx = a, .w = a->w, .n_groups = 1, .rows_a_group = B * a->H * a->W,
        .kept = a->kept, .rows_a_window = a->H * a->W,
        .sums = { { 0 }, { a->dbias, a->dbias ? a->D : 0 } },
    };
    const em_sum sums[EM_SUMS] = { { a->dtaps, 9 * a->D } };
    taps_job j = { dev->k, a, NULL, (a->H + ROWS_A_TAPS_TASK - 1) / ROWS_A_TAPS_TASK };

    em_cpu_product_back(dev, &p);
    j.parts = em_cpu_shared(dev, (size_t)(B * j.tasks_a_window) * 9 * (size_t)a->D);
    if (!j.parts)
        return;
    em_pool_run(dev->pool, taps_task, &j, B * j.tasks_a_window);
    em_cpu_add_parts(dev, sums, j.parts, 9 * (size_t)a->D, B * j.tasks_a_window);
}
