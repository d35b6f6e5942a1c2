// image.cu - frames to the folded image, normalised, padded or stretched: em_image in ops.h. A thread a pixel.
//
// Live, most frames are in the stream's ring already (em_strip). The thread of a pixel puts the frame's number of the same place into
// the ring, where it is new: at places that no frame of this window is read from, so no thread waits for another.
#include "image.cuh"

static __device__ __forceinline__ void keep(const em_image &a, int b, int t, int f)
{
    const em_strip &s = a.strips[b];

    if (s.ring && !em_is_kept(s, t))
        em_in_ring(s, a.F, t)[f] = em_fresh(s, a.F, t)[f];
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
    const em_affine m = { a.scale[f], a.shift[f], a.quiet[f] };

    a.y[(((size_t)b * a.fold + w) * a.F + f) * width + c] = em_pixel(a, m, b, t, f);
}

enum { THREADS = 256 };

void em_cuda_image_fwd(em_dev *dev, const em_image *a, int B)
{
    const int n = B * a->F * a->cols;

    EM_LAUNCH(dev, fold_image, dim3(em_div_up((size_t)n, THREADS)), THREADS, 0, *a, n);
}
