// image.cu - frames to the folded image, normalised, padded or stretched: em_image in ops.h. A thread a pixel.
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

static __device__ float stretched(const em_image &a, const float *frames, int n, int t, int f)
{
    const double s = (double)t * (n - 1) / (a.cols - 1);
    const int at = (int)floor(s);
    float w[4], x = 0.f;

    cubic(w, s - at);
    for (int i = 0; i < 4; i++)
        x += w[i] * (frames[(size_t)clamp(at - 1 + i, n - 1) * a.F + f] * a.scale[f] + a.shift[f]);
    return x;
}

__global__ void fold_image(em_image a, int n_threads)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x, width = a.cols / a.fold;
    const int f = i % a.F, t = i / a.F % a.cols, b = i / a.F / a.cols, w = t / width, c = t % width;

    em_wait_for_previous();
    if (i >= n_threads)
        return;
    const float *frames = a.frames[b];
    const int n = a.n_frames[b] < a.sound ? a.n_frames[b] : a.sound;
    float *pixel = a.y + (((size_t)b * a.fold + w) * a.F + f) * width + c;

    if (a.is_stretched && n != a.cols && n > 0)
        *pixel = stretched(a, frames, n, t, f);
    else
        *pixel = t < n ? frames[(size_t)t * a.F + f] * a.scale[f] + a.shift[f] : a.quiet[f];
}

enum { THREADS = 256 };

void em_cuda_image_fwd(em_dev *dev, const em_image *a, int B)
{
    const int n = B * a->F * a->cols;

    EM_LAUNCH(dev, fold_image, dim3(em_div_up((size_t)n, THREADS)), THREADS, 0, *a, n);
}
