// tokens_back.cu - the way back through em_tokens and em_mean in ops.h.
#include "rows_back.cuh"

// The gradient of a normed token, from where the head wanted it.
struct token_dy {
    const float *dy;
    int  H, W, C, fold;
    bool is_columns;

    __device__ __forceinline__ float at(int row, int i) const
    {
        const int b = row / (H * W), h = row / W % H, w = row % W, bands = H / fold;

        if (is_columns)
            return dy[((size_t)b * W + w) * C + i] / H;
        return dy[((size_t)b * H * W + h % bands * fold * W + h / bands * W + w) * C + i];
    }
};

void em_cuda_tokens_bwd(em_dev *dev, const em_tokens *a, int B)
{
    const em_planes<float, float> s = { { a->x }, (size_t)a->C, NULL, 0 };
    const token_dy dy = { a->dy, a->H, a->W, a->C, a->fold, a->is_columns };

    em_cuda_rows_back(dev, s, dy, { a->norm, EM_ACT_NONE, a->dx, (size_t)a->C, NULL, NULL, B * a->H * a->W, a->C, 0, false });
}

__global__ void mean_back(float *dx, const float *dy, const float *own, int S, int C, size_t n_all)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x, b = i / C / S;

    em_wait_for_previous();
    if (i < n_all)
        dx[i] = dy[b * C + i % C] / S + (own ? own[i] : 0.f);
}

void em_cuda_mean_bwd(em_dev *dev, const em_mean *a, int B)
{
    enum { THREADS = 256 };
    const size_t n = (size_t)B * a->S * a->C;

    EM_LAUNCH(dev, mean_back, dim3(em_div_up(n, THREADS)), THREADS, 0, a->dx, a->dy, a->own, a->S, a->C, n);
}
