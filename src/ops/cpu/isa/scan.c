/* scan.c - the four selective scans over a tile of channels, read in place.
 *
 *   delta = softplus(dt_w . dt + dt_bias)
 *   h     = 2^(delta a) h + delta u B          a = A log2(e), N states a channel
 *   y    += C . h                              the first direction sets y, with the skips of all times u; the others add
 *
 * Vectors run over channels, so B, C and dt are broadcasts and nothing is summed across lanes. A chunk of tokens goes
 * through one step after the other: the projections, softplus and decays are flat loops of independent vectors, and the
 * recurrence, one FMA deep a token, comes last. A chunk stays in one line, so its tokens are one step apart. Meanwhile the
 * next chunk is called for: along columns its tokens lie pages apart, which no hardware guesses, in one set of the first
 * cache, which holds eight or twelve of them. */
#include "ops/cpu/isa/isa.h"

enum { TILE = 2, CHUNK = 8, STEPS = LANES == 16 ? 8 : 4 };     /* vectors of a tile; tokens of a chunk and of a projection */

/* Parameters of one direction, at a tile's first channel. */
typedef struct params { const float *dt_w, *dt_bias, *a; } params;      /* [R][D], [D], [N][D] */

/* One direction of one tile: where its parameters and its tokens are. */
typedef struct lane {
    params      p, soon;                    /* its own, and those of the run after it                */
    const float *skip, *soon_skip;          /* [TILE * LANES], the sum of all directions; one of the next tile */
    const float *u, *x_dbl;                 /* [L][D] at the first channel; [L][ld] at this direction */
    float *y;
    float *h;                               /* [N][TILE * LANES]                                      */
    float *states;                          /* [chunks][N][D] at the first channel; NULL: not kept    */
    size_t D, ld;
    int R, N;
    int inner, outer;                       /* steps along the scan before the other axis moves      */
    long step_inner, step_outer, start;     /* in tokens                                             */
} lane;

static params params_of(const em_scan4 *s, int direction, int channel)
{
    const size_t D = (size_t)s->D, i = (size_t)direction, c = (size_t)channel;

    return (params){ s->dt_w + i * (size_t)s->R * D + c, s->dt_bias + i * D + c, s->a + i * (size_t)s->N * D + c };
}

static lane make_lane(const em_scan_tile *t, int k)
{
    const em_scan4 *s = t->scan;
    const size_t D = (size_t)s->D, R = (size_t)s->R, N = (size_t)s->N, c = (size_t)t->channel, i = (size_t)k;
    const int is_column = k % 2, is_backward = k / 2;
    lane l = {
        .p = params_of(s, k, t->channel),
        .u = t->u + c, .x_dbl = t->x_dbl + i * (R + 2 * N), .y = t->y + c, .h = t->state,
        .states = t->states[k] ? t->states[k] + c : NULL,
        .D = D, .ld = EM_DIRECTIONS * (R + 2 * N), .R = s->R, .N = s->N,
        .inner = is_column ? s->H : s->W, .outer = is_column ? s->W : s->H,
        .step_inner = is_column ? s->W : 1, .step_outer = is_column ? 1 : s->W,
    };

    if (is_backward) {
        l.start = (long)s->H * s->W - 1;
        l.step_inner = -l.step_inner;
        l.step_outer = -l.step_outer;
    }
    return l;
}

/* Where a walk over the image stands. */
typedef struct cursor { long token, line; int at; } cursor;

/* Some tokens of one line, and what their recurrence needs: all of it fits the first cache. */
typedef struct chunk {
    int  n;                                 /* tokens, at most CHUNK                       */
    long token, next;                       /* the first of these, and of the next chunk   */
    vf   delta[CHUNK * TILE];               /* token by token, nv vectors each             */
    vf   decay[CHUNK * TILE];               /* of one state                                */
    vf   y[CHUNK * TILE];                   /* what the states so far add up to            */
} chunk;

static int min_int(int a, int b) { return a < b ? a : b; }

/* The chunk after `done` tokens: it ends with its line at the latest, and where states are kept. */
static void move_on(chunk *c, long done, cursor *at, const lane *l)
{
    c->n = min_int(min_int(CHUNK, l->inner - at->at), (int)(EM_SCAN_CHUNK - done % EM_SCAN_CHUNK));
    c->token = at->token;
    at->at += c->n;
    at->token += c->n * l->step_inner;
    if (at->at == l->inner) {
        at->at = 0;
        at->token = at->line += l->step_outer;
    }
    c->next = at->token;                    /* past the end it is nowhere: it is only called for */
}

