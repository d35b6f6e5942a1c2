// scan4_back.cu - the way back through the four selective scans: em_scan4 in ops.h.
//
//   g       = C dy + e' g'                 e = 2^(delta a), A = a ln 2; ' is the step behind, h* the state before
//   du      = skip dy + delta sum_n g B
//   ddelta  = sum_n g (A e h* + B u)       dB = sum_c g delta u      dC = sum_c dy h
//   dA_log  = A sum g delta e h*           and through softplus and the projection to dt_w, dt_bias and dt
//
// As on the way forward a thread owns a chunk of CHUNK steps of one channel, and G chunks lie side by side in a block; here the
// rounds go from the last chunks to the first. A warp is 32 channels of one chunk. For each state:
//   1  decays; the end state from zero, and what goes out at the chunk's front from zero behind it
//   2  every second chunk begins with a state that forward kept, the others with what the chunk before makes of it; the thread walks
//      over the fronts of the chunks behind it, and so knows what comes in
//   3  the true states and the sweep from behind, from registers
// Sums over channels: 32 numbers of each lane become one sum a lane in 31 shuffles, and take the place of the row they came from
// in shared memory; tiles of channels are added up by a second kernel. Sums over steps stay with their thread until the end,
// those of chunks and windows are added in order. All in fp32, u alone is of the inner type.
#include "math.cuh"
#include "scan4.cuh"
#include "sums.cuh"

enum { CHUNK = 16, MOST_CHUNKS = 8, LANES = 32 };

struct scan_back_args {
    const float *x_dbl, *dt_w, *dt_bias, *a, *skip, *states, *dy;
    float *du[EM_DIRECTIONS];
    float *dx_dbl;                  // [tiles][B*L][4][R + 2N]
    float *sums;                    // [B]: ddt_w, ddt_bias, da_log, dskip, each as in em_scan4
    size_t tile_floats;             // of dx_dbl
    int H, W, D, R;
    int pitch;                      // of a row of x_dbl in shared memory: odd
};

// How a block's shared memory is cut, in floats from its start.
struct scan_back_room {
    int rows, tokens, ends, carry, sums, total;

    __host__ __device__ __forceinline__ scan_back_room(int G, int pitch, int R, int N)
    {
        rows = 0;                                           // [G][CHUNK][pitch]
        tokens = rows + G * CHUNK * pitch;                  // [G][CHUNK]
        ends = tokens + G * CHUNK;                          // [2][G][3][LANES]
        carry = ends + 2 * G * 3 * LANES;                   // [2][N][LANES]
        sums = carry + 2 * N * LANES;                       // [G][R + N + 2][LANES]
        total = sums + G * (R + N + 2) * LANES;
    }
};

// Warp: v[i] of all lanes summed, for i = this lane. M: how many are left to choose between; a template, so that no index is one at run time.
template <int M = LANES / 2>
static __device__ __forceinline__ float lane_sums(float v[LANES], int lane)
{
    const bool is_upper = lane & M;

    #pragma unroll
    for (int i = 0; i < M; i++)
        v[i] = (is_upper ? v[i + M] : v[i]) + em_shuffle_xor(is_upper ? v[i] : v[i + M], M);
    if constexpr (M > 1)
        return lane_sums<M / 2>(v, lane);
    else
        return v[0];
}

// A warp's chunk.
template <typename T>
struct scan_back_chunk {
    float u[CHUNK], dy[CHUNK], delta[CHUNK], slope[CHUNK], du[CHUNK], ddelta[CHUNK], length;

