// product.cu - matrix products: y[m][n] = act(sum over k of rows[m][k] w[n][k] + bias[n] + residual[m][n]).
//
// fp16: tensor cores (mma m16n8k16, float sums) on tiles of BM x BN, WM x WN warps a block. Weights come in slabs of
// BK columns through a ring in shared memory, filled by cp.async ahead of use: before the kernel in front has ended,
// for they do not depend on it. Two kernels:
//   product_slabs   rows come slab by slab, too: any depth. Or the taps of a convolution, read where they lie
//   product_fused   a block keeps its rows for the whole depth: summed, normed, gated on their way in, read once, then
//                   multiplied with one tile of columns after the other
// Every sum runs over k upwards in steps of 16, whatever the tile: so the bits depend on no choice of tile.
//
// fp32: for parity. 64 x 64 tiles, 4 x 4 sums a thread, plain FMAs.
#include "math.cuh"
#include "product.cuh"

enum { BK = 64, PAD = 8 };                          // PAD numbers behind each row: ldmatrix then meets every bank once

// Slabs in the ring. Small tiles have little to compute while they wait.
template <int BM>
static constexpr int stages = BM == 16 ? 6 : 3;

struct product_args {
    em_product_out out;
    const em_half *rows, *w;
    size_t ld, ldw;
    int    n_rows, k;
    em_conv_shape conv;             // C 0: rows are rows
};

struct fused_args {
    const void    *x[EM_DIRECTIONS];
    const em_half *gate;
    size_t         ldx, ldg;
    em_norm        norm;
};

// ---------------------------------------------------------------- pieces of both kernels

static __device__ __forceinline__ float finished(const em_product_out &out, float sum, size_t row, int n)
{
    if (out.bias)
        sum += out.bias[n];
    if (out.residual)
        sum += out.residual[row * out.n + n];
    return out.act == EM_ACT_GELU ? em_gelu(sum) : sum;
}

static __device__ __forceinline__ void put(const em_product_out &out, float sum, size_t row, int n)
{
    const float v = finished(out, sum, row, n);

    if (out.is_inner)
        em_store((em_half *)out.y + row * out.n + n, v);
    else
        ((float *)out.y)[row * out.n + n] = v;
}

// Two neighbours in one store where both lie inside and the address is even.
static __device__ __forceinline__ void put2(const em_product_out &out, float lo, float hi, size_t row, int n)
{
    if (out.n % 2 || n + 1 >= out.n) {
        if (n < out.n)
            put(out, lo, row, n);
        if (n + 1 < out.n)
            put(out, hi, row, n + 1);
        return;
    }
    lo = finished(out, lo, row, n);
    hi = finished(out, hi, row, n + 1);
    if (out.is_inner)
        *(uint32_t *)((em_half *)out.y + row * out.n + n) = em_narrow2(lo, hi);
    else
        *(float2 *)((float *)out.y + row * out.n + n) = make_float2(lo, hi);
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

// A warp's part of the tile: MI x NI fragments of 16 x 8 sums.
template <int BM, int BN, int WM, int WN>
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
                em_mma(sums[0][0], fa[0], fb[0], fb[1]);
                em_mma(sums[0][0], fa[1], fb[2], fb[3]);
            }
            return;
        }
        #pragma unroll
        for (int k = 0; k < BK; k += 16) {
            uint32_t fa[MI][4], fb[(NI + 1) / 2][4];

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
                    em_mma(sums[i][j], fa[i], fb[j / 2][j % 2 * 2], fb[j / 2][j % 2 * 2 + 1]);
        }
    }

    __device__ __forceinline__ void write(const product_args &p, int m0, int n0) const
    {
        #pragma unroll
        for (int i = 0; i < MI; i++)
            #pragma unroll
            for (int j = 0; j < NI; j++) {
                const int row = m0 + m + 16 * i + lane / 4, col = n0 + n + 8 * j + lane % 4 * 2;

                if (row < p.n_rows)
                    put2(p.out, sums[i][j][0], sums[i][j][1], (size_t)row, col);
                if (row + 8 < p.n_rows)
                    put2(p.out, sums[i][j][2], sums[i][j][3], (size_t)row + 8, col);
            }
    }
};

