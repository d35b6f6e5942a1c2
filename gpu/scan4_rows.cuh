// scan4_rows.cuh - what a block of scan4.cu has in shared memory, and how it comes there: rows of x_dbl, G chunks of them, and the
// dt of a chunk's steps projected, a step a register.
//
// With halves dt_w dt is a product of the tensor cores (16 steps x R x CH a chunk), turned in shared memory from the
// fragments' order.
#ifndef EM_GPU_SCAN4_ROWS_CUH
#define EM_GPU_SCAN4_ROWS_CUH

#include "math.cuh"
#include "scan4.cuh"

enum { CHUNK = 16 };

struct scan_args {
    const float *x_dbl, *dt_w, *dt_bias, *a, *skip;
    float *states;                  // NULL, or where every second chunk leaves what it begins with
    int H, W, D, R;
    int pitch;                      // of a step's dt in shared memory, in numbers: R rounded up, and apart
    int lanes;                      // threads that read a row of x_dbl together: a power of two
};

// ---------------------------------------------------------------- shared memory

// How a block's shared memory is cut, in bytes from its start. has_two: buffers of rows, used by turns.
template <int N, int CH, typename T>
struct scan_room {
    static constexpr bool is_half = sizeof(T) == 2;
    static constexpr int STATES = 2 * N * CHUNK + 4;                    // floats of a chunk: B, C [N][CHUNK]; chunks of a warp in other banks
    static constexpr int TURN = CH == 8 ? 8 : CH + 8;                   // floats between two steps that are turned
    static constexpr int TURNED = CHUNK * TURN + CH % 32;               // of a chunk
    int dt_chunk;                   // bytes of a chunk's dt
    int dt, states, tokens, ends, carry, bias, weights, turned, total;

    __host__ __device__ __forceinline__ scan_room(int G, int pitch, bool has_two)
    {
        const int n = has_two ? 2 : 1;

        dt_chunk = CHUNK * pitch * (int)sizeof(T) + (is_half ? 0 : 16);
        dt = 0;
        states = dt + n * G * dt_chunk;
        tokens = states + n * G * STATES * 4;
        ends = tokens + n * G * CHUNK * 4;
        carry = ends + 2 * G * CH * 8;
        bias = carry + 2 * N * CH * 4;
        weights = bias + CH * 4;
        turned = weights + (is_half ? (pitch - 8) / 16 * (CH / 8) * 32 * 8 : 0);
        total = turned + (is_half ? G * TURNED * 4 : 0);
    }
};

// ---------------------------------------------------------------- what a round reads

static __device__ __forceinline__ void keep_dt(float *row, int c, float lo, float hi, bool has_two)
{
    row[c] = lo;
    if (has_two)
        row[c + 1] = hi;
}

static __device__ __forceinline__ void keep_dt(em_half *row, int c, float lo, float hi, bool has_two)
{
    if (has_two)
        *(uint32_t *)(row + c) = em_narrow2(lo, hi);
    else
        row[c] = em_narrow(lo);
}

// Rows of x_dbl of G chunks: dt [CHUNK][pitch] of the operators' type, B and C turned to [N][CHUNK]. V 2: even rows, in
// pairs. Several loads are under way before the first is stored. Steps past L bring those of token 0: their delta is 0.
template <int N, int V, typename T>
static __device__ __forceinline__ void stage_rows(unsigned char *dt, int dt_chunk, float *states, int states_chunk, const int *tokens,
                                                  const scan_args &p, int k, size_t window, int G)
{
    enum { AT_ONCE = 4 };
    const int wide = p.R + 2 * N, lane = threadIdx.x & (p.lanes - 1), rows = blockDim.x / p.lanes, n_rows = G * CHUNK;
    const float *const from = p.x_dbl + window * p.H * p.W * 4 * wide + (size_t)(k * wide);

    for (int c = lane * V; c < wide; c += p.lanes * V)
        for (int row = threadIdx.x / p.lanes; row < n_rows; row += AT_ONCE * rows) {
            float2 v[AT_ONCE];

            #pragma unroll
            for (int i = 0; i < AT_ONCE; i++) {
                const float *const x = from + tokens[row + i * rows < n_rows ? row + i * rows : 0] * 4 * wide + c;

                v[i] = V == 2 ? *(const float2 *)x : make_float2(*x, 0.f);
            }
            #pragma unroll
            for (int i = 0; i < AT_ONCE; i++) {
                const int at = row + i * rows;

                if (at >= n_rows)
                    continue;
                if (c < p.R) {
                    keep_dt((T *)(dt + at / CHUNK * dt_chunk) + at % CHUNK * p.pitch, c, v[i].x, v[i].y, V == 2);
                } else {
                    float *const to = states + at / CHUNK * states_chunk + (c - p.R) * CHUNK + at % CHUNK;

                    to[0] = v[i].x;
                    if (V == 2)
                        to[CHUNK] = v[i].y;
                }
            }
        }
}

// dt_w of this direction and these channels as fragments of a second operand, [R / 16][CH / 8][lane].
template <int CH>
static __device__ __forceinline__ void stage_weights(uint2 *to, const scan_args &p, int k, int d0)
{
    const int n = (p.pitch - 8) / 16 * (CH / 8) * 32;

    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        const int r0 = i / (CH / 8 * 32) * 16 + i % 4 * 2, d = d0 + i / 32 % (CH / 8) * 8 + i % 32 / 4;
        float w[4];

        #pragma unroll
        for (int q = 0; q < 4; q++) {
            const int r = r0 + q % 2 + q / 2 * 8;
            w[q] = r < p.R && d < p.D ? p.dt_w[((size_t)k * p.R + r) * p.D + d] : 0.f;
        }
        to[i] = make_uint2(em_narrow2(w[0], w[1]), em_narrow2(w[2], w[3]));
    }
}

