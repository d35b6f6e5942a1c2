// tokens.cu - the last tokens: norm, mean, and the head's order; means over slots: em_tokens, em_mean in ops.h.
// Sums in a fixed order: a thread a channel of a window.
#include "math.cuh"
#include "rows.cuh"

// x [B][H][W][C], normed. latent[c] = mean over tokens; y as em_tokens says.
template <typename T>
__global__ void order_tokens(T *__restrict__ y, float *__restrict__ latent, const T *__restrict__ x, int H, int W, int C, int fold, bool is_columns)
{
    const int c = blockIdx.x * blockDim.x + threadIdx.x, b = blockIdx.y, bands = H / fold;
    float sum = 0.f;

    em_wait_for_previous();
    if (c >= C)
        return;
    x += (size_t)b * H * W * C + c;
    y += (size_t)b * (is_columns ? W : H * W) * C + c;
    for (int w = 0; w < W; w++) {
        float column = 0.f;

        #pragma unroll 8
        for (int h = 0; h < H; h++) {
            const T v = x[(size_t)(h * W + w) * C];

            column += em_load(&v);
            if (!is_columns)
                y[(size_t)(h % bands * fold * W + h / bands * W + w) * C] = v;
        }
        sum += column;
        if (is_columns)
            em_store(y + (size_t)w * C, column / H);
    }
    latent[(size_t)b * C + c] = sum / (H * W);
}

__global__ void mean_rows(float *y, const float *x, int S, int C)
{
    const int c = blockIdx.x * blockDim.x + threadIdx.x, b = blockIdx.y;
    float sum = 0.f;

    em_wait_for_previous();
    if (c >= C)
        return;
    #pragma unroll 8
    for (int s = 0; s < S; s++)
        sum += x[((size_t)b * S + s) * C + c];
    y[(size_t)b * C + c] = sum / S;
}

enum { THREADS = 64 };

template <typename T>
static void tokens(em_dev *dev, const em_tokens *a, int B)
{
    em_norm_rows(dev, (T *)dev->rows, a->x, a->norm, EM_ACT_NONE, B * a->H * a->W, a->C);
    EM_LAUNCH(dev, order_tokens<T>, dim3(em_div_up((size_t)a->C, THREADS), (unsigned)B), THREADS, 0,
              (T *)a->y, a->latent, (const T *)dev->rows, a->H, a->W, a->C, a->fold, a->is_columns);
}

void em_cuda_tokens_fwd(em_dev *dev, const em_tokens *a, int B)
{
    if (dev->is_fp16)
        tokens<em_half>(dev, a, B);
    else
        tokens<float>(dev, a, B);
}

void em_cuda_mean_fwd(em_dev *dev, const em_mean *a, int B)
{
    EM_LAUNCH(dev, mean_rows, dim3(em_div_up((size_t)a->C, THREADS), (unsigned)B), THREADS, 0, a->y, a->x, a->S, a->C);
}
