/* math.h - 2^x, softplus, SiLU, GELU on vectors: polynomials without division or table.
 *
 * The coefficients are minimax fits made for this file (weighted least squares, Lawson's iteration, rounded to
 * float32); the errors given are of the fit, in exact arithmetic. Inputs are finite. */
#ifndef EM_OPS_CPU_ISA_MATH_H
#define EM_OPS_CPU_ISA_MATH_H

#include "ops/cpu/isa/vec.h"

/* 2^x, x <= 127; below -126 it stays at 2^-126, about 0. The fraction's polynomial starts at exactly 1: a decay near
 * 1 keeps its relative error far below float32's epsilon. Fit: 9e-8. */
EM_INLINE vf v_exp2(vf x)
{
    const float round = 12582912.f;                 /* 1.5 * 2^23: adding it rounds to an integer */
    vf clamped = v_max(x, v_set(-126.f));
    vf z = clamped + round;
    vf f = clamped - (z - round);
    vf p = v_set(0.0013264723820611835f);

    p = p * f + 0.009671512991189957f;
    p = p * f + 0.05550733581185341f;
    p = p * f + 0.24022242426872253f;
    p = p * f + 0.6931470036506653f;
    p = p * f + 1.f;
    return (vf)((vi)p + ((vi)z << 23));             /* into the exponent field; p is in [0.7, 1.5] */
}

/* log(1 + e^x) = max(x, 0) + log1p(e^-|x|). Above 20 the second part is under float32's epsilon: the identity
 * that the official code switches to. Relative error of the fit of log1p on [0, 1]: 1.6e-7. */
EM_INLINE vf v_softplus(vf x)
{
    vf t = v_exp2(v_abs(x) * -1.44269504f);
    vf p = v_set(-0.008783192373812199f);

    p = p * t + 0.04494408145546913f;
    p = p * t + -0.1088574156165123f;
    p = p * t + 0.17825472354888916f;
    p = p * t + -0.24523574113845825f;
    p = p * t + 0.3328016996383667f;
    p = p * t + -0.4999769926071167f;
    p = p * t + 0.9999998211860657f;
    return v_max(x, (vf){ 0 }) + p * t;
}

/* 1 / d for d in [1, 2]: Newton from the best line (error 1/17, squared three times: 1e-10). The same on every
 * CPU, which the estimate instructions are not. */
EM_INLINE vf v_recip12(vf d)
{
    vf y = d * (-8.f / 17.f) + (24.f / 17.f);

    y = y + y * (1.f - d * y);
    y = y + y * (1.f - d * y);
    return y + y * (1.f - d * y);
}

/* x / (1 + e^-x), from t = e^-|x| so that nothing overflows. */
EM_INLINE vf v_silu(vf x)
{
    vf t = v_exp2(v_abs(x) * -1.44269504f);
    vf s = v_recip12(1.f + t);                      /* sigmoid of |x| */
    vi is_negative = x < 0.f;

    s = (vf)((is_negative & (vi)(s * t)) | (~is_negative & (vi)s));
    return x * s;
}

/* x/2 (1 + erf(x / sqrt 2)); erf(z / sqrt 2) = 1 - 2^(z q(z)) on [0, 5.8], 1 beyond. Fit of erf: 2e-8. */
EM_INLINE vf v_gelu(vf x)
{
    vf z = v_min(v_abs(x), v_set(5.8f)), half = 0.5f * x;
    vf q = v_set(-2.8349099920887966e-06f);

    q = q * z + 3.9377639041049406e-05f;
    q = q * z + -0.00018617991008795798f;
    q = q * z + -0.00013693730579689145f;
    q = q * z + 0.007063421420753002f;
    q = q * z + -0.052496179938316345f;
    q = q * z + -0.459208220243454f;
    q = q * z + -1.151105284690857f;
    return half + half * v_sign(1.f - v_exp2(q * z), x);
}

#endif
