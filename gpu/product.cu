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
#include "product_rows.cuh"

// ---------------------------------------------------------------- slab by slab

template <int BM, int BN, int WM, int WN, bool IS_CONV, typename T>
__global__ void __launch_bounds__(32 * WM * WN) product_slabs(product_args p)
{
    constexpr int THREADS = 32 * WM * WN, A = BM * (BK + PAD), B = BN * (BK + PAD), TURN = turn<BM>, AHEAD = (stages<BM> - 1) * TURN;
    EM_SHARED(em_half, shared);
    const int m0 = blockIdx.y * BM, n0 = blockIdx.x * BN, n_slabs = (p.k + BK - 1) / BK;
    const row_reader<BM, THREADS, IS_CONV> rows(p, m0);
    warp_tile<BM, BN, WM, WN, T> tile;

    auto slab = [&](int s) { return shared + s % ring_slabs<BM> * (A + B); };
    auto fetch = [&](int s, bool is_rows, bool is_weights) {
        #pragma unroll
        for (int j = 0; j < TURN; j++) {
            if (s + j < n_slabs && is_rows)
                rows.fetch(slab(s + j), p, (s + j) * BK);
            if (s + j < n_slabs && is_weights)
                fetch_weights<BN, THREADS>(slab(s + j) + A, p, n0, (s + j) * BK);
        }
    };

    tile.clear();
    for (int s = 0; s < AHEAD; s += TURN)
        fetch(s, false, true);
    em_wait_for_previous();
    for (int s = 0; s < AHEAD; s += TURN) {
        fetch(s, true, false);
        em_copy_commit();
    }
    for (int s = 0; s < n_slabs; s += TURN) {
        em_copy_wait<stages<BM> - 2>();
        __syncthreads();                                    // this turn is there, and the one before is done with
        fetch(s + AHEAD, true, true);
        em_copy_commit();
        #pragma unroll
        for (int j = 0; j < TURN; j++)
            if (s + j < n_slabs)
                tile.multiply(slab(s + j), BK + PAD, slab(s + j) + A);
    }
    tile.template write<true>(p, m0, n0);
}

// ---------------------------------------------------------------- rows kept for the whole depth

template <int BM, int BN, int WM, int WN, typename TX, int STEPS>
__global__ void __launch_bounds__(32 * WM * WN) product_fused(product_args p, fused_args f)
{
    constexpr int THREADS = 32 * WM * WN, B = BN * (BK + PAD), TURN = turn<BM>, AHEAD = (stages<BM> - 1) * TURN;
    EM_SHARED(em_half, shared);
    const int m0 = blockIdx.y * BM, n_slabs = (p.k + BK - 1) / BK, pitch = n_slabs * BK + PAD, n_tiles = (p.out.n + BN - 1) / BN;
    const int n_mine = (n_tiles - (int)blockIdx.x + (int)gridDim.x - 1) / (int)gridDim.x, n_all = n_mine * n_slabs;
    constexpr int MINE = BM / (WM * WN), AT_ONCE = STEPS * piece<TX>::PLANES <= 6 && MINE % 2 == 0 ? 2 : 1;
    em_half *const ring = shared + BM * pitch;
    float *const norm = (float *)(ring + ring_slabs<BM> * B);       // weights, biases
    const int k_end = n_slabs * BK;
    warp_tile<BM, BN, WM, WN> tile;

    // Slab i of all of them: column tiles one after the other, each over the whole depth.
    auto fetch = [&](int first) {
        #pragma unroll
        for (int i = first; i < first + TURN; i++)
            if (i < n_all)
                fetch_weights<BN, THREADS>(ring + i % ring_slabs<BM> * B, p, (int)(blockIdx.x + i / n_slabs * gridDim.x) * BN, i % n_slabs * BK);
        em_copy_commit();
    };

    for (int i = 0; i < AHEAD; i += TURN)
        fetch(i);
    take_norm<THREADS>(norm, f.norm, p.k, k_end);
    __syncthreads();
    em_wait_for_previous();
    for (int r = threadIdx.x / 32 * MINE; r < threadIdx.x / 32 * MINE + MINE; r += AT_ONCE) {
        size_t row[AT_ONCE];

        #pragma unroll
        for (int i = 0; i < AT_ONCE; i++)                   // past the end any row will do: its sums are not written
            row[i] = (size_t)(m0 + r + i < p.n_rows ? m0 + r + i : p.n_rows - 1);
        take_rows<TX, STEPS, AT_ONCE>(shared + r * pitch, pitch, f, row, norm, p.k, k_end, tile.lane);
    }
    for (int first = 0; first < n_all; first += TURN) {
        em_copy_wait<stages<BM> - 2>();
        __syncthreads();                                    // rows and this turn are there, the one before is done with
        fetch(first + AHEAD);
        #pragma unroll
        for (int i = first; i < first + TURN; i++) {
            const int slab = i % n_slabs;

            if (i >= n_all)
                break;
            if (slab == 0)
                tile.clear();
            tile.multiply(shared + slab * BK, pitch, ring + i % ring_slabs<BM> * B);
            if (slab == n_slabs - 1)
                tile.template write<false>(p, m0, (int)(blockIdx.x + i / n_slabs * gridDim.x) * BN);
        }
    }
}

// ---------------------------------------------------------------- fp32

enum { F_TILE = 64, F_K = 16, F_THREADS = 256 };