    // Steps past the end have no length and no gradient; the others' rows come to shared memory.
    __device__ __forceinline__ void take(const scan_back_args &p, const T *u_channel, const float *dy_channel, float *rows, int *tokens,
                                         int k, size_t window, int first, int wide)
    {
        const int lane = threadIdx.x % LANES, L = p.H * p.W;

        em_warp_wait();                                     // nobody reads the rows before any more
        if (lane < CHUNK)
            tokens[lane] = em_scan_token(p.H, p.W, k, first + lane);
        em_warp_wait();
        #pragma unroll
        for (int t = 0; t < CHUNK; t++) {
            u[t] = em_load(u_channel + (size_t)tokens[t] * p.D);
            dy[t] = dy_channel[(size_t)tokens[t] * p.D];
            dy[t] = first + t < L ? dy[t] : 0.f;
        }
        for (int t = 0; t < CHUNK; t++)
            for (int c = lane; c < wide; c += LANES)
                rows[t * p.pitch + c] = p.x_dbl[((window * L + tokens[t]) * EM_DIRECTIONS + k) * wide + c];
        em_warp_wait();
    }

    __device__ __forceinline__ void project(const scan_back_args &p, const float *rows, int k, int d, int n_steps, float bias)
    {
        #pragma unroll
        for (int t = 0; t < CHUNK; t++)
            delta[t] = bias;
        for (int r = 0; r < p.R && n_steps > 0; r++) {
            const float w = p.dt_w[((size_t)k * p.R + r) * p.D + d];

            #pragma unroll
            for (int t = 0; t < CHUNK; t++)
                delta[t] += w * rows[t * p.pitch + r];
        }
        length = 0.f;
        #pragma unroll
        for (int t = 0; t < CHUNK; t++) {
            slope[t] = t < n_steps ? em_sigmoid(delta[t]) : 0.f;
            delta[t] = t < n_steps ? em_softplus(delta[t]) : 0.f;
            length += delta[t];
        }
    }

    // du begins with skip dy; dead lanes have no gradient.
    __device__ __forceinline__ void begin_gradients(float *dskip, float skip, bool is_live)
    {
        #pragma unroll
        for (int t = 0; t < CHUNK; t++) {
            dy[t] = is_live ? dy[t] : 0.f;
            du[t] = skip * dy[t];
            ddelta[t] = 0.f;
            *dskip += u[t] * dy[t];
        }
    }

    // Step 1: end state and front, both from zero. b, c: of this state, steps pitch apart.
    __device__ __forceinline__ void ends(float *end, float *front, float decay[CHUNK], float a, const float *b, const float *c, int pitch) const
    {
        *end = *front = 0.f;
        #pragma unroll
        for (int t = 0; t < CHUNK; t++) {
            decay[t] = em_exp2(delta[t] * a);
            *end = decay[t] * *end + delta[t] * u[t] * b[t * pitch];
        }
        #pragma unroll
        for (int t = CHUNK - 1; t >= 0; t--)
            *front = decay[t] * (c[t * pitch] * dy[t] + *front);
    }

    // Step 3. Returns the state's share of dA_log without its factor A; v: dB, then dC of the steps.
    __device__ __forceinline__ float sweep(float v[LANES], const float decay[CHUNK], float h, float behind, float rate, const float *b,
                                           const float *c, int pitch)
    {
        float before[CHUNK], drate = 0.f;

        #pragma unroll
        for (int t = 0; t < CHUNK; t++) {
            before[t] = h;
            h = decay[t] * h + delta[t] * u[t] * b[t * pitch];
        }
        #pragma unroll
        for (int t = CHUNK - 1; t >= 0; t--) {
            const float g = c[t * pitch] * dy[t] + behind, g_delta = g * delta[t], kept = decay[t] * before[t];

            v[CHUNK + t] = dy[t] * h;
            v[t] = g_delta * u[t];
            h = before[t];
            drate += g_delta * kept;
            du[t] += g_delta * b[t * pitch];
            ddelta[t] += g * (rate * kept + b[t * pitch] * u[t]);
            behind = decay[t] * g;
        }
        return drate;
    }