// ---------------------------------------------------------------- slab by slab

template <int BM, int BN, int WM, int WN, bool IS_CONV>
__global__ void __launch_bounds__(32 * WM * WN) product_slabs(product_args p)
{
    constexpr int THREADS = 32 * WM * WN, A = BM * (BK + PAD), B = BN * (BK + PAD), STAGES = stages<BM>;
    EM_SHARED(em_half, shared);
    const int m0 = blockIdx.y * BM, n0 = blockIdx.x * BN, n_slabs = (p.k + BK - 1) / BK;
    const row_reader<BM, THREADS, IS_CONV> rows(p, m0);
    warp_tile<BM, BN, WM, WN> tile;

    tile.clear();
    for (int s = 0; s < STAGES - 1 && s < n_slabs; s++)
        fetch_weights<BN, THREADS>(shared + s * (A + B) + A, p, n0, s * BK);
    em_wait_for_previous();
    for (int s = 0; s < STAGES - 1; s++) {
        if (s < n_slabs)
            rows.fetch(shared + s * (A + B), p, s * BK);
        em_copy_commit();
    }
    for (int s = 0; s < n_slabs; s++) {
        const int next = s + STAGES - 1;

        em_copy_wait<STAGES - 2>();
        __syncthreads();                                    // slab s is there, and slab s - 1 is done with
        if (next < n_slabs) {
            rows.fetch(shared + next % STAGES * (A + B), p, next * BK);
            fetch_weights<BN, THREADS>(shared + next % STAGES * (A + B) + A, p, n0, next * BK);
        }
        em_copy_commit();
        tile.multiply(shared + s % STAGES * (A + B), BK + PAD, shared + s % STAGES * (A + B) + A);
    }
    tile.write(p, m0, n0);
}

// ---------------------------------------------------------------- rows kept for the whole depth

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

static __device__ __forceinline__ void store_halves(em_half *p, const float v[4]) { *(uint2 *)p = make_uint2(em_narrow2(v[0], v[1]), em_narrow2(v[2], v[3])); }

// Warp: one row of k numbers, 32 V of them a step, summed, normed, gated, as halves; zeros from k to k_end.
template <typename TX, int STEPS>
static __device__ __forceinline__ void take_row(em_half *dst, const fused_args &f, size_t row, int k, int k_end, int lane)
{
    typedef piece<TX> P;
    constexpr int V = P::V;
    float v[STEPS][V] = {}, sum = 0.f, mean = 0.f, scale = 1.f;
    P in[STEPS][P::PLANES];

    #pragma unroll
    for (int s = 0; s < STEPS; s++)
        #pragma unroll
        for (int q = 0; q < P::PLANES; q++) {
            const int c = 32 * V * s + V * lane;

            in[s][q].load((const TX *)f.x[q] + row * f.ldx + (c < k ? c : 0));
        }
    #pragma unroll
    for (int s = 0; s < STEPS; s++) {
        if (32 * V * s + V * lane < k)
            #pragma unroll
            for (int q = 0; q < P::PLANES; q++)
                in[s][q].add_to(v[s]);
        #pragma unroll
        for (int i = 0; i < V; i++)
            sum += v[s][i];
    }
    if (f.norm.weight) {
        mean = em_warp_sum(sum) / k;
        sum = 0.f;
        #pragma unroll
        for (int s = 0; s < STEPS; s++)
            if (32 * V * s + V * lane < k)
                #pragma unroll
                for (int i = 0; i < V; i++) {
                    v[s][i] -= mean;
                    sum += v[s][i] * v[s][i];
                }
        scale = 1.f / sqrtf(em_warp_sum(sum) / k + 1e-5f);
    }
    #pragma unroll
    for (int s = 0; s < STEPS; s++)
        #pragma unroll
        for (int i = 0; i < V; i += 4) {
            const int c = 32 * V * s + V * lane + i;
            float *const at = v[s] + i;

            if (c >= k_end)
                continue;
            if (c < k && f.norm.weight) {
                const float4 w = em_load4(f.norm.weight + c), b = em_load4(f.norm.bias + c);
                at[0] = at[0] * scale * w.x + b.x, at[1] = at[1] * scale * w.y + b.y;
                at[2] = at[2] * scale * w.z + b.z, at[3] = at[3] * scale * w.w + b.w;
            }
            if (c < k && f.gate) {
                const float4 g = em_load4(f.gate + row * f.ldg + c);
                at[0] *= em_silu(g.x), at[1] *= em_silu(g.y), at[2] *= em_silu(g.z), at[3] *= em_silu(g.w);
            }
            store_halves(dst + c, at);
        }
}

