/* scan_back.c - two of the four selective scans backward, over all channels of some windows.
 *
 *   g       = C dy + e' g'                 e = 2^(delta a), A = a ln 2; ' is the token behind, h* the state before
 *   du      = skip dy + delta sum_n g B
 *   ddelta  = sum_n g (A e h* + B u)       dB = sum_c g delta u      dC = sum_c dy h
 *   dA_log  = A sum g delta e h*           and through softplus and the projection to dt_w, dt_bias and dt
 *
 * Chunks are done from the last to the first. In one, a tile of channels after the other is brought in, its states made
 * anew from the one that forward kept, and swept from behind, while vectors of dB and dC grow over the tiles: they are
 * summed across lanes once a chunk, and so is dt, a product of all tiles' gradients with dt_w.
 *
 * What belongs to a tile lies side by side, in rows of a tile's width with zeros past D: its parameters, its share of their
 * gradients, and the gradients of delta. So nothing but u, dy, du and the kept states has ends to look after. */
#include "ops/cpu/isa/isa.h"

enum {
    TILE = 2, WIDE = TILE * LANES, CHUNK = EM_SCAN_CHUNK,
    STEPS = 4,                          /* tokens of a projection                            */
    ROWS = 4,                           /* of dt_w whose gradients are summed at once        */
    DOTS = LANES == 16 ? 4 : 3,         /* of dt_w whose products with STEPS tokens are      */
    LINE = 16,                          /* floats                                            */
};

/* Rows of a tile: dt_w, dt_bias, up to a multiple of ROWS; then a, N of them; then skip. */
static int dt_rows(int R) { return (R + ROWS) / ROWS * ROWS; }
static int tile_rows(int R, int N) { return dt_rows(R) + N + 1; }
static int n_tiles(int D) { return (D + WIDE - 1) / WIDE; }

/* One direction of one window, and the scratch it is made on. */
typedef struct lane {
    const em_scan4 *s;
    int k, dt_rows, rows, n_tiles;
    bool is_first;                      /* sets du; the second adds                          */
    const float *u, *dy;                /* [L][D]                                            */
    const float *x_dbl, *states;        /* of this direction                                 */
    float *du, *dx_dbl;
    float *params, *part;               /* [n_tiles][rows][WIDE]                             */
    float *carry;                       /* [n_tiles][N][WIDE]: e' g' of the chunk behind     */
    float *draw;                        /* [n_tiles][CHUNK][WIDE]: of delta before softplus  */
    float *row;                         /* [CHUNK][dt_rows + 2N]: dt, 1, zeros; B; C         */
    float *sums;                        /* [CHUNK][2N][LANES]: dB, dC                        */
} lane;

/* One tile of a chunk: token by token, nv vectors each. */
typedef struct chunk {
    int  n, n_next;                     /* tokens of this one, of the one before it          */
    long token[CHUNK], next[CHUNK];
    vf   u[CHUNK * TILE], dy[CHUNK * TILE], du[CHUNK * TILE];
    vf   delta[CHUNK * TILE], slope[CHUNK * TILE], ddelta[CHUNK * TILE];
    vf   decay[CHUNK * TILE];           /* of one state                                      */
    vf   h[(CHUNK + 1) * TILE];         /* of one state, before each token and at the end    */
} chunk;

size_t EM_K(scan_part_floats)(int D, int R, int N)
{
    return (size_t)n_tiles(D) * (size_t)tile_rows(R, N) * WIDE;
}

size_t EM_K(scan_back_floats)(int D, int R, int N)
{
    const size_t chunk_rows = CHUNK * (size_t)(dt_rows(R) + 2 * N), sums = CHUNK * 2 * (size_t)N * LANES;

    return EM_K(scan_part_floats)(D, R, N) + (size_t)n_tiles(D) * (size_t)(N + CHUNK) * WIDE + chunk_rows + sums;
}

/* Lanes of vector v of a tile that has `width` channels. */
EM_INLINE int lanes_of(int v, int width) { return width - v * LANES < LANES ? width - v * LANES : LANES; }

