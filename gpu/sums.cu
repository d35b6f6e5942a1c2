// sums.cu - see sums.cuh.
#include "sums.cuh"

#include <stdio.h>

void *em_cuda_spare(em_dev *dev, em_spare which, size_t n_bytes)
{
    char sentence[128];

    if (dev->status != EM_OK)
        return NULL;
    if (n_bytes <= dev->spare[which].bytes)
        return dev->spare[which].at;
    em_cuda_note(dev, cudaStreamSynchronize(dev->stream), "its work");
    cudaFree(dev->spare[which].at);
    dev->spare[which].at = NULL;
    dev->spare[which].bytes = 0;
    if (cudaMalloc(&dev->spare[which].at, n_bytes) == cudaSuccess) {
        dev->spare[which].bytes = n_bytes;
        return dev->spare[which].at;
    }
    cudaGetLastError();                     // told in words of our own
    dev->spare[which].at = NULL;
    snprintf(sentence, sizeof sentence, "no GPU memory for %zu MB of a step's scratch: a smaller --micro-batch needs less", n_bytes >> 20);
    em_cuda_fail(dev, EM_ENOMEM, sentence);
    return NULL;
}

// ---------------------------------------------------------------- parts

enum { COLUMNS = 32, LANES = 8 };           // of a block: a lane adds up every eighth part, or row

// What the lanes of a column have, in the order of the lanes. Every thread of the block comes here.
static __device__ __forceinline__ float over_lanes(float *shared, float sum)
{
    const int column = threadIdx.x % COLUMNS, lane = threadIdx.x / COLUMNS;

    shared[lane * COLUMNS + column] = sum;
    __syncthreads();
    sum = 0.f;
    for (int i = 0; i < LANES; i++)
        sum += shared[i * COLUMNS + column];
    return sum;
}

__global__ void __launch_bounds__(COLUMNS * LANES) add_parts(float *dst, const float *parts, size_t stride, size_t n, int n_parts, bool adds)
{
    EM_SHARED(float, shared);
    const size_t i = (size_t)blockIdx.x * COLUMNS + threadIdx.x % COLUMNS;
    const int lane = threadIdx.x / COLUMNS;
    float sum = 0.f;

    em_wait_for_previous();
    #pragma unroll 4
    for (int p = lane; p < n_parts; p += LANES)
        sum += i < n ? parts[p * stride + i] : 0.f;
    sum = over_lanes(shared, sum);
    if (lane == 0 && i < n)
        dst[i] = adds ? dst[i] + sum : sum;
}

static void launch_parts(em_dev *dev, float *dst, const float *parts, size_t stride, size_t n, int n_parts, bool adds)
{
    if (dst)
        EM_LAUNCH(dev, add_parts, dim3(em_div_up(n, COLUMNS)), COLUMNS * LANES, COLUMNS * LANES * sizeof(float),
                  dst, parts, stride, n, n_parts, adds);
}

void em_cuda_add_parts(em_dev *dev, float *dst, const float *parts, size_t stride, size_t n, int n_parts)
{
    launch_parts(dev, dst, parts, stride, n, n_parts, true);
}

void em_cuda_sum_parts(em_dev *dev, float *dst, const float *parts, size_t stride, size_t n, int n_parts)
{
    launch_parts(dev, dst, parts, stride, n, n_parts, false);
}

// ---------------------------------------------------------------- rows

// parts[blockIdx.y][n]: the sum of the rows of that part.
__global__ void __launch_bounds__(COLUMNS * LANES) sum_rows(float *parts, const float *x, const float *branch, int L, int rows, int n, int part_rows)
{
    EM_SHARED(float, shared);
    const int c = blockIdx.x * COLUMNS + threadIdx.x % COLUMNS, lane = threadIdx.x / COLUMNS, begin = blockIdx.y * part_rows;
    const int end = begin + part_rows < rows ? begin + part_rows : rows;
    float sum = 0.f;

    em_wait_for_previous();
    #pragma unroll 4
    for (int row = begin + lane; row < end; row += LANES) {
        const float v = c < n ? x[(size_t)row * n + c] : 0.f;

        sum += branch ? branch[row / L] * v : v;
    }
    sum = over_lanes(shared, sum);
    if (lane == 0 && c < n)
        parts[(size_t)blockIdx.y * n + c] = sum;
}

void em_cuda_add_rows(em_dev *dev, float *dst, const float *x, const float *branch, int L, int rows, int n)
{
    const int part_rows = em_part_rows((size_t)rows, 64), n_parts = em_div_up((size_t)rows, (size_t)part_rows);
    float *const parts = (float *)em_cuda_spare(dev, EM_SPARE_PARTS, (size_t)n_parts * n * sizeof(float));

    EM_LAUNCH(dev, sum_rows, dim3((unsigned)em_div_up((size_t)n, COLUMNS), (unsigned)n_parts), COLUMNS * LANES, COLUMNS * LANES * sizeof(float),
              parts, x, branch, L, rows, n, part_rows);
    em_cuda_add_parts(dev, dst, parts, (size_t)n, (size_t)n, n_parts);
}