__global__ void __launch_bounds__(F_THREADS) product_f32(em_product_out out, const float *rows, size_t ld, const float *w, size_t ldw,
                                                        int n_rows, int k)
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

                ((float *)out.y)[row * out.n + n] = finished<true>(out, sums[i][j], row, n);
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
    const product_args p = { *out, (const em_half *)rows, (const em_half *)w.data, ld, (size_t)em_round_up(w.k, BK), n_rows, w.k, {}, false };

    return p;
}

template <int BM, int BN>
static size_t slabs_bytes() { return (size_t)(ring_slabs<BM> * (BM + BN) * (BK + PAD)) * sizeof(em_half); }

template <int BM, int BN, int WM, int WN>
static void launch_slabs(em_dev *dev, const product_args &p)
{
    const dim3 grid((unsigned)em_div_up((size_t)p.out.n, BN), (unsigned)em_div_up((size_t)p.n_rows, BM));

    if (p.conv.C)
        EM_LAUNCH(dev, (product_slabs<BM, BN, WM, WN, true, em_half>), grid, 32 * WM * WN, (slabs_bytes<BM, BN>()), p);
    else if (p.is_bf16)
        EM_LAUNCH(dev, (product_slabs<BM, BN, WM, WN, false, em_bf16>), grid, 32 * WM * WN, (slabs_bytes<BM, BN>()), p);
    else
        EM_LAUNCH(dev, (product_slabs<BM, BN, WM, WN, false, em_half>), grid, 32 * WM * WN, (slabs_bytes<BM, BN>()), p);
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

void em_cuda_back_product(em_dev *dev, const em_product_out *out, const void *rows, size_t ld, em_matrix w, int n_rows)
{
    const em_matrix turned = { w.back, w.k, w.n, NULL, NULL };
    product_args p = args_of(out, rows, ld, turned, n_rows);

    p.is_bf16 = true;
    if (dev->is_fp16)
        pick_slabs(dev, p);
    else
        multiply_f32(dev, out, (const float *)rows, ld, turned, n_rows);
}

void em_cuda_conv_product(em_dev *dev, const em_product_out *out, const void *image, const em_conv_shape *shape, em_matrix w, int n_rows)
{
    product_args p = args_of(out, image, 0, w, n_rows);

    p.conv = *shape;
    pick_slabs(dev, p);
}

template <int BM, int BN>
static size_t fused_bytes(int k)
{
    const int k_end = em_round_up(k, BK), rows = BM * (k_end + PAD), ring = ring_slabs<BM> * BN * (BK + PAD);

    return (size_t)(rows + ring) * sizeof(em_half) + 2 * (size_t)k_end * sizeof(float);
}

template <int BM, int BN, int WM, int WN, typename TX>
static void launch_fused(em_dev *dev, const product_args &p, const fused_args &f)
{
    const int n_tiles = em_div_up((size_t)p.out.n, BN), m_tiles = em_div_up((size_t)p.n_rows, BM);
    const int wanted = em_div_up(2 * (size_t)dev->n_sms, (size_t)m_tiles);
    const dim3 grid((unsigned)(wanted < n_tiles ? wanted : n_tiles), (unsigned)m_tiles);
    const int steps = em_div_up((size_t)em_round_up(p.k, BK), 32 * piece<TX>::V);

    if (steps <= 1)
        EM_LAUNCH(dev, (product_fused<BM, BN, WM, WN, TX, 1>), grid, 32 * WM * WN, (fused_bytes<BM, BN>(p.k)), p, f);
    else if (steps <= 3)
        EM_LAUNCH(dev, (product_fused<BM, BN, WM, WN, TX, 3>), grid, 32 * WM * WN, (fused_bytes<BM, BN>(p.k)), p, f);
    else
        EM_LAUNCH(dev, (product_fused<BM, BN, WM, WN, TX, 6>), grid, 32 * WM * WN, (fused_bytes<BM, BN>(p.k)), p, f);
}

// Few rows: small tiles, so that every multiprocessor has one. Then as large as shared memory allows.
template <typename TX>
static void pick_fused(em_dev *dev, const product_args &p, const fused_args &f)
{
    const size_t enough = (size_t)dev->n_sms, room = (size_t)dev->max_shared;

    if (tiles(p, 64, 128) >= 2 * enough && fused_bytes<64, 128>(p.k) <= room)
        launch_fused<64, 128, 2, 4, TX>(dev, p, f);
    else if (tiles(p, 32, 64) >= enough && fused_bytes<32, 64>(p.k) <= room)
        launch_fused<32, 64, 2, 4, TX>(dev, p, f);
    else
        launch_fused<16, 64, 1, 8, TX>(dev, p, f);
}

// Vectors of 16 bytes, and six steps of them at most; no branch that may be dropped: training prepares its rows.
bool em_cuda_can_fuse(const em_dev *dev, const em_norm_linear *a)
{
    const int V = a->is_x_inner ? piece<em_half>::V : piece<float>::V;
    const bool has_planes = a->x_more[0] && a->x_more[1] && a->x_more[2], has_more = a->x_more[0] || a->x_more[1] || a->x_more[2];

    return dev->is_fp16 && !a->branch && (a->is_x_inner ? has_planes : !has_more) &&
           a->w.k % V == 0 && a->ldx % V == 0 && em_round_up(a->w.k, BK) <= 6 * 32 * V &&
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
