// scan_walk.cu - version 3, what gpu/scan4.cu was at first: a direction is cut into chunks of CHUNK steps; a thread owns one chunk of one
// channel:
//   1  its deltas, decays and inputs into registers; its end state from zero, and its whole decay (one exp of the sum)
//   2  a thread a channel walks over the chunks and leaves each one the state it begins with
//   3  the true states and y, from the registers: no exp is computed twice
// Loses to the shipped one by two barriers a state, while all wait for one walker, by one buffer for the rows, and by a dt projection
// of R multiply-adds a step.
extern "C" {
#include "ladder.h"
}
#include "scan_args.cuh"

enum { CHUNK = 16, MOST_THREADS = 512 };

template <typename T>
struct walk_args : ladder_args<T> { int R4; };             // R rounded up to a multiple of 4

// A row of shared memory is [R4 | N | N] rounded up to 4 floats; a chunk's rows begin 4 floats further on, so that
// the chunks of one warp meet different banks.
template <int N>
static __host__ __device__ __forceinline__ int row_floats(int R4) { return (R4 + 2 * N + 3) / 4 * 4; }

template <int N>
static __host__ __device__ __forceinline__ int chunk_floats(int R4) { return CHUNK * row_floats<N>(R4) + 4; }

// The rows of G chunks from step l0 on; zeros past L.
template <int N, typename T>
static __device__ void stage_rows(float *rows, const walk_args<T> &p, int k, size_t window, int l0, int G)
{
    const int L = p.H * p.W, wide = p.R + 2 * N, P = row_floats<N>(p.R4);

    for (int i = threadIdx.x; i < G * CHUNK * P; i += blockDim.x) {
        const int step = i / P, c = i % P, l = l0 + step, from = c < p.R4 ? c : c - p.R4 + p.R;
        const bool is_there = l < L && (c < p.R4 ? c < p.R : from < wide);

        rows[step / CHUNK * chunk_floats<N>(p.R4) + step % CHUNK * P + c] =
            is_there ? p.x_dbl[((window * L + ladder_token(p, k, l)) * 4 + k) * wide + from] : 0.f;
    }
}

// dt[t] = softplus(bias + dt_w . row[t]), 0 past the end: a step of no length changes no state.
template <int N, typename T>
static __device__ __forceinline__ void project_dt(float dt[CHUNK], const walk_args<T> &p, const float *rows, int k, int d, int n_steps)
{
    const int P = row_floats<N>(p.R4);
    const float bias = p.dt_bias[k * p.D + d];

    #pragma unroll
    for (int t = 0; t < CHUNK; t++)
        dt[t] = bias;
    for (int r = 0; r < p.R4; r += 4) {
        float w[4];

        #pragma unroll
        for (int q = 0; q < 4; q++)
            w[q] = r + q < p.R ? p.dt_w[((size_t)k * p.R + r + q) * p.D + d] : 0.f;
        #pragma unroll
        for (int t = 0; t < CHUNK; t++) {
            const float4 x = em_load4(rows + t * P + r);
            dt[t] += w[0] * x.x + w[1] * x.y + w[2] * x.z + w[3] * x.w;
        }
    }
    #pragma unroll
    for (int t = 0; t < CHUNK; t++)
        dt[t] = t < n_steps ? em_softplus(dt[t]) : 0.f;
}

// Step 2: ends[g] holds (decay, end from zero) of chunk g, and is left the state that chunk begins with.
static __device__ __forceinline__ float hand_on(float2 *ends, float h, int G, int CH)
{
    for (int g = 0; g < G; g++) {
        const float2 e = ends[g * CH];

        ends[g * CH].x = h;
        h = e.x * h + e.y;
    }
    return h;
}