/* ---------------------------------------------------------------- tiles */

/* dst[tile][rows][WIDE] = src[D], in one row of all tiles. */
static void spread(float *dst, const float *src, const lane *l)
{
    for (int i = 0; i < l->n_tiles; i++, dst += l->rows * WIDE) {
        const int left = l->s->D - i * WIDE, width = left < WIDE ? left : WIDE;

        memcpy(dst, src + i * WIDE, (size_t)width * sizeof *dst);
        memset(dst + width, 0, (size_t)(WIDE - width) * sizeof *dst);
    }
}

static void spread_params(const lane *l)
{
    const em_scan4 *s = l->s;
    const size_t D = (size_t)s->D, R = (size_t)s->R, N = (size_t)s->N, k = (size_t)l->k, rows = (size_t)l->dt_rows;

    memset(l->params, 0, EM_K(scan_part_floats)(s->D, s->R, s->N) * sizeof *l->params);
    for (size_t r = 0; r < R; r++)
        spread(l->params + r * WIDE, s->dt_w + (k * R + r) * D, l);
    spread(l->params + R * WIDE, s->dt_bias + k * D, l);
    for (size_t i = 0; i < N; i++)
        spread(l->params + (rows + i) * WIDE, s->a + (k * N + i) * D, l);
    spread(l->params + (rows + N) * WIDE, s->skip + k * D, l);
}

/* ---------------------------------------------------------------- a chunk comes in */

/* The n tokens from `first` on, in the direction's own order. */
static void list_tokens(long *token, int n, const lane *l, long first)
{
    const em_scan4 *s = l->s;
    const bool is_column = l->k % 2;
    const long inner = is_column ? s->H : s->W, step = is_column ? s->W : 1, step_line = is_column ? 1 : s->W;
    const long last = (long)s->H * s->W - 1;
    long line = first / inner, at = first % inner;

    for (int t = 0; t < n; t++) {
        const long here = line * step_line + at * step;

        token[t] = l->k / 2 ? last - here : here;
        if (++at == inner) {
            at = 0;
            line++;
        }
    }
}

static void take_rows(const chunk *c, const lane *l)
{
    const int R = l->s->R, N = l->s->N, width = l->dt_rows + 2 * N;
    const size_t ld = (size_t)(EM_DIRECTIONS * (R + 2 * N));

    for (int t = 0; t < CHUNK; t++) {
        float *row = l->row + t * width;

        memset(row, 0, (size_t)width * sizeof *row);
        if (t >= c->n)
            continue;
        const float *from = l->x_dbl + (size_t)c->token[t] * ld;

        memcpy(row, from, (size_t)R * sizeof *row);
        row[R] = 1.f;
        memcpy(row + l->dt_rows, from + R, 2 * (size_t)N * sizeof *row);
    }
}

/* Moves on to chunk i and looks at the one to come after it, that before it. */
static void move_on(chunk *c, const lane *l, long i)
{
    const long left = (long)l->s->H * l->s->W - i * CHUNK;

    c->n = left < CHUNK ? (int)left : CHUNK;
    c->n_next = i > 0 ? CHUNK : 0;
    list_tokens(c->token, c->n, l, i * CHUNK);
    list_tokens(c->next, c->n_next, l, (i - 1) * CHUNK);
}

/* Calls for what the next chunk's tile will want into the second cache: along columns no hardware guesses it. */
EM_INLINE void call(const chunk *c, const lane *l, int tile, const int nv)
{
    const size_t D = (size_t)l->s->D;

    for (int t = 0; t < c->n_next; t++)
#pragma GCC unroll 2
        for (int i = 0; i < nv * LANES; i += LINE) {
            const size_t here = (size_t)c->next[t] * D + (size_t)(tile * WIDE + i);

            __builtin_prefetch(l->u + here, 0, 2);
            __builtin_prefetch(l->dy + here, 0, 2);
            __builtin_prefetch(l->du + here, 0, 2);
        }
}

