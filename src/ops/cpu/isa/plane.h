/* plane.h - what a convolution of one plane (plane.c) and its way back (plane_back.c) share: the taps of some pixels, and their sums.
 * Vectors run over pixels. */
#ifndef EM_OPS_CPU_ISA_PLANE_H
#define EM_OPS_CPU_ISA_PLANE_H

#include "ops/cpu/isa/isa.h"

#include <math.h>

/* Every step-th float from p; of tap pixels [from, to) are inside the image, the others read as 0. */
EM_INLINE vf pick(const float *p, int step, int from, int to)
{
    vf x = { 0 };

    for (int i = from; i < to; i++)
        x[i] = p[i * step];
    return x;
}

/* The same where all LANES are inside: two neighbouring vectors hold them when step is 2. */
EM_INLINE vf pick_all(const float *p, int step)
{
#if defined(__AVX512F__)
    if (step == 2)
        return __builtin_shufflevector(v_load(p), v_load(p + LANES), 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#elif defined(__AVX2__)
    if (step == 2)
        return __builtin_shufflevector(v_load(p), v_load(p + LANES), 0, 2, 4, 6, 8, 10, 12, 14);
#endif
    return pick(p, step, 0, LANES);
}

/* The inputs of pixels ox, ox + 1, ... of row oy: a vector a tap. */
static inline void taps_of(vf taps[EM_PLANE_TAPS], const em_conv *a, const float *image, int oy, int ox)
{
    for (int ky = 0; ky < a->kh; ky++)
        for (int kx = 0; kx < a->kw; kx++) {
            const int iy = oy * a->stride + ky - a->pad_y, ix = ox * a->stride + kx - a->pad_x, s = a->stride;
            const int from = ix < 0 ? (-ix + s - 1) / s : 0, to = (a->W - ix + s - 1) / s;
            vf *x = &taps[ky * a->kw + kx];

            if (iy < 0 || iy >= a->H)
                *x = (vf){ 0 };
            else if (ix >= 0 && ix + 2 * LANES <= a->W && s <= 2)
                *x = pick_all(image + (size_t)iy * (size_t)a->W + ix, s);
            else
                *x = pick(image + (long)iy * a->W + ix, s, from, to < LANES ? to : LANES);
        }
}

/* y[c] = the convolution at the pixels whose taps these are, four channels in step; returns the sum over channels. */
static inline vf convolve(vf *y, const em_conv *a, const float *w, const vf *taps)
{
    const int k = a->kh * a->kw, n = a->w.n;
    vf total = { 0 };

    for (int c = 0; c < n; c += CHAINS) {
        vf sum[CHAINS];
        const float *row[CHAINS];

#pragma GCC unroll 4
        for (int i = 0; i < CHAINS; i++) {
            const int at = c + i < n ? c + i : n - 1;

            row[i] = w + (size_t)at * (size_t)k;
            sum[i] = a->bias ? v_set(a->bias[at]) : (vf){ 0 };
        }
        for (int t = 0; t < k; t++)
#pragma GCC unroll 4
            for (int i = 0; i < CHAINS; i++)
                sum[i] += row[i][t] * taps[t];
        for (int i = 0; i < CHAINS && c + i < n; i++) {
            y[c + i] = sum[i];
            total += sum[i];
        }
    }
    return total;
}

/* y[c] less its mean over the n channels, whose sum is total; returns 1 / their standard deviation. */
static inline vf centre(vf *y, vf total, int n)
{
    const vf mean = total * (1.f / (float)n);
    _Static_assert(CHAINS == 4, "all of them are added up");
    vf some[CHAINS] = { { 0 } }, squares, rstd;
    int c = 0;

    for (; c + CHAINS <= n; c += CHAINS)
#pragma GCC unroll 4
        for (int i = 0; i < CHAINS; i++) {
            y[c + i] -= mean;
            some[i] += y[c + i] * y[c + i];
        }
    for (; c < n; c++) {
        y[c] -= mean;
        some[0] += y[c] * y[c];
    }
    squares = ((some[0] + some[1]) + (some[2] + some[3])) * (1.f / (float)n) + EM_NORM_EPS;
    for (int i = 0; i < LANES; i++)
        rstd[i] = 1.f / sqrtf(squares[i]);
    return rstd;
}

#endif
