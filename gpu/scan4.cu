// scan4.cu - the four selective scans: em_scan4 in ops.h.
//
//   delta = softplus(dt_w dt + dt_bias); h = exp2(delta a) h + delta B u; y = C.h + skip u
//   u, y [B][L][D]   x_dbl [B][L][4][R + 2N]   a [4][N][D]   dt_w [4][R][D]
//
// The order of tokens is index arithmetic: nothing is copied or transposed. A direction is cut into chunks of CHUNK
// steps; a thread owns one chunk of one channel:
//   1  its deltas, decays and inputs into registers; its end state from zero, and its whole decay (one exp of the sum)
//   2  it walks over the ends of all chunks beside it, and so knows the state its own begins with
//   3  the true states and y, from the registers: no exp is computed twice
// A block has CH channels and G chunks side by side, and goes on with the next G chunks until L, what it reads staged in
// two buffers by turns. CH and G are chosen by shape: many channels and few chunks where the batch fills the machine,
// few channels and many chunks for one window. The sums are the same: the bits depend on CHUNK only.
#include "device.cuh"
#include "scan4_rows.cuh"

enum { MOST_THREADS = 512 };

// ---------------------------------------------------------------- the scan

// Sixteen neighbours of shared memory.
static __device__ __forceinline__ void sixteen(float v[CHUNK], const float *p)
{
    #pragma unroll
    for (int q = 0; q < CHUNK; q += 4) {
        const float4 four = em_load4(p + q);
        v[q] = four.x, v[q + 1] = four.y, v[q + 2] = four.z, v[q + 3] = four.w;
    }
}

// Step 2: from h over the ends (decay, end from zero) of G chunks; *mine is the state chunk g begins with.
template <int CH>
static __device__ __forceinline__ float walk(const float2 *ends, float h, float *mine, int g, int G)
{
    #pragma unroll 8
    for (int i = 0; i < G; i++) {
        const float2 e = ends[i * CH];

        *mine = i == g ? h : *mine;
        h = e.x * h + e.y;
    }
    return h;
}

// One state through the chunk: what it adds to y. b, c: its rows of B and C; ends: a free list; carry: before all chunks of this round,
// and of the next. Returns what the chunk begins with.
template <int CH>
static __device__ __forceinline__ float add_state(float sum[CHUNK], const float dt[CHUNK], const float du[CHUNK], float length, float a,
                                                  const float *b, const float *c, float2 *ends, const float *carry, float *next_carry,
                                                  int g, int G)
{
    float decay[CHUNK], in[CHUNK], out[CHUNK], h = 0.f, begin = 0.f;

    sixteen(in, b);
    #pragma unroll
    for (int t = 0; t < CHUNK; t++) {
        decay[t] = em_exp2(dt[t] * a);
        in[t] *= du[t];
        h = decay[t] * h + in[t];
    }
    ends[g * CH] = make_float2(em_exp2(length * a), h);
    __syncthreads();                                        // and with it the list before this one is free
    h = walk<CH>(ends, *carry, &begin, g, G);
    if (g == 0)
        *next_carry = h;
    sixteen(out, c);
    h = begin;
    #pragma unroll
    for (int t = 0; t < CHUNK; t++) {
        h = decay[t] * h + in[t];
        sum[t] += h * out[t];
    }
    return begin;
}

// Where the state n that a step begins with is kept for the way back: the first of every EM_SCAN_CHUNK has one. N: how many a channel has.
static __device__ __forceinline__ float *kept_state(const scan_args &p, size_t window, int k, int step, int N, int n)
{
    const int n_kept = (p.H * p.W + EM_SCAN_CHUNK - 1) / EM_SCAN_CHUNK;

    return p.states + (((window * EM_DIRECTIONS + k) * n_kept + step / EM_SCAN_CHUNK) * N + n) * p.D;
}

// dt + bias projected to deltas; u to delta u; sum begins with skip u. A step of no length, past n_steps, changes no state. Returns the
// length of the chunk.
template <bool is_fast>
static __device__ __forceinline__ float measure_steps(float dt[CHUNK], float u[CHUNK], float sum[CHUNK], float skip, int n_steps)
{
    float length = 0.f;

    #pragma unroll
    for (int t = 0; t < CHUNK; t++) {
        dt[t] = t < n_steps ? (is_fast ? em_softplus_fast(dt[t]) : em_softplus(dt[t])) : 0.f;
        sum[t] = skip * u[t];
        u[t] *= dt[t];
        length += dt[t];
    }
    return length;
}