    // Back through softplus; du to memory.
    __device__ __forceinline__ void end_gradients(float draw[CHUNK], float *dbias, float *du_channel, int D, const int *tokens, int n_steps) const
    {
        #pragma unroll
        for (int t = 0; t < CHUNK; t++) {
            draw[t] = ddelta[t] * slope[t];
            *dbias += draw[t];
            if (t < n_steps)
                du_channel[(size_t)tokens[t] * D] = du[t];
        }
    }
};

// One state of the warp's chunk. rows: its first B, N before C; sum: its da_log; ends: a free list; kept: what forward kept, of this
// chunk or the one before; carry: from behind all chunks of this round, and of the next.
template <int N, typename T>
static __device__ __forceinline__ void add_state(scan_back_chunk<T> &chunk, float *rows, float *sum, float *ends, const float *kept, bool has_steps,
                                                 const float *carry, float *next_carry, float a, int pitch, int g, int G)
{
    const int lane = threadIdx.x % LANES;
    const float rate = a * 0.69314718f, total = em_exp2(chunk.length * a);
    float decay[CHUNK], v[LANES], end, front, begin, behind;

    chunk.ends(&end, &front, decay, a, rows, rows + N, pitch);
    ends[(g * 3 + 0) * LANES] = total;
    ends[(g * 3 + 1) * LANES] = end;
    ends[(g * 3 + 2) * LANES] = front;
    __syncthreads();                                        // and with it the list before this one is free
    begin = has_steps ? *kept : 0.f;
    if (g % 2)
        begin = ends[(g * 3 - 3) * LANES] * begin + ends[(g * 3 - 2) * LANES];
    behind = *carry;
    for (int i = G - 1; i > g; i--)
        behind = ends[i * 3 * LANES] * behind + ends[(i * 3 + 2) * LANES];
    if (g == 0)
        *next_carry = total * behind + front;
    *sum += rate * chunk.sweep(v, decay, begin, behind, rate, rows, rows + N, pitch);
    v[0] = lane_sums(v, lane);
    em_warp_wait();                                         // all have read this state's rows
    rows[lane % CHUNK * pitch + lane / CHUNK * N] = v[0];
}

// Two rows of dt_w: their gradients, and those of the dt they were multiplied with, which take their place.
static __device__ __forceinline__ void weigh(const float draw[CHUNK], float *rows, float *sums, const scan_back_args &p, int k, int d,
                                             bool is_live, int r)
{
    const int lane = threadIdx.x % LANES, t = lane % CHUNK;
    float v[LANES];

    #pragma unroll
    for (int i = 0; i < 2; i++) {
        const bool is_row = r + i < p.R;
        const float w = is_row && is_live ? p.dt_w[((size_t)k * p.R + r + i) * p.D + d] : 0.f;
        float sum = 0.f;

        #pragma unroll
        for (int s = 0; s < CHUNK; s++) {
            sum += is_row ? rows[s * p.pitch + r + i] * draw[s] : 0.f;
            v[i * CHUNK + s] = w * draw[s];
        }
        if (is_row)
            sums[(r + i) * LANES] += sum;
    }
    v[0] = lane_sums(v, lane);
    em_warp_wait();
    if (r + lane / CHUNK < p.R)
        rows[t * p.pitch + r + lane / CHUNK] = v[0];
}

// Warp: the gradients that stand in its rows now.
static __device__ __forceinline__ void put_rows(float *to, const float *rows, const int *tokens, int pitch, int wide, int n_steps)
{
    em_warp_wait();
    for (int t = 0; t < CHUNK && t < n_steps; t++)
        for (int i = threadIdx.x % LANES; i < wide; i += LANES)
            to[(size_t)tokens[t] * EM_DIRECTIONS * wide + i] = rows[t * pitch + i];
}

