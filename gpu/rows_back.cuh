// rows_back.cuh - the way back through prepared rows: sums of planes or taps, normed, gated, with a GELU (rows.cuh).
//
//   z = norm(x); t = act(z); out = t silu(gate)
//   dgate = d t silu'(gate)         dt = d silu(gate)         dz = dt act'(z)
//   dweight += dz xhat, dbias += dz   dx = (g - mean(g) - xhat mean(g xhat)) / std,   g = dz weight
//
// A warp a row, as on the way forward. The norm's parameters have sums over all rows: a warp adds up those of its rows in shared
// memory, where a lane has columns of its own; a block leaves a part.
#ifndef EM_GPU_ROWS_BACK_CUH
#define EM_GPU_ROWS_BACK_CUH

#include "rows.cuh"
#include "sums.cuh"

// Where the gradient of a row comes from: rows ld apart.
struct em_plain_dy {
    const float *dy;
    size_t       ld;

    __device__ __forceinline__ float at(int row, int i) const { return dy[(size_t)row * ld + i]; }
};

struct em_rows_back {
    em_norm norm;
    em_act  act;
    float  *dx;                     // rows lddx apart; may be where dy is, at the same place
    size_t  lddx;
    float  *dgate;                  // rows of the gate's; NULL: there is none
    float  *parts;                  // [blocks][2][k]: of the norm's weight and bias
    int     rows, k, part_rows;     // of all, of a row, of a block
    bool    adds;                   // dx is added to
};

// What is left of d behind gate and GELU; z: behind the norm. dgate: set unless NULL.
template <typename Source>
static __device__ __forceinline__ float em_dz(const Source &s, const em_rows_back &b, float d, float z, int row, int i, float *dgate)
{
    float gate;

    if (s.gate_at(&gate, row, i)) {
        if (dgate)
            *dgate = d * (b.act == EM_ACT_GELU ? em_gelu(z) : z) * em_silu_slope(gate);
        d *= em_silu(gate);
    }
    return b.act == EM_ACT_GELU ? d * em_gelu_slope(z) : d;
}

template <typename Source, typename Dy>
__global__ void rows_back(Source s, Dy dy, em_rows_back b)
{
    EM_SHARED(float, shared);                               // [warps][2][k]
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, n_warps = blockDim.x / 32, k = b.k, begin = blockIdx.x * b.part_rows;
    const int end = begin + b.part_rows < b.rows ? begin + b.part_rows : b.rows;
    float *const dweight = shared + (size_t)warp * 2 * k, *const dbias = dweight + k;

    for (int i = lane; b.norm.weight && i < k; i += 32)
        dweight[i] = dbias[i] = 0.f;
    em_wait_for_previous();
    for (int row = begin + warp; row < end; row += n_warps) {
        float mean = 0.f, scale = 1.f, g_mean = 0.f, gx_mean = 0.f;

        if (b.norm.weight)
            em_row_statistics(s, row, k, &mean, &scale);
        for (int i = lane; b.norm.weight && i < k; i += 32) {
            const float xhat = (s.at(row, i) - mean) * scale, z = xhat * b.norm.weight[i] + b.norm.bias[i];
            const float dz = em_dz(s, b, dy.at(row, i), z, row, i, NULL), g = dz * b.norm.weight[i];

            dweight[i] += dz * xhat;
            dbias[i] += dz;
            g_mean += g;
            gx_mean += g * xhat;
        }
        if (b.norm.weight) {
            g_mean = em_warp_sum(g_mean) / k;
            gx_mean = em_warp_sum(gx_mean) / k;
        }
        for (int i = lane; i < k; i += 32) {
            const float v = s.at(row, i), xhat = (v - mean) * scale, z = b.norm.weight ? xhat * b.norm.weight[i] + b.norm.bias[i] : v;
            const float dz = em_dz(s, b, dy.at(row, i), z, row, i, b.dgate ? b.dgate + s.gate_place(row, i) : NULL);
            float *const dx = b.dx + (size_t)row * b.lddx + i;
            const float d = b.norm.weight ? scale * (dz * b.norm.weight[i] - g_mean - xhat * gx_mean) : dz;

            *dx = b.adds ? *dx + d : d;
        }
    }
    if (!b.norm.weight)
        return;
    __syncthreads();
    for (int i = threadIdx.x; i < 2 * k; i += blockDim.x) {
        float sum = 0.f;

        for (int w = 0; w < n_warps; w++)
            sum += shared[(size_t)w * 2 * k + i];
        b.parts[(size_t)blockIdx.x * 2 * k + i] = sum;
    }
}

// Warps a block, as the sums of all of them fit.
static inline int em_rows_back_warps(int k)
{
    int warps = 8;

    while (warps > 1 && warps * 2 * (size_t)k * sizeof(float) > EM_PLAIN_SHARED)
        warps /= 2;
    return warps;
}

// Fails the device where one row's sums have no room: k above 12,000 on the smallest.
template <typename Source, typename Dy>
void em_cuda_rows_back(em_dev *dev, const Source &s, const Dy &dy, em_rows_back b)
{
    const int warps = b.norm.weight ? em_rows_back_warps(b.k) : 8;
    const size_t shared = b.norm.weight ? (size_t)warps * 2 * b.k * sizeof(float) : 0;
    int n_parts;

    b.part_rows = em_part_rows((size_t)b.rows, 2 * warps);
    n_parts = em_div_up((size_t)b.rows, (size_t)b.part_rows);
    if (shared > (size_t)dev->max_shared) {
        em_cuda_fail(dev, EM_EUNSUPPORTED, "a norm this wide cannot be trained on this GPU: use --backend cpu");
        return;
    }
    if (b.norm.weight)
        b.parts = (float *)em_cuda_spare(dev, EM_SPARE_PARTS, (size_t)n_parts * 2 * b.k * sizeof(float));
    EM_LAUNCH(dev, (rows_back<Source, Dy>), dim3((unsigned)n_parts), 32 * warps, shared, s, dy, b);
    if (!b.norm.weight)
        return;
    em_cuda_add_parts(dev, b.norm.dweight, b.parts, 2 * (size_t)b.k, (size_t)b.k, n_parts);
    em_cuda_add_parts(dev, b.norm.dbias, b.parts + b.k, 2 * (size_t)b.k, (size_t)b.k, n_parts);
}

#endif
