// attention_back.cu - the way back through em_attention in ops.h.
//
//   p = softmax(s)    dv = p^T dy    dp = dy v^T    ds = p (dp - sum over keys of p dp)    dq = ds k / sqrt(d)    dk = ds^T q / sqrt(d)
//   dtable += ds of all pairs of tokens as far apart
//
// A block has a head and a run of windows, one after another. What belongs to a query is its threads', as on the way forward; what
// belongs to a key is done by the threads of the key, which find its numbers of all queries in a square of shared memory. The table's
// gradient is summed by pairs of tokens in registers, and by displacements at the end of the run, or of a tile where a window has several.
#include "attention.cuh"
#include "sums.cuh"

// Of a head. IS_ONE_TILE: windows are no larger; for itself, because both ways in one kernel spill registers.
template <typename T, bool IS_ONE_TILE>
struct way_back {
    attention_room r;
    em_attention   a;
    const T       *qkv;
    const float   *dy;
    float         *dqkv;
    int            d, P, quads;
    size_t         wide;            // a row of qkv

    static constexpr bool is_one_tile = IS_ONE_TILE;
};

// A thread's numbers, of a query, into the square; and out of it those of a key with every second query.
static __device__ __forceinline__ void lay(float *square, const float x[KEYS])
{
    #pragma unroll
    for (int j = 0; j < KEYS; j++)
        square[token_of(j) * SQUARE_ROW + own_token()] = x[j];
}

static __device__ __forceinline__ void fetch_column(float x[KEYS], const float *square)
{
    #pragma unroll
    for (int j = 0; j < KEYS; j++)
        x[j] = square[own_token() * SQUARE_ROW + token_of(j)];
}

// out = sum of x times rows of `rows`, for part 0 (dq), 1 (dk) or 2 (dv) of the tokens from `first` on.
template <typename Head>
static __device__ __forceinline__ void give_mixed(const Head &w, const float x[KEYS], const float4 *rows, int part, int first, float factor,
                                                  bool adds)
{
    #pragma unroll 1
    for (int c = 0; c < w.quads; c++) {
        const float4 sum = mix(x, rows + c * ROW);

        if (threadIdx.x % SHARES == 0)
            w.r.out[c * ROW + own_token()] = sum;
    }
    __syncthreads();
    give(w.dqkv + part * w.a.C, w.r.out, w.wide, w.r.token + first, w.P - first, w.d, factor, adds);
    __syncthreads();
}

// x: scores become what their softmax gives, laid into the square. m: of all tiles, or of this one where it is the only one.
template <typename Head>
static __device__ __forceinline__ void weigh(const Head &w, float x[KEYS], softmax m)
{
    float share;

    if (Head::is_one_tile) {
        add_keys(&m, x);
    } else {
        #pragma unroll
        for (int j = 0; j < KEYS; j++)
            x[j] = em_exp2(x[j] - m.top);
    }
    share = 1.f / m.sum;
    #pragma unroll
    for (int j = 0; j < KEYS; j++)
        x[j] *= share;
    lay(w.r.square, x);
    __syncthreads();
}

// x = ds, from the p of the square. mean: over all tiles, or nothing where there is one.
template <typename Head>
static __device__ __forceinline__ void slope(const Head &w, float x[KEYS], float mean)
{
    #pragma unroll
    for (int j = 0; j < KEYS; j++)
        x[j] = 0.f;
    add_dots(x, w.r.dy, w.r.v, w.quads);
    if (Head::is_one_tile) {
        #pragma unroll
        for (int j = 0; j < KEYS; j++)
            mean += w.r.square[token_of(j) * SQUARE_ROW + own_token()] * x[j];
        mean = sum_of_shares(mean);
    }
    #pragma unroll
    for (int j = 0; j < KEYS; j++)
        x[j] = w.r.square[token_of(j) * SQUARE_ROW + own_token()] * (x[j] - mean);
}

// Pairs of a tile of queries with a tile of keys. sum += ds.
template <typename Head>
static __device__ __forceinline__ void pair_back(const Head &w, float sum[KEYS], int query, int key, softmax m, float mean)
{
    float x[KEYS];

    score(x, w.r, w.a, query + own_token(), key);
    weigh(w, x, m);
    fetch_column(x, w.r.square);
    give_mixed(w, x, w.r.dy, 2, key, 1.f, query > 0);
    slope(w, x, mean);
    #pragma unroll
    for (int j = 0; j < KEYS; j++)
        sum[j] += x[j];
    lay(w.r.square, x);
    give_mixed(w, x, w.r.k, 0, query, 1.f / sqrtf(w.d), key > 0);
    fetch_column(x, w.r.square);
    give_mixed(w, x, w.r.q, 1, key, ln_2, query > 0);               // q was scaled for powers of two
}

