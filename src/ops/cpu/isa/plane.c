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

/* m pixels side by side in y[channel] become rows of n. */
static void store(float *dst, const vf *y, int n, int m)
{
    int c = 0;

    for (; c + 4 <= n; c += 4)
        store_four(dst + c, (size_t)n, y + c, m);
    for (; c < n; c++)
        for (int i = 0; i < m; i++)
            dst[(size_t)i * (size_t)n + (size_t)c] = y[c][i];
}

void EM_K(conv_plane_row)(float *y, const float *image, const float *w, const em_conv *a, int oy)
{
    vf taps[EM_PLANE_TAPS], sums[EM_PLANE_CHANNELS + CHAINS] = { { 0 } };

    for (int ox = 0; ox < a->Wo; ox += LANES) {
        const int m = a->Wo - ox < LANES ? a->Wo - ox : LANES;

        taps_of(taps, a, image, oy, ox);
        finish(sums, convolve(sums, a, w, taps), a);
        store(y + (size_t)ox * (size_t)a->w.n, sums, a->w.n, m);
    }
}