// ---------------------------------------------------------------- delta

// Warp: bias + dt_w dt of its chunks, through `turned`, a step a register.
template <int CH>
static __device__ __forceinline__ void project_dt(float x[CHUNK], float *turned, int chunk_floats, int turn, const em_half *rows,
                                                  int dt_chunk, const uint2 *w, const float *bias, const scan_args &p)
{
    const int lane = threadIdx.x % 32, n_steps = (p.pitch - 8) / 16;

    #pragma unroll
    for (int c = 0; c < 32 / CH; c++) {
        const em_half *const a = (const em_half *)((const unsigned char *)rows + c * dt_chunk);
        float sums[CH / 8][4];

        #pragma unroll
        for (int j = 0; j < CH / 8; j++) {
            sums[j][0] = sums[j][2] = bias[8 * j + lane % 4 * 2];
            sums[j][1] = sums[j][3] = bias[8 * j + lane % 4 * 2 + 1];
        }
        for (int s = 0; s < n_steps; s++) {
            uint32_t fa[4];

            em_ldmatrix4(fa, a + lane % 16 * p.pitch + 16 * s + lane / 16 * 8);
            #pragma unroll
            for (int j = 0; j < CH / 8; j++) {
                const uint2 fb = w[(s * (CH / 8) + j) * 32 + lane];
                em_mma(sums[j], fa, fb.x, fb.y);
            }
        }
        #pragma unroll
        for (int j = 0; j < CH / 8; j++) {
            float *const to = turned + c * chunk_floats + 8 * j + lane % 4 * 2;

            *(float2 *)(to + lane / 4 * turn) = make_float2(sums[j][0], sums[j][1]);
            *(float2 *)(to + (lane / 4 + 8) * turn) = make_float2(sums[j][2], sums[j][3]);
        }
    }
    em_warp_wait();
    #pragma unroll
    for (int t = 0; t < CHUNK; t++)
        x[t] = turned[lane / CH * chunk_floats + t * turn + lane % CH];
    em_warp_wait();                                         // they are turned anew next round
}

// The same in fp32, sums in the order of r.
static __device__ __forceinline__ void project_dt(float x[CHUNK], const float *rows, float bias, const scan_args &p, int k, int d)
{
    #pragma unroll
    for (int t = 0; t < CHUNK; t++)
        x[t] = bias;
    for (int r = 0; r < p.R; r++) {
        const float w = p.dt_w[((size_t)k * p.R + r) * p.D + d];

        #pragma unroll
        for (int t = 0; t < CHUNK; t++)
            x[t] += w * rows[t * p.pitch + r];
    }
}

// dt of the thread's chunk, projected.
template <int N, int CH, typename T>
static __device__ __forceinline__ void project_chunk(float dt[CHUNK], unsigned char *shared, const scan_room<N, CH, T> &at, const unsigned char *rows,
                                                     const scan_args &p, int k, int d, float bias)
{
    if constexpr (scan_room<N, CH, T>::is_half) {
        typedef scan_room<N, CH, T> room;
        const int chunk = threadIdx.x / 32 * (32 / CH);     // first of the warp's

        project_dt<CH>(dt, (float *)(shared + at.turned) + chunk * room::TURNED, room::TURNED, room::TURN,
                       (const em_half *)(rows + chunk * at.dt_chunk), at.dt_chunk, (const uint2 *)(shared + at.weights),
                       (const float *)(shared + at.bias), p);
    } else if (d < p.D) {
        project_dt(dt, (const float *)(rows + threadIdx.x / CH * at.dt_chunk), bias, p, k, d);
    }
}

// ---------------------------------------------------------------- the start

// Tokens of the G chunks from step `first` on.
static __device__ __forceinline__ void list_tokens(int *tokens, const scan_args &p, int k, int first, int G)
{
    for (int i = threadIdx.x; i < G * CHUNK; i += blockDim.x)
        tokens[i] = em_scan_token(p.H, p.W, k, first + i);
}

// What the call before did not write, which can be had before it is done: weights, biases, the first tokens; states of zero.
template <int N, int CH, typename T>
static __device__ __forceinline__ void prepare_block(unsigned char *shared, const scan_room<N, CH, T> &at, const scan_args &p, int k, int d0, int G)
{
    if constexpr (scan_room<N, CH, T>::is_half) {
        stage_weights<CH>((uint2 *)(shared + at.weights), p, k, d0);
        for (int i = threadIdx.x; i < (at.states - at.dt) / 16; i += blockDim.x)
            ((float4 *)(shared + at.dt))[i] = make_float4(0.f, 0.f, 0.f, 0.f);         // columns past R stay that
    }
    for (int i = threadIdx.x; i < CH; i += blockDim.x)
        ((float *)(shared + at.bias))[i] = d0 + i < p.D ? p.dt_bias[k * p.D + d0 + i] : 0.f;
    list_tokens((int *)(shared + at.tokens), p, k, 0, G);
    for (int n = 0; threadIdx.x < CH && n < N; n++)
        ((float *)(shared + at.carry))[n * CH + threadIdx.x] = 0.f;
}

#endif