/* u, dy, and what they are to the skip. */
EM_INLINE void take(chunk *restrict c, const lane *l, int tile, const int nv, int tail)
{
    const size_t at = (size_t)tile * WIDE, D = (size_t)l->s->D, last = (size_t)(l->rows - 1) * WIDE;
    float *dskip = l->part + at * (size_t)l->rows + last;
    vf sum[TILE];

#pragma GCC unroll 2
    for (int v = 0; v < nv; v++)
        sum[v] = v_load(dskip + v * LANES);
    for (int t = 0; t < c->n; t++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) {
            const size_t here = (size_t)c->token[t] * D + at + (size_t)(v * LANES);
            const int n = v == nv - 1 ? tail : LANES;
            const vf u = v_load_n(l->u + here, n), dy = v_load_n(l->dy + here, n);

            sum[v] += u * dy;
            c->u[t * nv + v] = u;
            c->dy[t * nv + v] = dy;
        }
#pragma GCC unroll 2
    for (int v = 0; v < nv; v++)
        v_store(dskip + v * LANES, sum[v]);
}

/* delta before softplus, as forward makes it. */
EM_INLINE void project(chunk *restrict c, const lane *l, int tile, const int nv)
{
    const int R = l->s->R, width = l->dt_rows + 2 * l->s->N;
    const float *w = l->params + (size_t)tile * (size_t)l->rows * WIDE;

    for (int t = 0; t < c->n; t += STEPS) {
        const float *row = l->row + t * width;
        vf acc[STEPS][TILE];

#pragma GCC unroll 4
        for (int j = 0; j < STEPS; j++)
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                acc[j][v] = v_load(w + R * WIDE + v * LANES);
        for (int r = 0; r < R; r++)
#pragma GCC unroll 4
            for (int j = 0; j < STEPS; j++)
#pragma GCC unroll 2
                for (int v = 0; v < nv; v++)
                    acc[j][v] += row[j * width + r] * v_load(w + r * WIDE + v * LANES);
#pragma GCC unroll 4
        for (int j = 0; j < STEPS; j++)
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                c->delta[(t + j) * nv + v] = acc[j][v];
    }
}

EM_INLINE void soften(chunk *c, const int nv)
{
    for (int i = 0; i < c->n * nv; i += MOST_CHAINS)
        v_softplus_slope(c->delta + i, c->slope + i, MOST_CHAINS);
}

/* ---------------------------------------------------------------- one state of a tile */

EM_INLINE void decay(chunk *restrict c, const float *a, const int nv)
{
    for (int i = 0; i < c->n * nv; i += MOST_CHAINS) {
        vf x[MOST_CHAINS];

#pragma GCC unroll 8
        for (int j = 0; j < MOST_CHAINS; j++)
            x[j] = c->delta[i + j] * v_load(a + j % nv * LANES);
        v_exp2(x, MOST_CHAINS);
#pragma GCC unroll 8
        for (int j = 0; j < MOST_CHAINS; j++)
            c->decay[i + j] = x[j];
    }
}

/* The states of the chunk, from those before it. */
EM_INLINE void replay(chunk *restrict c, const lane *l, const float *begin, const float *b, const int nv, int tail)
{
    const int ld = l->dt_rows + 2 * l->s->N;
    vf h[TILE];

#pragma GCC unroll 2
    for (int v = 0; v < nv; v++)
        c->h[v] = h[v] = v_load_n(begin + v * LANES, v == nv - 1 ? tail : LANES);
    for (int t = 0; t < c->n; t++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) {
            const int k = t * nv + v;

            h[v] = c->decay[k] * h[v] + c->delta[k] * c->u[k] * b[t * ld];
            c->h[k + nv] = h[v];
        }
}

/* The sweep from behind over state i. The first state brings the skip along; the last one knows all of du, and all of
 * ddelta, which it takes through softplus. */