template <int BM, int BN, int WM, int WN, typename TX, int STEPS>
__global__ void __launch_bounds__(32 * WM * WN) product_fused(product_args p, fused_args f)
{
    constexpr int THREADS = 32 * WM * WN, B = BN * (BK + PAD), STAGES = stages<BM>;
    EM_SHARED(em_half, shared);
    const int m0 = blockIdx.y * BM, n_slabs = (p.k + BK - 1) / BK, pitch = n_slabs * BK + PAD, n_tiles = (p.out.n + BN - 1) / BN;
    const int n_mine = (n_tiles - (int)blockIdx.x + (int)gridDim.x - 1) / (int)gridDim.x, n_all = n_mine * n_slabs;
    em_half *const ring = shared + BM * pitch;
    warp_tile<BM, BN, WM, WN> tile;

    // Slab i of all of them: column tiles one after the other, each over the whole depth.
    auto fetch = [&](int i) {
        if (i < n_all)
            fetch_weights<BN, THREADS>(ring + i % STAGES * B, p, (int)(blockIdx.x + i / n_slabs * gridDim.x) * BN, i % n_slabs * BK);
        em_copy_commit();
    };

    for (int i = 0; i < STAGES - 1; i++)
        fetch(i);
    em_wait_for_previous();
    #pragma unroll(STEPS * piece<TX>::PLANES <= 3 ? 2 : 1)
    for (int r = threadIdx.x / 32; r < BM; r += THREADS / 32) {
        const int row = m0 + r < p.n_rows ? m0 + r : p.n_rows - 1;      // past the end any row will do: its sums are not written

        take_row<TX, STEPS>(shared + r * pitch, f, (size_t)row, p.k, n_slabs * BK, tile.lane);
    }
    for (int i = 0; i < n_all; i++) {
        const int slab = i % n_slabs;

        em_copy_wait<STAGES - 2>();
        __syncthreads();                                    // rows and slab i are there, slab i - 1 is done with
        fetch(i + STAGES - 1);
        if (slab == 0)
            tile.clear();
        tile.multiply(shared + slab * BK, pitch, ring + i % STAGES * B);
        if (slab == n_slabs - 1)
            tile.write(p, m0, (int)(blockIdx.x + i / n_slabs * gridDim.x) * BN);
    }
}

// ---------------------------------------------------------------- fp32

enum { F_TILE = 64, F_K = 16, F_THREADS = 256 };

