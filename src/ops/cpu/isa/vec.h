/* vec.h - one vector type, as wide as the instruction set this file is compiled for.
 *
 * Each kernel file is compiled once per instruction set (EM_ISA names it: base, avx2, avx512); EM_K(f) gives
 * its functions that name. GCC's vector extension does the arithmetic (a*b + c becomes one FMA under
 * -ffp-contract=fast), so the base build is plain C that any CPU runs; only what has no operator is spelled
 * in intrinsics here. */
#ifndef EM_OPS_CPU_ISA_VEC_H
#define EM_OPS_CPU_ISA_VEC_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#define EM_PASTE_(isa, name) em_##isa##_##name
#define EM_PASTE(isa, name)  EM_PASTE_(isa, name)
#define EM_K(name)           EM_PASTE(EM_ISA, name)
#define EM_INLINE            static inline __attribute__((always_inline))

#if defined(__AVX512F__)
enum { LANES = 16, MR2 = 14, MR3 = 8 };         /* rows of a tile 2 and 3 vectors wide: 31 and 28 registers */
#elif defined(__AVX2__)
enum { LANES = 8, MR2 = 6, MR3 = 4 };           /* 15 and 16 of 16 */
#else
enum { LANES = 4, MR2 = 6, MR3 = 4 };
#endif

enum { LINE = 16 };                             /* floats of a cache's line */

typedef float   vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef float   vf_unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

EM_INLINE vf v_load(const float *p) { return *(const vf_unaligned *)p; }
EM_INLINE void v_store(float *p, vf x) { *(vf_unaligned *)p = x; }
EM_INLINE vf v_set(float x) { return x - (vf){ 0 }; }

/* a * b, rounded, whatever is added to it: where the compiler keeps some products of an unrolled loop for later, only the others
 * become FMAs, and a row would have other bits in another place. GCC's __builtin_assoc_barrier does the same, in quarters of a vector. */
EM_INLINE vf v_product(vf a, vf b)
{
    vf product = a * b;

#if defined(__AVX2__)
    __asm__("" : "+v"(product));
#elif defined(__aarch64__)
    __asm__("" : "+w"(product));
#endif
    return product;
}