EM_INLINE void sweep(chunk *restrict c, const lane *l, int tile, int i, const bool is_begin, const bool is_end, const int nv, int tail)
{
    const int N = l->s->N, ld = l->dt_rows + 2 * N;
    const size_t D = (size_t)l->s->D, params = (size_t)tile * (size_t)l->rows * WIDE, at = params + (size_t)(l->dt_rows + i) * WIDE;
    const float *row = l->row + l->dt_rows + i, *skip = l->params + params + (size_t)(l->rows - 1) * WIDE;
    float *carry = l->carry + (size_t)(tile * N + i) * WIDE, *draw = l->draw + (size_t)tile * CHUNK * WIDE, *du = l->du + (size_t)tile * WIDE;
    vf behind[TILE], rate[TILE], drate[TILE], h[TILE];

#pragma GCC unroll 2
    for (int v = 0; v < nv; v++) {
        behind[v] = v_load(carry + v * LANES);
        rate[v] = v_load(l->params + at + v * LANES) * 0.69314718f;
        drate[v] = (vf){ 0 };
        h[v] = c->h[c->n * nv + v];
    }
    for (int t = c->n - 1; t >= 0; t--) {
        const size_t here = (size_t)c->token[t] * D;
        float *sums = l->sums + (t * 2 * N + i) * LANES;
        const vf b = v_set(row[t * ld]), out = v_set(row[t * ld + N]);
        vf db = v_load(sums), dout = v_load(sums + N * LANES);

#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) {
            const int k = t * nv + v, n = v == nv - 1 ? tail : LANES;
            const vf dy = c->dy[k], u = c->u[k], g = out * dy + behind[v], g_delta = g * c->delta[k], kept = c->decay[k] * c->h[k];
            vf ddelta = g * (rate[v] * kept + b * u), all = is_begin ? dy * v_load(skip + v * LANES) : c->du[k];

            dout += dy * h[v];
            h[v] = c->h[k];
            db += g_delta * u;
            drate[v] += g_delta * kept;
            all += g_delta * b;
            behind[v] = c->decay[k] * g;
            if (!is_begin)
                ddelta += c->ddelta[k];
            if (is_end) {
                v_store(draw + t * WIDE + v * LANES, ddelta * c->slope[k]);
                v_store_n(du + here + v * LANES, l->is_first ? all : all + v_load_n(du + here + v * LANES, n), n);
            } else {
                c->ddelta[k] = ddelta;
                c->du[k] = all;
            }
        }
        v_store(sums, db);
        v_store(sums + N * LANES, dout);
        if (is_end && nv < TILE)
            v_store(draw + t * WIDE + LANES, (vf){ 0 });
    }
#pragma GCC unroll 2
    for (int v = 0; v < nv; v++) {
        v_store(carry + v * LANES, behind[v]);
        v_store(l->part + at + v * LANES, v_load(l->part + at + v * LANES) + drate[v] * rate[v]);
    }
}

/* ---------------------------------------------------------------- a chunk goes out */

/* Adds to the gradients of dt_w and dt_bias. */
EM_INLINE void weigh(const chunk *c, const lane *l, int tile, const int nv)
{
    const int ld = l->dt_rows + 2 * l->s->N;
    const float *draw = l->draw + (size_t)tile * CHUNK * WIDE;

    for (int r = 0; r < l->dt_rows; r += ROWS) {
        float *part = l->part + ((size_t)tile * (size_t)l->rows + (size_t)r) * WIDE;
        vf acc[ROWS][TILE];

#pragma GCC unroll 4
        for (int j = 0; j < ROWS; j++)
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                acc[j][v] = v_load(part + j * WIDE + v * LANES);
        for (int t = 0; t < c->n; t++)
#pragma GCC unroll 4
            for (int j = 0; j < ROWS; j++)
#pragma GCC unroll 2
                for (int v = 0; v < nv; v++)
                    acc[j][v] += l->row[t * ld + r + j] * v_load(draw + t * WIDE + v * LANES);
#pragma GCC unroll 4
        for (int j = 0; j < ROWS; j++)
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                v_store(part + j * WIDE + v * LANES, acc[j][v]);
    }
}

