// math.cuh - small functions of kernels: numbers of either type, sums over a warp, the activations.
#ifndef EM_GPU_MATH_CUH
#define EM_GPU_MATH_CUH

#include "hw.cuh"

#include <math.h>

static __device__ __forceinline__ float em_load(const float *p) { return *p; }
static __device__ __forceinline__ float em_load(const em_half *p) { return em_widen(*p); }
static __device__ __forceinline__ void em_store(float *p, float x) { *p = x; }
static __device__ __forceinline__ void em_store(em_half *p, float x) { *p = em_narrow(x); }
static __device__ __forceinline__ void em_store(em_bf16 *p, float x) { *p = em_narrow_bf16(x); }

// Four neighbours; p is aligned to them.
static __device__ __forceinline__ float4 em_load4(const float *p) { return *(const float4 *)p; }

static __device__ __forceinline__ float4 em_load4(const em_half *p)
{
    const uint2 v = *(const uint2 *)p;
    const em_half a = { (uint16_t)v.x }, b = { (uint16_t)(v.x >> 16) }, c = { (uint16_t)v.y }, d = { (uint16_t)(v.y >> 16) };

    return make_float4(em_widen(a), em_widen(b), em_widen(c), em_widen(d));
}

static __device__ __forceinline__ void em_store4(float *p, float4 v) { *(float4 *)p = v; }
static __device__ __forceinline__ void em_store4(em_half *p, float4 v) { *(uint2 *)p = make_uint2(em_narrow2(v.x, v.y), em_narrow2(v.z, v.w)); }

// Warp: the sum of all lanes, in every lane.
static __device__ __forceinline__ float em_warp_sum(float x)
{
    for (int mask = 16; mask > 0; mask /= 2)
        x += em_shuffle_xor(x, mask);
    return x;
}

static __device__ __forceinline__ float em_sigmoid(float x) { return em_reciprocal(1.f + em_exp2(-1.44269504f * x)); }
static __device__ __forceinline__ float em_silu(float x) { return x * em_sigmoid(x); }
static __device__ __forceinline__ float em_gelu(float x) { return 0.5f * x * (1.f + erff(0.70710678f * x)); }

static __device__ __forceinline__ float em_gelu_slope(float x)
{
    return 0.5f * (1.f + erff(0.70710678f * x)) + 0.39894228f * x * em_exp2(-0.72134752f * x * x);
}

static __device__ __forceinline__ float em_silu_slope(float x)
{
    const float sigmoid = em_sigmoid(x);

    return sigmoid * (1.f + x * (1.f - sigmoid));
}

// log(1 + e^x), within 1e-7; the largest argument of exp2 is kept finite.
static __device__ __forceinline__ float em_softplus_fast(float x)
{
    const float y = 0.69314718f * em_log2(1.f + em_exp2(fminf(1.44269504f * x, 126.f)));

    return fmaxf(x, y);
}

// The same in fp32. For small e^x the series keeps the digits that 1 + e^x has no room for.
static __device__ __forceinline__ float em_softplus(float x)
{
    const float e = em_exp2(1.44269504f * x);

    if (x > 20.f)
        return x;
    if (e < 0.0625f)
        return e * (1.f - e * (1.f / 2 - e * (1.f / 3 - e * (1.f / 4 - e * (1.f / 5 - e * (1.f / 6))))));
    return 0.69314718f * em_log2(1.f + e);
}

#endif
