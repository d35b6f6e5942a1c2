/* plane.c - a convolution of one plane, its norm and its activation: the first layer. Vectors run over pixels.
 *
 * With one channel in and a few dozen out, vectors over channels are mostly empty and each pixel's nine inputs are a row
 * of their own to copy. Over LANES pixels at a time the taps are a handful of vectors, a channel's sum is an FMA a tap with
 * a weight that is the same for all, and the norm over channels adds vectors, no lanes. */
#include "ops/cpu/isa/plane.h"

/* Layer norm over the n channels of every pixel, then GELU. y has room for CHAINS more. */
static void finish(vf *y, vf total, const em_conv *a)
{
    const int n = a->w.n;
    const vf rstd = centre(y, total, n);

    for (int c = 0; c < n; c++)
        y[c] = y[c] * rstd * a->norm_after.weight[c] + a->norm_after.bias[c];
    for (int c = 0; a->act == EM_ACT_GELU && c < n; c += CHAINS)
        v_gelu(y + c, CHAINS);
}

/* Channels c to c + 3 of the first m pixels, to dst[m][n] + c. */
EM_INLINE void store_four(float *dst, size_t n, const vf *y, int m)
{
    for (int g = 0; 4 * g < m; g++) {
        quarter x[4];

        for (int i = 0; i < 4; i++)
            memcpy(&x[i], (const float *)&y[i] + 4 * g, sizeof x[i]);
        v_turn(x);
        for (int i = 0; i < 4 && 4 * g + i < m; i++)
            *(quarter_unaligned *)(dst + (size_t)(4 * g + i) * n) = x[i];
    }
}

#if defined(__AVX512F__)
/* The same of `width` channels, LANES at most, of LANES pixels. */
EM_INLINE void store_many(float *dst, size_t n, const vf *y, int width)
{
    vf x[LANES];

#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        x[i] = y[i];
    v_turn_all(x);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        v_store_n(dst + (size_t)i * n, x[i], width);
}
#endif

/* m pixels side by side in y[channel], which has room for LANES more, become rows of n. The next ones' place is called for: the first layer's result is larger
 * than a cache, and each of its lines would be waited for. */
static void store(float *dst, const vf *y, int n, int m)
{
    int c = 0;

    for (int i = 0; i < n * LANES; i += LINE)
        __builtin_prefetch(dst + n * LANES + i, 1);
#if defined(__AVX512F__)
    for (; m == LANES && c + LANES <= n; c += LANES)
        store_many(dst + c, (size_t)n, y + c, LANES);
    for (; m == LANES && n - c > 4; c = n)
        store_many(dst + c, (size_t)n, y + c, n - c);
#endif
    for (; c + 4 <= n; c += 4)
        store_four(dst + c, (size_t)n, y + c, m);
    for (; c < n; c++)
        for (int i = 0; i < m; i++)
            dst[(size_t)i * (size_t)n + (size_t)c] = y[c][i];
}

void EM_K(conv_plane_row)(float *y, const float *image, const float *w, const em_conv *a, int oy)
{
    vf taps[EM_PLANE_TAPS], sums[EM_PLANE_CHANNELS + LANES] = { { 0 } };

    for (int ox = 0; ox < a->Wo; ox += LANES) {
        const int m = a->Wo - ox < LANES ? a->Wo - ox : LANES;

        taps_of(taps, a, image, oy, ox);
        finish(sums, convolve(sums, a, w, taps), a);
        store(y + (size_t)ox * (size_t)a->w.n, sums, a->w.n, m);
    }
}
