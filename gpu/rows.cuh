// rows.cuh - rows of a product made ready in memory: sums of planes, normed and gated; or the taps of a convolution.
//
// dst[row][pitch] = act(norm(source(row))) [* silu(gate)], zeros past k. One warp a row; mean and variance in two
// passes over it, so that quiet rows keep their digits. Products of an easy shape do without (product.cu).
#ifndef EM_GPU_ROWS_CUH
#define EM_GPU_ROWS_CUH

#include "device.cuh"
#include "math.cuh"

// x[0] + x[1] + … of one row; the gate lies in rows of its own.
template <typename TX, typename TG>
struct em_planes {
    const TX *x[EM_DIRECTIONS];     // NULL: no more
    size_t    ldx;
    const TG *gate;                 // NULL: none
    size_t    ldg;

    __device__ __forceinline__ float at(int row, int i) const
    {
        float v = em_load(x[0] + (size_t)row * ldx + i);

        #pragma unroll
        for (int p = 1; p < EM_DIRECTIONS; p++)
            if (x[p])
                v += em_load(x[p] + (size_t)row * ldx + i);
        return v;
    }

    __device__ __forceinline__ float after(int row, int i, float v) const
    {
        return gate ? v * em_silu(em_load(gate + gate_place(row, i))) : v;
    }

    __device__ __forceinline__ size_t gate_place(int row, int i) const { return (size_t)row * ldg + i; }

    __device__ __forceinline__ bool gate_at(float *g, int row, int i) const
    {
        *g = gate ? em_load(gate + gate_place(row, i)) : 0.f;
        return gate;
    }
};

// The rows of a norm_linear.
template <typename TX, typename TG>
em_planes<TX, TG> em_planes_of(const em_norm_linear *a)
{
    em_planes<TX, TG> s = { { (const TX *)a->x, (const TX *)a->x_more[0], (const TX *)a->x_more[1], (const TX *)a->x_more[2] },
                            a->ldx, NULL, a->ldg };

    if (a->gate)
        s.gate = (const TG *)a->gate + a->gate_column;
    return s;
}

// The kh*kw*C inputs under output pixel `row`; zeros outside the image.
template <typename TX>
struct em_taps {
    const TX *x;
    int H, W, C, Ho, Wo, kw, stride, pad_y, pad_x;

    __device__ __forceinline__ float at(int row, int i) const
    {
        const int b = row / (Ho * Wo), oy = row / Wo % Ho, ox = row % Wo, tap = i / C;
        const int iy = oy * stride - pad_y + tap / kw, ix = ox * stride - pad_x + tap % kw;

        if (iy < 0 || iy >= H || ix < 0 || ix >= W)
            return 0.f;
        return em_load(x + (((size_t)b * H + iy) * W + ix) * C + i % C);
    }

    __device__ __forceinline__ float after(int, int, float v) const { return v; }
    __device__ __forceinline__ size_t gate_place(int, int) const { return 0; }
    __device__ __forceinline__ bool gate_at(float *, int, int) const { return false; }
};

// Warp: mean, and one over the deviation.
template <typename Source>
static __device__ __forceinline__ void em_row_statistics(const Source &s, int row, int k, float *mean, float *scale)
{
    const int lane = threadIdx.x % 32;
    float sum = 0.f;

    for (int i = lane; i < k; i += 32)
        sum += s.at(row, i);
    *mean = em_warp_sum(sum) / k;
    sum = 0.f;
    for (int i = lane; i < k; i += 32) {
        const float v = s.at(row, i) - *mean;
        sum += v * v;
    }
    *scale = 1.f / sqrtf(em_warp_sum(sum) / k + EM_NORM_EPS);
}

enum { EM_ROWS_A_BLOCK = 4 };

template <typename TX>
em_taps<TX> em_taps_of(const em_conv *a)
{
    const em_taps<TX> s = { (const TX *)a->x, a->H, a->W, a->C, a->Ho, a->Wo, a->kw, a->stride, a->pad_y, a->pad_x };

    return s;
}

