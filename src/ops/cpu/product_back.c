/* product_back.c - the way back through a matrix product: see em_product_back in device.h.
 *
 * Some blocks of rows at a time, so that what one step leaves is in the second-level cache when the next one reads it:
 *   blocks    prepare rows and dy, dm = dy w, hand dm on; pack both for the outer product, unless rows are short
 *   tiles     w.grad += dy^T rows, each tile of it by one task, over the blocks in order
 *   parts     the sums that blocks left, added in order
 * Where a window's blocks come in order a whole window would be in flight, too much for that cache: then, if the matrix is small, a
 * task goes through all of some windows and has a gradient of the matrix for itself among its sums.
 * No sum depends on how tasks were shared out. */
#include "ops/cpu/device.h"

#include <stdbool.h>
#include <string.h>

enum {
    PACKED_FLOATS = 1 << 17,            /* of the blocks in flight: 512 KiB, where that is a block a thread */
    /* Rows up to this many floats are read where they lie: packing would cost a fifth of the product (40 x 160, one Zen 3
     * thread: 73 GFLOP/s packed, packing counted, 84 as they lie; 320 x 640: 87, 82). */
    SHORT = 384,
    SMALL = 1 << 15,                    /* numbers of a matrix whose gradient a share of the windows has for itself */
    MOST_SHARES = 64, SHARES_FLOATS = 1 << 20,
};

typedef struct job {
    em_dev                *dev;
    const em_product_back *p;
    int    blocks_a_group, n_blocks;    /* of all groups                            */
    size_t strips, panels, parts;       /* floats of a block                        */
    float *shared;
    bool   is_packed;
    int    blocks_a_share;
    int    first, n;                    /* those in flight                          */
    int    strip_groups, panel_groups;  /* tiles of a task                          */
} job;

static int count(int n, int width) { return (n + width - 1) / width; }

static int n_strips(const job *j) { return count(j->p->w.n, j->dev->k->strip); }
static int n_panels(const job *j) { return count(j->p->w.k, 2 * j->dev->k->lanes); }

/* Where a block leaves dy and rows, packed or as they were prepared, and its share of sums. */
typedef struct places { float *dy, *rows, *parts; } places;

typedef struct rows { int first, n; } rows;

static rows block_rows(const job *j, int block)
{
    const int at = block % j->blocks_a_group * EM_BACK_ROWS, left = j->p->rows_a_group - at;

    return (rows){ block / j->blocks_a_group * j->p->rows_a_group + at, left < EM_BACK_ROWS ? left : EM_BACK_ROWS };
}

/* The next run of a block's rows that are wanted, from the end of the last one on ({ block.first, 0 }: the first). */
static bool next_run(rows *run, const em_product_back *p, rows block)
{
    const int end = block.first + block.n, L = p->kept ? p->rows_a_window : end;
    int at = run->first + run->n, stop;

    for (; at < end && !em_cpu_is_kept(p->kept, at / L); at = (at / L + 1) * L)
        ;
    for (stop = at; stop < end && em_cpu_is_kept(p->kept, stop / L); stop = (stop / L + 1) * L)
        ;
    *run = (rows){ at, (stop < end ? stop : end) - at };
    return at < end;
}

/* All that are wanted: the first of them, how many, and whether they lie apart. */
typedef struct chosen { int first, n; bool is_split; } chosen;

static chosen chosen_rows(const em_product_back *p, rows block)
{
    rows run = { block.first, 0 };
    chosen w = { block.first, 0, false };

    while (next_run(&run, p, block)) {
        w.first = w.n ? w.first : run.first;
        w.is_split = w.n > 0;
        w.n += run.n;
    }
    return w;
}

/* Scratch of a worker: rows, dm, dy of a block, and what the callbacks want. */
static size_t scratch_floats(const em_product_back *p)
{
    return EM_BACK_ROWS * (2 * (size_t)p->w.k + (size_t)p->w.n) + p->n_work;
}