__global__ void __launch_bounds__(F_THREADS) product_f32(em_product_out out, const float *rows, size_t ld, const float *w, size_t ldw, int n_rows, int k)
{
    EM_SHARED(float, shared);                               // [F_K][F_TILE + 1] of rows, then of w
    float *const a = shared, *const b = shared + F_K * (F_TILE + 1);
    const int m0 = blockIdx.y * F_TILE, n0 = blockIdx.x * F_TILE, tm = threadIdx.x / 16, tn = threadIdx.x % 16;
    float sums[4][4] = {};

    em_wait_for_previous();
    for (int k0 = 0; k0 < k; k0 += F_K) {
        for (int i = threadIdx.x; i < F_TILE * F_K; i += F_THREADS) {
            const int r = i / F_K, c = i % F_K;

            a[c * (F_TILE + 1) + r] = m0 + r < n_rows && k0 + c < k ? rows[(size_t)(m0 + r) * ld + k0 + c] : 0.f;
            b[c * (F_TILE + 1) + r] = w[(size_t)(n0 + r) * ldw + k0 + c];
        }
        __syncthreads();
        for (int c = 0; c < F_K; c++)
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++)
                    sums[i][j] += a[c * (F_TILE + 1) + tm + 16 * i] * b[c * (F_TILE + 1) + tn + 16 * j];
        __syncthreads();
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            if (m0 + tm + 16 * i < n_rows && n0 + tn + 16 * j < out.n) {
                const size_t row = (size_t)(m0 + tm + 16 * i);
                const int n = n0 + tn + 16 * j;

                ((float *)out.y)[row * out.n + n] = finished(out, sums[i][j], row, n);
            }
}

static void multiply_f32(em_dev *dev, const em_product_out *out, const float *rows, size_t ld, em_matrix w, int n_rows)
{
    const dim3 grid((unsigned)em_div_up((size_t)w.n, F_TILE), (unsigned)em_div_up((size_t)n_rows, F_TILE));

    EM_LAUNCH(dev, product_f32, grid, F_THREADS, 2 * F_K * (F_TILE + 1) * sizeof(float), *out, rows, ld, (const float *)w.data,
              (size_t)em_round_up(w.k, 64), n_rows, w.k);
}

// ---------------------------------------------------------------- which tile

static product_args args_of(const em_product_out *out, const void *rows, size_t ld, em_matrix w, int n_rows)
{
    const product_args p = { *out, (const em_half *)rows, (const em_half *)w.data, ld, (size_t)em_round_up(w.k, BK), n_rows, w.k, {} };

    return p;
}

template <int BM, int BN>
static size_t slabs_bytes() { return (size_t)(stages<BM> * (BM + BN) * (BK + PAD)) * sizeof(em_half); }

template <int BM, int BN, int WM, int WN>
static void launch_slabs(em_dev *dev, const product_args &p)
{
    const dim3 grid((unsigned)em_div_up((size_t)p.out.n, BN), (unsigned)em_div_up((size_t)p.n_rows, BM));

    if (p.conv.C)
        EM_LAUNCH(dev, (product_slabs<BM, BN, WM, WN, true>), grid, 32 * WM * WN, (slabs_bytes<BM, BN>()), p);
    else
        EM_LAUNCH(dev, (product_slabs<BM, BN, WM, WN, false>), grid, 32 * WM * WN, (slabs_bytes<BM, BN>()), p);
}

static size_t tiles(const product_args &p, int bm, int bn) { return (size_t)em_div_up((size_t)p.out.n, bn) * em_div_up((size_t)p.n_rows, bm); }

static void pick_slabs(em_dev *dev, const product_args &p)
{
    const size_t enough = (size_t)dev->n_sms;

    if (tiles(p, 128, 128) >= 2 * enough && (size_t)dev->max_shared >= slabs_bytes<128, 128>())
        launch_slabs<128, 128, 2, 4>(dev, p);
    else if (tiles(p, 64, 64) >= enough)
        launch_slabs<64, 64, 2, 2>(dev, p);
    else
        launch_slabs<16, 32, 1, 4>(dev, p);
}

void em_cuda_product(em_dev *dev, const em_product_out *out, const void *rows, size_t ld, em_matrix w, int n_rows)
{
    if (dev->is_fp16)
        pick_slabs(dev, args_of(out, rows, ld, w, n_rows));
    else
        multiply_f32(dev, out, (const float *)rows, ld, w, n_rows);
}

void em_cuda_conv_product(em_dev *dev, const em_product_out *out, const void *image, const em_conv_shape *shape, em_matrix w, int n_rows)
{
    product_args p = args_of(out, image, 0, w, n_rows);

    p.conv = *shape;
    pick_slabs(dev, p);
}

