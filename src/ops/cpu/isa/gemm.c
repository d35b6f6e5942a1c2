/* gemm.c - y = a * w^T with w packed into panels (panels.h), and the epilogue done while the tile is in registers.
 *
 * A tile is up to MR rows of a times one panel: for each k, `width` loads of w and one broadcast of a per row. Every output is
 * one chain of FMAs over k in rising order (a deep one: the sum of a few), whatever the tile's height: the same bits however rows
 * and panels are shared out. Where a vector holds two steps of k it is multiplied by pairs of a, half as often: its outputs are two
 * chains, over even and over odd k, added at the end. */
#include "ops/cpu/isa/isa.h"
#include "ops/cpu/isa/panels.h"

/* GELU of a column of rows that is `width` vectors wide, CHAINS vectors at a time; the last vector of a row holds `part`
 * lanes. Where the rows are no multiple of that, the first of the last group comes along again and is not stored. */
EM_INLINE void gelu_column(float *y, size_t ldy, int rows, const int width, int part)
{
    for (int row = 0; row < rows; row += CHAINS / width) {
        vf x[CHAINS];

#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++) {
            const int r = row + c / width < rows ? row + c / width : row, v = c % width;

            x[c] = v_load_n(y + (size_t)r * ldy + v * LANES, v == width - 1 ? part : LANES);
        }
        v_gelu(x, CHAINS);
#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++) {
            const int r = row + c / width, v = c % width;

            if (r < rows)
                v_store_n(y + (size_t)r * ldy + v * LANES, x[c], v == width - 1 ? part : LANES);
        }
    }
}

/* The last step on rows x n of y that were just stored and are still in the first cache. */
static void gelu_rows(float *y, size_t ldy, int rows, int n)
{
    for (; n >= 2 * LANES; n -= 2 * LANES, y += 2 * LANES)
        gelu_column(y, ldy, rows, 2, LANES);
    if (n > LANES)
        gelu_column(y, ldy, rows, 2, n - LANES);
    else if (n > 0)
        gelu_column(y, ldy, rows, 1, n);
}

/* Steps of k between two calls for what is needed next. */
enum { STEPS = 8 };

/* What a tile calls for meanwhile: n vectors every STEPS steps, from `at` on. The next panel comes from far away, and
 * its first tile would wait for it; spread over all tiles of this one it arrives in time and hinders nobody. */
typedef struct ahead { const float *at; int n; } ahead;

/* Rows of a hang on every third one: x86 adds once or twice the row length in an address for free, and 14 pointers
 * would not fit into its registers. */
enum { HANG = 3, HOOKS = 5 };

EM_INLINE void step(vf acc[14][3], const float *a[HOOKS], size_t lda, const float *w, const int mr, const int nv)
{
    vf b[3];

#pragma GCC unroll 3
    for (int v = 0; v < nv; v++)
        b[v] = v_load(w + v * LANES);
#pragma GCC unroll 14
    for (int r = 0; r < mr; r++) {
        vf x = v_set(a[r / HANG][(size_t)(r % HANG) * lda]);
#pragma GCC unroll 3
        for (int v = 0; v < nv; v++)
            acc[r][v] += x * b[v];
    }
#pragma GCC unroll 5
    for (int i = 0; i < (mr + HANG - 1) / HANG; i++)
        a[i]++;
}

/* Two steps at once, where the last vector is half a one: its lanes are sums over even and odd k in turn. */
EM_INLINE void two_steps(vf acc[14][3], const float *a[HOOKS], size_t lda, const float *w, const int mr, const int nv)
{
    const vf half = v_load(w + 2 * (nv - 1) * LANES);

#pragma GCC unroll 14
    for (int r = 0; r < mr; r++)
        acc[r][nv - 1] += v_set_pair(a[r / HANG] + (size_t)(r % HANG) * lda) * half;
    step(acc, a, lda, w, mr, nv - 1);
    step(acc, a, lda, w + (nv - 1) * LANES, mr, nv - 1);
}

