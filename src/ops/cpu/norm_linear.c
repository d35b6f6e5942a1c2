/* norm_linear.c - layer norm, gate, matrix product, bias, GELU, residual: see em_norm_linear in ops.h. */
#include "ops/cpu/device.h"

#include <assert.h>
#include <string.h>

static em_rows rows_at(const em_norm_linear *a, int first, int n)
{
    const size_t at = (size_t)first * a->ldx;

    return (em_rows){
        .x = a->x + at, .gate = a->gate ? a->gate + (size_t)first * a->ldg + a->gate_column : NULL,
        .ldx = a->ldx, .ldg = a->ldg, .ldd = (size_t)a->w.k, .norm = a->norm, .act = a->act_before, .n = a->w.k, .rows = n,
    };
}

static void prep(const void *ctx, const em_kernels *k, float *dst, int first, int n)
{
    const em_rows rows = rows_at(ctx, first, n);

    k->prep_rows(dst, &rows);
}

static bool is_plain(const em_norm_linear *a)
{
    return !a->norm.weight && !a->gate && a->act_before == EM_ACT_NONE;
}

/* y = residual + branch y, a window a task. */
static void branch_task(void *ctx, int b, int worker)
{
    const em_norm_linear *a = ctx;
    const size_t n = (size_t)a->L * (size_t)a->w.n, at = (size_t)b * n;
    const float share = a->branch[b];

    (void)worker;
    if (share == 0.f) {
        memcpy(a->y + at, a->residual + at, n * sizeof *a->y);
        return;
    }
    for (size_t i = at; i < at + n; i++)
        a->y[i] = a->residual[i] + share * a->y[i];
}

/* The product of some windows. */
static void multiply(em_dev *dev, const em_norm_linear *all, const em_run *run)
{
    const size_t first = (size_t)run->first * (size_t)all->L;
    em_norm_linear a = *all;

    a.y += first * (size_t)a.w.n;
    a.x += first * a.ldx;
    a.gate = a.gate ? a.gate + first * a.ldg : NULL;
    a.residual = a.residual && !a.branch ? a.residual + first * (size_t)a.w.n : NULL;
    em_cpu_product(dev, &(em_product){
        .y = a.y, .a = a.x, .lda = a.ldx, .prep = is_plain(&a) ? NULL : prep, .ctx = &a,
        .w = a.w, .bias = a.bias, .residual = a.residual, .act = a.act, .rows = (run->end - run->first) * a.L,
    });
}

void em_cpu_norm_linear_fwd(em_dev *dev, const em_norm_linear *a, int B)
{
    em_norm_linear copy = *a;

    assert(!a->x_more[0]);                  /* our scans leave one sum */
    for (em_run run = { 0 }; em_cpu_next_run(&run, a->kept, B);)
        multiply(dev, a, &run);
    if (a->branch)
        em_pool_run(dev->pool, branch_task, &copy, B);
}

/* ------------------------------------------------------------------ back */

/* A GELU alone, as before fc2: it is made once, with its slope, which waits behind what rows_back works with. */
static bool is_sloped(const em_norm_linear *a)
{
    return a->act_before == EM_ACT_GELU && !a->norm.weight && !a->gate;
}

static size_t row_work(const em_norm_linear *a, const em_kernels *k) { return 2 * (size_t)(a->w.k + k->lanes); }

static void prep_back(const void *ctx, const em_kernels *k, float *dst, int first, int n, float *work)
{
    const em_norm_linear *a = ctx;
    const em_rows rows = rows_at(a, first, n);

    if (is_sloped(a))
        k->gelu_slope_rows(dst, work + row_work(a, k), &rows);
    else
        k->prep_rows(dst, &rows);
}

static const float *prep_dy(const void *ctx, const em_kernels *k, float *dst, int first, int n, float *parts, float *work)
{
    const em_norm_linear *a = ctx;
    const size_t N = (size_t)a->w.n;

    (void)k;
    (void)parts;
    (void)work;
    for (int row = 0; row < n; row++) {
        const float share = a->branch[(first + row) / a->L], *dy = a->dy + (size_t)(first + row) * N;

        for (size_t i = 0; i < N; i++)
            dst[(size_t)row * N + i] = share * dy[i];
    }
    return dst;
}

static void take(const void *ctx, const em_kernels *k, float *dm, int first, int n, float *parts, float *work)
{
    const em_norm_linear *a = ctx;
    float *dweight = parts + (a->dbias ? a->w.n : 0);

    k->rows_back(&(em_rows_back){
        .rows = rows_at(a, first, n), .dy = dm, .ldy = (size_t)a->w.k, .dx = a->dx + (size_t)first * a->ldx, .lddx = a->ldx,
        .dgate = a->gate ? a->dgate + (size_t)first * a->ldg + a->gate_column : NULL,
        .dweight = dweight, .dbias = dweight + a->w.k, .work = work, .adds = a->adds_dx, .slope = is_sloped(a) ? work + row_work(a, k) : NULL,
    });
}

void em_cpu_norm_linear_bwd(em_dev *dev, const em_norm_linear *a, int B)
{
    const int normed = a->norm.weight ? a->w.k : 0;
    const em_product_back p = {
        .a = a->x, .lda = a->ldx, .prep = is_plain(a) ? NULL : prep_back, .dy = a->dy, .prep_dy = a->branch ? prep_dy : NULL,
        .take = a->dx ? take : NULL, .ctx = a, .w = a->w, .n_groups = 1, .rows_a_group = B * a->L, .kept = a->kept, .rows_a_window = a->L,
        .sums = { { a->dbias, a->dbias ? a->w.n : 0 }, { a->norm.dweight, normed }, { a->norm.dbias, normed } },
        .n_work = row_work(a, dev->k) + (is_sloped(a) ? EM_BACK_ROWS * (size_t)a->w.k : 0),
    };

    em_cpu_product_back(dev, &p);
}
