/* product_back.c - the way back through a matrix product: see em_product_back in device.h.
 *
 * Some blocks of rows at a time, so that what one step leaves is in the second-level cache when the next one reads it:
 *   blocks    prepare rows and dy, dm = dy w, hand dm on; pack both for the outer product, unless rows are short
 *   tiles     w.grad += dy^T rows, each tile of it by one task, over the blocks in order
 *   parts     the sums that blocks left, added in order
 * No sum depends on how tasks were shared out. */
#include "ops/cpu/device.h"

#include <stdbool.h>
#include <string.h>

enum {
    PACKED_FLOATS = 1 << 17,            /* of the blocks in flight: 512 KiB, where that is a block a thread */
    /* Rows up to this many floats are read where they lie: packing would cost a fifth of the product (40 x 160, one Zen 3
     * thread: 73 GFLOP/s packed, packing counted, 84 as they lie; 320 x 640: 87, 82). */
    SHORT = 384,
};

typedef struct job {
    em_dev                *dev;
    const em_product_back *p;
    int    blocks_a_group, n_blocks;    /* of all groups                            */
    int    first, n;                    /* those in flight                          */
    size_t strips, panels, parts;       /* floats of a block                        */
    float *shared;
    bool   is_packed;
    int    strip_groups, panel_groups;  /* tiles of a task                          */
} job;

static int count(int n, int width) { return (n + width - 1) / width; }

/* What a block leaves: dy and rows, packed or as they were prepared, and its share of sums. */
static float *left_dy(const job *j, int i) { return j->shared + (size_t)i * (j->strips + j->panels + j->parts); }
static float *left_rows(const job *j, int i) { return left_dy(j, i) + j->strips; }
static float *parts_of(const job *j, int i) { return left_rows(j, i) + j->panels; }

typedef struct rows { int first, n; } rows;

static rows block_rows(const job *j, int block)
{
    const int at = block % j->blocks_a_group * EM_BACK_ROWS, left = j->p->rows_a_group - at;

    return (rows){ block / j->blocks_a_group * j->p->rows_a_group + at, left < EM_BACK_ROWS ? left : EM_BACK_ROWS };
}

/* Scratch of a worker: rows, dm, dy of a block, and what the callbacks want. */
static size_t scratch_floats(const em_product_back *p)
{
    return EM_BACK_ROWS * (2 * (size_t)p->w.k + (size_t)p->w.n) + p->n_work;
}

static void do_block(const job *j, int i, float *scratch)
{
    const em_product_back *p = j->p;
    const em_kernels *k = j->dev->k;
    const size_t K = (size_t)p->w.k, N = (size_t)p->w.n;
    const rows r = block_rows(j, j->first + i);
    float *m = scratch, *dm = m + EM_BACK_ROWS * K, *dys = dm + EM_BACK_ROWS * K, *work = dys + EM_BACK_ROWS * N, *parts = parts_of(j, i);
    const float *dy = p->dy + (size_t)r.first * N;

    if (!j->is_packed) {
        m = left_rows(j, i);
        dys = left_dy(j, i);
    }
    memset(parts, 0, j->parts * sizeof *parts);
    if (p->prep)
        p->prep(p->ctx, k, m, r.first, r.n, work);
    if (j->is_packed)
        k->outer_pack_panels(left_rows(j, i), p->prep ? m : p->a + (size_t)r.first * p->lda, p->prep ? K : p->lda, r.n, p->w.k);
    if (p->prep_dy)
        dy = p->prep_dy(p->ctx, k, dys, r.first, r.n, parts, work);
    if (j->is_packed)
        k->outer_pack_strips(left_dy(j, i), dy, N, r.n, p->w.n);
    if (p->sums[0].dst)                                 /* the bias: columns of dy */
        for (int row = 0; row < r.n; row++)
            k->add_row(parts, dy + (size_t)row * N, p->w.n, 1.f);
    if (!p->take)
        return;
    k->gemm(&(em_gemm){ .y = dm, .ldy = K, .a = dy, .lda = N, .w = p->w.back, .rows = r.n, .K = p->w.n, .N = p->w.k,
                        .panel_end = k->gemm_panels(p->w.k) });
    p->take(p->ctx, k, dm, r.first, r.n, parts, work);
}

static void block_task(void *ctx, int i, int worker)
{
    const job *j = ctx;

    do_block(j, i, j->dev->scratch[worker]);
}

static void group_task(void *ctx, int i, int worker)
{
    const job *j = ctx;

    for (int b = 0; b < j->blocks_a_group; b++)
        do_block(j, i * j->blocks_a_group + b, j->dev->scratch[worker]);
}