/* Calls for what a token will want. */
EM_INLINE void call(const float *u, const float *y, const float *x_dbl, const int nv)
{
#pragma GCC unroll 2
    for (int i = 0; i < nv * LANES; i += LINE) {
        __builtin_prefetch(u + i);
        __builtin_prefetch(y + i, 1);
    }
    __builtin_prefetch(x_dbl);
}

/* Calls for the parameters of the next run: they lie rows of all channels apart, and come from far away. */
EM_INLINE void call_parameters(const lane *l, long done, const int n, const int nv)
{
    const params *p = &l->soon;

#pragma GCC unroll 2
    for (int i = 0; i < nv * LANES; i += LINE) {
        for (long r = done; r < done + n && r < l->R; r++)
            __builtin_prefetch(p->dt_w + r * (long)l->D + i);
        if (done > 0)
            continue;
        __builtin_prefetch(p->dt_bias + i);
        __builtin_prefetch(l->soon_skip + i);
        for (int k = 0; k < l->N; k++)
            __builtin_prefetch(p->a + (size_t)k * l->D + i);
    }
}

/* The dt projection of all tokens, STEPS at a time, so that each weight is loaded once for them. */
EM_INLINE void project(chunk *c, const lane *l, const int n, const int nv, int tail)
{
    for (int t = 0; t < n; t += STEPS) {
        const float *rows[STEPS];
        vf acc[STEPS][TILE];

#pragma GCC unroll 8
        for (int j = 0; j < STEPS; j++)
            rows[j] = l->x_dbl + (c->token + min_int(t + j, n - 1) * l->step_inner) * (long)l->ld;
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) {
            vf bias = v_load_n(l->p.dt_bias + v * LANES, v == nv - 1 ? tail : LANES);
#pragma GCC unroll 8
            for (int j = 0; j < STEPS; j++)
                acc[j][v] = bias;
        }
        for (int r = 0; r < l->R; r++) {
            vf w[TILE];
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                w[v] = v_load_n(l->p.dt_w + (size_t)r * l->D + (size_t)(v * LANES), v == nv - 1 ? tail : LANES);
#pragma GCC unroll 8
            for (int j = 0; j < STEPS; j++)
#pragma GCC unroll 2
                for (int v = 0; v < nv; v++)
                    acc[j][v] += rows[j][r] * w[v];
        }
#pragma GCC unroll 8
        for (int j = 0; j < STEPS; j++)
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                c->delta[(t + j) * nv + v] = acc[j][v];
    }
}

/* delta = softplus(delta). */
EM_INLINE void soften(chunk *c, const int n, const int nv)
{
    for (int i = 0; i < n * nv; i += MOST_CHAINS)
        v_softplus(c->delta + i, MOST_CHAINS);
}

/* The decays of one state, whose rates begin at a. */
EM_INLINE void decay(chunk *restrict c, const float *a, const int n, const int nv, int tail)
{
    vf rate[TILE];

#pragma GCC unroll 2
    for (int v = 0; v < nv; v++)
        rate[v] = v_load_n(a + v * LANES, v == nv - 1 ? tail : LANES);
    for (int i = 0; i < n * nv; i += MOST_CHAINS) {
        vf x[MOST_CHAINS];

#pragma GCC unroll 8
        for (int j = 0; j < MOST_CHAINS; j++)
            x[j] = c->delta[i + j] * rate[j % nv];
        v_exp2(x, MOST_CHAINS);
#pragma GCC unroll 8
        for (int j = 0; j < MOST_CHAINS; j++)
            c->decay[i + j] = x[j];
    }
}

