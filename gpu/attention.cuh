// attention.cuh - one head of one window of attention, as both ways see it: em_attention in ops.h.
//
// A block has the head; a query has SHARES threads side by side, each with the scores of every second key of a tile in registers. Tokens
// come in tiles of TOKENS: of a larger window there are several, and rows of zeros end the last. Scores are powers of two: q carries the
// factor.
#ifndef EM_GPU_ATTENTION_CUH
#define EM_GPU_ATTENTION_CUH

#include "device.cuh"
#include "math.cuh"

// Rows of shared memory are a little longer than what is in them, so that they begin in other banks.
enum { TOKENS = 64, SHARES = 2, KEYS = TOKENS / SHARES, THREADS = TOKENS * SHARES, ROW = TOKENS + 1, SQUARE_ROW = TOKENS + 2 };

static constexpr float ln_2 = 0.69314718f, log2_e = 1.44269504f, apart = -144.269504f;          // -100 log2(e)

// What a block has in shared memory. A plane is a tile of tokens, [quads of channels][ROW].
struct attention_room {
    float4 *q, *k, *v, *out;
    float4 *dy;                     // backward's, as the last two
    int2   *mark;                   // [whole tiles]: x place of a token in the table, y its region
    int    *token;                  // [whole tiles]: where it is in the batch
    float  *table;                  // [entries]: displacements of less than `side`, of this head, times log2(e)
    float  *dtable;                 // [entries]
    float  *square;                 // [TOKENS][SQUARE_ROW]: rows of threads on their way to columns
};

static __host__ __device__ __forceinline__ int quads_of(int d) { return (d + 3) / 4; }
static __host__ __device__ __forceinline__ int whole_tiles(int n) { return (n + TOKENS - 1) / TOKENS * TOKENS; }
static __host__ __device__ __forceinline__ int span_of(int side) { return 2 * side - 1; }
static __host__ __device__ __forceinline__ int entries_of(int side) { return span_of(side) * span_of(side); }

static inline size_t attention_bytes(int side, int d, bool is_back)
{
    const size_t planes = (size_t)(is_back ? 5 : 4) * quads_of(d) * ROW * sizeof(float4);
    const size_t tokens = (size_t)whole_tiles(side * side) * (sizeof(int2) + sizeof(int)), entries = (size_t)entries_of(side) * sizeof(float);

    return planes + tokens + (is_back ? 2 * entries + TOKENS * SQUARE_ROW * sizeof(float) : entries);
}

static __device__ __forceinline__ attention_room carve(float4 *shared, int side, int d, bool is_back)
{
    const int plane = quads_of(d) * ROW, n_tokens = whole_tiles(side * side);
    attention_room r = { shared, shared + plane, shared + 2 * plane, shared + 3 * plane, shared + 4 * plane };

    r.mark = (int2 *)(shared + (is_back ? 5 : 4) * plane);
    r.token = (int *)(r.mark + n_tokens);
    r.table = (float *)(r.token + n_tokens);
    r.dtable = r.table + entries_of(side);
    r.square = r.dtable + entries_of(side);
    return r;
}

// ---------------------------------------------------------------- head and window

// An entry's row of the whole table.
static __device__ __forceinline__ int table_row(const em_attention &a, int entry)
{
    const int span = span_of(a.side), more = a.table_side - a.side;

    return (entry / span + more) * span_of(a.table_side) + entry % span + more;
}

static __device__ __forceinline__ void spread_table(const attention_room &r, const em_attention &a, int head)
{
    for (int e = threadIdx.x; e < entries_of(a.side); e += THREADS)
        r.table[e] = a.table[(size_t)table_row(a, e) * a.heads + head] * log2_e;
}