static void tile_task(void *ctx, int i, int worker)
{
    const job *j = ctx;
    const em_product_back *p = j->p;
    const em_kernels *k = j->dev->k;
    const int s = i / j->panel_groups, q = i % j->panel_groups, n_strips = count(p->w.n, k->strip), n_panels = count(p->w.k, 2 * k->lanes);

    (void)worker;
    for (int b = 0; b < j->n; b++) {
        const rows r = block_rows(j, j->first + b);
        em_outer o = {
            .y = p->w.grad, .a = left_dy(j, b), .b = left_rows(j, b), .rows = r.n, .n = p->w.n, .k = p->w.k,
            .strip = n_strips * s / j->strip_groups, .strip_end = n_strips * (s + 1) / j->strip_groups,
            .panel = n_panels * q / j->panel_groups, .panel_end = n_panels * (q + 1) / j->panel_groups,
        };

        if (!j->is_packed) {
            o.lda = (size_t)p->w.n;
            o.ldb = p->prep ? (size_t)p->w.k : p->lda;
            o.a = p->prep_dy ? o.a : p->dy + (size_t)r.first * (size_t)p->w.n;
            o.b = p->prep ? o.b : p->a + (size_t)r.first * p->lda;
        }
        k->outer(&o);
    }
}

/* About four tasks a thread; a task's packed panels should stay in the second cache. */
static void cut_tiles(job *j)
{
    const em_kernels *k = j->dev->k;
    const int n_strips = count(j->p->w.n, k->strip), n_panels = count(j->p->w.k, 2 * k->lanes), wanted = 4 * em_pool_threads(j->dev->pool);

    j->strip_groups = n_strips < wanted ? n_strips : wanted;
    j->panel_groups = count(wanted, j->strip_groups);
    if (j->panel_groups > n_panels)
        j->panel_groups = n_panels;
}

void em_cpu_product_back(em_dev *dev, const em_product_back *p)
{
    const em_kernels *k = dev->k;
    const int width = 2 * k->lanes;
    const bool is_packed = p->w.n > SHORT || p->w.k > SHORT || p->w.n < k->strip;
    job j = { .dev = dev, .p = p, .blocks_a_group = count(p->rows_a_group, EM_BACK_ROWS), .is_packed = is_packed };
    const int step = p->is_serial ? j.blocks_a_group : 1, round = step * em_pool_threads(dev->pool);
    size_t block;
    int most;

    j.n_blocks = p->n_groups * j.blocks_a_group;
    j.strips = (size_t)(count(p->w.n, k->strip) * k->strip) * EM_BACK_ROWS;
    j.panels = (size_t)(count(p->w.k, width) * width) * EM_BACK_ROWS;
    for (int i = 0; i < EM_SUMS; i++)
        j.parts += (size_t)p->sums[i].n;
    block = j.strips + j.panels + j.parts;
    most = (int)(PACKED_FLOATS / block) / round * round;
    if (most < round)                                   /* every thread has a task, and all have as many */
        most = round;
    j.shared = em_cpu_shared(dev, (size_t)(most < j.n_blocks ? most : j.n_blocks) * block);
    if (!j.shared || !em_cpu_scratch(dev, scratch_floats(p)))
        return;
    cut_tiles(&j);
    for (j.first = 0; j.first < j.n_blocks; j.first += j.n) {
        j.n = j.n_blocks - j.first < most ? j.n_blocks - j.first : most;
        em_pool_run(dev->pool, p->is_serial ? group_task : block_task, &j, j.n / step);
        em_pool_run(dev->pool, tile_task, &j, j.strip_groups * j.panel_groups);
        em_cpu_add_parts(dev, p->sums, parts_of(&j, 0), block, j.n);
    }
}

/* ------------------------------------------------------------------ sums over the batch */

typedef struct adding { const em_kernels *k; const em_sum *sums; const float *parts; size_t stride; int n_parts; } adding;

static void add_task(void *ctx, int i, int worker)
{
    const adding *a = ctx;
    const float *from = a->parts;

    (void)worker;
    for (int s = 0; s < i; s++)
        from += a->sums[s].n;
    for (int part = 0; a->sums[i].dst && part < a->n_parts; part++, from += a->stride)
        a->k->add_row(a->sums[i].dst, from, a->sums[i].n, 1.f);
}

void em_cpu_add_parts(em_dev *dev, const em_sum sums[EM_SUMS], const float *parts, size_t stride, int n_parts)
{
    adding a = { dev->k, sums, parts, stride, n_parts };

    em_pool_run(dev->pool, add_task, &a, EM_SUMS);
}