static void copy_rows(float *dst, const float *src, size_t lds, int n, size_t width)
{
    for (int i = 0; i < n; i++, dst += width, src += lds)
        memcpy(dst, src, width * sizeof *dst);
}

/* Where a block's rows, dm and dy are made, and what the callbacks have. */
typedef struct desk { float *m, *dm, *dy, *work, *parts; } desk;

/* Some rows of a block, the `at`-th of it on. */
static void do_rows(const job *j, rows run, int at, const desk *to, bool is_split)
{
    const em_product_back *p = j->p;
    const em_kernels *k = j->dev->k;
    const size_t K = (size_t)p->w.k, N = (size_t)p->w.n;
    float *m = to->m + (size_t)at * K, *dm = to->dm + (size_t)at * K, *own = to->dy + (size_t)at * N;
    const float *dy = p->dy + (size_t)run.first * N;

    if (p->prep)
        p->prep(p->ctx, k, m, run.first, run.n, to->work);
    else if (is_split)
        copy_rows(m, p->a + (size_t)run.first * p->lda, p->lda, run.n, K);
    if (p->prep_dy)
        dy = p->prep_dy(p->ctx, k, own, run.first, run.n, to->parts, to->work);
    else if (is_split)
        copy_rows(own, dy, N, run.n, N);
    if (p->sums[0].dst)                                 /* the bias: columns of dy */
        for (int row = 0; row < run.n; row++)
            k->add_row(to->parts, dy + (size_t)row * N, p->w.n, 1.f);
    if (!p->take)
        return;
    k->gemm(&(em_gemm){ .y = dm, .ldy = K, .a = dy, .lda = N, .w = p->w.back, .rows = run.n, .K = p->w.n, .N = p->w.k,
                        .panel_end = k->gemm_panels(p->w.k) });
    p->take(p->ctx, k, dm, run.first, run.n, to->parts, to->work);
}

/* A block's wanted rows and their dy lie where they were made, or where they come from. */
static em_outer outer_of(const em_product_back *p, const chosen *w, const float *m, const float *dy)
{
    const bool is_made = p->prep || w->is_split, is_dy_made = p->prep_dy || w->is_split;

    return (em_outer){
        .a = is_dy_made ? dy : p->dy + (size_t)w->first * (size_t)p->w.n, .lda = (size_t)p->w.n,
        .b = is_made ? m : p->a + (size_t)w->first * p->lda, .ldb = is_made ? (size_t)p->w.k : p->lda,
        .rows = w->n, .n = p->w.n, .k = p->w.k,
    };
}

static void do_block(const job *j, int block, const places *to, float *scratch)
{
    const em_product_back *p = j->p;
    const size_t K = (size_t)p->w.k, N = (size_t)p->w.n;
    const rows all = block_rows(j, block);
    const chosen w = chosen_rows(p, all);
    const desk b = {
        .m = j->is_packed ? scratch : to->rows, .dm = scratch + EM_BACK_ROWS * K, .dy = j->is_packed ? scratch + 2 * EM_BACK_ROWS * K : to->dy,
        .work = scratch + EM_BACK_ROWS * (2 * K + N), .parts = to->parts,
    };
    const em_outer o = outer_of(p, &w, b.m, b.dy);
    int at = 0;

    for (rows run = { all.first, 0 }; next_run(&run, p, all); at += run.n)
        do_rows(j, run, at, &b, w.is_split);
    if (!j->is_packed || w.n == 0)
        return;
    j->dev->k->outer_pack_panels(to->rows, o.b, o.ldb, w.n, p->w.k);
    j->dev->k->outer_pack_strips(to->dy, o.a, o.lda, w.n, p->w.n);
}

