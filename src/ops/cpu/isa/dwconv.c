/* dwconv.c - depthwise 3x3 and SiLU of some image rows, and the way back; vectors run over channels.
 *
 * For one vector of channels the nine taps stay in registers and each row is walked from left to right; all rows come
 * before the next vector, so that a row is in the first cache when the two below it want it again. */
#include "ops/cpu/isa/isa.h"

/* Where a line of the image is read; outside the image, over and over, a vector of zeros. */
typedef struct line { const float *at; size_t ld; } line;

static line line_at(const float *x, size_t ld, const em_conv_silu_xproj *a, int h)
{
    static const float zeros[LANES] = { 0 };

    return h >= 0 && h < a->H ? (line){ x + (size_t)h * (size_t)a->W * ld, ld } : (line){ zeros, 0 };
}

/* The three pixels of column w. */
EM_INLINE void column(vf out[3], const line rows[3], int w, int n)
{
    for (int i = 0; i < 3; i++)
        out[i] = v_load_n(rows[i].at + (size_t)w * rows[i].ld, n);
}

/* The sum at one pixel, of the columns at its left, its own and at its right. */
EM_INLINE vf sum_of(const vf left[3], const vf mid[3], const vf right[3], const vf t[9], vf sum)
{
    for (int i = 0; i < 3; i++) {
        sum += left[i] * t[3 * i];
        sum += mid[i] * t[3 * i + 1];
        sum += right[i] * t[3 * i + 2];
    }
    return sum;
}

/* One row of one vector of n channels: u[W], ldu apart, from the lines above, at and below it. Three columns take turns, so that
 * none is moved. */
EM_INLINE void convolve(float *u, size_t ldu, const line rows[3], const vf t[9], vf bias, int W, const int n)
{
    const vf none[3] = { { 0 } };
    vf a[3] = { { 0 } }, b[3], c[3];
    int w = 0;

    column(b, rows, 0, n);
    for (; w + 3 < W; w += 3, u += 3 * ldu) {
        column(c, rows, w + 1, n);
        v_store_n(u, sum_of(a, b, c, t, bias), n);
        column(a, rows, w + 2, n);
        v_store_n(u + ldu, sum_of(b, c, a, t, bias), n);
        column(b, rows, w + 3, n);
        v_store_n(u + 2 * ldu, sum_of(c, a, b, t, bias), n);
    }
    if (w + 1 == W) {
        v_store_n(u, sum_of(a, b, none, t, bias), n);
        return;
    }
    column(c, rows, w + 1, n);
    v_store_n(u, sum_of(a, b, c, t, bias), n);
    if (w + 2 == W) {
        v_store_n(u + ldu, sum_of(b, c, none, t, bias), n);
        return;
    }
    column(a, rows, w + 2, n);
    v_store_n(u + ldu, sum_of(b, c, a, t, bias), n);
    v_store_n(u + 2 * ldu, sum_of(c, a, none, t, bias), n);
}

/* SiLU of W vectors ldu apart; u may be raw. */
EM_INLINE void activate(float *u, const float *raw, size_t ldu, int W, const int n)
{
    for (int w = 0; w < W; w += CHAINS) {
        vf s[CHAINS];

#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++)
            s[c] = v_load_n(raw + (size_t)(w + c < W ? w + c : w) * ldu, n);
        v_silu(s, CHAINS);
#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++)
            if (w + c < W)
                v_store_n(u + (size_t)(w + c) * ldu, s[c], n);
    }
}

/* One vector of n channels, the rows [h0, h1). */
EM_INLINE void channels(float *u, float *raw, const float *x, const em_conv_silu_xproj *a, int c, int h0, int h1, const int n)
{
    const size_t ldu = (size_t)a->D;
    const vf bias = a->bias ? v_load_n(a->bias + c, n) : (vf){ 0 };
    vf t[9];

    for (int i = 0; i < 9; i++)
        t[i] = v_load_n(a->taps + (size_t)i * ldu + c, n);
    for (int h = h0; h < h1; h++) {
        const line rows[3] = { line_at(x + c, a->ldx, a, h - 1), line_at(x + c, a->ldx, a, h), line_at(x + c, a->ldx, a, h + 1) };
        const size_t at = (size_t)(h - h0) * (size_t)a->W * ldu + (size_t)c;

        convolve(raw + at, ldu, rows, t, bias, a->W, n);
        activate(u + at, raw + at, ldu, a->W, n);
    }
}

void EM_K(dwconv_silu_rows)(float *u, float *raw, const float *x, const em_conv_silu_xproj *a, int h0, int h1)
{
    for (int c = 0; c < a->D; c += LANES)
        if (a->D - c >= LANES)
            channels(u, raw, x, a, c, h0, h1, LANES);
        else
            channels(u, raw, x, a, c, h0, h1, a->D - c);
}

/* ------------------------------------------------------------------ back */

/* One row of one vector of channels. x at a pixel met dv at its nine neighbours, each through the tap on the other side:
 * both gradients need the same nine vectors. dt: of the taps, seen from dv, so in turned order. */
EM_INLINE void row_back(float *dx, const float *x, size_t ldx, const line rows[3], const vf t[9], vf dt[9], int W, const int n)
{
    vf left[3] = { { 0 } }, mid[3], right[3];

    column(mid, rows, 0, n);
    for (int w = 0; w < W; w++, dx += ldx, x += ldx) {
        const vf v = v_load_n(x, n);
        vf sum = { 0 };

        if (w + 1 < W)
            column(right, rows, w + 1, n);
        else
            right[0] = right[1] = right[2] = (vf){ 0 };
        for (int i = 0; i < 3; i++) {
            sum += left[i] * t[3 * i];
            sum += mid[i] * t[3 * i + 1];
            sum += right[i] * t[3 * i + 2];
            dt[3 * i] += left[i] * v;
            dt[3 * i + 1] += mid[i] * v;
            dt[3 * i + 2] += right[i] * v;
            left[i] = mid[i];
            mid[i] = right[i];
        }
        v_store_n(dx, sum, n);
    }
}

EM_INLINE void channels_back(float *dx, float *dtaps, const float *dv, const float *x, const float *taps,
                             const em_conv_silu_xproj *a, int h0, int h1, const int n)
{
    const size_t D = (size_t)a->D, line_floats = (size_t)a->W * a->ldx;
    vf t[9], dt[9];

    for (int i = 0; i < 9; i++) {
        t[i] = v_load_n(taps + (size_t)(8 - i) * D, n);
        dt[i] = v_load_n(dtaps + (size_t)(8 - i) * D, n);
    }
    for (int h = h0; h < h1; h++) {
        const line rows[3] = { line_at(dv, D, a, h - 1), line_at(dv, D, a, h), line_at(dv, D, a, h + 1) };

        row_back(dx + (size_t)h * line_floats, x + (size_t)h * line_floats, a->ldx, rows, t, dt, a->W, n);
    }
    for (int i = 0; i < 9; i++)
        v_store_n(dtaps + (size_t)(8 - i) * D, dt[i], n);
}

void EM_K(dwconv_back_rows)(float *dx, float *dtaps, const float *dv, const float *x, const em_conv_silu_xproj *a, int h0, int h1)
{
    for (int c = 0; c < a->D; c += LANES)
        if (a->D - c >= LANES)
            channels_back(dx + c, dtaps + c, dv + c, x + c, a->taps + c, a, h0, h1, LANES);
        else
            channels_back(dx + c, dtaps + c, dv + c, x + c, a->taps + c, a, h0, h1, a->D - c);
}