// The tokens of a window of the rolled grid, and the regions they came from: only the last windows have more than one.
static __device__ __forceinline__ void enter(const attention_room &r, const em_attention &a, int window)
{
    const int nx = a.W / a.side, ny = a.H / a.side, y0 = window / nx % ny * a.side, x0 = window % nx * a.side, P = a.side * a.side;
    const bool is_last_y = y0 + a.side == a.H, is_last_x = x0 + a.side == a.W;

    for (int i = threadIdx.x; i < whole_tiles(P); i += THREADS) {
        const int at = i < P ? i : 0, dy = at / a.side, dx = at % a.side, y = (y0 + dy + a.shift) % a.H, x = (x0 + dx + a.shift) % a.W;

        r.token[i] = (window / nx / ny * a.H + y) * a.W + x;
        r.mark[i] = make_int2(dy * span_of(a.side) + dx, 2 * (is_last_y && dy >= a.side - a.shift) + (is_last_x && dx >= a.side - a.shift));
    }
}

// ---------------------------------------------------------------- tiles of rows

// Which quad of which row a thread has: the block goes over all of a tile, channels first.
struct tile_walk {
    int quads, row, c;

    __device__ __forceinline__ tile_walk(int quads_) : quads(quads_), row(threadIdx.x / quads_), c(threadIdx.x % quads_) {}

    __device__ __forceinline__ void next()
    {
        row += THREADS / quads;
        c += THREADS % quads;
        row += c >= quads;
        c -= c >= quads ? quads : 0;
    }
};

// Up to four neighbours; those past n are zero. They are aligned where heads have whole quads.
template <typename T>
static __device__ __forceinline__ float4 load_quad(const T *p, int n, bool is_aligned)
{
    if (is_aligned)
        return em_load4(p);
    return make_float4(em_load(p), n > 1 ? em_load(p + 1) : 0.f, n > 2 ? em_load(p + 2) : 0.f, n > 3 ? em_load(p + 3) : 0.f);
}

// plane = factor * rows of src, ld apart, of n tokens; zeros behind them.
template <typename T>
static __device__ __forceinline__ void take(float4 *plane, const T *src, size_t ld, const int *token, int n, int d, float factor)
{
    tile_walk w(quads_of(d));

    for (int i = threadIdx.x; i < w.quads * TOKENS; i += THREADS, w.next()) {
        float4 v = make_float4(0.f, 0.f, 0.f, 0.f);

        if (w.row < n)
            v = load_quad(src + token[w.row] * ld + 4 * w.c, d - 4 * w.c, d % 4 == 0);
        plane[w.c * ROW + w.row] = make_float4(factor * v.x, factor * v.y, factor * v.z, factor * v.w);
    }
}

// The way back of `take`; adds: to what is there.
template <typename T>
static __device__ __forceinline__ void give(T *dst, const float4 *plane, size_t ld, const int *token, int n, int d, float factor, bool adds)
{
    tile_walk w(quads_of(d));

    for (int i = threadIdx.x; i < w.quads * TOKENS; i += THREADS, w.next()) {
        const float4 p = plane[w.c * ROW + w.row];
        const float v[4] = { factor * p.x, factor * p.y, factor * p.z, factor * p.w };

        if (w.row >= n)
            continue;
        T *const to = dst + token[w.row] * ld + 4 * w.c;
        if (d % 4 == 0 && !adds) {
            em_store4(to, make_float4(v[0], v[1], v[2], v[3]));
            continue;
        }
        #pragma unroll
        for (int j = 0; j < 4; j++)
            if (4 * w.c + j < d)
                em_store(to + j, adds ? em_load(to + j) + v[j] : v[j]);
    }
}

// ---------------------------------------------------------------- products of a thread's numbers

// The token a thread works for, and the one that its number j stands for.
static __device__ __forceinline__ int own_token() { return threadIdx.x / SHARES; }
static __device__ __forceinline__ int token_of(int j) { return j * SHARES + threadIdx.x % SHARES; }

// Of the threads of a token.
static __device__ __forceinline__ float sum_of_shares(float x) { return x + em_shuffle_xor(x, 1); }

static __device__ __forceinline__ float dot4(float4 a, float4 b) { return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w; }

// s[j] += the token's row of `own` times row token_of(j) of `rows`.
static __device__ __forceinline__ void add_dots(float s[KEYS], const float4 *own, const float4 *rows, int quads)
{
    #pragma unroll 1
    for (int c = 0; c < quads; c++) {
        const float4 x = own[c * ROW + own_token()];

        #pragma unroll
        for (int j = 0; j < KEYS; j++)
            s[j] += dot4(x, rows[c * ROW + token_of(j)]);
    }
}

