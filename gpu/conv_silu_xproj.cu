// conv_silu_xproj.cu - depthwise convolution and SiLU, then the x projections of the four directions:
// em_conv_silu_xproj in ops.h.
//
//   u[h][w][c] = silu(sum over 3x3 of x[h+i][w+j][c] * taps[i][j][c] + bias[c])
//
// A thread owns V neighbouring channels and STRIP pixels of one image row, whose columns of taps it reads once.
#include "math.cuh"
#include "product.cuh"

struct depthwise {
    size_t ldx;
    int H, W, D;
    const float *taps, *bias;
    float *raw;                     // NULL, or where the sums before SiLU go
};

template <int V, typename T>
static __device__ __forceinline__ void load_channels(float v[V], const T *p)
{
    if constexpr (V == 4) {
        const float4 four = em_load4(p);
        v[0] = four.x, v[1] = four.y, v[2] = four.z, v[3] = four.w;
    } else {
        v[0] = em_load(p);
    }
}

template <int V, typename T>
static __device__ __forceinline__ void store_channels(T *p, const float v[V])
{
    if constexpr (V == 4)
        em_store4(p, make_float4(v[0], v[1], v[2], v[3]));
    else
        em_store(p, v[0]);
}

template <int V, int STRIP, typename T>
__global__ void depthwise_silu(T *u, const T *x, depthwise a, int n_threads)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x, groups = a.D / V, strips = (a.W + STRIP - 1) / STRIP;
    const int c = i % groups * V, w0 = i / groups % strips * STRIP, row = i / groups / strips, h = row % a.H;
    float sum[STRIP][V];

    em_wait_for_previous();
    if (i >= n_threads)
        return;
    #pragma unroll
    for (int s = 0; s < STRIP; s++)
        for (int v = 0; v < V; v++)
            sum[s][v] = a.bias ? a.bias[c + v] : 0.f;
    #pragma unroll
    for (int dy = -1; dy <= 1; dy++) {
        const bool is_row = h + dy >= 0 && h + dy < a.H;
        const T *const line = x + (size_t)(is_row ? row + dy : row) * a.W * a.ldx + c;
        float taps[3][V], in[STRIP + 2][V];

        #pragma unroll
        for (int dx = 0; dx < 3; dx++)
            load_channels<V>(taps[dx], a.taps + (size_t)((dy + 1) * 3 + dx) * a.D + c);
        #pragma unroll
        for (int j = 0; j < STRIP + 2; j++) {               // nothing is asked around a load; outside is zero afterwards
            const int w = w0 + j - 1;

            load_channels<V>(in[j], line + (size_t)(w < 0 ? 0 : w < a.W ? w : a.W - 1) * a.ldx);
        }
        #pragma unroll
        for (int j = 0; j < STRIP + 2; j++)
            #pragma unroll
            for (int s = 0; s < STRIP; s++)
                if (j - s >= 0 && j - s <= 2)
                    #pragma unroll
                    for (int v = 0; v < V; v++)
                        sum[s][v] += (is_row && w0 + j >= 1 && w0 + j <= a.W ? in[j][v] : 0.f) * taps[j - s][v];
    }
    #pragma unroll
    for (int s = 0; s < STRIP; s++) {
        if (w0 + s >= a.W)
            break;
        if (a.raw)
            store_channels<V>(a.raw + ((size_t)row * a.W + w0 + s) * a.D + c, sum[s]);
        for (int v = 0; v < V; v++)
            sum[s][v] = em_silu(sum[s][v]);
        store_channels<V>(u + ((size_t)row * a.W + w0 + s) * a.D + c, sum[s]);
    }
}

enum { THREADS = 256 };

template <int V, int STRIP, typename T>
static void launch(em_dev *dev, const em_conv_silu_xproj *a, int B)
{
    const depthwise d = { a->ldx, a->H, a->W, a->D, a->taps, a->bias, a->raw };
    const int n = B * a->H * em_div_up((size_t)a->W, STRIP) * (a->D / V);

    EM_LAUNCH(dev, (depthwise_silu<V, STRIP, T>), dim3(em_div_up((size_t)n, THREADS)), THREADS, 0, (T *)a->u, (const T *)a->x, d, n);
}

// Strips save reads where there are pixels enough for every multiprocessor.
template <typename T>
static void pick(em_dev *dev, const em_conv_silu_xproj *a, int B)
{
    const size_t enough = (size_t)dev->n_sms * 4096;

    if (a->D % 4 || a->ldx % 4)
        launch<1, 1, T>(dev, a, B);
    else if ((size_t)B * a->H * a->W * a->D / 4 < enough)
        launch<4, 1, T>(dev, a, B);
    else
        launch<4, 4, T>(dev, a, B);
}

void em_cuda_conv_silu_xproj_fwd(em_dev *dev, const em_conv_silu_xproj *a, int B)
{
    em_norm_linear project = {};

    if (dev->is_fp16)
        pick<em_half>(dev, a, B);
    else
        pick<float>(dev, a, B);
    project.y = a->x_dbl;
    project.x = a->u;
    project.ldx = (size_t)a->D;
    project.w = a->w;
    project.L = a->H * a->W;
    project.is_x_inner = true;
    em_cuda_norm_linear_fwd(dev, &project, B);
}