/* The recurrence of state i over the chunk. The first state brings along what y begins with, the last one writes y. */
EM_INLINE void recur(chunk *restrict c, const lane *l, int i, const int n, const bool is_begin, bool is_end, bool is_first,
                     const int nv, int tail)
{
    vf h[TILE], skip[TILE] = { { 0 } };
    float *state = l->h + (size_t)i * TILE * LANES;
    const long D = (long)l->D, ld = (long)l->ld, step = l->step_inner * D, step_x = l->step_inner * ld;
    const float *bc = l->x_dbl + c->token * ld + l->R + i, *next_bc = l->x_dbl + c->next * ld;
    long here = c->token * D, there = c->next * D;

#pragma GCC unroll 2
    for (int v = 0; v < nv; v++) {
        h[v] = v_load(state + v * LANES);
        if (is_first)
            skip[v] = v_load(l->skip + v * LANES);
    }
    for (int t = 0; t < n; t++, here += step, there += step, bc += step_x, next_bc += step_x) {
        const vf b = v_set(bc[0]), out = v_set(bc[l->N]);

        if (is_begin)
            call(l->u + there, l->y + there, next_bc, nv);
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) {
            const int part = v == nv - 1 ? tail : LANES, k = t * nv + v;
            const long at = here + v * LANES;
            const vf u = v_load_n(l->u + at, part);
            vf y;

            h[v] = c->decay[k] * h[v] + c->delta[k] * u * b;
            if (!is_begin)
                y = c->y[k] + h[v] * out;
            else if (is_first)
                y = skip[v] * u + h[v] * out;
            else                                        /* what stands there is fetched late: see is_end */
                y = is_end ? v_load_n(l->y + at, part) + h[v] * out : h[v] * out;
            if (is_end)
                v_store_n(l->y + at, is_begin || is_first ? y : y + v_load_n(l->y + at, part), part);
            else
                c->y[k] = y;
        }
    }
#pragma GCC unroll 2
    for (int v = 0; v < nv; v++)
        v_store(state + v * LANES, h[v]);
}

/* What backward wants to know of the states before token `done`. */
static void keep(const lane *l, long done, int n_channels)
{
    float *at = l->states + (size_t)(done / EM_SCAN_CHUNK) * (size_t)l->N * l->D;

    for (int i = 0; i < l->N; i++)
        memcpy(at + (size_t)i * l->D, l->h + (size_t)i * TILE * LANES, (size_t)n_channels * sizeof *at);
}

/* The n tokens of a chunk. */
EM_INLINE void pass(chunk *c, const lane *l, bool is_first, const int n, const int nv, const int tail)
{
    project(c, l, n, nv, tail);
    soften(c, n, nv);
    for (int i = 0; i < l->N; i++) {
        decay(c, l->p.a + (size_t)i * l->D, n, nv, tail);
        if (l->N == 1)
            recur(c, l, i, n, true, true, is_first, nv, tail);
        else if (i == 0)
            recur(c, l, i, n, true, false, is_first, nv, tail);
        else
            recur(c, l, i, n, false, i == l->N - 1, is_first, nv, tail);
    }
}

/* One direction of a tile. nv is a constant, and so is tail where vectors are whole. */
EM_INLINE void run(const lane *l, bool is_first, const int nv, const int tail)
{
    const long n_tokens = (long)l->inner * l->outer;
    cursor at = { l->start, l->start, 0 };
    chunk c = { 0 };

    memset(l->h, 0, (size_t)l->N * TILE * LANES * sizeof *l->h);
    for (long done = 0; done < n_tokens; done += c.n) {
        move_on(&c, done, &at, l);
        if (l->states && done % EM_SCAN_CHUNK == 0)
            keep(l, done, (nv - 1) * LANES + tail);
        call_parameters(l, done, c.n, nv);
        if (c.n == CHUNK)
            pass(&c, l, is_first, CHUNK, nv, tail);
        else
            pass(&c, l, is_first, c.n, nv, tail);
    }
}

/* What the directions' skips add up to, whole vectors of it. */
static void add_skips(float sum[TILE * LANES], const em_scan_tile *t)
{
    const float *skip = t->scan->skip + t->channel;

    memset(sum, 0, TILE * LANES * sizeof *sum);
    for (int k = 0; k < EM_DIRECTIONS; k++, skip += t->scan->D)
        for (int i = 0; i < t->n_channels; i++)
            sum[i] += skip[i];
}

void EM_K(scan_tile)(const em_scan_tile *t)
{
    float skip[TILE * LANES];
    const int nv = (t->n_channels + LANES - 1) / LANES, tail = t->n_channels - (nv - 1) * LANES;

    add_skips(skip, t);
    for (int k = 0; k < EM_DIRECTIONS; k++) {
        lane l = make_lane(t, k);

        l.skip = skip;
        l.soon_skip = t->scan->skip + (size_t)k * (size_t)t->scan->D + t->next_channel;
        l.soon = k + 1 < EM_DIRECTIONS ? params_of(t->scan, k + 1, t->channel) : params_of(t->scan, 0, t->next_channel);
        if (nv == TILE && tail == LANES)
            run(&l, k == 0, TILE, LANES);
        else if (tail == LANES)
            run(&l, k == 0, 1, LANES);
        else if (nv == TILE)
            run(&l, k == 0, TILE, tail);
        else
            run(&l, k == 0, 1, tail);
    }
}