/* The outer product of a block, added to the tiles that `to` has. */
static void add_outer(const em_outer *to, const job *j, int block, const places *from)
{
    const chosen w = chosen_rows(j->p, block_rows(j, block));
    em_outer o = outer_of(j->p, &w, from->rows, from->dy);

    if (j->is_packed) {
        o.a = from->dy, o.b = from->rows;
        o.lda = o.ldb = 0;
    }
    o.y = to->y;
    o.strip = to->strip, o.strip_end = to->strip_end;
    o.panel = to->panel, o.panel_end = to->panel_end;
    if (w.n > 0)
        j->dev->k->outer(&o);
}

/* ------------------------------------------------------------------ a share of the windows has sums of its own */

static void share_task(void *ctx, int i, int worker)
{
    const job *j = ctx;
    float *scratch = j->dev->scratch[worker];
    const places to = { scratch, scratch + j->strips, j->shared + (size_t)i * j->parts };
    const em_outer all = { .y = to.parts + j->parts - (size_t)j->p->w.n * (size_t)j->p->w.k, .strip_end = n_strips(j), .panel_end = n_panels(j) };
    const int begin = i * j->blocks_a_share, left = j->n_blocks - begin;

    memset(to.parts, 0, j->parts * sizeof *to.parts);
    for (int b = begin; b < begin + (left < j->blocks_a_share ? left : j->blocks_a_share); b++) {
        do_block(j, b, &to, scratch + j->strips + j->panels);
        add_outer(&all, j, b, &to);
    }
}

/* How many there are depends on sizes alone. */
static void back_by_shares(job *j)
{
    const em_product_back *p = j->p;
    const int matrix = p->w.n * p->w.k, room = SHARES_FLOATS / matrix, most = room < MOST_SHARES ? room : MOST_SHARES;
    em_sum sums[EM_SUMS];
    int n_shares;

    memcpy(sums, p->sums, sizeof sums);
    sums[EM_SUMS - 1] = (em_sum){ p->w.grad, matrix };
    j->parts += (size_t)matrix;
    j->blocks_a_share = count(p->n_groups, most) * j->blocks_a_group;
    n_shares = count(j->n_blocks, j->blocks_a_share);
    j->shared = em_cpu_shared(j->dev, (size_t)n_shares * j->parts);
    if (!j->shared || !em_cpu_scratch(j->dev, j->strips + j->panels + scratch_floats(p)))
        return;
    em_pool_run(j->dev->pool, share_task, j, n_shares);
    em_cpu_add_parts(j->dev, sums, j->shared, j->parts, n_shares);
}

/* ------------------------------------------------------------------ some blocks in flight, then all tiles of them */

static places in_flight(const job *j, int i)
{
    float *dy = j->shared + (size_t)i * (j->strips + j->panels + j->parts);

    return (places){ dy, dy + j->strips, dy + j->strips + j->panels };
}

static void fly(const job *j, int i, int worker)
{
    const places to = in_flight(j, i);

    memset(to.parts, 0, j->parts * sizeof *to.parts);
    do_block(j, j->first + i, &to, j->dev->scratch[worker]);
}

static void block_task(void *ctx, int i, int worker) { fly(ctx, i, worker); }

static void group_task(void *ctx, int i, int worker)
{
    const job *j = ctx;

    for (int b = 0; b < j->blocks_a_group; b++)
        fly(j, i * j->blocks_a_group + b, worker);
}

static void tile_task(void *ctx, int i, int worker)
{
    const job *j = ctx;
    const int s = i / j->panel_groups, q = i % j->panel_groups;
    const em_outer tiles = {
        .y = j->p->w.grad,
        .strip = n_strips(j) * s / j->strip_groups, .strip_end = n_strips(j) * (s + 1) / j->strip_groups,
        .panel = n_panels(j) * q / j->panel_groups, .panel_end = n_panels(j) * (q + 1) / j->panel_groups,
    };

    (void)worker;
    for (int b = 0; b < j->n; b++) {
        const places from = in_flight(j, b);

        add_outer(&tiles, j, j->first + b, &from);
    }
}

