/* outer.c - the gradient of a matrix: y[n][k] += sum over rows of a[row][n] * b[row][k].
 *
 * Where rows are long both sides are packed for a block of rows: a into strips of MR2 columns, b into panels of two vectors, each
 * stored [row][width], so that a tile reads two streams and nothing else. A tile of y stays in registers for the whole block and
 * is added to memory once: rows are summed in rising order within a block, blocks in the order they come. */
#include "ops/cpu/isa/isa.h"

#include <stdbool.h>

enum { PANEL = 2 * LANES };

/* A whole row of a strip, in whole vectors: those of a width that is no multiple of a vector reach into the next row's place,
 * which is written after it. */
EM_INLINE void copy_row(float *dst, const float *from, const int width)
{
#pragma GCC unroll 4
    for (int i = 0; i < width; i += LANES)
        v_store(dst + i, v_load(from + i));
}

/* Columns of src[rows][n] side by side in strips of `width`; past n zeros. */
EM_INLINE void pack(float *dst, const float *src, size_t lds, int rows, int n, const int width)
{
    const int reach = (width + LANES - 1) / LANES * LANES;      /* columns that copy_row reads */

    for (int c = 0; c < n; c += width) {
        const int inside = n - c < width ? n - c : width, n_whole = c + reach <= n ? rows - 1 : 0;
        const float *from = src + c;
        int r = 0;

        for (; r < n_whole; r++, dst += width, from += lds)
            copy_row(dst, from, width);
        for (; r < rows; r++, dst += width, from += lds)
            for (int i = 0; i < width; i++)
                dst[i] = i < inside ? from[i] : 0.f;
    }
}

void EM_K(outer_pack_strips)(float *dst, const float *src, size_t lds, int rows, int n) { pack(dst, src, lds, rows, n, MR2); }
void EM_K(outer_pack_panels)(float *dst, const float *src, size_t lds, int rows, int n) { pack(dst, src, lds, rows, n, PANEL); }

/* One tile: a strip times a panel of nv vectors, the last of `last` lanes; rows [from, MR2) or [0, to) of it are y's. */
typedef struct tile_cfg { float *y; size_t ldy; const float *a, *b; size_t lda, ldb; int rows, from, to, last; } tile_cfg;

EM_INLINE void tile(const tile_cfg *t, const int nv, const bool is_whole)
{
    const float *a = t->a, *b = t->b;
    const size_t lda = t->lda, ldb = t->ldb;
    vf acc[MR2][2] = { { { 0 } } };

    for (int r = 0; r < t->rows; r++, a += lda, b += ldb) {
        vf x[2];

#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            x[v] = is_whole || v < nv - 1 ? v_load(b + v * LANES) : v_load_n(b + v * LANES, t->last);
#pragma GCC unroll 14
        for (int i = 0; i < MR2; i++) {
            const vf s = v_set(a[i]);
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                acc[i][v] += s * x[v];
        }
    }
#pragma GCC unroll 14
    for (int i = 0; i < MR2; i++)
        if (i >= t->from && i < t->to)
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++) {
                float *at = t->y + (size_t)i * t->ldy + v * LANES;
                const int n = v == nv - 1 ? t->last : LANES;

                v_store_n(at, v_load_n(at, n) + acc[i][v], n);
            }
}

static void any_tile(const tile_cfg *t, int nv, bool is_whole)
{
    if (nv == 2 && is_whole)
        tile(t, 2, true);
    else if (nv == 2)
        tile(t, 2, false);
    else if (is_whole)
        tile(t, 1, true);
    else
        tile(t, 1, false);
}

void EM_K(outer)(const em_outer *o)
{
    const size_t rows = (size_t)o->rows;

    for (int p = o->panel; p < o->panel_end; p++) {
        const int col = p * PANEL, nv = o->k - col > LANES ? 2 : 1, left = o->k - col - (nv - 1) * LANES, last = left < LANES ? left : LANES;
        tile_cfg t = { .ldy = (size_t)o->k, .lda = o->lda ? o->lda : MR2, .ldb = o->ldb ? o->ldb : PANEL, .rows = o->rows, .last = last };

        t.b = o->b + (o->ldb ? (size_t)col : (size_t)col * rows);
        for (int s = o->strip; s < o->strip_end; s++) {
            const int row = s * MR2, over = row + MR2 - o->n;

            t.from = 0;
            t.to = over > 0 ? MR2 - over : MR2;
            t.a = o->a + (o->lda ? (size_t)row : (size_t)row * rows);
            t.y = o->y + (size_t)row * (size_t)o->k + col;
            if (o->lda && over > 0) {               /* nothing lies beyond a row's end: once more what lies before */
                t.from = over;
                t.to = MR2;
                t.a -= over;
                t.y -= (size_t)over * (size_t)o->k;
            }
            any_tile(&t, nv, last == LANES || !o->ldb);
        }
    }
}
