// product_back.cu - the way back through a matrix product:
//
//   dm[m][k]    = sum over n of dy[m][n] w[n][k]          product.cu, with w turned
//   grad[n][k] += sum over m of dy[m][n] rows[m][k]       a sum over the batch: cut into parts of rows, which are then added up in order
//   dbias[n]   += sum over m of dy[m][n]
//
// fp32: 64 x 64 tiles, plain FMAs. Otherwise tensor cores on em_bf16: both operands lie row by row of the batch, so both are turned
// on their way from shared memory to the fragments. Sums are floats everywhere.
#include "product_back.cuh"

enum {
    TILE = 64, PART_ROWS = 256, WANTED_BLOCKS = 512,
    F_ROWS = 16, F_THREADS = 256,                           // of a slab; of outer_f32
    H_ROWS = 32, H_PITCH = TILE + 8, H_THREADS = 128, H_SLAB = H_ROWS * H_PITCH, H_STAGES = 3,     // of outer_bf16
};

// Rows of a part: a multiple of PART_ROWS, by sizes alone.
static int rows_a_part(int n_rows, em_matrix w)
{
    const int tiles = em_div_up((size_t)w.n, TILE) * em_div_up((size_t)w.k, TILE), most = em_div_up((size_t)n_rows, PART_ROWS);
    int wanted = em_div_up(WANTED_BLOCKS, (size_t)tiles);

    wanted = wanted < most ? wanted : most;
    return em_round_up(em_div_up((size_t)n_rows, (size_t)wanted), PART_ROWS);
}

// ---------------------------------------------------------------- fp32

// parts[blockIdx.z][n][k] = a^T b over its rows; a [rows][n] lda apart, b [rows][k] ldb apart.
__global__ void __launch_bounds__(F_THREADS) outer_f32(float *parts, const float *a, size_t lda, const float *b, size_t ldb, int rows,
                                                      int part_rows, int n, int k)
{
    EM_SHARED(float, shared);                               // [F_ROWS][TILE] of a, then of b
    float *const sa = shared, *const sb = shared + F_ROWS * TILE;
    const int n0 = blockIdx.y * TILE, k0 = blockIdx.x * TILE, tn = threadIdx.x / 16, tk = threadIdx.x % 16, begin = blockIdx.z * part_rows;
    const int end = begin + part_rows < rows ? begin + part_rows : rows;
    float sums[4][4] = {};

    em_wait_for_previous();
    for (int r0 = begin; r0 < end; r0 += F_ROWS) {
        for (int i = threadIdx.x; i < F_ROWS * TILE; i += F_THREADS) {
            const int r = i / TILE, c = i % TILE;

            sa[i] = r0 + r < end && n0 + c < n ? a[(size_t)(r0 + r) * lda + n0 + c] : 0.f;
            sb[i] = r0 + r < end && k0 + c < k ? b[(size_t)(r0 + r) * ldb + k0 + c] : 0.f;
        }
        __syncthreads();
        for (int r = 0; r < F_ROWS; r++)
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++)
                    sums[i][j] += sa[r * TILE + tn + 16 * i] * sb[r * TILE + tk + 16 * j];
        __syncthreads();
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            if (n0 + tn + 16 * i < n && k0 + tk + 16 * j < k)
                parts[((size_t)blockIdx.z * n + n0 + tn + 16 * i) * k + k0 + tk + 16 * j] = sums[i][j];
}

// ---------------------------------------------------------------- tensor cores

// A slab [H_ROWS][H_PITCH] of x from row r0, column c0; zeros past the end. x is padded to whole tiles of columns.
static __device__ __forceinline__ void fetch_slab(em_bf16 *slab, const em_bf16 *x, size_t ld, int r0, int end, int c0)
{
    for (int i = threadIdx.x; i < H_ROWS * TILE / 8; i += H_THREADS) {
        const int r = i / (TILE / 8), c = i % (TILE / 8) * 8;
        const bool is_there = r0 + r < end;

        em_copy16(slab + r * H_PITCH + c, is_there ? x + (size_t)(r0 + r) * ld + c0 + c : x, is_there ? 16 : 0);
    }
}

// Warp: a slab's share of its 32 x 32 sums, the rows of both operands being the depth. a, b: their columns of the slab.
static __device__ __forceinline__ void multiply_slab(float sums[2][4][4], const em_bf16 *a, const em_bf16 *b, int lane)
{
    #pragma unroll
    for (int r = 0; r < H_ROWS; r += 16) {
        uint32_t fa[2][4], fb[2][4];

        #pragma unroll
        for (int i = 0; i < 2; i++) {
            em_ldmatrix4_turned(fa[i], a + (r + lane / 16 * 8 + lane % 8) * H_PITCH + 16 * i + lane / 8 % 2 * 8);
            em_ldmatrix4_turned(fb[i], b + (r + lane / 8 % 2 * 8 + lane % 8) * H_PITCH + 16 * i + lane / 16 * 8);
        }
        #pragma unroll
        for (int i = 0; i < 2; i++)
            #pragma unroll
            for (int j = 0; j < 4; j++)
                em_mma_bf16(sums[i][j], fa[i], fb[j / 2][j % 2 * 2], fb[j / 2][j % 2 * 2 + 1]);
    }
}

