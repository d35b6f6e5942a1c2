// hw_twin.h - the plain C++ twins of the hardware's functions in gpu/hw.cuh, which includes this in the emulated build.
#ifndef EM_TESTS_GPU_EMU_HW_TWIN_H
#define EM_TESTS_GPU_EMU_HW_TWIN_H

#include "half.h"

#include <math.h>

// Nearest even; a NaN stays one.
static inline uint16_t emu_bf16_of_float(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return x == x ? (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16) : (uint16_t)0x7fff;
}

static inline uint32_t em_narrow2(float lo, float hi) { return em_half_of_float(lo) | (uint32_t)em_half_of_float(hi) << 16; }
static inline uint32_t em_narrow2_bf16(float lo, float hi) { return emu_bf16_of_float(lo) | (uint32_t)emu_bf16_of_float(hi) << 16; }
static inline float em_widen(em_half x) { return em_float_of_half(x.bits); }

static inline float em_exp2(float x) { return exp2f(x); }
static inline float em_log2(float x) { return log2f(x); }
static inline float em_reciprocal(float x) { return 1.f / x; }

void  em_wait_for_previous();
void  em_warp_wait();
float em_shuffle_xor(float x, int mask);
void  em_ldmatrix4(uint32_t r[4], const void *shared);
void  em_ldmatrix4_turned(uint32_t r[4], const void *shared);
void  em_mma_bf16(float d[4], const uint32_t a[4], uint32_t b0, uint32_t b1);
void  em_mma(float d[4], const uint32_t a[4], uint32_t b0, uint32_t b1);

// What a copy will overwrite is spoiled at once, and the bytes arrive no sooner than somebody waits for them.
void  em_copy16(void *shared, const void *global, int n);
void  em_copy_commit();
void  emu_copy_wait(int n_newest);
template <int N> static inline void em_copy_wait() { emu_copy_wait(N); }

#endif