// Nothing is asked around a load: sixteen are under way at once.
template <typename T>
static __device__ __forceinline__ void load_steps(float u[CHUNK], const T *u_channel, const int *tokens, int D)
{
    #pragma unroll
    for (int t = 0; t < CHUNK; t++)
        u[t] = em_load(u_channel + tokens[t] * D);
}

// Sixteen at once where all are there.
template <typename T>
static __device__ __forceinline__ void store_steps(T *y, const int *tokens, int D, const float sum[CHUNK], int n_steps)
{
    if (n_steps >= CHUNK) {
        #pragma unroll
        for (int t = 0; t < CHUNK; t++)
            em_store(y + tokens[t] * D, sum[t]);
        return;
    }
    #pragma unroll
    for (int t = 0; t < CHUNK; t++)
        if (t < n_steps)
            em_store(y + tokens[t] * D, sum[t]);
}

// Blocks a multiprocessor is to have: as many as their registers allow without a spill.
template <int N, int CH, typename T> static constexpr int blocks_at_once = CH == 8 ? 1 : N == 1 && sizeof(T) == 2 ? 3 : 2;

template <int N, int CH, typename T>
__global__ void __launch_bounds__(CH == 8 ? MOST_THREADS : 256, blocks_at_once<N, CH, T>) scan4(T *y0, T *y1, T *y2, T *y3,
                                                                                                const T *u_all, scan_args p, int G)
{
    EM_SHARED(unsigned char, shared);
    typedef scan_room<N, CH, T> room;
    const int L = p.H * p.W, ch = threadIdx.x % CH, g = threadIdx.x / CH, k = blockIdx.y, d0 = blockIdx.x * CH, d = d0 + ch;
    const size_t window = blockIdx.z;
    const room at(G, p.pitch, L > G * CHUNK);
    const bool is_live = d < p.D;                           // idle threads still meet the barriers
    const float skip = is_live ? p.skip[k * p.D + d] : 0.f, bias = is_live ? p.dt_bias[k * p.D + d] : 0.f;
    T *const y = (k == 0 ? y0 : k == 1 ? y1 : k == 2 ? y2 : y3) + window * L * p.D + d;
    const T *const u_channel = u_all + window * L * p.D + (is_live ? d : 0);
    float *const carry = (float *)(shared + at.carry) + ch;         // [2][N][CH]
    int *const tokens = (int *)(shared + at.tokens);
    int n_ends = 0;                                         // which of two lists of ends

    prepare_block<N, CH, T>(shared, at, p, k, d0, G);
    __syncthreads();
    em_wait_for_previous();

    for (int round = 0, l0 = 0; l0 < L; round++, l0 += G * CHUNK) {
        const int buffer = round % 2, first = l0 + g * CHUNK, n_steps = is_live ? L - first : 0;
        unsigned char *const dt_rows = shared + at.dt + buffer * G * at.dt_chunk;
        float *const states = (float *)(shared + at.states) + buffer * G * room::STATES, *const mine = states + g * room::STATES;
        const int *const here = tokens + buffer * G * CHUNK, *const mine_here = here + g * CHUNK;
        float dt[CHUNK], u[CHUNK], sum[CHUNK], length;

        load_steps(u, u_channel, mine_here, p.D);
        if (p.R % 2 == 0)
            stage_rows<N, 2, T>(dt_rows, at.dt_chunk, states, room::STATES, here, p, k, window, G);
        else
            stage_rows<N, 1, T>(dt_rows, at.dt_chunk, states, room::STATES, here, p, k, window, G);
        __syncthreads();                                    // the rows are there; nobody reads the other buffer any more
        if (l0 + G * CHUNK < L)
            list_tokens(tokens + (buffer ^ 1) * G * CHUNK, p, k, l0 + G * CHUNK, G);
        project_chunk<N, CH, T>(dt, shared, at, dt_rows, p, k, d, bias);
        length = measure_steps<room::is_half>(dt, u, sum, skip, n_steps);
        #pragma unroll 1
        for (int n = 0; n < N; n++) {
            const float a = is_live ? p.a[((size_t)k * N + n) * p.D + d] : 0.f;
            const float begin = add_state<CH>(sum, dt, u, length, a, mine + n * CHUNK, mine + (N + n) * CHUNK,
                                              (float2 *)(shared + at.ends) + n_ends * G * CH + ch, carry + (buffer * N + n) * CH,
                                              carry + ((buffer ^ 1) * N + n) * CH, g, G);

            n_ends ^= 1;
            if (p.states && n_steps > 0 && first % EM_SCAN_CHUNK == 0)
                kept_state(p, window, k, first, N, n)[d] = begin;
        }
        store_steps(y, mine_here, p.D, sum, n_steps);
    }
}

