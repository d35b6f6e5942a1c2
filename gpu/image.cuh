// image.cuh - a column of the image from the frames it lies between: for image.cu and the way back.
#ifndef EM_GPU_IMAGE_CUH
#define EM_GPU_IMAGE_CUH

#include "device.cuh"

#include <math.h>

// What becomes of a frame's number, and what stands past the last frame; of one bin.
struct em_affine { float scale, shift, past; };

// Four taps of the cubic convolution with A = -0.75 at fraction u between taps 1 and 2 (Keys 1981).
static __device__ __forceinline__ void em_cubic(float w[4], double u)
{
    const double A = -0.75, far_[2] = { u + 1, 2 - u }, near_[2] = { u, 1 - u };

    for (int i = 0; i < 2; i++) {
        w[3 * i] = (float)(((A * far_[i] - 5 * A) * far_[i] + 8 * A) * far_[i] - 4 * A);
        w[1 + i] = (float)(((A + 2) * near_[i] - (A + 3)) * near_[i] * near_[i] + 1);
    }
}

static __device__ __forceinline__ int em_clamp(int x, int most) { return x < 0 ? 0 : x > most ? most : x; }

// Where frame t of a strip lies.
static __device__ __forceinline__ bool em_is_kept(const em_strip &s, int t) { return t >= s.head && t < s.head + s.n_kept; }
static __device__ __forceinline__ float *em_in_ring(const em_strip &s, int F, int t) { return s.ring + (size_t)((s.first + t) % s.size) * F; }
static __device__ __forceinline__ const float *em_fresh(const em_strip &s, int F, int t)
{
    return s.fresh + (size_t)(t < s.head ? t : t - s.n_kept) * F;
}

// Frame t of window b.
static __device__ __forceinline__ const float *em_frame(const em_image &a, int b, int t)
{
    if (!a.strips)
        return a.frames[b] + (size_t)t * a.F;
    const em_strip &s = a.strips[b];
    return em_is_kept(s, t) ? em_in_ring(s, a.F, t) : em_fresh(s, a.F, t);
}

static __device__ __forceinline__ float em_stretched(const em_image &a, em_affine m, int b, int n, int t, int f)
{
    const double s = (double)t * (n - 1) / (a.cols - 1);
    const int at = (int)floor(s);
    float w[4], x = 0.f;

    em_cubic(w, s - at);
    for (int i = 0; i < 4; i++)
        x += w[i] * (em_frame(a, b, em_clamp(at - 1 + i, n - 1))[f] * m.scale + m.shift);
    return x;
}

// Bin f of column t of window b.
static __device__ __forceinline__ float em_pixel(const em_image &a, em_affine m, int b, int t, int f)
{
    const int n = a.n_frames[b] < a.sound ? a.n_frames[b] : a.sound;

    if (a.is_stretched && n != a.cols && n > 0)
        return em_stretched(a, m, b, n, t, f);
    return t < n ? em_frame(a, b, t)[f] * m.scale + m.shift : m.past;
}

#endif
