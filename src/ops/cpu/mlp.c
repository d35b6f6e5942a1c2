/* mlp.c - norm, linear, GELU, linear, residual, a block of rows at a time: em_mlp in ops.h.
 *
 * Through memory the hidden layer of the first stages would be the plan's largest tensor, written and read once. */
#include "ops/cpu/device.h"

/* Eight tiles: more rows push the hidden layer out of the first caches, fewer read the weights more often. */
enum { MLP_ROWS = 112 };

typedef struct job { em_dev *dev; const em_mlp *a; int rows, n_blocks; } job;

static void task(void *ctx, int i, int worker)
{
    const job *j = ctx;
    const em_mlp *a = j->a;
    const em_kernels *k = j->dev->k;
    const size_t d = (size_t)a->w1.k, hidden = (size_t)a->w1.n;
    const int begin = (int)((long)j->rows * i / j->n_blocks), end = (int)((long)j->rows * (i + 1) / j->n_blocks), n = end - begin;
    float *x = a->x + (size_t)begin * d, *rows = j->dev->scratch[worker], *h = rows + (size_t)n * d;
    const em_rows prep = { .x = x, .ldx = d, .ldd = d, .norm = a->norm, .n = a->w1.k, .rows = n };
    const em_gemm up = {
        .y = h, .ldy = hidden, .a = rows, .lda = d, .w = a->w1.data, .bias = a->bias1, .act = EM_ACT_GELU,
        .rows = n, .K = a->w1.k, .N = a->w1.n, .panel_end = k->gemm_panels(a->w1.n),
    };
    const em_gemm down = {
        .y = x, .ldy = d, .a = h, .lda = hidden, .w = a->w2.data, .bias = a->bias2, .residual = x,
        .rows = n, .K = a->w2.k, .N = a->w2.n, .panel_end = k->gemm_panels(a->w2.n),
    };

    k->prep_rows(rows, &prep);
    k->gemm(&up);
    k->gemm(&down);
}

void em_cpu_mlp_fwd(em_dev *dev, const em_mlp *a, int B)
{
    const int block = em_cpu_block_rows(a->w1.k + a->w1.n), most = block < MLP_ROWS ? block : MLP_ROWS;
    job j = { dev, a, B * a->L, 0 };

    j.n_blocks = em_cpu_blocks(dev, j.rows, most);
    em_pool_run(dev->pool, task, &j, j.n_blocks);
}
