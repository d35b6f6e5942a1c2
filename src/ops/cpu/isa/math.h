/* math.h - 2^x, softplus, SiLU, GELU on n vectors in step: polynomials without division, in pieces where registers hold a table.
 *
 * One evaluation is a chain of twenty to forty dependent instructions, each four clocks after the one before it. n
 * chains (n a constant, MOST_CHAINS at most) written step by step side by side keep the units busy whatever the depth of
 * the CPU's window; files that use them are compiled without the passes that would pull the chains apart again.
 *
 * The coefficients are minimax fits made for this file (weighted least squares, Lawson's iteration, rounded to
 * float32); the errors given are of the fit, in exact arithmetic. Inputs are finite. */
#ifndef EM_OPS_CPU_ISA_MATH_H
#define EM_OPS_CPU_ISA_MATH_H

#include "ops/cpu/isa/vec.h"

#if defined(__AVX512DQ__)
#include "ops/cpu/isa/tables.h"
#endif

/* As many as sixteen registers hold with what they need; with twice the registers twice as many, which pays in the scan
 * alone, whose vectors lie side by side. */
enum { CHAINS = 4, MOST_CHAINS = LANES == 16 ? 8 : 4 };

#define EACH(c) _Pragma("GCC unroll 8") for (int c = 0; c < n; c++)

/* 2^x for x in [-126, 127], below it too where v_scale can. The fraction's polynomial starts at exactly 1: a decay near 1 keeps its relative error far
 * below float32's epsilon. Fit: 9e-8. */
EM_INLINE void v_exp2_inside(vf *x, const int n)
{
    vf whole[MOST_CHAINS], p[MOST_CHAINS];

    EACH(c) x[c] = v_fraction(&whole[c], x[c]);
    EACH(c) p[c] = x[c] * 0.0013264723820611835f + 0.009671512991189957f;
    EACH(c) p[c] = p[c] * x[c] + 0.05550733581185341f;
    EACH(c) p[c] = p[c] * x[c] + 0.24022242426872253f;
    EACH(c) p[c] = p[c] * x[c] + 0.6931470036506653f;
    EACH(c) p[c] = p[c] * x[c] + 1.f;
    EACH(c) x[c] = v_scale(p[c], whole[c]);
}

/* 2^x, x <= 127; below -126 it stays at 2^-126, about 0. */
EM_INLINE void v_exp2(vf *x, const int n)
{
    if (!SCALES_FAR)
        EACH(c) x[c] = v_max(x[c], v_set(-126.f));
    v_exp2_inside(x, n);
}

/* 2^x, x <= 127, for what is not multiplied up: the relative error is 1.1e-7 also where x is nearly 0. */
EM_INLINE void v_exp2_once(vf *x, const int n)
{
#if defined(__AVX512DQ__)
    vf multiple[MOST_CHAINS], root[MOST_CHAINS], p[MOST_CHAINS];

    EACH(c) x[c] = v_small_fraction(&multiple[c], &root[c], x[c]);
    EACH(c) p[c] = x[c] * 0.24022649228572845f + 0.6931573152542114f;
    EACH(c) p[c] = p[c] * x[c] + 1.f;
    EACH(c) x[c] = v_scale(p[c] * root[c], multiple[c]);
#else
    v_exp2(x, n);
#endif
}

/* e^-|x| */
EM_INLINE void v_exp_below(vf *t, const vf *x, const int n)
{
    EACH(c) t[c] = v_abs(x[c]) * -1.44269504f;
    v_exp2_once(t, n);
}

/* log(1 + e^x) = max(x, 0) + log1p(t), t = e^-|x|. Above 20 the second part is under float32's epsilon: the identity
 * that the official code switches to. Relative error of the fit of log1p on [0, 1]: 1.6e-7. */
EM_INLINE void v_softplus_of(vf *x, const vf *t, const int n)
{
    vf p[MOST_CHAINS];

    EACH(c) p[c] = t[c] * -0.008783192373812199f + 0.04494408145546913f;
    EACH(c) p[c] = p[c] * t[c] + -0.1088574156165123f;
    EACH(c) p[c] = p[c] * t[c] + 0.17825472354888916f;
    EACH(c) p[c] = p[c] * t[c] + -0.24523574113845825f;
    EACH(c) p[c] = p[c] * t[c] + 0.3328016996383667f;
    EACH(c) p[c] = p[c] * t[c] + -0.4999769926071167f;
    EACH(c) p[c] = p[c] * t[c] + 0.9999998211860657f;
    EACH(c) x[c] = v_max(x[c], (vf){ 0 });
    EACH(c) x[c] = x[c] + p[c] * t[c];
}

EM_INLINE void v_softplus(vf *x, const int n)
{
    vf t[MOST_CHAINS];

    v_exp_below(t, x, n);
    v_softplus_of(x, t, n);
}

/* 1 / d for d in [1, 2]: the best parabola (error 1/99) and one step of third order (1e-6): the same on every CPU, which
 * the estimate instructions are not. */
EM_INLINE void v_inverse(vf *y, vf *d, const int n)
{
    EACH(c) y[c] = d[c] * 0.3232307434082031f + -1.4545408487319946f;
    EACH(c) y[c] = y[c] * d[c] + 2.121208906173706f;
    EACH(c) d[c] = 1.f - d[c] * y[c];
    EACH(c) d[c] = d[c] * d[c] + d[c];
    EACH(c) y[c] = y[c] * d[c] + y[c];
}

