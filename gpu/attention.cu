// attention.cu - window attention: em_attention in ops.h.
#include "attention.cuh"

// A block a head of a window and a tile of its queries.
template <typename T>
__global__ void __launch_bounds__(THREADS) attend(T *y, const T *qkv, em_attention a)
{
    EM_SHARED(float4, shared);
    const int head = blockIdx.x % a.heads, d = a.C / a.heads, first = blockIdx.y * TOKENS, n = a.side * a.side - first;
    const attention_room r = carve(shared, a.side, d, false);

    em_wait_for_previous();
    spread_table(r, a, head);
    enter(r, a, blockIdx.x / a.heads);
    __syncthreads();
    qkv += head * d;
    take(r.q, qkv, (size_t)3 * a.C, r.token + first, n, d, log2_e / sqrtf(d));
    attend_all(r, a, qkv, first + own_token());
    give(y + head * d, r.out, (size_t)a.C, r.token + first, n, d, 1.f, false);
}

size_t em_cuda_attention_bytes(int side, int head_width, bool is_back) { return attention_bytes(side, head_width, is_back); }

template <typename T>
static void launch(em_dev *dev, const em_attention *a, int B)
{
    const int n_windows = B * (a->H / a->side) * (a->W / a->side), P = a->side * a->side;

    EM_LAUNCH(dev, attend<T>, dim3((unsigned)(n_windows * a->heads), (unsigned)em_div_up((size_t)P, TOKENS)), THREADS,
              attention_bytes(a->side, a->C / a->heads, false), (T *)a->y, (const T *)a->qkv, *a);
}

void em_cuda_attention_fwd(em_dev *dev, const em_attention *a, int B)
{
    if (dev->is_fp16)
        launch<em_half>(dev, a, B);
    else
        launch<float>(dev, a, B);
}
