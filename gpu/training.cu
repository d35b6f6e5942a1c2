// training.cu - what a step does to whole blocks of numbers: packed weights made anew, AdamW, sums and blends. Formulas and their
// order are those of src/ops/cpu/training.c.
#include "math.cuh"
#include "sums.cuh"

enum { THREADS = 256, PAD_N = 128, PAD_K = 64 };            // the padding of device.cu's pack

// ---------------------------------------------------------------- weights

// data [n][k] padded, and back, its transpose, padded likewise; zeros around.
template <typename T, typename TB>
__global__ void repack_matrix(T *data, TB *back, const float *w, int n, int k, size_t n_data, size_t n_back)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x, pitch = (size_t)(k + PAD_K - 1) / PAD_K * PAD_K;
    const size_t turned = (size_t)(n + PAD_K - 1) / PAD_K * PAD_K, row = i / pitch, c = i % pitch;

    em_wait_for_previous();
    if (i < n_data)
        em_store(data + i, row < (size_t)n && c < (size_t)k ? w[row * k + c] : 0.f);
    if (i < n_back)
        em_store(back + i, i / turned < (size_t)k && i % turned < (size_t)n ? w[i % turned * k + i / turned] : 0.f);
}

template <typename T, typename TB>
static void repack(em_dev *dev, const em_repack *r)
{
    const size_t n_data = (size_t)em_round_up(r->n, PAD_N) * em_round_up(r->k, PAD_K);
    const size_t n_back = (size_t)em_round_up(r->k, PAD_N) * em_round_up(r->n, PAD_K);

    EM_LAUNCH(dev, (repack_matrix<T, TB>), dim3(em_div_up(n_data > n_back ? n_data : n_back, THREADS)), THREADS, 0,
              (T *)r->data, (TB *)r->back, r->plain, r->n, r->k, n_data, n_back);
}

void em_cuda_repack(em_dev *dev, const em_repack *list, int n)
{
    for (int i = 0; i < n; i++)
        if (dev->is_fp16)
            repack<em_half, em_bf16>(dev, &list[i]);
        else
            repack<float, float>(dev, &list[i]);
}

__global__ void decay_rates(float *a, const float *a_log, size_t n)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;

    em_wait_for_previous();
    if (i < n)
        a[i] = (float)(-exp((double)a_log[i]) * 1.4426950408889634);
}

void em_cuda_decay(em_dev *dev, float *a, const float *a_log, size_t n)
{
    EM_LAUNCH(dev, decay_rates, dim3(em_div_up(n, THREADS)), THREADS, 0, a, a_log, n);
}

// ---------------------------------------------------------------- blocks

void em_cuda_clear(em_dev *dev, float *x, size_t n)
{
    dev->is_after_kernel = false;
    if (dev->status == EM_OK)
        em_cuda_note(dev, cudaMemsetAsync(x, 0, n * sizeof *x, dev->stream), "clearing numbers");
}

__global__ void blend_numbers(float *y, const float *x, float share, size_t n)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;

    em_wait_for_previous();
    if (i < n)
        y[i] += share * (x[i] - y[i]);
}

void em_cuda_blend(em_dev *dev, float *y, const float *x, float share, size_t n)
{
    EM_LAUNCH(dev, blend_numbers, dim3(em_div_up(n, THREADS)), THREADS, 0, y, x, share, n);
}

enum { PIECE = 1 << 14 };

// The threads' sums of a block, halves upon halves. Every thread comes here.
static __device__ __forceinline__ double over_block(double *shared, double sum)
{
    shared[threadIdx.x] = sum;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if ((int)threadIdx.x < half)
            shared[threadIdx.x] += shared[threadIdx.x + half];
        __syncthreads();
    }
    return shared[0];
}

// sums[blockIdx.x]: of the squares of a piece of x.
__global__ void __launch_bounds__(THREADS) sum_squares(double *sums, const float *x, size_t n)
{
    EM_SHARED(double, shared);
    const size_t begin = (size_t)blockIdx.x * PIECE, end = begin + PIECE < n ? begin + PIECE : n;
    double sum = 0;

    em_wait_for_previous();
    for (size_t i = begin + threadIdx.x; i < end; i += THREADS)
        sum += (double)x[i] * (double)x[i];
    sum = over_block(shared, sum);
    if (threadIdx.x == 0)
        sums[blockIdx.x] = sum;
}