// The warps' sums added in the order of chunks, and stored where scan_back_args.sums has them.
template <int N>
static __device__ __forceinline__ void store_sums(const scan_back_args &p, const float *all, size_t window, int k, int d, int g, int G)
{
    const int n_sums = p.R + N + 2, a_log = p.R + 1, skip = a_log + N;

    for (int i = g; i < n_sums; i += G) {
        const int before = i < p.R ? 0 : i < a_log ? p.R : i < skip ? a_log : skip;         // rows of the tensors before row i's
        const int n_rows = i < p.R ? p.R : i >= a_log && i < skip ? N : 1;                  // of its own
        float sum = 0.f;

        for (int j = 0; j < G; j++)
            sum += all[(j * n_sums + i) * LANES];
        p.sums[(window * EM_DIRECTIONS * n_sums + EM_DIRECTIONS * before + k * n_rows + (i - before)) * p.D + d] = sum;
    }
}

template <int N, typename T>
__global__ void __launch_bounds__(LANES * MOST_CHUNKS) scan4_back(scan_back_args p, const T *u_all, int G)
{
    EM_SHARED(float, shared);
    const int lane = threadIdx.x % LANES, g = threadIdx.x / LANES, k = blockIdx.y, d = blockIdx.x * LANES + lane, L = p.H * p.W, wide = p.R + 2 * N;
    const int n_chunks = (L + CHUNK - 1) / CHUNK, n_sums = p.R + N + 2, n_kept = (L + EM_SCAN_CHUNK - 1) / EM_SCAN_CHUNK;
    const size_t window = blockIdx.z;
    const scan_back_room at(G, p.pitch, p.R, N);
    const bool is_live = d < p.D;                           // idle lanes still take part in sums, with zeros
    const int channel = is_live ? d : 0;
    const float skip = is_live ? p.skip[k * p.D + d] : 0.f, bias = p.dt_bias[k * p.D + channel];
    const float *const states = p.states + (window * EM_DIRECTIONS + k) * n_kept * N * p.D + channel;
    float *const rows = shared + at.rows + g * CHUNK * p.pitch, *const carry = shared + at.carry + lane;
    float *const all_sums = shared + at.sums + lane, *const sums = all_sums + g * n_sums * LANES;
    float *const to = p.dx_dbl + blockIdx.x * p.tile_floats + (window * L * EM_DIRECTIONS + k) * wide;
    int *const tokens = (int *)(shared + at.tokens) + g * CHUNK;
    float dskip = 0.f, dbias = 0.f;
    int n_ends = 0;                                         // which of two lists of ends

    for (int i = 0; i < n_sums; i++)
        sums[i * LANES] = 0.f;
    for (int n = 0; g == 0 && n < N; n++)
        carry[n * LANES] = 0.f;
    __syncthreads();
    em_wait_for_previous();

    for (int round = (n_chunks - 1) / G, parity = 0; round >= 0; round--, parity ^= 1) {
        const int first = (round * G + g) * CHUNK, n_steps = is_live ? L - first : 0;
        scan_back_chunk<T> chunk;
        float draw[CHUNK];

        chunk.take(p, u_all + window * L * p.D + channel, p.dy + window * L * p.D + channel, rows, tokens, k, window, first, wide);
        chunk.project(p, rows, k, channel, n_steps, bias);
        chunk.begin_gradients(&dskip, skip, is_live);
        #pragma unroll 1
        for (int n = 0; n < N; n++, n_ends ^= 1)
            add_state<N>(chunk, rows + p.R + n, sums + (p.R + 1 + n) * LANES, shared + at.ends + n_ends * G * 3 * LANES + lane,
                         states + ((size_t)(first / EM_SCAN_CHUNK) * N + n) * p.D, n_steps > 0, carry + (parity * N + n) * LANES,
                         carry + ((parity ^ 1) * N + n) * LANES, is_live ? p.a[((size_t)k * N + n) * p.D + d] : 0.f, p.pitch, g, G);
        chunk.end_gradients(draw, &dbias, p.du[k] + window * L * p.D + d, p.D, tokens, n_steps);
        for (int r = 0; r < p.R; r += 2)
            weigh(draw, rows, sums, p, k, d, is_live, r);
        put_rows(to, rows, tokens, p.pitch, wide, L - first);
    }
    sums[p.R * LANES] = dbias;
    sums[(p.R + 1 + N) * LANES] = dskip;
    __syncthreads();
    if (is_live)
        store_sums<N>(p, all_sums, window, k, d, g, G);
}