/* STEPS tokens' products with DOTS rows of dt_w, over all channels. */
EM_INLINE void dots(const chunk *c, const lane *l, int t, int r)
{
    const int R = l->s->R;
    const size_t ld = (size_t)(EM_DIRECTIONS * (R + 2 * l->s->N));
    vf acc[STEPS][DOTS] = { 0 };

    for (int tile = 0; tile < l->n_tiles; tile++) {
        const float *draw = l->draw + ((size_t)tile * CHUNK + (size_t)t) * WIDE;
        const float *w = l->params + ((size_t)tile * (size_t)l->rows + (size_t)r) * WIDE;

        for (int v = 0; v < TILE; v++)
#pragma GCC unroll 4
            for (int i = 0; i < STEPS; i++)
#pragma GCC unroll 4
                for (int j = 0; j < DOTS; j++)
                    acc[i][j] += v_load(draw + i * WIDE + v * LANES) * v_load(w + j * WIDE + v * LANES);
    }
    for (int i = 0; i < STEPS && t + i < c->n; i++)
        for (int j = 0; j < DOTS && r + j < R; j++)
            l->dx_dbl[(size_t)c->token[t + i] * ld + (size_t)(r + j)] = v_sum(acc[i][j]);
}

/* What is summed over channels. */
static void give_rows(const chunk *c, const lane *l)
{
    const int R = l->s->R, N = l->s->N;
    const size_t ld = (size_t)(EM_DIRECTIONS * (R + 2 * N));

    for (int r = 0; r < R; r += DOTS)
        for (int t = 0; t < c->n; t += STEPS)
            dots(c, l, t, r);
    for (int t = 0; t < c->n; t++)
        for (int i = 0; i < 2 * N; i++)
            l->dx_dbl[(size_t)c->token[t] * ld + (size_t)(R + i)] = v_sum(v_load(l->sums + (t * 2 * N + i) * LANES));
}

/* ---------------------------------------------------------------- from the last chunk to the first */

/* nv is a constant, and so is tail where vectors are whole. */
EM_INLINE void run_tile(chunk *c, const lane *l, const float *begin, int tile, const int nv, const int tail)
{
    const int N = l->s->N;
    const float *a = l->params + ((size_t)tile * (size_t)l->rows + (size_t)l->dt_rows) * WIDE;

    take(c, l, tile, nv, tail);
    call(c, l, tile, nv);
    project(c, l, tile, nv);
    soften(c, nv);
    for (int i = 0; i < N; i++) {
        decay(c, a + i * WIDE, nv);
        replay(c, l, begin + (size_t)i * (size_t)l->s->D + (size_t)tile * WIDE, l->row + l->dt_rows + i, nv, tail);
        if (N == 1)
            sweep(c, l, tile, i, true, true, nv, tail);
        else if (i == 0)
            sweep(c, l, tile, i, true, false, nv, tail);
        else if (i < N - 1)
            sweep(c, l, tile, i, false, false, nv, tail);
        else
            sweep(c, l, tile, i, false, true, nv, tail);
    }
    weigh(c, l, tile, nv);
}

static void run(const lane *l)
{
    const em_scan4 *s = l->s;
    const long L = (long)s->H * s->W;
    chunk c = { 0 };

    memset(l->carry, 0, (size_t)l->n_tiles * (size_t)s->N * WIDE * sizeof *l->carry);
    for (long i = (L - 1) / CHUNK; i >= 0; i--) {
        const float *begin = l->states + (size_t)i * (size_t)s->N * (size_t)s->D;

        move_on(&c, l, i);
        take_rows(&c, l);
        memset(l->sums, 0, CHUNK * 2 * (size_t)s->N * LANES * sizeof *l->sums);
        for (int tile = 0; tile < l->n_tiles; tile++) {
            const int width = s->D - tile * WIDE;

            if (width >= WIDE)
                run_tile(&c, l, begin, tile, TILE, LANES);
            else if (width > LANES)
                run_tile(&c, l, begin, tile, TILE, width - LANES);
            else
                run_tile(&c, l, begin, tile, 1, width);
        }
        give_rows(&c, l);
    }
}

