/* conv_silu_xproj.c - depthwise convolution, SiLU and the x projections of a block of image rows, while the rows
 * are still in cache: em_conv_silu_xproj in ops.h. */
#include "ops/cpu/device.h"

/* Of a task: enough rows that each is read once for the three that need it, few enough that u stays in cache. */
enum { TOKENS = 256 };

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
    j->dev->k->dwconv_silu_rows(u, a->x + window * a->ldx, a, h0, h1);
    j->dev->k->gemm(&g);
}

void em_cpu_conv_silu_xproj_fwd(em_dev *dev, const em_conv_silu_xproj *a, int B)
{
    const int wanted = 2 * em_pool_threads(dev->pool);      /* tasks, at least */
    job j = { dev, a, a->W < TOKENS ? TOKENS / a->W : 1, 0 };

    if (B * a->H < wanted * j.rows_a_task)
        j.rows_a_task = B * a->H / wanted > 0 ? B * a->H / wanted : 1;
    j.tasks_a_window = (a->H + j.rows_a_task - 1) / j.rows_a_task;
    em_pool_run(dev->pool, task, &j, B * j.tasks_a_window);
}