template <typename Source, typename T>
__global__ void prepare_rows(T *dst, Source s, em_norm norm, em_act act, int rows, int k, int pitch)
{
    const int lane = threadIdx.x % 32, row = blockIdx.x * EM_ROWS_A_BLOCK + threadIdx.x / 32;
    float mean = 0.f, scale = 1.f;

    em_wait_for_previous();
    if (row >= rows)
        return;
    if (norm.weight)
        em_row_statistics(s, row, k, &mean, &scale);
    for (int i = lane; i < pitch; i += 32) {
        float v = 0.f;

        if (i < k) {
            v = s.at(row, i);
            if (norm.weight)
                v = (v - mean) * scale * norm.weight[i] + norm.bias[i];
            if (act == EM_ACT_GELU)
                v = em_gelu(v);
            v = s.after(row, i, v);
        }
        em_store(dst + (size_t)row * pitch + i, v);
    }
}

template <typename Source, typename T>
void em_prepare_rows(em_dev *dev, T *dst, const Source &s, em_norm norm, em_act act, int rows, int k, int pitch)
{
    EM_LAUNCH(dev, (prepare_rows<Source, T>), dim3(em_div_up(rows, EM_ROWS_A_BLOCK)), 32 * EM_ROWS_A_BLOCK, 0, dst, s, norm, act, rows, k, pitch);
}

// Rows of n numbers side by side, read once: four a lane and step. n a multiple of 4, at most 128 NORM_STEPS.
enum { NORM_STEPS = 8 };

template <typename TY, typename TX>
__global__ void __launch_bounds__(32 * EM_ROWS_A_BLOCK) norm_rows(TY *y, const TX *x, em_norm norm, em_act act, int rows, int n)
{
    const int lane = threadIdx.x % 32, row = blockIdx.x * EM_ROWS_A_BLOCK + threadIdx.x / 32;
    float4 v[NORM_STEPS];
    float sum = 0.f, mean, scale;

    em_wait_for_previous();
    if (row >= rows)
        return;
    #pragma unroll
    for (int s = 0; s < NORM_STEPS; s++) {
        const int c = 128 * s + 4 * lane;

        if (128 * s < n)
            v[s] = em_load4(x + (size_t)row * n + (c < n ? c : 0));
        if (c >= n)
            v[s] = make_float4(0.f, 0.f, 0.f, 0.f);
    }
    #pragma unroll
    for (int s = 0; s < NORM_STEPS; s++)
        sum += v[s].x + v[s].y + v[s].z + v[s].w;
    mean = em_warp_sum(sum) / n;
    sum = 0.f;
    #pragma unroll
    for (int s = 0; s < NORM_STEPS; s++)
        if (128 * s + 4 * lane < n) {
            v[s].x -= mean, v[s].y -= mean, v[s].z -= mean, v[s].w -= mean;
            sum += v[s].x * v[s].x + v[s].y * v[s].y + v[s].z * v[s].z + v[s].w * v[s].w;
        }
    scale = 1.f / sqrtf(em_warp_sum(sum) / n + EM_NORM_EPS);
    #pragma unroll
    for (int s = 0; s < NORM_STEPS; s++) {
        const int c = 128 * s + 4 * lane;

        if (c >= n)
            continue;
        const float4 w = em_load4(norm.weight + c), b = em_load4(norm.bias + c);
        float4 z = make_float4(v[s].x * scale * w.x + b.x, v[s].y * scale * w.y + b.y, v[s].z * scale * w.z + b.z, v[s].w * scale * w.w + b.w);
        if (act == EM_ACT_GELU)
            z = make_float4(em_gelu(z.x), em_gelu(z.y), em_gelu(z.z), em_gelu(z.w));
        em_store4(y + (size_t)row * n + c, z);
    }
}

// y may be x: after a product, in place.
template <typename TY, typename TX>
void em_norm_rows(em_dev *dev, TY *y, const TX *x, em_norm norm, em_act act, int rows, int n)
{
    const em_planes<TX, TY> s = { { x }, (size_t)n, NULL, 0 };

    if (n % 4 == 0 && n <= 128 * NORM_STEPS)
        EM_LAUNCH(dev, (norm_rows<TY, TX>), dim3(em_div_up(rows, EM_ROWS_A_BLOCK)), 32 * EM_ROWS_A_BLOCK, 0, y, x, norm, act, rows, n);
    else
        em_prepare_rows(dev, y, s, norm, act, rows, n, n);
}

#endif