/* mr rows from `row`, one panel of nv vectors, the last of them half a one or not, whose first column is col. The last three
 * are constants here. */
EM_INLINE void tile(const em_gemm *g, const float *w, ahead next, int row, int col, const int mr, const int nv, const bool halved)
{
    const size_t lda = g->lda;
    const float *a[HOOKS];
    vf acc[14][3];

#pragma GCC unroll 5
    for (int i = 0; i < (mr + HANG - 1) / HANG; i++)
        a[i] = g->a + (size_t)(row + HANG * i) * lda;

    /* Only the last vector of a matrix can be a part of one. */
    const int last = g->N - col - (nv - 1) * LANES < LANES ? g->N - col - (nv - 1) * LANES : LANES;
    float *y = g->y + (size_t)row * g->ldy + (size_t)col;

    /* With a residual y is mostly where it lies: called for, to be written, while the sums go on. */
    if (g->residual)
#pragma GCC unroll 14
        for (int r = 0; r < mr; r++)
#pragma GCC unroll 3
            for (int v = 0; v < nv; v++)
                __builtin_prefetch(y + (size_t)r * g->ldy + v * LANES, 1);

#pragma GCC unroll 3
    for (int v = 0; v < nv; v++) {
        const bool waits = halved && v == nv - 1;       /* until its two sums are one */
        const vf bias = g->bias && !waits ? v_load_n(g->bias + col + v * LANES, v == nv - 1 ? last : LANES) : (vf){ 0 };
#pragma GCC unroll 14
        for (int r = 0; r < mr; r++)
            acc[r][v] = bias;
    }

    const int run = g->run ? g->run : g->K;

    for (int left = g->K - run;; left -= run) {
        int k = 0;

        for (; k + STEPS <= run; k += STEPS) {
            for (int i = 0; i < next.n; i++, next.at += LANES)
                __builtin_prefetch(next.at, 0, 2);
            for (int i = 0; i < STEPS && !halved; i++, w += nv * LANES)
                step(acc, a, lda, w, mr, nv);
            for (int i = 0; i < STEPS && halved; i += 2, w += (2 * nv - 1) * LANES)
                two_steps(acc, a, lda, w, mr, nv);
        }
        for (; k < run && !halved; k++, w += nv * LANES)
            step(acc, a, lda, w, mr, nv);
        for (; k < run; k += 2, w += (2 * nv - 1) * LANES)
            two_steps(acc, a, lda, w, mr, nv);
        if (left == 0)
            break;
#pragma GCC unroll 5
        for (int i = 0; i < (mr + HANG - 1) / HANG; i++)
            a[i] += g->next_run - (size_t)run;
    }

    if (halved) {
        const vf bias = g->bias ? v_load_n(g->bias + col + (nv - 1) * LANES, last) : (vf){ 0 };

#pragma GCC unroll 14
        for (int r = 0; r < mr; r++)
            acc[r][nv - 1] = bias + v_sum_pairs(acc[r][nv - 1]);
    }

    const float *residual = g->residual ? g->residual + (size_t)row * g->ldy + (size_t)col : NULL;

#pragma GCC unroll 3
    for (int v = 0; v < nv; v++) {
        const int n = v == nv - 1 ? last : LANES;

#pragma GCC unroll 14
        for (int r = 0; r < mr; r++) {
            const size_t at = (size_t)r * g->ldy + (size_t)(v * LANES);

            v_store_n(y + at, residual ? acc[r][v] + v_load_n(residual + at, n) : acc[r][v], n);
        }
    }
}

typedef void tile_fn(const em_gemm *g, const float *w, ahead next, int row, int col);

#define TILE(mr, nv) \
    static void tile_##mr##x##nv(const em_gemm *g, const float *w, ahead next, int row, int col)    \
    {                                                                                               \
        tile(g, w, next, row, col, mr, nv, false);                                                  \
    }
#define HALF(mr, nv) \
    static void half_##mr##x##nv(const em_gemm *g, const float *w, ahead next, int row, int col)    \
    {                                                                                               \
        tile(g, w, next, row, col, mr, nv, true);                                                   \
    }