#if defined(__AVX512F__)
EM_INLINE __mmask16 v_first(int n) { return (__mmask16)((1u << n) - 1u); }
#elif defined(__AVX2__)
EM_INLINE __m256i v_first(int n) { return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
#endif

/* The first n of LANES lanes; the others read as 0 and are not written. 0 < n <= LANES. Halves and quarters have
 * instructions of their own: a masked store counts as a whole vector when a later load looks for its bytes, and where
 * rows lie side by side each row would wait for the one before it. */
EM_INLINE vf v_load_n(const float *p, int n)
{
    if (n == LANES)
        return v_load(p);
#if defined(__AVX512F__)
    if (n == 8)
        return (vf)_mm512_zextps256_ps512(_mm256_loadu_ps(p));
    if (n == 4)
        return (vf)_mm512_zextps128_ps512(_mm_loadu_ps(p));
    return (vf)_mm512_maskz_loadu_ps(v_first(n), p);
#elif defined(__AVX2__)
    if (n == 4)
        return (vf)_mm256_zextps128_ps256(_mm_loadu_ps(p));
    return (vf)_mm256_maskload_ps(p, v_first(n));
#else
    vf x = { 0 };

    for (int i = 0; i < LANES; i++)
        if (i < n)
            x[i] = p[i];
    return x;
#endif
}

EM_INLINE void v_store_n(float *p, vf x, int n)
{
    if (n == LANES) {
        v_store(p, x);
        return;
    }
#if defined(__AVX512F__)
    if (n == 8)
        _mm256_storeu_ps(p, _mm512_castps512_ps256((__m512)x));
    else if (n == 4)
        _mm_storeu_ps(p, _mm512_castps512_ps128((__m512)x));
    else
        _mm512_mask_storeu_ps(p, v_first(n), (__m512)x);
#elif defined(__AVX2__)
    if (n == 4)
        _mm_storeu_ps(p, _mm256_castps256_ps128((__m256)x));
    else
        _mm256_maskstore_ps(p, v_first(n), (__m256)x);
#else
    for (int i = 0; i < LANES; i++)
        if (i < n)
            p[i] = x[i];
#endif
}

/* p[0], p[1], p[0], p[1] ... */
EM_INLINE vf v_set_pair(const float *p)
{
    double pair;

    memcpy(&pair, p, sizeof pair);
#if defined(__AVX512F__)
    return (vf)_mm512_set1_pd(pair);
#elif defined(__AVX2__)
    return (vf)_mm256_set1_pd(pair);
#else
    return (vf){ p[0], p[1], p[0], p[1] };
#endif
}

/* The sums of neighbours, x[0] + x[1] first; they fill half a vector. */
EM_INLINE vf v_sum_pairs(vf x)
{
#if defined(__AVX512F__)
    return (vf)_mm512_maskz_compress_ps(0x5555, (__m512)x + _mm512_permute_ps((__m512)x, 0xb1));
#elif defined(__AVX2__)
    return (vf)_mm256_permutevar8x32_ps(_mm256_hadd_ps((__m256)x, (__m256)x), _mm256_setr_epi32(0, 1, 4, 5, 0, 1, 4, 5));
#else
    return (vf){ x[0] + x[1], x[2] + x[3] };
#endif
}

EM_INLINE vf v_max(vf a, vf b)
{
#if defined(__AVX512F__)
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#else
    vi more = a > b;
    return (vf)((more & (vi)a) | (~more & (vi)b));
#endif
}

EM_INLINE vf v_min(vf a, vf b)
{
#if defined(__AVX512F__)
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
#else
    vi less = a < b;
    return (vf)((less & (vi)a) | (~less & (vi)b));
#endif
}

/* Whether v_scale knows what lies below 2^-126. */
#if defined(__AVX512DQ__)
enum { SCALES_FAR = 1 };
#else
enum { SCALES_FAR = 0 };
#endif

/* What rounding x to an integer leaves, in [-0.5, 0.5], and that integer as v_scale takes it. */
EM_INLINE vf v_fraction(vf *whole, vf x)
{
#if defined(__AVX512DQ__)
    const vf fraction = (vf)_mm512_reduce_ps((__m512)x, 0);

    *whole = x - fraction;
    return fraction;
#else
    const float round = 12582912.f;                 /* 1.5 * 2^23: adding it rounds to an integer */

    *whole = x + round;
    return x - (*whole - round);
#endif
}

/* x 2^whole, x in [0.7, 2]. */
EM_INLINE vf v_scale(vf x, vf whole)
{
#if defined(__AVX512DQ__)
    return (vf)_mm512_scalef_ps((__m512)x, (__m512)whole);
#else
    return (vf)((vi)x + ((vi)whole << 23));         /* into the exponent field */
#endif
}

EM_INLINE vf v_abs(vf x) { return (vf)((vi)x & 0x7fffffff); }

/* 1 where the sign bit is clear, else 0. */
EM_INLINE vf v_not_negative(vf x) { return (vf)(~((vi)x >> 31) & (vi)v_set(1.f)); }

/* |x| with the sign of s. */
EM_INLINE vf v_sign(vf x, vf s) { return (vf)(((vi)x & 0x7fffffff) | ((vi)s & (int32_t)0x80000000)); }

/* The first n lanes of x, 0 in the others. */
EM_INLINE vf v_keep_n(vf x, int n)
{
#if defined(__AVX512F__)
    return (vf)_mm512_maskz_mov_ps(v_first(n), (__m512)x);
#elif defined(__AVX2__)
    return (vf)_mm256_and_ps((__m256)x, _mm256_castsi256_ps(v_first(n)));
#else
    for (int i = 0; i < LANES; i++)
        if (i >= n)
            x[i] = 0.f;
    return x;
#endif
}

/* By halves, always in the same order. */
EM_INLINE float v_sum(vf x)
{
#if defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512)x);
#elif defined(__AVX2__)
    __m128 s = _mm_add_ps(_mm256_castps256_ps128((__m256)x), _mm256_extractf128_ps((__m256)x, 1));

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
#else
    return (x[0] + x[2]) + (x[1] + x[3]);
#endif
}

typedef float quarter __attribute__((vector_size(16)));
typedef float quarter_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

/* Four by four floats trade places. */
EM_INLINE void v_turn(quarter x[4])
{
    const quarter lo[2] = { __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5), __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5) };
    const quarter hi[2] = { __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7), __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7) };

    x[0] = __builtin_shufflevector(lo[0], lo[1], 0, 1, 4, 5);
    x[1] = __builtin_shufflevector(lo[0], lo[1], 2, 3, 6, 7);
    x[2] = __builtin_shufflevector(hi[0], hi[1], 0, 1, 4, 5);
    x[3] = __builtin_shufflevector(hi[0], hi[1], 2, 3, 6, 7);
}

#if defined(__AVX512F__)
/* The same of LANES by LANES: within the quarters of four vectors each, then quarter by quarter. */
EM_INLINE void v_turn_all(vf x[LANES])
{
#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 4) {
        const __m512d lo[2] = { (__m512d)_mm512_unpacklo_ps((__m512)x[i], (__m512)x[i + 1]), (__m512d)_mm512_unpacklo_ps((__m512)x[i + 2], (__m512)x[i + 3]) };
        const __m512d hi[2] = { (__m512d)_mm512_unpackhi_ps((__m512)x[i], (__m512)x[i + 1]), (__m512d)_mm512_unpackhi_ps((__m512)x[i + 2], (__m512)x[i + 3]) };

        x[i] = (vf)_mm512_unpacklo_pd(lo[0], lo[1]);
        x[i + 1] = (vf)_mm512_unpackhi_pd(lo[0], lo[1]);
        x[i + 2] = (vf)_mm512_unpacklo_pd(hi[0], hi[1]);
        x[i + 3] = (vf)_mm512_unpackhi_pd(hi[0], hi[1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const __m512 a = (__m512)x[i], b = (__m512)x[i + 4], c = (__m512)x[i + 8], d = (__m512)x[i + 12];
        const __m512 lo[2] = { _mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(c, d, 0x44) };    /* quarters 0 and 1 of both */
        const __m512 hi[2] = { _mm512_shuffle_f32x4(a, b, 0xee), _mm512_shuffle_f32x4(c, d, 0xee) };    /* 2 and 3                  */

        x[i] = (vf)_mm512_shuffle_f32x4(lo[0], lo[1], 0x88);
        x[i + 4] = (vf)_mm512_shuffle_f32x4(lo[0], lo[1], 0xdd);
        x[i + 8] = (vf)_mm512_shuffle_f32x4(hi[0], hi[1], 0x88);
        x[i + 12] = (vf)_mm512_shuffle_f32x4(hi[0], hi[1], 0xdd);
    }
}
#endif

#endif