// One block: sums[0] becomes the sum of all.
__global__ void __launch_bounds__(THREADS) sum_doubles(double *sums, int n)
{
    EM_SHARED(double, shared);
    double sum = 0;

    em_wait_for_previous();
    for (int i = threadIdx.x; i < n; i += THREADS)
        sum += sums[i];
    sum = over_block(shared, sum);
    if (threadIdx.x == 0)
        sums[0] = sum;
}

double em_cuda_sum_squares(em_dev *dev, const float *x, size_t n)
{
    const int pieces = em_div_up(n, PIECE);
    double *const sums = (double *)em_cuda_spare(dev, EM_SPARE_PARTS, (size_t)(pieces > 0 ? pieces : 1) * sizeof *sums);
    double sum = 0;

    if (n == 0)
        return 0;
    EM_LAUNCH(dev, sum_squares, dim3((unsigned)pieces), THREADS, THREADS * sizeof(double), sums, x, n);
    EM_LAUNCH(dev, sum_doubles, dim3(1), THREADS, THREADS * sizeof(double), sums, pieces);
    dev->is_after_kernel = false;
    if (dev->status == EM_OK)
        em_cuda_note(dev, cudaMemcpyAsync(&sum, sums, sizeof sum, cudaMemcpyDeviceToHost, dev->stream), "a copy from it");
    if (dev->status == EM_OK)
        em_cuda_note(dev, cudaStreamSynchronize(dev->stream), "its work");
    return dev->status == EM_OK ? sum : NAN;
}

// ---------------------------------------------------------------- AdamW

enum { MOST_RANGES = 64 };                                  // of a launch: they travel with its arguments

struct adamw_ranges {
    em_adamw_range list[MOST_RANGES];
    int            first_block[MOST_RANGES + 1];
    int            n;
};

__global__ void __launch_bounds__(THREADS) adamw(em_adamw a, adamw_ranges ranges)
{
    int at = 0;

    em_wait_for_previous();
    while (at + 1 < ranges.n && (int)blockIdx.x >= ranges.first_block[at + 1])
        at++;
    const em_adamw_range r = ranges.list[at];
    const float keep = 1.f - r.rate * r.decay, rate = r.rate / a.c1, root = 1.f / a.c2;
    const size_t begin = (size_t)((int)blockIdx.x - ranges.first_block[at]) * PIECE, end = begin + PIECE < r.n ? begin + PIECE : r.n;

    for (size_t i = r.begin + begin + threadIdx.x; i < r.begin + end; i += THREADS) {
        const float g = a.g[i] * a.scale;
        const float m = a.beta1 * a.m[i] + (1.f - a.beta1) * g, v = a.beta2 * a.v[i] + (1.f - a.beta2) * g * g;

        a.m[i] = m;
        a.v[i] = v;
        a.w[i] = a.w[i] * keep - rate * m / (sqrtf(v * root) + a.eps);
    }
}

static void launch_adamw(em_dev *dev, const em_adamw *a, const adamw_ranges *ranges)
{
    if (ranges->first_block[ranges->n] > 0)
        EM_LAUNCH(dev, adamw, dim3((unsigned)ranges->first_block[ranges->n]), THREADS, 0, *a, *ranges);
}

void em_cuda_adamw(em_dev *dev, const em_adamw *a)
{
    adamw_ranges ranges = {};

    for (int i = 0; i < a->n_ranges; i++) {
        if (a->ranges[i].n == 0)
            continue;
        if (ranges.n == MOST_RANGES) {
            launch_adamw(dev, a, &ranges);
            ranges = {};
        }
        ranges.list[ranges.n] = a->ranges[i];
        ranges.first_block[ranges.n + 1] = ranges.first_block[ranges.n] + em_div_up(a->ranges[i].n, PIECE);
        ranges.n++;
    }
    launch_adamw(dev, a, &ranges);
}
