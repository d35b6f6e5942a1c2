/* scan.c - two of the four selective scans over a tile of channels, read in place.
 *
 *   delta = softplus(dt_w . dt + dt_bias)
 *   h     = 2^(delta a) h + delta u B          a = A log2(e), N states a channel
 *   y    += C . h + skip u                     the first direction of a pair sets y, the second adds
 *
 * Vectors run over channels, so B, C and dt are broadcasts and nothing is summed across lanes. Tokens are
 * taken four at a time, which lets the dt projection use each weight four times; between steps of the
 * recurrence there is work enough to hide its latency. */
#include "ops/cpu/isa/isa.h"

enum { STEPS = 4, TILE = 2, AHEAD = 16 };   /* tokens at a time; vectors of a tile; tokens called for in advance */

/* One direction of one tile: where its parameters and its tokens are. */
typedef struct lane {
    const float *dt_w, *dt_bias, *a, *skip; /* [R][D], [D], [N][D], [D], at the tile's first channel */
    const float *u, *x_dbl;                 /* [L][D] at the first channel; [L][ld] at this direction */
    float *y;
    float *h;                               /* [N][TILE * LANES]                                      */
    size_t D, ld;
    int R, N;
    int inner, outer;                       /* steps along the scan before the other axis moves      */
    long step_inner, step_outer, start;     /* in tokens                                             */
} lane;

static lane make_lane(const em_scan_tile *t, int k)
{
    const em_scan4 *s = t->scan;
    const size_t D = (size_t)s->D, R = (size_t)s->R, N = (size_t)s->N, c = (size_t)t->channel, i = (size_t)k;
    const int is_column = k % 2, is_backward = k / 2;
    lane l = {
        .dt_w = s->dt_w + i * R * D + c, .dt_bias = s->dt_bias + i * D + c, .a = s->a + i * N * D + c, .skip = s->skip + i * D + c,
        .u = t->u + c, .x_dbl = t->x_dbl + i * (R + 2 * N), .y = t->y + c, .h = t->state,
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

/* delta of n_steps tokens, nv vectors wide; the last vector holds `tail` channels. */
EM_INLINE void project(vf delta[STEPS][TILE], const lane *l, const float *const rows[STEPS], const int nv, int tail)
{
    vf acc[STEPS][TILE];

#pragma GCC unroll 2
    for (int v = 0; v < nv; v++) {
        vf bias = v_load_n(l->dt_bias + v * LANES, v == nv - 1 ? tail : LANES);
#pragma GCC unroll 4
        for (int j = 0; j < STEPS; j++)
            acc[j][v] = bias;
    }
    for (int r = 0; r < l->R; r++) {
        vf w[TILE];
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            w[v] = v_load_n(l->dt_w + (size_t)r * l->D + (size_t)(v * LANES), v == nv - 1 ? tail : LANES);
#pragma GCC unroll 4
        for (int j = 0; j < STEPS; j++)
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                acc[j][v] += rows[j][r] * w[v];
    }
#pragma GCC unroll 4
    for (int j = 0; j < STEPS; j++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) {
            delta[j][v] = acc[j][v];
            v_softplus(&delta[j][v], 1);
        }
}

/* One token, one vector: C.h after the step. States lie TILE vectors apart, a's rows D floats. */
EM_INLINE vf advance(const lane *l, float *h, const float *a, const float *bc, vf delta, vf drive, const int N, int n)
{
    vf y = { 0 };

    for (int i = 0; i < N; i++) {
        float *state = h + i * TILE * LANES;
        vf decay = delta * v_load_n(a + (size_t)i * l->D, n), next;

        v_exp2(&decay, 1);
        next = decay * v_load(state) + drive * bc[i];

        v_store(state, next);
        y += next * bc[N + i];
    }
    return y;
}

/* Where a walk over the image stands. */
typedef struct cursor { long token, line; int at; } cursor;

EM_INLINE void move_on(cursor *c, const lane *l)
{
    c->token += l->step_inner;
    if (++c->at == l->inner) {
        c->at = 0;
        c->token = c->line += l->step_outer;
    }
}

/* The tokens of one group, and what the recurrence needs of each. */
typedef struct group {
    const float *rows[STEPS];               /* of x_dbl                                */
    size_t       at[STEPS];                 /* of u and y                              */
    vf           delta[STEPS][TILE];
    int          n;                         /* STEPS, or fewer at the end              */
} group;

/* The next tokens; past the end the last one again, unused. */
EM_INLINE void gather(group *g, cursor *c, const lane *l, long done, long n_tokens)
{
    g->n = n_tokens - done < STEPS ? (int)(n_tokens - done) : STEPS;
    for (int j = 0; j < STEPS; j++) {
        g->at[j] = (size_t)c->token * l->D;
        g->rows[j] = l->x_dbl + (size_t)c->token * l->ld;
        if (done + j + 1 < n_tokens)
            move_on(c, l);
    }
}

/* Calls for the next tokens: along columns they lie pages apart, and no hardware guesses that. `soon` runs AHEAD
 * tokens before the walk and stops at the last one. */
EM_INLINE void call(cursor *soon, const lane *l, long done, long n_tokens, const int nv)
{
    for (int j = 0; j < STEPS; j++) {
        const size_t at = (size_t)soon->token * l->D;

#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) {
            __builtin_prefetch(l->u + at + v * LANES);
            __builtin_prefetch(l->y + at + v * LANES, 1);
        }
        __builtin_prefetch(l->x_dbl + (size_t)soon->token * l->ld);
        if (done + AHEAD + j + 1 < n_tokens)
            move_on(soon, l);
    }
}

EM_INLINE void put(const lane *l, size_t at, vf y, bool is_first, int n)
{
    v_store_n(l->y + at, is_first ? y : y + v_load_n(l->y + at, n), n);
}

/* Any number of states, kept in memory. nv is a constant. */
EM_INLINE void run(const lane *l, bool is_first, const int nv, int tail)
{
    const long n_tokens = (long)l->inner * l->outer;
    cursor at = { l->start, l->start, 0 };
    group g;

    memset(l->h, 0, (size_t)l->N * TILE * LANES * sizeof *l->h);
    for (long done = 0; done < n_tokens; done += STEPS) {
        gather(&g, &at, l, done, n_tokens);
        project(g.delta, l, g.rows, nv, tail);
        for (int j = 0; j < g.n; j++)
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++) {
                const int n = v == nv - 1 ? tail : LANES;
                const size_t off = (size_t)(v * LANES);
                vf u = v_load_n(l->u + g.at[j] + off, n), delta = g.delta[j][v];
                vf y = advance(l, l->h + off, l->a + off, g.rows[j] + l->R, delta, delta * u, l->N, n);

                put(l, g.at[j] + off, y + v_load_n(l->skip + off, n) * u, is_first, n);
            }
    }
}