// A quad of the sum over all rows of s times row, in all threads of the token.
static __device__ __forceinline__ float4 mix(const float s[KEYS], const float4 *rows)
{
    float4 sum = make_float4(0.f, 0.f, 0.f, 0.f);

    #pragma unroll
    for (int j = 0; j < KEYS; j++) {
        const float4 x = rows[token_of(j)];

        sum.x += s[j] * x.x;
        sum.y += s[j] * x.y;
        sum.z += s[j] * x.z;
        sum.w += s[j] * x.w;
    }
    return make_float4(sum_of_shares(sum.x), sum_of_shares(sum.y), sum_of_shares(sum.z), sum_of_shares(sum.w));
}

// ---------------------------------------------------------------- softmax

// Scores of token `query` with the keys from `first` on; past the last key they are what a softmax leaves nothing of.
static __device__ __forceinline__ void score(float s[KEYS], const attention_room &r, const em_attention &a, int query, int first)
{
    const int2 me = r.mark[query];
    const int place = me.x + (a.side - 1) * (span_of(a.side) + 1), n = a.side * a.side - first;

    #pragma unroll
    for (int j = 0; j < KEYS; j++) {
        const int2 key = r.mark[first + token_of(j)];

        s[j] = token_of(j) < n ? r.table[place - key.x] + (key.y != me.y ? apart : 0.f) : -INFINITY;
    }
    add_dots(s, r.q, r.k, quads_of(a.C / a.heads));
}

// Over the keys so far: the highest score, and the sum of the powers by which all are below it.
struct softmax { float top, sum; };

// s becomes those powers. Returns the factor of what was summed with those before.
static __device__ __forceinline__ float add_keys(softmax *m, float s[KEYS])
{
    const float before = m->top;
    float shrink, sum = 0.f;

    #pragma unroll
    for (int j = 0; j < KEYS; j++)
        m->top = fmaxf(m->top, s[j]);
    m->top = fmaxf(m->top, em_shuffle_xor(m->top, 1));
    shrink = em_exp2(before - m->top);
    #pragma unroll
    for (int j = 0; j < KEYS; j++) {
        s[j] = em_exp2(s[j] - m->top);
        sum += s[j];
    }
    m->sum = shrink * m->sum + sum_of_shares(sum);
    return shrink;
}

// Keys and values of a tile.
template <typename T>
static __device__ __forceinline__ void take_keys(const attention_room &r, const em_attention &a, const T *qkv, int first)
{
    const int d = a.C / a.heads, n = a.side * a.side - first;

    take(r.k, qkv + a.C, (size_t)3 * a.C, r.token + first, n, d, 1.f);
    take(r.v, qkv + 2 * a.C, (size_t)3 * a.C, r.token + first, n, d, 1.f);
    __syncthreads();
}

// r.out = what token `query` takes from all keys; qkv: this head's. Nobody is left reading keys.
template <typename T>
static __device__ __forceinline__ softmax attend_all(const attention_room &r, const em_attention &a, const T *qkv, int query)
{
    const int quads = quads_of(a.C / a.heads), P = a.side * a.side;
    softmax m = { -INFINITY, 0.f };

    for (int first = 0; first < P; first += TOKENS) {
        float s[KEYS], shrink, share;

        take_keys(r, a, qkv, first);
        score(s, r, a, query, first);
        shrink = add_keys(&m, s);
        share = first + TOKENS < P ? 1.f : 1.f / m.sum;
        #pragma unroll 1
        for (int c = 0; c < quads; c++) {
            float4 *const out = r.out + c * ROW + own_token(), x = mix(s, r.v + c * ROW);

            if (first > 0)
                x.x += shrink * out->x, x.y += shrink * out->y, x.z += shrink * out->z, x.w += shrink * out->w;
            if (threadIdx.x % SHARES == 0)
                *out = make_float4(share * x.x, share * x.y, share * x.z, share * x.w);
        }
        __syncthreads();
    }
    return m;
}

#endif
