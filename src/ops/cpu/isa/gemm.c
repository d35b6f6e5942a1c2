/* gemm.c - y = a * w^T with w packed into panels, and the epilogue done while the tile is in registers.
 *
 * A panel is 2 or 3 vectors of columns wide (3 once when their number is odd, so that no vector is empty),
 * stored [K][width]. A tile is up to MR rows of a times one panel: for each k, `width` loads of w and one
 * broadcast of a per row. Every output is one chain of FMAs over k in rising order, whatever the tile's
 * height: the same bits however rows and panels are shared out. */
#include "ops/cpu/isa/isa.h"

static int count_vectors(int n) { return (n + LANES - 1) / LANES; }

static int panels(int n)
{
    int v = count_vectors(n);

    return v == 1 ? 1 : v / 2;                      /* odd: 3 + 2 + 2 ...; even: 2 + 2 ... */
}

static int panel_vector(int n, int panel)
{
    int v = count_vectors(n);

    if (panel >= panels(n))
        return v;
    return panel == 0 ? 0 : 2 * panel + v % 2;
}

int EM_K(gemm_panels)(int n) { return panels(n); }

int EM_K(gemm_panel_col)(int n, int panel)
{
    int col = panel_vector(n, panel) * LANES;

    return col < n ? col : n;
}

size_t EM_K(gemm_floats)(int n, int k)
{
    return (size_t)count_vectors(n) * LANES * (size_t)k;
}

/* Columns [i, i + 4) of four rows of w, turned: the training step does this with every weight. */
EM_INLINE void turn_four(float *dst, size_t width, const float *w, size_t k)
{
    quarter x[4];

#pragma GCC unroll 4
    for (size_t c = 0; c < 4; c++)
        x[c] = *(const quarter_unaligned *)(w + c * k);
    v_turn(x);
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        *(quarter_unaligned *)(dst + i * width) = x[i];
}

/* A panel of `width` rows of w[][k], of which `inside` are there. */
static void pack_panel(float *dst, const float *w, size_t width, size_t inside, size_t k)
{
    const size_t rows = inside / 4 * 4, columns = k / 4 * 4;

    for (size_t c = 0; c < rows; c += 4)
        for (size_t i = 0; i < columns; i += 4)
            turn_four(dst + i * width + c, width, w + c * k + i, k);
    for (size_t i = 0; i < k; i++)
        for (size_t c = i < columns ? rows : 0; c < width; c++)
            dst[i * width + c] = c < inside ? w[c * k + i] : 0.f;
}

void EM_K(gemm_pack)(float *dst, const float *w, int n, int k)
{
    for (int p = 0; p < panels(n); p++) {
        const int first = panel_vector(n, p) * LANES, width = panel_vector(n, p + 1) * LANES - first, inside = n - first < width ? n - first : width;

        pack_panel(dst, w + (size_t)first * (size_t)k, (size_t)width, (size_t)inside, (size_t)k);
        dst += (size_t)width * (size_t)k;
    }
}

void EM_K(gemm_pack_back)(float *dst, const float *w, int n, int k)
{
    for (int p = 0; p < panels(k); p++) {
        const int first = panel_vector(k, p) * LANES, width = panel_vector(k, p + 1) * LANES - first, inside = k - first < width ? k - first : width;

        for (int i = 0; i < n; i++, dst += width)
            for (int c = 0; c < width; c += LANES)
                v_store(dst + c, c + LANES <= inside ? v_load(w + (size_t)i * (size_t)k + first + c)
                                                     : v_load_n(w + (size_t)i * (size_t)k + first + c, inside - c));
    }
}

void EM_K(gemm_unpack)(float *dst, const float *packed, int n, int k)
{
    for (int p = 0; p < panels(n); p++) {
        int first = panel_vector(n, p) * LANES, end = panel_vector(n, p + 1) * LANES;

        for (int i = 0; i < k; i++)
            for (int c = first; c < end; c++, packed++)
                if (c < n)
                    dst[(size_t)c * (size_t)k + (size_t)i] = *packed;
    }
}

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

/* mr rows from `row`, one panel of nv vectors whose first column is col. mr and nv are constants here. */
EM_INLINE void tile(const em_gemm *g, const float *w, ahead next, int row, int col, const int mr, const int nv)
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
        const vf bias = g->bias ? v_load_n(g->bias + col + v * LANES, v == nv - 1 ? last : LANES) : (vf){ 0 };
#pragma GCC unroll 14
        for (int r = 0; r < mr; r++)
            acc[r][v] = bias;
    }

    int k = 0;

    for (; k + STEPS <= g->K; k += STEPS) {
        for (int i = 0; i < next.n; i++, next.at += LANES)
            __builtin_prefetch(next.at, 0, 2);
        for (int i = 0; i < STEPS; i++, w += nv * LANES)
            step(acc, a, lda, w, mr, nv);
    }
    for (; k < g->K; k++, w += nv * LANES)
        step(acc, a, lda, w, mr, nv);

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
    {                                                                                                       \
        tile(g, w, next, row, col, mr, nv);                                                                 \
    }
#define TILES(mr) TILE(mr, 1) TILE(mr, 2) TILE(mr, 3)
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6)
#if defined(__AVX512F__)
TILES(7) TILES(8)
TILE(9, 2) TILE(10, 2) TILE(11, 2) TILE(12, 2) TILE(13, 2) TILE(14, 2)
#endif

#define ROW(mr) { tile_##mr##x1, tile_##mr##x2, tile_##mr##x3 }
static tile_fn *const tiles[][3] = {
    ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6),
#if defined(__AVX512F__)
    ROW(7), ROW(8),
    { 0, tile_9x2, 0 }, { 0, tile_10x2, 0 }, { 0, tile_11x2, 0 }, { 0, tile_12x2, 0 }, { 0, tile_13x2, 0 }, { 0, tile_14x2, 0 },
#endif
};

void EM_K(gemm)(const em_gemm *g)
{
    for (int p = g->panel; p < g->panel_end; p++) {
        int vector = panel_vector(g->N, p), nv = panel_vector(g->N, p + 1) - vector;
        const float *w = g->w + (size_t)vector * LANES * (size_t)g->K;
        int most = nv == 2 ? MR2 : MR3;             /* a lone vector is rare: short tiles will do */
        int n_tiles = (g->rows + most - 1) / most;

        /* Tiles of even height: 64 rows are 13+13+13+13+12 rather than 4 * 14 + 8. */
        for (int i = 0, row = 0, raw = 0; i < n_tiles; i++) {
            int end = (int)((long)g->rows * (i + 1) / n_tiles);
            const int n = (nv * STEPS + n_tiles - 1) / n_tiles;     /* the last tiles may call beyond it: harmless */
            const ahead next = { w + ((size_t)nv * (size_t)g->K + (size_t)i * (size_t)n * (size_t)((g->K + STEPS - 1) / STEPS)) * LANES, n };

            tiles[end - row - 1][nv - 1](g, w, next, row, vector * LANES);
            row = end;
            if (g->act == EM_ACT_GELU && (i % 2 == 1 || i == n_tiles - 1)) {        /* two tiles fill the chains */
                int first = vector * LANES, width = first + nv * LANES < g->N ? nv * LANES : g->N - first;

                gelu_rows(g->y + (size_t)raw * g->ldy + first, g->ldy, end - raw, width);
                raw = end;
            }
        }
    }
}
