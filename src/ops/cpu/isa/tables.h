/* tables.h - tables of 32 floats in two registers, which AVX-512 looks up lane by lane: instead of the upper half of a polynomial. */
#ifndef EM_OPS_CPU_ISA_TABLES_H
#define EM_OPS_CPU_ISA_TABLES_H

#include "ops/cpu/isa/vec.h"

/* roots_of_two[i] = 2^(i/32). gelu_cubics: z tail(z), tail the normal distribution beyond z, in 32 pieces: [k][i] is of z^k in piece i.
 * Made by tables.py, which says how. */
#include "ops/cpu/isa/tables.inc"

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