// ---------------------------------------------------------------- mapping

template <int N, int CH, typename T>
static void launch(em_dev *dev, const em_scan4 *a, int B, int G)
{
    const int L = a->H * a->W, pairs = (a->R + 2 * N) / (a->R % 2 ? 1 : 2);
    scan_args p = { a->x_dbl, a->dt_w, a->dt_bias, a->a, a->skip, a->states, a->H, a->W, a->D, a->R, 0, 4 };
    const dim3 grid((unsigned)em_div_up((size_t)a->D, CH), EM_DIRECTIONS, (unsigned)B);

    // Rows of 16-bit numbers 8 apart: ldmatrix then meets every bank once.
    p.pitch = sizeof(T) == 2 ? em_round_up(a->R, 16) + 8 : em_round_up(a->R, 4);
    while (p.lanes < pairs && p.lanes < 32)
        p.lanes *= 2;
    while (G > 32 / CH && scan_room<N, CH, T>(G, p.pitch, L > G * CHUNK).total > dev->max_shared)
        G /= 2;
    EM_LAUNCH(dev, (scan4<N, CH, T>), grid, G * CH, (size_t)(scan_room<N, CH, T>(G, p.pitch, L > G * CHUNK).total),
              (T *)a->y[0], (T *)a->y[1], (T *)a->y[2], (T *)a->y[3], (const T *)a->u, p, G);
}

// Whole warps of chunks: as many as the direction has, but no more than `most`, a power of two.
static int chunks(const em_scan4 *a, int CH, int most)
{
    const int have = em_div_up((size_t)a->H * a->W, CHUNK);
    int G = 32 / CH;

    while (G < most && G < have)
        G *= 2;
    return G;
}

// A block of 128 threads or more: they read the rows of x_dbl together. Then the fewest channels that leave every
// multiprocessor a block.
template <int N, typename T>
static void map(em_dev *dev, const em_scan4 *a, int B)
{
    const int L = a->H * a->W, directions = EM_DIRECTIONS * B, enough = dev->n_sms;

    if (em_div_up((size_t)a->D, 32) * directions >= 2 * enough)
        launch<N, 32, T>(dev, a, B, chunks(a, 32, 8));
    else if (L <= 4 * CHUNK)
        launch<N, 32, T>(dev, a, B, chunks(a, 32, 4));
    else if (em_div_up((size_t)a->D, 16) * directions >= enough)
        launch<N, 16, T>(dev, a, B, chunks(a, 16, 16));
    else
        launch<N, 8, T>(dev, a, B, chunks(a, 8, em_div_up((size_t)a->D, 8) * directions >= enough ? 32 : MOST_THREADS / 8));
}

template <typename T>
static void pick(em_dev *dev, const em_scan4 *a, int B)
{
    switch (a->N) {
    case 1:  map<1, T>(dev, a, B); break;
    case 4:  map<4, T>(dev, a, B); break;
    case 8:  map<8, T>(dev, a, B); break;
    case 16: map<16, T>(dev, a, B); break;
    default: em_cuda_fail(dev, EM_EUNSUPPORTED, "this d_state is not built for the GPU (1, 4, 8, 16 are)");
    }
}

void em_cuda_scan4_fwd(em_dev *dev, const em_scan4 *a, int B)
{
    if (dev->is_fp16)
        pick<em_half>(dev, a, B);
    else
        pick<float>(dev, a, B);
}
