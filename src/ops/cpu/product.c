/* product.c - one matrix product over all threads: blocks of rows times groups of panels.
 *
 * A task prepares its rows (norm, gate, taps of a convolution) into the worker's scratch, unless that worker's last task did,
 * and multiplies them with its panels. Many rows: a task takes all panels. Fewer: the panels are cut, so that a thread which
 * is held up finds help. Few: each thread has all rows and its own part of the weights. */
#include "ops/cpu/device.h"

typedef struct job {
    em_dev           *dev;
    const em_product *p;
    int               n_blocks, n_groups, n_panels;
} job;

enum {
    MOST_ROWS = 256, LEAST_ROWS = 64,
    BLOCK_FLOATS = 49152,                   /* 192 KiB of prepared rows                                     */
    TASKS = 16,                             /* for each thread, at least: who waits at the end waits for half a task */
};

int em_cpu_block_rows(int k)
{
    const int rows = BLOCK_FLOATS / k;

    return rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
}

size_t em_cpu_block_floats(int k)
{
    const size_t most = (size_t)k * MOST_ROWS, least = (size_t)k * LEAST_ROWS, floats = most < BLOCK_FLOATS ? most : BLOCK_FLOATS;

    return floats < least ? least : floats;
}

int em_cpu_blocks(const em_dev *dev, int rows, int most)
{
    const int n_threads = em_pool_threads(dev->pool), n = (rows + most - 1) / most;

    return n > n_threads ? (n + n_threads - 1) / n_threads * n_threads : n;
}

static void product_task(void *ctx, int i, int worker)
{
    const job *j = ctx;
    const em_product *p = j->p;
    const em_kernels *k = j->dev->k;
    const int block = i / j->n_groups, group = i % j->n_groups;     /* neighbouring tasks share rows */
    const int begin = (int)((long)p->rows * block / j->n_blocks), end = (int)((long)p->rows * (block + 1) / j->n_blocks);
    const size_t at = (size_t)begin * (size_t)p->w.n;
    em_gemm g = {
        .y = p->y + at, .a = p->a ? p->a + (size_t)begin * p->lda : NULL, .lda = p->lda, .w = p->w.data,
        .bias = p->bias, .residual = p->residual ? p->residual + at : NULL, .ldy = (size_t)p->w.n,
        .rows = end - begin, .K = p->w.k, .N = p->w.n, .act = p->act,
        .panel = j->n_panels * group / j->n_groups, .panel_end = j->n_panels * (group + 1) / j->n_groups,
    };

    if (p->prep) {
        float *rows = j->dev->scratch[worker];
        int *prepared = &j->dev->prepared[worker].block;

        if (*prepared != block)
            p->prep(p->ctx, k, rows, begin, end - begin);
        *prepared = block;
        g.a = rows;
        g.lda = (size_t)p->w.k;
    }
    k->gemm(&g);
}

void em_cpu_product(em_dev *dev, const em_product *p)
{
    const int n_threads = em_pool_threads(dev->pool), rows = em_cpu_block_rows(p->w.k);
    job j = { .dev = dev, .p = p, .n_panels = dev->k->gemm_panels(p->w.n), .n_groups = 1 };

    j.n_blocks = em_cpu_blocks(dev, p->rows, rows);
    if (p->prep && j.n_blocks < 2 * n_threads && p->rows >= 2 * n_threads * LEAST_ROWS)
        j.n_blocks = 2 * n_threads;             /* who helps another thread prepares no more rows than it helps with */
    if (p->rows > LEAST_ROWS && j.n_blocks < n_threads)
        j.n_blocks = p->rows / LEAST_ROWS < n_threads ? (p->rows + LEAST_ROWS - 1) / LEAST_ROWS : n_threads;
    if (n_threads > 1 && j.n_blocks < TASKS * n_threads) {
        const int wanted = (TASKS * n_threads + j.n_blocks - 1) / j.n_blocks;

        j.n_groups = wanted < j.n_panels ? wanted : j.n_panels;
    }
    for (int i = 0; i < n_threads; i++)
        dev->prepared[i].block = -1;
    em_pool_run(dev->pool, product_task, &j, j.n_blocks * j.n_groups);
}
