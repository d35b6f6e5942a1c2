// product_tile.cuh - what the kernels of product.cu are put together from: the ring of slabs and how it is filled, a warp's
// part of a tile, and the last steps on its sums (bias, residual, GELU) on their way out.
#ifndef EM_GPU_PRODUCT_TILE_CUH
#define EM_GPU_PRODUCT_TILE_CUH

#include "math.cuh"
#include "product.cuh"

enum { BK = 64, PAD = 8 };                          // PAD numbers behind each row: ldmatrix then meets every bank once

// Slabs come and are waited for TURN at a time, STAGES turns in the ring. Small tiles have little to compute while they
// wait, so theirs are longer.
template <int BM> static constexpr int turn = BM <= 32 ? 2 : 1;
template <int BM> static constexpr int stages = BM == 16 ? 4 : 3;
template <int BM> static constexpr int ring_slabs = turn<BM> * stages<BM>;

struct product_args {
    em_product_out out;
    const em_half *rows, *w;
    size_t ld, ldw;
    int    n_rows, k;
    em_conv_shape conv;             // C 0: rows are rows
    bool   is_bf16;                 // what is called em_half here is em_bf16
};

struct fused_args {
    const void    *x[EM_DIRECTIONS];
    const em_half *gate;
    size_t         ldx, ldg;
    em_norm        norm;
};

// HAS_BRANCH: whether sums may be those of a branch that is dropped, whose factors cost registers.
template <bool HAS_BRANCH>
static __device__ __forceinline__ float finished(const em_product_out &out, float sum, size_t row, int n)
{
    if (out.bias)
        sum += out.bias[n];
    if (HAS_BRANCH && out.branch)
        sum *= out.branch[row / out.L];
    if (out.residual)
        sum += out.residual[row * out.n + n];
    return out.act == EM_ACT_GELU ? em_gelu(sum) : sum;
}

template <bool HAS_BRANCH>
static __device__ __forceinline__ void put(const em_product_out &out, float sum, size_t row, int n)
{
    const float v = finished<HAS_BRANCH>(out, sum, row, n);

    if (out.is_inner)
        em_store((em_half *)out.y + row * out.n + n, v);
    else
        ((float *)out.y)[row * out.n + n] = v;
}

// A slab [R][BK] of w: it is padded with zeros, so nothing is asked.
template <int R, int THREADS>
static __device__ __forceinline__ void fetch_weights(em_half *slab, const product_args &p, int n0, int k0)
{
    for (int i = threadIdx.x; i < R * BK / 8; i += THREADS) {
        const int r = i / (BK / 8), c = i % (BK / 8) * 8;

        em_copy16(slab + r * (BK + PAD) + c, p.w + (size_t)(n0 + r) * p.ldw + k0 + c, 16);
    }
}

// Slabs of rows; zeros past their end and their depth, and outside the image of a convolution. A thread reads the same
// rows of each slab: what does not depend on the slab is found out once.
template <int R, int THREADS, bool IS_CONV>
struct row_reader {
    static constexpr int N = (R * BK / 8 + THREADS - 1) / THREADS;
    static_assert(R * BK / 8 % THREADS == 0, "whole rounds of threads");
    const em_half *from[N];
    int y[N], x[N];                 // of the first tap

    __device__ __forceinline__ row_reader(const product_args &p, int m0)
    {
        #pragma unroll
        for (int i = 0; i < N; i++) {
            const int row = m0 + (threadIdx.x + i * THREADS) / (BK / 8);
            const bool is_there = row < p.n_rows;

            y[i] = x[i] = 0;
            if (IS_CONV) {
                const int ox = row % p.conv.Wo, oy = row / p.conv.Wo % p.conv.Ho;

                from[i] = p.rows + (is_there ? (size_t)(row / p.conv.Wo / p.conv.Ho) * p.conv.H * p.conv.W * p.conv.C : 0);
                y[i] = is_there ? oy * p.conv.stride - p.conv.pad_y : -p.conv.H - p.conv.kh;        // all taps outside
                x[i] = ox * p.conv.stride - p.conv.pad_x;
            } else {
                from[i] = is_there ? p.rows + (size_t)row * p.ld : NULL;
            }
        }
    }

