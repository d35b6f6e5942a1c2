// image_back.cu - what the affine map of the frames learns: em_image in ops.h. The frames are data, and end the way back.
#include "image.cuh"
#include "sums.cuh"

enum { BINS = 32, LANES = 8, PART_COLUMNS = 64 };           // a lane has every eighth column of a part

// parts[window, part of its columns][2][F]
__global__ void __launch_bounds__(BINS * LANES) image_back(float *parts, em_image a)
{
    EM_SHARED(float, shared);                               // [2][LANES][BINS]
    const int bin = threadIdx.x % BINS, lane = threadIdx.x / BINS, f = blockIdx.x * BINS + bin, b = blockIdx.z, width = a.cols / a.fold;
    const int begin = blockIdx.y * PART_COLUMNS, end = begin + PART_COLUMNS < a.cols ? begin + PART_COLUMNS : a.cols;
    float dweight = 0.f, dbias = 0.f;

    em_wait_for_previous();
    for (int t = begin + lane; t < end && f < a.F; t += LANES) {
        const em_affine raw = { 1.f, 0.f, a.quiet_frame[f] };
        const float dy = a.dy[(((size_t)b * a.fold + t / width) * a.F + f) * width + t % width];

        dweight += dy * ((em_pixel(a, raw, b, t, f) - a.centre[f]) * a.spread[f]);
        dbias += dy;
    }
    shared[lane * BINS + bin] = dweight;
    shared[(LANES + lane) * BINS + bin] = dbias;
    __syncthreads();
    if (lane < 2 && f < a.F) {
        float sum = 0.f;

        for (int i = 0; i < LANES; i++)
            sum += shared[(lane * LANES + i) * BINS + bin];
        parts[(((size_t)b * gridDim.y + blockIdx.y) * 2 + lane) * a.F + f] = sum;
    }
}

void em_cuda_image_bwd(em_dev *dev, const em_image *a, int B)
{
    const size_t F = (size_t)a->F;
    const dim3 grid((unsigned)em_div_up(F, BINS), (unsigned)em_div_up((size_t)a->cols, PART_COLUMNS), (unsigned)B);
    const int n_parts = B * (int)grid.y;
    float *const parts = (float *)em_cuda_spare(dev, EM_SPARE_PARTS, n_parts * 2 * F * sizeof *parts);

    EM_LAUNCH(dev, image_back, grid, BINS * LANES, 2 * BINS * LANES * sizeof(float), parts, *a);
    em_cuda_add_parts(dev, a->dweight, parts, 2 * F, F, n_parts);
    em_cuda_add_parts(dev, a->dbias, parts + F, 2 * F, F, n_parts);
}
