// product_rows.cuh - the rows that product_fused keeps for the whole depth: planes summed, normed, gated, in shared memory.
#ifndef EM_GPU_PRODUCT_ROWS_CUH
#define EM_GPU_PRODUCT_ROWS_CUH

#include "product_tile.cuh"

// V neighbours of a row as they lie in memory, so that many loads can be under way before the first is looked at.
template <typename TX> struct piece;

template <> struct piece<float> {
    static constexpr int V = 4, PLANES = 1;
    float4 x;
    __device__ __forceinline__ void load(const float *p) { x = *(const float4 *)p; }
    __device__ __forceinline__ void add_to(float v[V]) const { v[0] += x.x, v[1] += x.y, v[2] += x.z, v[3] += x.w; }
};

template <> struct piece<em_half> {
    static constexpr int V = 8, PLANES = EM_DIRECTIONS;
    uint4 x;
    __device__ __forceinline__ void load(const em_half *p) { x = *(const uint4 *)p; }
    __device__ __forceinline__ void add_to(float v[V]) const
    {
        const uint32_t pair[4] = { x.x, x.y, x.z, x.w };

        #pragma unroll
        for (int i = 0; i < 4; i++) {
            const em_half lo = { (uint16_t)pair[i] }, hi = { (uint16_t)(pair[i] >> 16) };
            v[2 * i] += em_widen(lo);
            v[2 * i + 1] += em_widen(hi);
        }
    }
};

static __device__ __forceinline__ void store_halves(em_half *p, const float v[4])
{
    *(uint2 *)p = make_uint2(em_narrow2(v[0], v[1]), em_narrow2(v[2], v[3]));
}

// N rows of a warp, 32 V numbers of each a step.
template <typename TX, int STEPS, int N>
struct row_numbers {
    typedef piece<TX> P;
    static constexpr int V = P::V;
    float v[N][STEPS][V], sum[N], scale[N];
    int   lane;

    // The lane's first column of step s.
    __device__ __forceinline__ int column(int s) const { return 32 * V * s + V * lane; }

    // Planes summed; zeros from k on. All loads are under way before the first sum.
    __device__ __forceinline__ void load(const fused_args &f, const size_t row[N], int k)
    {
        P in[N][STEPS][P::PLANES];

        #pragma unroll
        for (int r = 0; r < N; r++)
            #pragma unroll
            for (int s = 0; s < STEPS; s++)
                #pragma unroll
                for (int q = 0; q < P::PLANES; q++)
                    in[r][s][q].load((const TX *)f.x[q] + row[r] * f.ldx + (column(s) < k ? column(s) : 0));
        #pragma unroll
        for (int r = 0; r < N; r++) {
            sum[r] = 0.f;
            scale[r] = 1.f;
            #pragma unroll
            for (int s = 0; s < STEPS; s++) {
                #pragma unroll
                for (int i = 0; i < V; i++)
                    v[r][s][i] = 0.f;
                #pragma unroll
                for (int q = 0; q < P::PLANES; q++)
                    in[r][s][q].add_to(v[r][s]);
                #pragma unroll
                for (int i = 0; i < V; i++) {
                    v[r][s][i] = column(s) < k ? v[r][s][i] : 0.f;
                    sum[r] += v[r][s][i];
                }
            }
        }
    }

    // Less their mean; scale: one over their deviation.
    __device__ __forceinline__ void centre(int k)
    {
        #pragma unroll
        for (int r = 0; r < N; r++) {
            const float mean = em_warp_sum(sum[r]) / k;

            sum[r] = 0.f;
            #pragma unroll
            for (int s = 0; s < STEPS; s++)
                #pragma unroll
                for (int i = 0; i < V; i++) {
                    v[r][s][i] -= mean;
                    sum[r] += column(s) < k ? v[r][s][i] * v[r][s][i] : 0.f;
                }
            scale[r] = 1.f / sqrtf(em_warp_sum(sum[r]) / k + EM_NORM_EPS);
        }
    }

    // Four columns from c of all rows, w and b their weights and biases.
    __device__ __forceinline__ void finish(em_half *dst, int pitch, const fused_args &f, const size_t row[N], float4 w, float4 b, int s, int i, int k)
    {
        const int c = column(s) + i;

        #pragma unroll
        for (int r = 0; r < N; r++) {
            float *const at = v[r][s] + i;

            if (f.norm.weight) {
                at[0] = at[0] * scale[r] * w.x + b.x, at[1] = at[1] * scale[r] * w.y + b.y;
                at[2] = at[2] * scale[r] * w.z + b.z, at[3] = at[3] * scale[r] * w.w + b.w;
            }
            if (f.gate && c < k) {
                const float4 g = em_load4(f.gate + row[r] * f.ldg + c);
                at[0] *= em_silu(g.x), at[1] *= em_silu(g.y), at[2] *= em_silu(g.z), at[3] *= em_silu(g.w);
            }
            store_halves(dst + r * pitch + c, at);
        }
    }
};

// Warp: N rows of k numbers, summed, normed, gated, as halves; zeros from k to k_end. norm: weights and behind k_end of them
// biases, in shared memory.
template <typename TX, int STEPS, int N>
static __device__ __forceinline__ void take_rows(em_half *dst, int pitch, const fused_args &f, const size_t row[N], const float *norm,
                                                 int k, int k_end, int lane)
{
    row_numbers<TX, STEPS, N> rows;

    rows.lane = lane;
    rows.load(f, row, k);
    if (f.norm.weight)
        rows.centre(k);
    #pragma unroll
    for (int s = 0; s < STEPS; s++)
        #pragma unroll
        for (int i = 0; i < rows.V; i += 4) {
            const int c = rows.column(s) + i;

            if (c >= k_end)
                continue;
            // Zeros past k, and so is what comes of them.
            rows.finish(dst, pitch, f, row, em_load4(norm + c), em_load4(norm + k_end + c), s, i, k);
        }
}

// Weights and biases for take_rows, zeros past k; without a norm all are.
template <int THREADS>
static __device__ __forceinline__ void take_norm(float *norm, const em_norm &from, int k, int k_end)
{
    for (int c = threadIdx.x; c < k_end; c += THREADS) {
        norm[c] = from.weight && c < k ? from.weight[c] : 0.f;
        norm[k_end + c] = from.weight && c < k ? from.bias[c] : 0.f;
    }
}

#endif