#define LOW(mr)  TILE(mr, 1) TILE(mr, 2) TILE(mr, 3) HALF(mr, 2) HALF(mr, 3)
#define TALL(mr) TILE(mr, 2) HALF(mr, 2)
LOW(1) LOW(2) LOW(3) LOW(4) LOW(5) LOW(6)
#if defined(__AVX512F__)
LOW(7) LOW(8)
TALL(9) TALL(10) TALL(11) TALL(12) TALL(13) TALL(14)
#endif

/* [rows - 1][whole, or with half a vector][vectors - 1] */
#define LOW_ROW(mr)  { { tile_##mr##x1, tile_##mr##x2, tile_##mr##x3 }, { 0, half_##mr##x2, half_##mr##x3 } }
#define TALL_ROW(mr) { { 0, tile_##mr##x2, 0 }, { 0, half_##mr##x2, 0 } }
static tile_fn *const tiles[][2][3] = {
    LOW_ROW(1), LOW_ROW(2), LOW_ROW(3), LOW_ROW(4), LOW_ROW(5), LOW_ROW(6),
#if defined(__AVX512F__)
    LOW_ROW(7), LOW_ROW(8),
    TALL_ROW(9), TALL_ROW(10), TALL_ROW(11), TALL_ROW(12), TALL_ROW(13), TALL_ROW(14),
#endif
};

static void multiply(const em_gemm *g, const float *w, em_panel p)
{
    const int most = p.nv == 2 ? MR2 : MR3;         /* a lone vector is rare: short tiles will do */
    const int n_tiles = (g->rows + most - 1) / most, first = p.vector * LANES;
    const int width = first + p.nv * LANES < g->N ? p.nv * LANES : g->N - first;
    const int n = (p.nv * STEPS + n_tiles - 1) / n_tiles;       /* the last tiles may call beyond it: harmless */
    ahead next = { w + em_panel_floats(p, g->K), n };

    /* Tiles of even height: 64 rows are 13+13+13+13+12 rather than 4 * 14 + 8. */
    for (int i = 0, row = 0, raw = 0; i < n_tiles; i++) {
        const int end = (int)((long)g->rows * (i + 1) / n_tiles);

        tiles[end - row - 1][p.halved][p.nv - 1](g, w, next, row, first);
        next.at += (size_t)n * (size_t)((g->K + STEPS - 1) / STEPS) * LANES;
        row = end;
        if (g->act == EM_ACT_GELU && (i % 2 == 1 || i == n_tiles - 1)) {        /* two tiles fill the chains */
            gelu_rows(g->y + (size_t)raw * g->ldy + first, g->ldy, end - raw, width);
            raw = end;
        }
    }
}

/* Steps of k that are summed at a time: with more, the weights of this panel and the next would push each other and the rows
 * out of the second-level cache. */
enum { PART = 1024 };

/* The steps [begin, end) of k. Later parts add to what the first one has left. */
static em_gemm part_of(const em_gemm *g, int begin, int end)
{
    em_gemm part = *g;

    part.a += begin;
    part.K = end - begin;
    if (begin > 0) {
        part.bias = NULL;
        part.residual = g->y;
    }
    if (end < g->K)
        part.act = EM_ACT_NONE;
    return part;
}

void EM_K(gemm)(const em_gemm *g)
{
    const int n_parts = g->run || g->K < PART ? 1 : (g->K + PART / 2) / PART;

    for (int i = g->panel; i < g->panel_end; i++) {
        const em_panel p = em_panel_at(g->N, g->K, i);
        const float *w = g->w + (size_t)p.vector * LANES * (size_t)g->K;

        for (int n = 0, begin = 0; n < n_parts; n++) {
            const int end = n + 1 < n_parts ? (int)((long)g->K * (n + 1) / n_parts) / STEPS * STEPS : g->K;
            const em_gemm part = part_of(g, begin, end);

            multiply(&part, w + em_panel_floats(p, begin), p);
            begin = end;
        }
    }
}