    __device__ __forceinline__ void fetch(em_half *slab, const product_args &p, int k0) const
    {
        const int c = threadIdx.x % (BK / 8) * 8, k = k0 + c;

        if constexpr (IS_CONV) {
            const int tap = k / p.conv.C, dy = tap / p.conv.kw, dx = tap - dy * p.conv.kw, channel = k - tap * p.conv.C;

            #pragma unroll
            for (int i = 0; i < N; i++) {
                const int iy = y[i] + dy, ix = x[i] + dx;
                const bool is_inside = k < p.k && iy >= 0 && iy < p.conv.H && ix >= 0 && ix < p.conv.W;

                em_copy16(slab + (threadIdx.x + i * THREADS) / (BK / 8) * (BK + PAD) + c,
                          is_inside ? from[i] + ((size_t)iy * p.conv.W + ix) * p.conv.C + channel : p.rows, is_inside ? 16 : 0);
            }
        } else {
            #pragma unroll
            for (int i = 0; i < N; i++) {
                const bool is_inside = from[i] && k < p.k;

                em_copy16(slab + (threadIdx.x + i * THREADS) / (BK / 8) * (BK + PAD) + c, is_inside ? from[i] + k : p.rows, is_inside ? 16 : 0);
            }
        }
    }
};

static __device__ __forceinline__ void multiply_fragments(float d[4], const uint32_t a[4], uint32_t b0, uint32_t b1, em_half)
{
    em_mma(d, a, b0, b1);
}

static __device__ __forceinline__ void multiply_fragments(float d[4], const uint32_t a[4], uint32_t b0, uint32_t b1, em_bf16)
{
    em_mma_bf16(d, a, b0, b1);
}

// A warp's part of the tile: MI x NI fragments of 16 x 8 sums. T: what the 16-bit numbers of the slabs are.
template <int BM, int BN, int WM, int WN, typename T = em_half>
struct warp_tile {
    static constexpr int MI = BM / WM / 16, NI = BN / WN / 8, THREADS = 32 * WM * WN;
    float sums[MI][NI][4];
    int   lane, m, n;               // where it begins in the block's tile

    __device__ __forceinline__ warp_tile()
    {
        const int warp = threadIdx.x / 32;

        lane = threadIdx.x % 32;
        m = warp / WN * (BM / WM);
        n = warp % WN * (BN / WN);
    }

    __device__ __forceinline__ void clear()
    {
        for (int i = 0; i < MI; i++)
            for (int j = 0; j < NI; j++)
                for (int q = 0; q < 4; q++)
                    sums[i][j][q] = 0.f;
    }

    // One slab: rows a [BM][pitch] from column 0, weights b [BN][BK + PAD].
    __device__ __forceinline__ void multiply(const em_half *a, int pitch, const em_half *b)
    {
        if constexpr (NI == 1) {                            // eight columns: one load brings two steps of k
            static_assert(MI == 1, "one fragment a warp");
            #pragma unroll
            for (int k = 0; k < BK; k += 32) {
                uint32_t fa[2][4], fb[4];

                em_ldmatrix4(fb, b + (n + lane % 8) * (BK + PAD) + k + lane / 8 * 8);
                #pragma unroll
                for (int i = 0; i < 2; i++)
                    em_ldmatrix4(fa[i], a + (m + lane % 16) * pitch + k + 16 * i + lane / 16 * 8);
                multiply_fragments(sums[0][0], fa[0], fb[0], fb[1], T());
                multiply_fragments(sums[0][0], fa[1], fb[2], fb[3], T());
            }
        } else {
            #pragma unroll
            for (int k = 0; k < BK; k += 16) {
                uint32_t fa[MI][4], fb[NI / 2][4];

                #pragma unroll
                for (int i = 0; i < MI; i++)
                    em_ldmatrix4(fa[i], a + (m + 16 * i + lane % 16) * pitch + k + lane / 16 * 8);
                #pragma unroll
                for (int j = 0; j < NI / 2; j++)
                    em_ldmatrix4(fb[j], b + (n + 16 * j + lane % 8 + lane / 16 * 8) * (BK + PAD) + k + lane / 8 % 2 * 8);
                #pragma unroll
                for (int i = 0; i < MI; i++)
                    #pragma unroll
                    for (int j = 0; j < NI; j++)
                        multiply_fragments(sums[i][j], fa[i], fb[j / 2][j % 2 * 2], fb[j / 2][j % 2 * 2 + 1], T());
            }
        }
    }

