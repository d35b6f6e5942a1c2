/* tables.h - tables of 32 floats in two registers, which AVX-512 looks up lane by lane: instead of the upper half of a polynomial. */
#ifndef EM_OPS_CPU_ISA_TABLES_H
#define EM_OPS_CPU_ISA_TABLES_H

#include "ops/cpu/isa/vec.h"

/* 2^(i/32) */
static const float roots_of_two[32] = {
    1.f,         1.0218972f,  1.04427373f, 1.06714046f, 1.09050775f, 1.1143868f,  1.13878858f, 1.1637249f,
    1.18920708f, 1.21524739f, 1.24185777f, 1.26905096f, 1.29683959f, 1.32523668f, 1.35425556f, 1.38390994f,
    1.41421354f, 1.44518077f, 1.47682619f, 1.50916445f, 1.54221082f, 1.5759809f,  1.61049032f, 1.64575553f,
    1.68179286f, 1.71861935f, 1.75625217f, 1.79470909f, 1.8340081f,  1.87416768f, 1.91520655f, 1.95714414f,
};

/* z tail(z), tail the normal distribution beyond z, in 32 pieces: c[k][i] is of z^k in piece i. Made by gelu_table.py, which says how. */
static const float gelu_cubics[4][32] = {
#include "ops/cpu/isa/gelu_cubics.inc"
};

/* t[i % 32] of each lane. */
EM_INLINE vf v_of_32(const float t[32], vi i)
{
    return (vf)_mm512_permutex2var_ps(_mm512_loadu_ps(t), (__m512i)i, _mm512_loadu_ps(t + 16));
}

/* Which piece: z (SLOPE - BEND z), rounded, in the last bits. */
EM_INLINE vi v_gelu_piece(vf z)
{
    const vf slope = z * -0.788584173f + 10.0321426f;

    return (vi)(slope * z + 12582912.f);            /* 1.5 * 2^23: adding it rounds to an integer */
}

/* What rounding x to a multiple of 1/32 leaves, in [-1/64, 1/64]; that multiple, of which v_scale takes the whole part; and two
 * to the power of the rest of it. */
EM_INLINE vf v_small_fraction(vf *multiple, vf *root, vf x)
{
    const float round = 393216.f;                   /* 1.5 * 2^18: adding it rounds to 1/32, and the last bits count those */
    const vf rounded = x + round;

    *multiple = rounded - round;
    *root = v_of_32(roots_of_two, (vi)rounded);
    return x - *multiple;
}

#endif