// dtable += sum, by displacements; sum = 0. A thread has displacements of its own.
template <typename Head>
static __device__ __forceinline__ void fold(const Head &w, float sum[KEYS], int query, int key)
{
    const int side = w.a.side, span = span_of(side), n = w.P - key < TOKENS ? w.P - key : TOKENS;

    lay(w.r.square, sum);
    __syncthreads();
    for (int e = threadIdx.x; e < entries_of(side); e += THREADS) {
        const int di = e / span - side + 1, dj = e % span - side + 1;

        for (int j = 0, y = key / side + di, x = key % side + dj; j < n; j++) {
            const int i = y * side + x - query;

            if (y >= 0 && y < side && x >= 0 && x < side && i >= 0 && i < TOKENS)
                w.r.dtable[e] += w.r.square[j * SQUARE_ROW + i];
            if (++x == side + dj)
                x = dj, y++;
        }
    }
    __syncthreads();
    #pragma unroll
    for (int j = 0; j < KEYS; j++)
        sum[j] = 0.f;
}

template <typename Head>
static __device__ __forceinline__ void window_back(const Head &w, float sum[KEYS], bool is_last)
{
    for (int query = 0; query < (Head::is_one_tile ? 1 : w.P); query += TOKENS) {
        softmax m = { -INFINITY, 0.f };
        float mean = 0.f;

        take(w.r.q, w.qkv, w.wide, w.r.token + query, w.P - query, w.d, log2_e / sqrtf(w.d));
        take(w.r.dy, w.dy, (size_t)w.a.C, w.r.token + query, w.P - query, w.d, 1.f);
        if (!Head::is_one_tile) {
            m = attend_all(w.r, w.a, w.qkv, query + own_token());
            for (int c = 0; c < w.quads; c++)
                mean += dot4(w.r.dy[c * ROW + own_token()], w.r.out[c * ROW + own_token()]);
        }
        for (int key = 0; key < (Head::is_one_tile ? 1 : w.P); key += TOKENS) {
            take_keys(w.r, w.a, w.qkv, key);
            pair_back(w, sum, query, key, m, mean);
            if (is_last || !Head::is_one_tile)
                fold(w, sum, query, key);
        }
    }
}

// A block's part of the table's gradient, [(2T-1)^2][heads], where displacements that no window has are 0.
static __device__ __forceinline__ void put_part(float *part, const attention_room &r, const em_attention &a, int head)
{
    const int span = span_of(a.table_side), more = a.table_side - a.side, used = span_of(a.side);

    for (int i = threadIdx.x; i < span * span; i += THREADS) {
        const int y = i / span - more, x = i % span - more;

        part[(size_t)i * a.heads + head] = y >= 0 && y < used && x >= 0 && x < used ? r.dtable[y * used + x] : 0.f;
    }
}

template <typename T, bool IS_ONE_TILE>
__global__ void __launch_bounds__(THREADS) attend_back(float *parts, const T *qkv, em_attention a, int n_windows, int part_windows)
{
    EM_SHARED(float4, shared);
    const int head = blockIdx.x % a.heads, run = blockIdx.x / a.heads, d = a.C / a.heads, begin = run * part_windows;
    const int end = begin + part_windows < n_windows ? begin + part_windows : n_windows;
    const way_back<T, IS_ONE_TILE> w = { carve(shared, a.side, d, true), a, qkv + head * d, a.dy + head * d, a.dqkv + head * d, d,
                                         a.side * a.side, quads_of(d), (size_t)3 * a.C };
    float sum[KEYS] = { 0.f };

    em_wait_for_previous();
    spread_table(w.r, a, head);
    for (int e = threadIdx.x; e < entries_of(a.side); e += THREADS)
        w.r.dtable[e] = 0.f;
    for (int window = begin; window < end; window++) {
        enter(w.r, a, window);
        __syncthreads();
        window_back(w, sum, window + 1 == end);
    }
    put_part(parts + (size_t)run * span_of(a.table_side) * span_of(a.table_side) * a.heads, w.r, a, head);
}

template <typename T, bool IS_ONE_TILE>
static void launch(em_dev *dev, const em_attention *a, int B)
{
    const int n_windows = B * (a->H / a->side) * (a->W / a->side), part_windows = em_part_rows((size_t)n_windows, 1);
    const int n_parts = em_div_up((size_t)n_windows, (size_t)part_windows);
    const size_t n = (size_t)entries_of(a->table_side) * a->heads;
    float *const parts = (float *)em_cuda_spare(dev, EM_SPARE_PARTS, n_parts * n * sizeof *parts);

    EM_LAUNCH(dev, (attend_back<T, IS_ONE_TILE>), dim3((unsigned)(n_parts * a->heads)), THREADS, attention_bytes(a->side, a->C / a->heads, true),
              parts, (const T *)a->qkv, *a, n_windows, part_windows);
    em_cuda_add_parts(dev, a->dtable, parts, n, n, n_parts);
}

void em_cuda_attention_bwd(em_dev *dev, const em_attention *a, int B)
{
    const bool is_one_tile = a->side * a->side <= TOKENS;

    if (dev->is_fp16)
        is_one_tile ? launch<em_half, true>(dev, a, B) : launch<em_half, false>(dev, a, B);
    else
        is_one_tile ? launch<float, true>(dev, a, B) : launch<float, false>(dev, a, B);
}