    // y may be the residual, so a load waits for the stores before it: all loads come first.
    template <bool HAS_BRANCH>
    __device__ __forceinline__ void write(const product_args &p, int m0, int n0)
    {
        const em_product_out &out = p.out;

        m0 += m + lane / 4;
        n0 += n + lane % 4 * 2;
        if (out.n % 2) {
            write_singly<HAS_BRANCH>(p, m0, n0);
            return;
        }
        if (out.bias)
            #pragma unroll
            for (int j = 0; j < NI; j++) {
                const float2 b = *(const float2 *)(out.bias + (n0 + 8 * j < out.n ? n0 + 8 * j : 0));

                #pragma unroll
                for (int i = 0; i < MI; i++)
                    sums[i][j][0] += b.x, sums[i][j][1] += b.y, sums[i][j][2] += b.x, sums[i][j][3] += b.y;
            }
        if (HAS_BRANCH && out.branch)
            #pragma unroll
            for (int i = 0; i < 2 * MI; i++) {
                const float factor = out.branch[(m0 + 8 * i < p.n_rows ? m0 + 8 * i : 0) / out.L];

                #pragma unroll
                for (int j = 0; j < NI; j++)
                    sums[i / 2][j][i % 2 * 2] *= factor, sums[i / 2][j][i % 2 * 2 + 1] *= factor;
            }
        if (out.residual)
            #pragma unroll
            for (int i = 0; i < 2 * MI; i++)
                #pragma unroll
                for (int j = 0; j < NI; j++) {
                    const bool is_inside = m0 + 8 * i < p.n_rows && n0 + 8 * j < out.n;
                    const float2 r = *(const float2 *)(out.residual + (is_inside ? (size_t)(m0 + 8 * i) * out.n + n0 + 8 * j : 0));

                    sums[i / 2][j][i % 2 * 2] += r.x, sums[i / 2][j][i % 2 * 2 + 1] += r.y;
                }
        #pragma unroll
        for (int i = 0; i < 2 * MI; i++)
            #pragma unroll
            for (int j = 0; j < NI; j++) {
                const size_t at = (size_t)(m0 + 8 * i) * out.n + n0 + 8 * j;
                float lo = sums[i / 2][j][i % 2 * 2], hi = sums[i / 2][j][i % 2 * 2 + 1];

                if (m0 + 8 * i >= p.n_rows || n0 + 8 * j >= out.n)
                    continue;
                if (out.act == EM_ACT_GELU)
                    lo = em_gelu(lo), hi = em_gelu(hi);
                if (out.is_inner)
                    *(uint32_t *)((em_half *)out.y + at) = em_narrow2(lo, hi);
                else
                    *(float2 *)((float *)out.y + at) = make_float2(lo, hi);
            }
    }

    // Rows of an odd length: no pair is aligned.
    template <bool HAS_BRANCH>
    __device__ __forceinline__ void write_singly(const product_args &p, int row, int col) const
    {
        #pragma unroll
        for (int i = 0; i < MI; i++)
            #pragma unroll
            for (int j = 0; j < NI; j++)
                #pragma unroll
                for (int q = 0; q < 4; q++)
                    if (row + 16 * i + q / 2 * 8 < p.n_rows && col + 8 * j + q % 2 < p.out.n)
                        put<HAS_BRANCH>(p.out, sums[i][j][q], (size_t)(row + 16 * i + q / 2 * 8), col + 8 * j + q % 2);
    }
};

#endif