// ---------------------------------------------------------------- mapping

static void add_sums(em_dev *dev, const em_scan4 *a, const float *sums, int B)
{
    const size_t row = EM_DIRECTIONS * (size_t)a->D, R = (size_t)a->R, N = (size_t)a->N, stride = row * (R + N + 2);

    em_cuda_add_parts(dev, a->ddt_w, sums, stride, R * row, B);
    em_cuda_add_parts(dev, a->ddt_bias, sums + R * row, stride, row, B);
    em_cuda_add_parts(dev, a->da_log, sums + (R + 1) * row, stride, N * row, B);
    em_cuda_add_parts(dev, a->dskip, sums + (R + 1 + N) * row, stride, row, B);
}

// As many chunks side by side as there are, and as shared memory has room for: an even number.
template <int N, typename T>
static void launch(em_dev *dev, const em_scan4 *a, int B)
{
    const int n_tiles = em_div_up((size_t)a->D, LANES), n_chunks = em_div_up((size_t)a->H * a->W, CHUNK);
    scan_back_args p = { a->x_dbl, a->dt_w, a->dt_bias, a->a, a->skip, a->states, a->dy, { a->du[0], a->du[1], a->du[2], a->du[3] }, a->dx_dbl, NULL,
                         (size_t)B * a->H * a->W * EM_DIRECTIONS * (a->R + 2 * N), a->H, a->W, a->D, a->R, (a->R + 2 * N) | 1 };
    int G = 2;

    while (G < MOST_CHUNKS && G < n_chunks)
        G *= 2;
    while (G > 2 && scan_back_room(G, p.pitch, a->R, N).total * sizeof(float) > (size_t)dev->max_shared)
        G /= 2;
    const size_t shared = scan_back_room(G, p.pitch, a->R, N).total * sizeof(float);

    if (shared > (size_t)dev->max_shared) {
        em_cuda_fail(dev, EM_EUNSUPPORTED, "a scan with this dt_rank cannot be trained on this GPU: use --backend cpu");
        return;
    }
    if (n_tiles > 1)
        p.dx_dbl = (float *)em_cuda_spare(dev, EM_SPARE_DM, n_tiles * p.tile_floats * sizeof(float));
    p.sums = (float *)em_cuda_spare(dev, EM_SPARE_PARTS, (size_t)B * EM_DIRECTIONS * (a->R + N + 2) * a->D * sizeof(float));
    EM_LAUNCH(dev, (scan4_back<N, T>), dim3((unsigned)n_tiles, EM_DIRECTIONS, (unsigned)B), LANES * G, shared, p, (const T *)a->u, G);
    if (n_tiles > 1)
        em_cuda_sum_parts(dev, a->dx_dbl, p.dx_dbl, p.tile_floats, p.tile_floats, n_tiles);
    add_sums(dev, a, p.sums, B);
}

template <typename T>
static void pick(em_dev *dev, const em_scan4 *a, int B)
{
    switch (a->N) {
    case 1:  launch<1, T>(dev, a, B); break;
    case 4:  launch<4, T>(dev, a, B); break;
    case 8:  launch<8, T>(dev, a, B); break;
    case 16: launch<16, T>(dev, a, B); break;
    default: em_cuda_fail(dev, EM_EUNSUPPORTED, "this d_state is not built for the GPU (1, 4, 8, 16 are)");
    }
}

void em_cuda_scan4_bwd(em_dev *dev, const em_scan4 *a, int B)
{
    if (dev->is_fp16)
        pick<em_half>(dev, a, B);
    else
        pick<float>(dev, a, B);
}