/* About four tasks a thread; a task's packed panels should stay in the second cache. */
static void cut_tiles(job *j)
{
    const int wanted = 4 * em_pool_threads(j->dev->pool);

    j->strip_groups = n_strips(j) < wanted ? n_strips(j) : wanted;
    j->panel_groups = count(wanted, j->strip_groups);
    if (j->panel_groups > n_panels(j))
        j->panel_groups = n_panels(j);
}

static void back_in_flights(job *j)
{
    const em_product_back *p = j->p;
    const int step = p->is_serial ? j->blocks_a_group : 1, round = step * em_pool_threads(j->dev->pool);
    const size_t block = j->strips + j->panels + j->parts;
    int most = (int)(PACKED_FLOATS / block) / round * round;

    if (most < round)                                   /* every thread has a task, and all have as many */
        most = round;
    j->shared = em_cpu_shared(j->dev, (size_t)(most < j->n_blocks ? most : j->n_blocks) * block);
    if (!j->shared || !em_cpu_scratch(j->dev, scratch_floats(p)))
        return;
    cut_tiles(j);
    for (j->first = 0; j->first < j->n_blocks; j->first += j->n) {
        j->n = j->n_blocks - j->first < most ? j->n_blocks - j->first : most;
        em_pool_run(j->dev->pool, p->is_serial ? group_task : block_task, j, j->n / step);
        em_pool_run(j->dev->pool, tile_task, j, j->strip_groups * j->panel_groups);
        em_cpu_add_parts(j->dev, p->sums, in_flight(j, 0).parts, block, j->n);
    }
}

void em_cpu_product_back(em_dev *dev, const em_product_back *p)
{
    const em_kernels *k = dev->k;
    const int width = 2 * k->lanes;
    const bool is_packed = p->w.n > SHORT || p->w.k > SHORT || p->w.n < k->strip;
    job j = { .dev = dev, .p = p, .blocks_a_group = count(p->rows_a_group, EM_BACK_ROWS), .is_packed = is_packed };

    j.n_blocks = p->n_groups * j.blocks_a_group;
    j.strips = (size_t)(count(p->w.n, k->strip) * k->strip) * EM_BACK_ROWS;
    j.panels = (size_t)(count(p->w.k, width) * width) * EM_BACK_ROWS;
    for (int i = 0; i < EM_SUMS; i++)
        j.parts += (size_t)p->sums[i].n;
    if (p->is_serial && p->w.n <= SMALL / p->w.k)
        back_by_shares(&j);
    else
        back_in_flights(&j);
}

/* ------------------------------------------------------------------ sums over the batch */

typedef struct adding { const em_kernels *k; const em_sum *sums; const float *parts; size_t stride; int n_parts; } adding;

enum { PIECE = 2048 };                  /* numbers of a sum that a task adds up */

static void add_task(void *ctx, int i, int worker)
{
    const adding *a = ctx;
    const em_sum *s = a->sums;
    const float *from = a->parts;
    int at, n;

    (void)worker;
    for (; i >= count(s->n, PIECE); s++) {
        i -= count(s->n, PIECE);
        from += s->n;
    }
    at = i * PIECE;
    n = s->n - at < PIECE ? s->n - at : PIECE;
    for (int part = 0; s->dst && part < a->n_parts; part++)
        a->k->add_row(s->dst + at, from + (size_t)part * a->stride + at, n, 1.f);
}

void em_cpu_add_parts(em_dev *dev, const em_sum sums[EM_SUMS], const float *parts, size_t stride, int n_parts)
{
    adding a = { dev->k, sums, parts, stride, n_parts };
    int n_tasks = 0;

    for (int i = 0; i < EM_SUMS; i++)
        n_tasks += count(sums[i].n, PIECE);
    em_pool_run(dev->pool, add_task, &a, n_tasks);
}