/* ---------------------------------------------------------------- windows */

static lane make_lane(const em_scan_back *t, int k)
{
    const em_scan4 *s = t->scan;
    const int rows = tile_rows(s->R, s->N), tiles = n_tiles(s->D);
    lane l = { .s = s, .k = k, .dt_rows = dt_rows(s->R), .rows = rows, .n_tiles = tiles, .part = t->parts[k] };

    l.params = t->scratch;
    l.carry = l.params + (size_t)tiles * (size_t)rows * WIDE;
    l.draw = l.carry + (size_t)tiles * (size_t)s->N * WIDE;
    l.row = l.draw + (size_t)tiles * CHUNK * WIDE;
    l.sums = l.row + CHUNK * (l.dt_rows + 2 * s->N);
    return l;
}

static void look_at(lane *l, const em_scan_back *t, int window)
{
    const em_scan4 *s = l->s;
    const size_t L = (size_t)s->H * (size_t)s->W, at = (size_t)window * L, D = (size_t)s->D, k = (size_t)l->k, N = (size_t)s->N;
    const size_t width = (size_t)(s->R + 2 * s->N), column = at * EM_DIRECTIONS * width + k * width;

    l->u = s->u + at * D;
    l->dy = s->dy + at * D;
    l->du = s->du[t->pair] + at * D;
    l->x_dbl = s->x_dbl + column;
    l->dx_dbl = s->dx_dbl + column;
    l->states = s->states + ((size_t)window * EM_DIRECTIONS + k) * ((L + CHUNK - 1) / CHUNK) * N * D;
}

void EM_K(scan_back)(const em_scan_back *t)
{
    const em_scan4 *s = t->scan;

    for (int second = 0; second < 2; second++) {
        lane l = make_lane(t, second ? 3 - 2 * t->pair : 2 * t->pair);

        l.is_first = !second;
        spread_params(&l);
        memset(l.part, 0, EM_K(scan_part_floats)(s->D, s->R, s->N) * sizeof *l.part);
        for (int i = 0; i < t->n_windows; i++) {
            look_at(&l, t, t->window + i);
            run(&l);
        }
    }
}

/* dst[D] += the rows of all parts, those of the first windows first. */
static void add_row(float *dst, const float *part, size_t stride, int n_parts, int width)
{
    for (int v = 0; v * LANES < width; v++) {
        const int n = lanes_of(v, width);
        vf sum = v_load(part + v * LANES);

        for (int i = 1; i < n_parts; i++)
            sum += v_load(part + (size_t)i * stride + v * LANES);
        v_store_n(dst + v * LANES, v_load_n(dst + v * LANES, n) + sum, n);
    }
}

void EM_K(scan_add_parts)(const em_scan4 *s, const float *parts, int n_parts, int k, int tile)
{
    const size_t D = (size_t)s->D, R = (size_t)s->R, N = (size_t)s->N, d = (size_t)k, c = (size_t)tile * WIDE;
    const size_t size = EM_K(scan_part_floats)(s->D, s->R, s->N), stride = EM_DIRECTIONS * size;
    const int left = s->D - tile * WIDE, width = left < WIDE ? left : WIDE;
    const float *at = parts + d * size + c * (size_t)tile_rows(s->R, s->N), *rest = at + (size_t)dt_rows(s->R) * WIDE;

    for (size_t r = 0; r < R; r++)
        add_row(s->ddt_w + (d * R + r) * D + c, at + r * WIDE, stride, n_parts, width);
    add_row(s->ddt_bias + d * D + c, at + R * WIDE, stride, n_parts, width);
    for (size_t i = 0; i < N; i++)
        add_row(s->da_log + (d * N + i) * D + c, rest + i * WIDE, stride, n_parts, width);
    add_row(s->dskip + d * D + c, rest + N * WIDE, stride, n_parts, width);
}
