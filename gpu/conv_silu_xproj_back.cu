// conv_silu_xproj_back.cu - the way back through em_conv_silu_xproj in ops.h: the x projections, SiLU, the depthwise convolution.
//
//   dv = (dm + what the four scans left) silu'(raw)        stays in du[0]
//   dx[h][w]       = sum over 3x3 of dv[h-i][w-j] taps[i][j]
//   dtaps[i][j]   += sum over tokens of dv[h][w] x[h+i][w+j]
#include "product_back.cuh"

__global__ void silu_back(float *du0, const float *du1, const float *du2, const float *du3, const float *dm, const float *raw, size_t n)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;

    em_wait_for_previous();
    if (i < n)
        du0[i] = (dm[i] + du0[i] + (du1 ? du1[i] : 0.f) + (du2 ? du2[i] : 0.f) + (du3 ? du3[i] : 0.f)) * em_silu_slope(raw[i]);
}

struct depthwise_back_args { const float *dv; const float *taps; size_t ldx; int H, W, D; };

// A thread a channel of a token.
__global__ void depthwise_back(float *dx, depthwise_back_args a, size_t n_all)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x, token = i / a.D;
    const int c = (int)(i % a.D), w = (int)(token % a.W), h = (int)(token / a.W % a.H);
    float sum = 0.f;

    em_wait_for_previous();
    if (i >= n_all)
        return;
    #pragma unroll
    for (int tap = 0; tap < 9; tap++) {
        const int y = h + 1 - tap / 3, x = w + 1 - tap % 3;

        if (y >= 0 && y < a.H && x >= 0 && x < a.W)
            sum += a.dv[(token + (size_t)((y - h) * a.W + x - w)) * a.D + c] * a.taps[(size_t)tap * a.D + c];
    }
    dx[token * a.ldx + c] = sum;
}

enum { COLUMNS = 32, LANES = 8 };           // of a block: each lane has every eighth token of the part

// parts[blockIdx.y][9][D]
template <typename T>
__global__ void __launch_bounds__(COLUMNS * LANES) taps_back(float *parts, const T *x, depthwise_back_args a, int tokens, int part_tokens)
{
    EM_SHARED(float, shared);                               // [LANES][9][COLUMNS]
    const int column = threadIdx.x % COLUMNS, lane = threadIdx.x / COLUMNS, c = blockIdx.x * COLUMNS + column, begin = blockIdx.y * part_tokens;
    const int end = begin + part_tokens < tokens ? begin + part_tokens : tokens;
    float sums[9] = {};

    em_wait_for_previous();
    for (int token = begin + lane; token < end && c < a.D; token += LANES) {
        const int w = token % a.W, h = token / a.W % a.H;
        const float dv = a.dv[(size_t)token * a.D + c];

        #pragma unroll
        for (int tap = 0; tap < 9; tap++) {
            const int dy = tap / 3 - 1, dx = tap % 3 - 1;

            if (h + dy >= 0 && h + dy < a.H && w + dx >= 0 && w + dx < a.W)
                sums[tap] += dv * em_load(x + (size_t)(token + dy * a.W + dx) * a.ldx + c);
        }
    }
    #pragma unroll
    for (int tap = 0; tap < 9; tap++)
        shared[(lane * 9 + tap) * COLUMNS + column] = sums[tap];
    __syncthreads();
    for (int tap = lane; tap < 9 && c < a.D; tap += LANES) {
        float sum = 0.f;

        for (int i = 0; i < LANES; i++)
            sum += shared[(i * 9 + tap) * COLUMNS + column];
        parts[((size_t)blockIdx.y * 9 + tap) * a.D + c] = sum;
    }
}

enum { THREADS = 256 };

template <typename T>
static void convolution_back(em_dev *dev, const em_conv_silu_xproj *a, int tokens)
{
    const depthwise_back_args d = { a->du[0], a->taps, a->ldx, a->H, a->W, a->D };
    const size_t n = (size_t)tokens * a->D, size = 9 * (size_t)a->D;
    const int part_tokens = em_part_rows((size_t)tokens, 64), n_parts = em_div_up((size_t)tokens, (size_t)part_tokens);
    float *const parts = (float *)em_cuda_spare(dev, EM_SPARE_PARTS, n_parts * size * sizeof *parts);

    EM_LAUNCH(dev, depthwise_back, dim3(em_div_up(n, THREADS)), THREADS, 0, a->dx, d, n);
    EM_LAUNCH(dev, taps_back<T>, dim3((unsigned)em_div_up((size_t)a->D, COLUMNS), (unsigned)n_parts), COLUMNS * LANES,
              9 * COLUMNS * LANES * sizeof(float), parts, (const T *)a->x, d, tokens, part_tokens);
    em_cuda_add_parts(dev, a->dtaps, parts, size, size, n_parts);
}

template <typename T>
static void back(em_dev *dev, const em_conv_silu_xproj *a, int tokens)
{
    const size_t n = (size_t)tokens * a->D;
    const em_planes<T, T> s = { { (const T *)a->u }, (size_t)a->D, NULL, 0 };
    em_product_back p = { a->dx_dbl, NULL, a->u, (size_t)a->D, a->w, NULL, NULL, NULL, 1, tokens };

    if (dev->is_fp16) {
        p.rows = em_cuda_back_rows(dev, s, {}, EM_ACT_NONE, tokens, a->D);
        p.ld = (size_t)em_round_up(a->D, 64);
    }
    p.dm = (float *)em_cuda_spare(dev, EM_SPARE_DM, n * sizeof *p.dm);
    em_cuda_product_back(dev, &p);
    EM_LAUNCH(dev, silu_back, dim3(em_div_up(n, THREADS)), THREADS, 0, a->du[0], (const float *)a->du[1], (const float *)a->du[2],
              (const float *)a->du[3], (const float *)p.dm, (const float *)a->raw, n);
    if (a->dbias)
        em_cuda_add_rows(dev, a->dbias, a->du[0], NULL, 1, tokens, a->D);
    convolution_back<T>(dev, a, tokens);
}

void em_cuda_conv_silu_xproj_bwd(em_dev *dev, const em_conv_silu_xproj *a, int B)
{
    if (dev->is_fp16)
        back<em_half>(dev, a, B * a->H * a->W);
    else
        back<float>(dev, a, B * a->H * a->W);
}