// Warp: its sums to part[n][k], from n0 and k0 on.
static __device__ __forceinline__ void put_sums(float *part, const float sums[2][4][4], int n0, int k0, int n, int k, int lane)
{
    #pragma unroll
    for (int i = 0; i < 2; i++)
        #pragma unroll
        for (int j = 0; j < 4; j++)
            #pragma unroll
            for (int q = 0; q < 4; q++) {
                const int at_n = n0 + 16 * i + lane / 4 + q / 2 * 8, at_k = k0 + 8 * j + lane % 4 * 2 + q % 2;

                if (at_n < n && at_k < k)
                    part[(size_t)at_n * k + at_k] = sums[i][j][q];
            }
}

// As outer_f32. Four warps of 32 x 32.
__global__ void __launch_bounds__(H_THREADS) outer_bf16(float *parts, const em_bf16 *a, size_t lda, const em_bf16 *b, size_t ldb, int rows,
                                                       int part_rows, int n, int k)
{
    EM_SHARED(em_bf16, shared);                             // [H_STAGES][a, b]
    const int n0 = blockIdx.y * TILE, k0 = blockIdx.x * TILE, begin = blockIdx.z * part_rows, lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int end = begin + part_rows < rows ? begin + part_rows : rows, n_slabs = (end - begin + H_ROWS - 1) / H_ROWS;
    const int wn = warp / 2 * 32, wk = warp % 2 * 32;
    float sums[2][4][4] = {};

    auto fetch = [&](int s) {
        em_bf16 *const slab = shared + s % H_STAGES * 2 * H_SLAB;

        if (s < n_slabs) {
            fetch_slab(slab, a, lda, begin + s * H_ROWS, end, n0);
            fetch_slab(slab + H_SLAB, b, ldb, begin + s * H_ROWS, end, k0);
        }
        em_copy_commit();
    };

    em_wait_for_previous();
    for (int s = 0; s < H_STAGES - 1; s++)
        fetch(s);
    for (int s = 0; s < n_slabs; s++) {
        const em_bf16 *const sa = shared + s % H_STAGES * 2 * H_SLAB, *const sb = sa + H_SLAB;

        em_copy_wait<H_STAGES - 2>();
        __syncthreads();                                    // this slab is there, and the one before is done with
        fetch(s + H_STAGES - 1);
        multiply_slab(sums, sa + wn, sb + wk, lane);
    }
    put_sums(parts + (size_t)blockIdx.z * n * k, sums, n0 + wn, k0 + wk, n, k, lane);
}

// ---------------------------------------------------------------- all of it

// dst[row][pitch] = branch x, zeros past n.
template <typename T>
__global__ void scale_rows(T *dst, const float *x, const float *branch, int L, size_t n_all, int n, int pitch)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x, row = i / pitch, c = i % pitch;

    em_wait_for_previous();
    if (i >= n_all)
        return;
    em_store(dst + i, c < (size_t)n ? (branch ? branch[row / L] : 1.f) * x[row * n + c] : 0.f);
}

// Gradients as the products want them, [rows][*ld].
template <typename T>
static const T *scaled(em_dev *dev, const em_product_back *p, size_t *ld)
{
    enum { THREADS = 256 };
    const int pitch = em_round_up(p->w.n, TILE);
    const size_t n = (size_t)p->n_rows * pitch;
    T *const to = (T *)em_cuda_spare(dev, EM_SPARE_DY, n * sizeof *to);

    *ld = (size_t)pitch;
    EM_LAUNCH(dev, scale_rows<T>, dim3(em_div_up(n, THREADS)), THREADS, 0, to, p->dy, p->branch, p->L, n, p->w.n, pitch);
    return to;
}

static void outer(em_dev *dev, const em_product_back *p, const void *dy, size_t lddy)
{
    const em_matrix w = p->w;
    const int part_rows = rows_a_part(p->n_rows, w), n_parts = em_div_up((size_t)p->n_rows, (size_t)part_rows);
    const size_t size = (size_t)w.n * w.k;
    const dim3 grid((unsigned)em_div_up((size_t)w.k, TILE), (unsigned)em_div_up((size_t)w.n, TILE), (unsigned)n_parts);
    float *const parts = (float *)em_cuda_spare(dev, EM_SPARE_PARTS, n_parts * size * sizeof *parts);

    if (dev->is_fp16)
        EM_LAUNCH(dev, outer_bf16, grid, H_THREADS, 2 * H_STAGES * H_SLAB * sizeof(em_bf16),
                  parts, (const em_bf16 *)dy, lddy, (const em_bf16 *)p->rows, p->ld, p->n_rows, part_rows, w.n, w.k);
    else
        EM_LAUNCH(dev, outer_f32, grid, F_THREADS, 2 * F_ROWS * TILE * sizeof(float),
                  parts, (const float *)dy, lddy, (const float *)p->rows, p->ld, p->n_rows, part_rows, w.n, w.k);
    em_cuda_add_parts(dev, w.grad, parts, size, size, n_parts);
}

void em_cuda_product_back(em_dev *dev, const em_product_back *p)
{
    const em_product_out out = { p->dm, NULL, p->residual, p->w.k, EM_ACT_NONE, false, NULL, 0 };
    const void *dy = p->dy;
    size_t lddy = (size_t)p->w.n;

    if (dev->is_fp16)
        dy = scaled<em_bf16>(dev, p, &lddy);
    else if (p->branch)
        dy = scaled<float>(dev, p, &lddy);
    outer(dev, p, dy, lddy);
    if (p->dbias)
        em_cuda_add_rows(dev, p->dbias, p->dy, p->branch, p->L, p->n_rows, p->w.n);
    if (p->dm)
        em_cuda_back_product(dev, &out, dy, lddy, p->w, p->n_rows);
}
