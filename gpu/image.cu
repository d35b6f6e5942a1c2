// image.cu - frames to the folded image, normalised, padded or stretched: em_image in ops.h. A thread a pixel.
//
// Live, most frames are in the stream's ring already (em_strip). The thread of a pixel puts the frame's number of the same place into
// the ring, where it is new: at places that no frame of this window is read from, so no thread waits for another.
#include "device.cuh"

#include <math.h>

// Four taps of the cubic convolution with A = -0.75 at fraction u between taps 1 and 2 (Keys 1981).
static __device__ void cubic(float w[4], double u)
{
    const double A = -0.75, far_[2] = { u + 1, 2 - u }, near_[2] = { u, 1 - u };

    for (int i = 0; i < 2; i++) {
        w[3 * i] = (float)(((A * far_[i] - 5 * A) * far_[i] + 8 * A) * far_[i] - 4 * A);
        w[1 + i] = (float)(((A + 2) * near_[i] - (A + 3)) * near_[i] * near_[i] + 1);
    }
}

static __device__ __forceinline__ int clamp(int x, int most) { return x < 0 ? 0 : x > most ? most : x; }

static __device__ __forceinline__ bool is_kept(const em_strip &s, int t) { return t >= s.head && t < s.head + s.n_kept; }
static __device__ __forceinline__ float *in_ring(const em_strip &s, int F, int t) { return s.ring + (size_t)((s.first + t) % s.size) * F; }
static __device__ __forceinline__ const float *fresh(const em_strip &s, int F, int t) { return s.fresh + (size_t)(t < s.head ? t : t - s.n_kept) * F; }

// Frame t of window b.
static __device__ __forceinline__ const float *frame(const em_image &a, int b, int t)
{
    if (!a.strips)
        return a.frames[b] + (size_t)t * a.F;
    const em_strip &s = a.strips[b];
    return is_kept(s, t) ? in_ring(s, a.F, t) : fresh(s, a.F, t);
}

static __device__ __forceinline__ void keep(const em_image &a, int b, int t, int f)
{
    const em_strip &s = a.strips[b];

    if (s.ring && !is_kept(s, t))
        in_ring(s, a.F, t)[f] = fresh(s, a.F, t)[f];
}

static __device__ float stretched(const em_image &a, int b, int n, int t, int f)
{
    const double s = (double)t * (n - 1) / (a.cols - 1);
    const int at = (int)floor(s);
    float w[4], x = 0.f;

    cubic(w, s - at);
    for (int i = 0; i < 4; i++)
        x += w[i] * (frame(a, b, clamp(at - 1 + i, n - 1))[f] * a.scale[f] + a.shift[f]);
    return x;
}

__global__ void fold_image(em_image a, int n_threads)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x, width = a.cols / a.fold;
    const int f = i % a.F, t = i / a.F % a.cols, b = i / a.F / a.cols, w = t / width, c = t % width;

    em_wait_for_previous();
    if (i >= n_threads)
        return;
    if (a.strips && t < a.n_frames[b])
        keep(a, b, t, f);
    const int n = a.n_frames[b] < a.sound ? a.n_frames[b] : a.sound;
    float *pixel = a.y + (((size_t)b * a.fold + w) * a.F + f) * width + c;

    if (a.is_stretched && n != a.cols && n > 0)
        *pixel = stretched(a, b, n, t, f);
    else
        *pixel = t < n ? frame(a, b, t)[f] * a.scale[f] + a.shift[f] : a.quiet[f];
}

enum { THREADS = 256 };

void em_cuda_image_fwd(em_dev *dev, const em_image *a, int B)
{
    const int n = B * a->F * a->cols;

    EM_LAUNCH(dev, fold_image, dim3(em_div_up((size_t)n, THREADS)), THREADS, 0, *a, n);
}