template <int BM, int BN>
static size_t fused_bytes(int k) { return (size_t)(BM * (em_round_up(k, BK) + PAD) + stages<BM> * BN * (BK + PAD)) * sizeof(em_half); }

template <int BM, int BN, int WM, int WN, typename TX>
static void launch_fused(em_dev *dev, const product_args &p, const fused_args &f)
{
    const int n_tiles = em_div_up((size_t)p.out.n, BN), m_tiles = em_div_up((size_t)p.n_rows, BM), wanted = em_div_up(2 * (size_t)dev->n_sms, (size_t)m_tiles);
    const dim3 grid((unsigned)(wanted < n_tiles ? wanted : n_tiles), (unsigned)m_tiles);
    const int steps = em_div_up((size_t)em_round_up(p.k, BK), 32 * piece<TX>::V);

    if (steps <= 1)
        EM_LAUNCH(dev, (product_fused<BM, BN, WM, WN, TX, 1>), grid, 32 * WM * WN, (fused_bytes<BM, BN>(p.k)), p, f);
    else if (steps <= 3)
        EM_LAUNCH(dev, (product_fused<BM, BN, WM, WN, TX, 3>), grid, 32 * WM * WN, (fused_bytes<BM, BN>(p.k)), p, f);
    else
        EM_LAUNCH(dev, (product_fused<BM, BN, WM, WN, TX, 6>), grid, 32 * WM * WN, (fused_bytes<BM, BN>(p.k)), p, f);
}

// Few rows: small tiles, so that every multiprocessor has one. Then as large as shared memory allows. Rows that are sums
// of planes cost more than their product: fewer blocks, with more warps, take each.
template <typename TX>
static void pick_fused(em_dev *dev, const product_args &p, const fused_args &f)
{
    const size_t enough = (size_t)dev->n_sms, room = (size_t)dev->max_shared;

    if (tiles(p, 64, 128) >= 2 * enough && fused_bytes<64, 128>(p.k) <= room)
        launch_fused<64, 128, 2, 4, TX>(dev, p, f);
    else if (tiles(p, 32, 64) >= enough && fused_bytes<32, 64>(p.k) <= room)
        launch_fused<32, 64, 2, 4, TX>(dev, p, f);
    else if (piece<TX>::PLANES > 1)
        launch_fused<16, 64, 1, 8, TX>(dev, p, f);
    else
        launch_fused<16, 32, 1, 4, TX>(dev, p, f);
}

// Vectors of 16 bytes, and six steps of them at most.
bool em_cuda_can_fuse(const em_dev *dev, const em_norm_linear *a)
{
    const int V = a->is_x_inner ? piece<em_half>::V : piece<float>::V;
    const bool has_planes = a->x_more[0] && a->x_more[1] && a->x_more[2], has_more = a->x_more[0] || a->x_more[1] || a->x_more[2];

    return dev->is_fp16 && (a->is_x_inner ? has_planes : !has_more) && a->w.k % V == 0 && a->ldx % V == 0 && em_round_up(a->w.k, BK) <= 6 * 32 * V &&
           fused_bytes<16, 64>(a->w.k) <= (size_t)dev->max_shared && (!a->gate || (a->ldg % 4 == 0 && a->gate_column % 4 == 0));
}

void em_cuda_fused_product(em_dev *dev, const em_product_out *out, const em_norm_linear *a, int n_rows)
{
    const product_args p = args_of(out, NULL, 0, a->w, n_rows);
    const fused_args f = { { a->x, a->x_more[0], a->x_more[1], a->x_more[2] }, a->gate ? (const em_half *)a->gate + a->gate_column : NULL,
                           a->ldx, a->ldg, a->norm };

    if (a->is_x_inner)
        pick_fused<em_half>(dev, p, f);
    else
        pick_fused<float>(dev, p, f);
}
