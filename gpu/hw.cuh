// hw.cuh - everything that only the hardware has: one function each, and beside it a plain C++ twin for tests/gpu_emu.
//
// Nothing else in gpu/ knows which of the two it is compiled for. Functions marked "warp" are called by all 32 lanes.
#ifndef EM_GPU_HW_CUH
#define EM_GPU_HW_CUH

#include <cuda_runtime.h>
#include <stdint.h>

// A 16-bit float of 11 significant bits. Numbers past +-65504 are stored as that, so that none becomes infinite.
struct em_half { uint16_t bits; };

// The upper half of a float: its range, 8 significant bits. Gradients have no scale to rely on, so their products are of these.
struct em_bf16 { uint16_t bits; };

#if defined(__CUDACC__)

// Dynamic shared memory of the block as an array of `type`.
#define EM_SHARED(type, name)                                                   \
    extern __shared__ __align__(128) unsigned char em_shared_memory[];          \
    type *const name = (type *)em_shared_memory

static __device__ __forceinline__ float em_widen(em_half x)
{
    float y;

    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}

// Two floats to half, nearest even, clamped; lo in the low half.
static __device__ __forceinline__ uint32_t em_narrow2(float lo, float hi)
{
    uint32_t r;

    asm("cvt.rn.satfinite.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
    return r;
}

// The same to the upper halves of floats.
static __device__ __forceinline__ uint32_t em_narrow2_bf16(float lo, float hi)
{
    uint32_t r;

    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
    return r;
}

static __device__ __forceinline__ float em_exp2(float x)
{
    float y;

    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

static __device__ __forceinline__ float em_log2(float x)
{
    float y;

    asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

static __device__ __forceinline__ float em_reciprocal(float x)
{
    float y;

    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// Warp: what its lanes wrote to shared memory before, all of them see after.
static __device__ __forceinline__ void em_warp_wait() { __syncwarp(); }

// The kernel before this one may still run when this one begins (em_launch asks for that): what that wrote is there,
// and what it read may be overwritten, only after this. Every thread calls it once. Lets the next kernel begin, too.
static __device__ __forceinline__ void em_wait_for_previous()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Warp: the value of lane ^ mask.
static __device__ __forceinline__ float em_shuffle_xor(float x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }

// 16 bytes to shared memory behind the thread's back; bytes past n (0 or 16) become zero. Groups end with commit;
// wait<n> leaves at most the n newest groups unfinished. Other threads see the bytes after the next barrier.
static __device__ __forceinline__ void em_copy16(void *shared, const void *global, int n)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"((uint32_t)__cvta_generic_to_shared(shared)), "l"(global), "r"(n) : "memory");
}

static __device__ __forceinline__ void em_copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

template <int N>
static __device__ __forceinline__ void em_copy_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

// Warp: four 8x8 matrices of 16-bit numbers; lane 8i + r gives the address of row r of matrix i.
static __device__ __forceinline__ void em_ldmatrix4(uint32_t r[4], const void *shared)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"((uint32_t)__cvta_generic_to_shared(shared)) : "memory");
}

// The same, each matrix turned.
static __device__ __forceinline__ void em_ldmatrix4_turned(uint32_t r[4], const void *shared)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"((uint32_t)__cvta_generic_to_shared(shared)) : "memory");
}

// Warp: d[16][8] += a[16][16] b[16][8], halves in, float sums, fragments as the PTX manual lays them out.
static __device__ __forceinline__ void em_mma(float d[4], const uint32_t a[4], uint32_t b0, uint32_t b1)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// The same of upper halves.
static __device__ __forceinline__ void em_mma_bf16(float d[4], const uint32_t a[4], uint32_t b0, uint32_t b1)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

#else
#include "hw_twin.h"
#endif

static __device__ __forceinline__ em_half em_narrow(float x)
{
    em_half y;

    y.bits = (uint16_t)em_narrow2(x, 0.f);
    return y;
}

static __device__ __forceinline__ em_bf16 em_narrow_bf16(float x)
{
    em_bf16 y;

    y.bits = (uint16_t)em_narrow2_bf16(x, 0.f);
    return y;
}

#endif
