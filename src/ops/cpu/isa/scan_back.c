/* scan_back.c - two of the four selective scans backward, over all channels of some windows.
 *
 *   g       = C dy + e' g'                 e = 2^(delta a), A = a ln 2; ' is the token behind, h* the state before
 *   du      = skip dy + delta sum_n g B
 *   ddelta  = sum_n g (A e h* + B u)       dB = sum_c g delta u      dC = sum_c dy h
 *   dA_log  = A sum g delta e h*           and through softplus and the projection to dt_w, dt_bias and dt
 *
 * Chunks are done from the last to the first. In one, a tile of channels after the other is brought in, its states made
 * anew from the one that forward kept, and swept from behind, while vectors of dB and dC grow over the tiles: they are
 * summed across lanes once a chunk, and so is dt, a product of all tiles' gradients with dt_w. */
#include "ops/cpu/isa/scan_back.h"

size_t EM_K(scan_part_floats)(int D, int R, int N)
{
    return (size_t)n_tiles(D) * (size_t)tile_rows(R, N) * WIDE;
}

size_t EM_K(scan_back_floats)(int D, int R, int N)
{
    const size_t chunk_rows = CHUNK * (size_t)(dt_rows(R) + 2 * N), sums = CHUNK * 2 * (size_t)N * LANES;

    return EM_K(scan_part_floats)(D, R, N) + (size_t)n_tiles(D) * (size_t)(N + CHUNK) * WIDE + chunk_rows + sums;
}

/* ---------------------------------------------------------------- tiles */

/* dst[tile][rows][WIDE] = src[D], in one row of all tiles. */
static void spread(float *dst, const float *src, const em_scan_lane *l)
{
    for (int i = 0; i < l->n_tiles; i++, dst += l->rows * WIDE) {
        const int left = l->s->D - i * WIDE, width = left < WIDE ? left : WIDE;

        memcpy(dst, src + i * WIDE, (size_t)width * sizeof *dst);
        memset(dst + width, 0, (size_t)(WIDE - width) * sizeof *dst);
    }
}

static void spread_params(const em_scan_lane *l)
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
static void list_tokens(long *token, int n, const em_scan_lane *l, long first)
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

static void take_rows(const em_scan_chunk *c, const em_scan_lane *l)
{
    const int R = l->s->R, N = l->s->N, width = l->dt_rows + 2 * N;
    const size_t ld = (size_t)(EM_DIRECTIONS * (R + 2 * N));

    memset(l->row, 0, CHUNK * (size_t)width * sizeof *l->row);
    for (int t = 0; t < c->n; t++) {
        const float *from = l->x_dbl + (size_t)c->token[t] * ld;
        float *row = l->row + t * width;

        for (int i = 0; i < R; i++)                     /* a handful: a call would cost more than the copy */
            row[i] = from[i];
        row[R] = 1.f;
        for (int i = 0; i < 2 * N; i++)
            row[l->dt_rows + i] = from[R + i];
    }
}

/* Moves on to chunk i and looks at the one to come after it, that before it. */
static void move_on(em_scan_chunk *c, const em_scan_lane *l, long i)
{
    const long left = (long)l->s->H * l->s->W - i * CHUNK;

    c->n = left < CHUNK ? (int)left : CHUNK;
    c->n_next = i > 0 ? CHUNK : 0;
    list_tokens(c->token, c->n, l, i * CHUNK);
    list_tokens(c->next, c->n_next, l, (i - 1) * CHUNK);
}

/* ---------------------------------------------------------------- a chunk goes out */

/* STEPS tokens' products with DOTS rows of dt_w, over all channels. */
EM_INLINE void dots(const em_scan_chunk *c, const em_scan_lane *l, int t, int r)
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
static void give_rows(const em_scan_chunk *c, const em_scan_lane *l)
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

static void run(const em_scan_lane *l)
{
    const em_scan4 *s = l->s;
    const long L = (long)s->H * s->W;
    em_scan_chunk c = { 0 };

    memset(l->carry, 0, (size_t)l->n_tiles * (size_t)s->N * WIDE * sizeof *l->carry);
    for (long i = (L - 1) / CHUNK; i >= 0; i--) {
        const float *begin = l->states + (size_t)i * (size_t)s->N * (size_t)s->D;

        move_on(&c, l, i);
        take_rows(&c, l);
        memset(l->sums, 0, CHUNK * 2 * (size_t)s->N * LANES * sizeof *l->sums);
        for (int tile = 0; tile < l->n_tiles; tile++)
            EM_K(scan_sweep)(&c, l, tile, begin);
        give_rows(&c, l);
    }
}

/* ---------------------------------------------------------------- windows */

static em_scan_lane make_lane(const em_scan_back *t, int k)
{
    const em_scan4 *s = t->scan;
    const int rows = tile_rows(s->R, s->N), tiles = n_tiles(s->D);
    em_scan_lane l = { .s = s, .k = k, .dt_rows = dt_rows(s->R), .rows = rows, .n_tiles = tiles, .part = t->parts[k] };

    l.params = t->scratch;
    l.carry = l.params + (size_t)tiles * (size_t)rows * WIDE;
    l.draw = l.carry + (size_t)tiles * (size_t)s->N * WIDE;
    l.row = l.draw + (size_t)tiles * CHUNK * WIDE;
    l.sums = l.row + CHUNK * (l.dt_rows + 2 * s->N);
    return l;
}

static void look_at(em_scan_lane *l, const em_scan_back *t, int window)
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
        em_scan_lane l = make_lane(t, second ? 3 - 2 * t->pair : 2 * t->pair);

        l.is_first = !second;
        spread_params(&l);
        memset(l.part, 0, EM_K(scan_part_floats)(s->D, s->R, s->N) * sizeof *l.part);
        for (int i = 0; i < t->n_windows; i++) {
            if (s->kept && s->kept[t->window + i] == 0.f)
                continue;
            look_at(&l, t, t->window + i);
            run(&l);
        }
    }
}

/* Lanes of vector v of a tile that has `width` channels. */
EM_INLINE int lanes_of(int v, int width) { return width - v * LANES < LANES ? width - v * LANES : LANES; }

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