/* v_softplus and its derivative 1 / (1 + e^-x) = max(t, x >= 0) / (1 + t). */
EM_INLINE void v_softplus_slope(vf *x, vf *slope, const int n)
{
    vf t[MOST_CHAINS], d[MOST_CHAINS];

    v_exp_below(t, x, n);
    EACH(c) d[c] = t[c] + 1.f;
    v_inverse(slope, d, n);
    EACH(c) slope[c] = slope[c] * v_max(t[c], v_not_negative(x[c]));
    v_softplus_of(x, t, n);
}

/* x / (1 + e^-x) = max(x, 0) - |x| t / (1 + t), t = e^-|x|, so that nothing overflows; |x| t / (1 + t) is at most 0.28. */
EM_INLINE void v_silu(vf *x, const int n)
{
    vf t[MOST_CHAINS], d[MOST_CHAINS], y[MOST_CHAINS];

    v_exp_below(t, x, n);
    EACH(c) d[c] = t[c] + 1.f;
    v_inverse(y, d, n);
    EACH(c) t[c] = t[c] * v_abs(x[c]);
    EACH(c) x[c] = v_max(x[c], (vf){ 0 });
    EACH(c) x[c] = x[c] - t[c] * y[c];
}

/* z = |x| and the tail of the normal distribution beyond it, erfc(z / sqrt 2) / 2 = 2^(z q(z) - 1). Fit of z times it on [0, 5.8]:
 * 9e-8; beyond it stays under 2e-8. */
EM_INLINE void v_gelu_tail(vf *q, vf *z, const vf *x, const int n)
{
    EACH(c) z[c] = v_min(v_abs(x[c]), v_set(5.8f));
    EACH(c) q[c] = z[c] * 2.992412555613555e-05f + -0.0007398737361654639f;
    EACH(c) q[c] = q[c] * z[c] + 0.007977461442351341f;
    EACH(c) q[c] = q[c] * z[c] + -0.05323818325996399f;
    EACH(c) q[c] = q[c] * z[c] + -0.45891568064689636f;
    EACH(c) q[c] = q[c] * z[c] + -1.1511471271514893f;
    EACH(c) q[c] = q[c] * z[c] + -1.f;
    v_exp2_inside(q, n);
}

/* z tail(z), z = |x|; from the table within 1.1e-7. */
EM_INLINE void v_gelu_less(vf *z, const vf *x, const int n)
{
    vf p[MOST_CHAINS];
#if defined(__AVX512DQ__)
    vi i[MOST_CHAINS];

    EACH(c) z[c] = v_min(v_abs(x[c]), v_set(5.6f));
    EACH(c) i[c] = v_gelu_piece(z[c]);
    EACH(c) p[c] = v_of_32(gelu_cubics[3], i[c]) * z[c] + v_of_32(gelu_cubics[2], i[c]);
    EACH(c) p[c] = p[c] * z[c] + v_of_32(gelu_cubics[1], i[c]);
    EACH(c) z[c] = p[c] * z[c] + v_of_32(gelu_cubics[0], i[c]);
#else
    v_gelu_tail(p, z, x, n);
    EACH(c) z[c] = z[c] * p[c];
#endif
}

/* x/2 (1 + erf(x / sqrt 2)) = max(x, 0) - z tail(z) */
EM_INLINE void v_gelu(vf *x, const int n)
{
    vf less[MOST_CHAINS];

    v_gelu_less(less, x, n);
    EACH(c) x[c] = v_max(x[c], (vf){ 0 });
    EACH(c) x[c] = x[c] - less[c];
}

/* ---- slopes, for backward: plain divisions, for nothing here hangs on a few clocks */

/* 1 / (1 + e^-x), with its relative error also where it is small. */
EM_INLINE void v_sigmoid(vf *x, const int n)
{
    vf t[MOST_CHAINS];

    EACH(c) t[c] = v_abs(x[c]) * -1.44269504f;
    v_exp2(t, n);
    EACH(c) {
        const vi is_low = x[c] < (vf){ 0 };
        const vf top = (vf)((is_low & (vi)t[c]) | (~is_low & (vi)v_set(1.f)));

        x[c] = top / (1.f + t[c]);
    }
}

/* SiLU and its slope s + x s (1 - s), s = sigmoid(x). */
EM_INLINE void v_silu_slope(vf *x, vf *slope, const int n)
{
    vf s[MOST_CHAINS];

    EACH(c) s[c] = x[c];
    v_sigmoid(s, n);
    EACH(c) x[c] = x[c] * s[c];
    EACH(c) slope[c] = s[c] + x[c] * (1.f - s[c]);
}

/* GELU and its slope P + x p: P the normal distribution, from the same fit, p its density. */
EM_INLINE void v_gelu_slope(vf *x, vf *slope, const int n)
{
    vf z[MOST_CHAINS], q[MOST_CHAINS], p[MOST_CHAINS];

    v_gelu_tail(q, z, x, n);
    EACH(c) p[c] = z[c] * z[c] * -0.721347520444f;
    v_exp2(p, n);
    EACH(c) {
        const vi is_low = x[c] < (vf){ 0 };
        const vf P = (vf)((is_low & (vi)q[c]) | (~is_low & (vi)(1.f - q[c])));

        slope[c] = P + x[c] * p[c] * 0.398942280401f;
        x[c] = v_max(x[c], (vf){ 0 }) - z[c] * q[c];
    }
}

#endif
