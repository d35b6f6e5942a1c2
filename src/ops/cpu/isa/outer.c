/* outer.c - the gradient of a matrix: y[n][k] += sum over rows of a[row][n] * b[row][k].
 *
 * Both sides are packed for a block of rows: a into strips of MR2 columns, b into panels of two vectors, each stored
 * [row][width], so that a tile reads two streams and nothing else. A tile of y stays in registers for the whole block and
 * is added to memory once: rows are summed in rising order within a block, blocks in the order they come. */
#include "ops/cpu/isa/isa.h"

enum { PANEL = 2 * LANES };

/* Columns of src[rows][n] side by side in strips of `width`; past n zeros. Whole vectors are copied where the rows hold them: what is
 * too much of the last one lies where the next row, or the next strip, is written later. */
EM_INLINE void pack(float *dst, const float *src, size_t lds, int rows, int n, const int width)
{
    const int nv = (width + LANES - 1) / LANES;

    for (int c = 0; c < n; c += width) {
        const int inside = n - c < width ? n - c : width;

        for (int r = 0; r < rows; r++, dst += width) {
            const float *from = src + (size_t)r * lds + c;

            if (n - c >= nv * LANES) {
#pragma GCC unroll 2
                for (int v = 0; v < nv; v++)
                    v_store(dst + v * LANES, v_load(from + v * LANES));
                continue;
            }
            for (int i = 0; i < width; i++)
                dst[i] = i < inside ? from[i] : 0.f;
        }
    }
}

void EM_K(outer_pack_strips)(float *dst, const float *src, size_t lds, int rows, int n) { pack(dst, src, lds, rows, n, MR2); }
void EM_K(outer_pack_panels)(float *dst, const float *src, size_t lds, int rows, int n) { pack(dst, src, lds, rows, n, PANEL); }

/* One tile: a strip times a panel of nv vectors; `inside` rows and `last` lanes of the last vector are y's. */
EM_INLINE void tile(float *y, size_t ldy, const float *a, const float *b, int rows, int inside, int last, const int nv)
{
    vf acc[MR2][2] = { { { 0 } } };

    for (int r = 0; r < rows; r++, a += MR2, b += PANEL) {
        vf x[2];

#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            x[v] = v_load(b + v * LANES);
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
        if (i < inside)
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++) {
                float *at = y + (size_t)i * ldy + v * LANES;
                const int n = v == nv - 1 ? last : LANES;

                v_store_n(at, v_load_n(at, n) + acc[i][v], n);
            }
}

void EM_K(outer)(const em_outer *o)
{
    for (int p = o->panel; p < o->panel_end; p++) {
        const int col = p * PANEL, nv = o->k - col > LANES ? 2 : 1, last = o->k - col - (nv - 1) * LANES;
        const float *b = o->b + (size_t)col * (size_t)o->rows;

        for (int s = o->strip; s < o->strip_end; s++) {
            const int row = s * MR2, inside = o->n - row < MR2 ? o->n - row : MR2;
            const float *a = o->a + (size_t)row * (size_t)o->rows;
            float *y = o->y + (size_t)row * (size_t)o->k + col;

            if (nv == 2)
                tile(y, (size_t)o->k, a, b, o->rows, inside, last < LANES ? last : LANES, 2);
            else
                tile(y, (size_t)o->k, a, b, o->rows, inside, last < LANES ? last : LANES, 1);
        }
    }
}
