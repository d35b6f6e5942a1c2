/* dwconv.c - depthwise 3x3 and SiLU of some image rows; vectors run over channels.
 *
 * For one vector of channels the nine taps stay in registers and each row is walked from left to right; all rows come
 * before the next vector, so that a row is in the first cache when the two below it want it again. */
#include "ops/cpu/isa/isa.h"

/* Where a line of the image is read; outside the image, over and over, a vector of zeros. */
typedef struct line { const float *at; size_t ld; } line;

static line line_at(const float *x, const em_conv_silu_xproj *a, int h)
{
    static const float zeros[LANES] = { 0 };

    return h >= 0 && h < a->H ? (line){ x + (size_t)h * (size_t)a->W * a->ldx, a->ldx } : (line){ zeros, 0 };
}

/* The three pixels of column w. */
EM_INLINE void column(vf out[3], const line rows[3], int w, int n)
{
    for (int i = 0; i < 3; i++)
        out[i] = v_load_n(rows[i].at + (size_t)w * rows[i].ld, n);
}

/* The sum at one pixel, whose right neighbours were just read; then they move to the middle. */
EM_INLINE vf slide(vf left[3], vf mid[3], const vf right[3], const vf t[9], vf sum)
{
    for (int i = 0; i < 3; i++) {
        sum += left[i] * t[3 * i] + mid[i] * t[3 * i + 1] + right[i] * t[3 * i + 2];
        left[i] = mid[i];
        mid[i] = right[i];
    }
    return sum;
}

/* One row of one vector of n channels: u[W], ldu apart, from the lines above, at and below it. */
EM_INLINE void convolve(float *u, size_t ldu, const line rows[3], const vf t[9], vf bias, int W, const int n)
{
    vf left[3] = { { 0 } }, mid[3], right[3];

    column(mid, rows, 0, n);
    for (int w = 0; w + 1 < W; w++, u += ldu) {
        column(right, rows, w + 1, n);
        v_store_n(u, slide(left, mid, right, t, bias), n);
    }
    right[0] = right[1] = right[2] = (vf){ 0 };
    v_store_n(u, slide(left, mid, right, t, bias), n);
}

/* SiLU of W vectors ldu apart. */
EM_INLINE void activate(float *u, size_t ldu, int W, const int n)
{
    for (int w = 0; w < W; w += CHAINS) {
        vf s[CHAINS];

#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++)
            s[c] = v_load_n(u + (size_t)(w + c < W ? w + c : w) * ldu, n);
        v_silu(s, CHAINS);
#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++)
            if (w + c < W)
                v_store_n(u + (size_t)(w + c) * ldu, s[c], n);
    }
}

/* One vector of n channels, the rows [h0, h1). */
EM_INLINE void channels(float *u, const float *x, const em_conv_silu_xproj *a, int c, int h0, int h1, const int n)
{
    const size_t ldu = (size_t)a->D;
    const vf bias = a->bias ? v_load_n(a->bias + c, n) : (vf){ 0 };
    vf t[9];

    for (int i = 0; i < 9; i++)
        t[i] = v_load_n(a->taps + (size_t)i * ldu + c, n);
    for (int h = h0; h < h1; h++) {
        const line rows[3] = { line_at(x + c, a, h - 1), line_at(x + c, a, h), line_at(x + c, a, h + 1) };
        float *row = u + (size_t)(h - h0) * (size_t)a->W * ldu + c;

        convolve(row, ldu, rows, t, bias, a->W, n);
        activate(row, ldu, a->W, n);
    }
}

void EM_K(dwconv_silu_rows)(float *u, const float *x, const em_conv_silu_xproj *a, int h0, int h1)
{
    for (int c = 0; c < a->D; c += LANES)
        if (a->D - c >= LANES)
            channels(u, x, a, c, h0, h1, LANES);
        else
            channels(u, x, a, c, h0, h1, a->D - c);
}