/* One state a channel, whole vectors: the presets. State and rates stay in registers. nv is a constant. */
EM_INLINE void run_single(const lane *l, const bool is_first, const int nv)
{
    const long n_tokens = (long)l->inner * l->outer;
    cursor at = { l->start, l->start, 0 }, soon = at;
    vf h[TILE], a[TILE], skip[TILE];
    group g;

#pragma GCC unroll 2
    for (int v = 0; v < nv; v++) {
        h[v] = (vf){ 0 };
        a[v] = v_load(l->a + v * LANES);
        skip[v] = v_load(l->skip + v * LANES);
    }
    for (int j = 0; j < AHEAD && j + 1 < n_tokens; j++)
        move_on(&soon, l);
    for (long done = 0; done < n_tokens; done += STEPS) {
        call(&soon, l, done, n_tokens, nv);
        gather(&g, &at, l, done, n_tokens);
        project(g.delta, l, g.rows, nv, LANES);
        for (int j = 0; j < g.n; j++) {
            const float *bc = g.rows[j] + l->R;

#pragma GCC unroll 2
            for (int v = 0; v < nv; v++) {
                const size_t here = g.at[j] + (size_t)(v * LANES);
                vf u = v_load(l->u + here), delta = g.delta[j][v];

                vf decay = delta * a[v];

                v_exp2(&decay, 1);
                h[v] = decay * h[v] + delta * u * bc[0];
                put(l, here, h[v] * bc[1] + skip[v] * u, is_first, LANES);
            }
        }
    }
}

void EM_K(scan_tile)(const em_scan_tile *t)
{
    const int nv = (t->n_channels + LANES - 1) / LANES, tail = t->n_channels - (nv - 1) * LANES;

    for (int second = 0; second < 2; second++) {
        lane l = make_lane(t, second ? 3 - 2 * t->pair : 2 * t->pair);

        if (l.N == 1 && tail == LANES && nv == TILE)
            run_single(&l, second == 0, TILE);
        else if (l.N == 1 && tail == LANES)
            run_single(&l, second == 0, 1);
        else if (nv == TILE)
            run(&l, second == 0, TILE, tail);
        else
            run(&l, second == 0, 1, tail);
    }
}