template <int N, int CH, typename T>
__global__ void __launch_bounds__(MOST_THREADS) ladder_scan_walk(walk_args<T> p, int G)
{
    EM_SHARED(float, shared);
    const int L = p.H * p.W, P = row_floats<N>(p.R4), ch = threadIdx.x % CH, g = threadIdx.x / CH, k = blockIdx.y;
    const size_t window = blockIdx.z;
    const int d = blockIdx.x * CH + ch;
    const bool is_live = d < p.D;                           // idle threads still meet the barriers
    float *const mine = shared + g * chunk_floats<N>(p.R4);
    float2 *const ends = (float2 *)(shared + G * chunk_floats<N>(p.R4)) + ch;       // [G][CH]
    float *const carry = (float *)(ends - ch + G * CH) + ch;                        // [N][CH]: the states before this round
    T *const y = p.y[k] + window * L * p.D;
    const T *const u_window = p.u + window * L * p.D;
    const float skip = is_live ? p.skip[k * p.D + d] : 0.f;

    em_wait_for_previous();
    for (int n = 0; g == 0 && n < N; n++)                   // who writes them alone reads them
        carry[n * CH] = 0.f;
    for (int l0 = 0; l0 < L; l0 += G * CHUNK) {
        const int first = l0 + g * CHUNK, n_steps = is_live ? (L - first < CHUNK ? L - first : CHUNK) : 0;
        float dt[CHUNK], u[CHUNK], sum[CHUNK], length = 0.f;

        stage_rows<N>(shared, p, k, window, l0, G);
        __syncthreads();
        #pragma unroll
        for (int t = 0; t < CHUNK; t++)
            u[t] = t < n_steps ? em_load(u_window + (size_t)ladder_token(p, k, first + t) * p.D + d) : 0.f;
        if (is_live)
            project_dt<N>(dt, p, mine, k, d, n_steps);
        #pragma unroll
        for (int t = 0; t < CHUNK; t++) {
            if (!is_live)
                dt[t] = 0.f;
            sum[t] = skip * u[t];
            u[t] *= dt[t];
            length += dt[t];
        }
        #pragma unroll 1
        for (int n = 0; n < N; n++) {
            const float a = is_live ? p.a[((size_t)k * N + n) * p.D + d] : 0.f;
            float decay[CHUNK], h = 0.f;

            #pragma unroll
            for (int t = 0; t < CHUNK; t++) {
                decay[t] = em_exp2(dt[t] * a);
                h = decay[t] * h + u[t] * mine[t * P + p.R4 + n];
            }
            ends[g * CH] = make_float2(em_exp2(length * a), h);
            __syncthreads();
            if (g == 0)
                carry[n * CH] = hand_on(ends, carry[n * CH], G, CH);
            __syncthreads();
            h = ends[g * CH].x;
            #pragma unroll
            for (int t = 0; t < CHUNK; t++) {
                h = decay[t] * h + u[t] * mine[t * P + p.R4 + n];
                sum[t] += h * mine[t * P + p.R4 + N + n];
            }
        }
        #pragma unroll
        for (int t = 0; t < CHUNK; t++)
            if (t < n_steps)
                em_store(y + (size_t)ladder_token(p, k, first + t) * p.D + d, sum[t]);
        __syncthreads();                                    // the rows are replaced next
    }
}

// ---------------------------------------------------------------- mapping

template <int N, int CH, typename T>
static void launch(em_dev *dev, const em_scan4 *a, int B, int G)
{
    const walk_args<T> p = { ladder_args_of<T>(a), em_round_up(a->R, 4) };
    const size_t chunk = chunk_floats<N>(p.R4) * sizeof(float) + CH * sizeof(float2), states = N * CH * sizeof(float);
    const dim3 grid((unsigned)em_div_up((size_t)a->D, CH), EM_DIRECTIONS, (unsigned)B);

    while (G > 32 / CH && G * chunk + states > (size_t)dev->max_shared)
        G /= 2;
    EM_LAUNCH(dev, (ladder_scan_walk<N, CH, T>), grid, G * CH, G * chunk + states, p, G);
}

// Whole warps of chunks: as many as the direction has, within a block of `threads`.
template <int CH>
static int chunks(const em_scan4 *a, int threads)
{
    const int have = em_round_up(em_div_up((size_t)a->H * a->W, CHUNK), 32 / CH), most = threads / CH;

    return have < most ? have : most;
}

template <int N, typename T>
static void run(em_dev *dev, const em_scan4 *a, int B)
{
    const int blocks32 = em_div_up((size_t)a->D, 32) * EM_DIRECTIONS * B, enough = dev->n_sms;

    if (blocks32 >= 4 * enough)
        launch<N, 32, T>(dev, a, B, chunks<32>(a, 256));
    else if (2 * blocks32 >= enough || chunks<32>(a, 1 << 20) <= MOST_THREADS / 32)
        launch<N, 32, T>(dev, a, B, chunks<32>(a, MOST_THREADS));
    else
        launch<N, 8, T>(dev, a, B, chunks<8>(a, MOST_THREADS));
}

extern "C" void em_scan_walk(em_dev *dev, const em_scan4 *a, int B) { LADDER_PICK(dev, a, B, run); }
