/* scan_sweep.c - one tile of channels of one chunk of a scan backward: brought in, its states made anew from the one that
 * forward kept, and swept from behind. The formulas stand in scan_back.c. */
#include "ops/cpu/isa/scan_back.h"

/* Calls for what the next chunk's tile will want of x at its token t into the second cache: along columns no hardware guesses it.
 * The loops below do so token by token: all at once, the calls would wait for each other. */
EM_INLINE void call(const float *x, const em_scan_chunk *c, const em_scan_lane *l, int tile, int t, const int nv)
{
    const float *at = x + (size_t)c->next[t] * (size_t)l->s->D + (size_t)(tile * WIDE);

#pragma GCC unroll 2
    for (int i = 0; i < nv * LANES; i += LINE)
        __builtin_prefetch(at + i, 0, 2);
}

/* Likewise a token's row of what all channels share, and its gradient's. */
EM_INLINE void call_row(const em_scan_chunk *c, const em_scan_lane *l, int t)
{
    const size_t at = (size_t)c->next[t] * (size_t)(EM_DIRECTIONS * (l->s->R + 2 * l->s->N));

    __builtin_prefetch(l->x_dbl + at, 0, 2);
    __builtin_prefetch(l->dx_dbl + at, 1, 2);
}

/* u, dy, and what they are to the skip. */
EM_INLINE void take(em_scan_chunk *restrict c, const em_scan_lane *l, int tile, const int nv, int tail)
{
    const size_t at = (size_t)tile * WIDE, D = (size_t)l->s->D, last = (size_t)(l->rows - 1) * WIDE;
    float *dskip = l->part + at * (size_t)l->rows + last;
    vf sum[TILE];

#pragma GCC unroll 2
    for (int v = 0; v < nv; v++)
        sum[v] = v_load(dskip + v * LANES);
    for (int t = 0; t < c->n; t++) {
        if (tile == 0)
            call_row(c, l, t);
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) {
            const size_t here = (size_t)c->token[t] * D + at + (size_t)(v * LANES);
            const int n = v == nv - 1 ? tail : LANES;
            const vf u = v_load_n(l->u + here, n), dy = v_load_n(l->dy + here, n);

            sum[v] += u * dy;
            c->u[t * nv + v] = u;
            c->dy[t * nv + v] = dy;
        }
    }
#pragma GCC unroll 2
    for (int v = 0; v < nv; v++)
        v_store(dskip + v * LANES, sum[v]);
}

/* delta before softplus, as forward makes it. */
EM_INLINE void project(em_scan_chunk *restrict c, const em_scan_lane *l, int tile, const int nv)
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

EM_INLINE void soften(em_scan_chunk *c, const int nv)
{
    for (int i = 0; i < c->n * nv; i += MOST_CHAINS)
        v_softplus_slope(c->delta + i, c->slope + i, MOST_CHAINS);
}

/* ---------------------------------------------------------------- one state of a tile */

EM_INLINE void decay(em_scan_chunk *restrict c, const float *a, const int nv)
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
EM_INLINE void replay(em_scan_chunk *restrict c, const em_scan_lane *l, int tile, const float *begin, const float *b, bool is_begin,
                      const int nv, int tail)
{
    const int ld = l->dt_rows + 2 * l->s->N;
    vf h[TILE];

#pragma GCC unroll 2
    for (int v = 0; v < nv; v++)
        c->h[v] = h[v] = v_load_n(begin + v * LANES, v == nv - 1 ? tail : LANES);
    if (c->n_next > 0)                                      /* the same of the chunk to come */
        __builtin_prefetch(begin - (size_t)l->s->N * (size_t)l->s->D, 0, 2);
    for (int t = 0; t < c->n; t++) {
        if (is_begin)
            call(l->du, c, l, tile, t, nv);
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) {
            const int k = t * nv + v;

            h[v] = c->decay[k] * h[v] + c->delta[k] * c->u[k] * b[t * ld];
            c->h[k + nv] = h[v];
        }
    }
}

/* What the sweep carries from token to token, in registers. */
typedef struct swept { vf behind[TILE], rate[TILE], drate[TILE], h[TILE]; } swept;

/* at: of the state's rate among the parameters. */
EM_INLINE void begin_sweep(swept *s, const em_scan_chunk *c, const em_scan_lane *l, const float *carry, size_t at, const int nv)
{
#pragma GCC unroll 2
    for (int v = 0; v < nv; v++) {
        s->behind[v] = v_load(carry + v * LANES);
        s->rate[v] = v_load(l->params + at + v * LANES) * 0.69314718f;
        s->drate[v] = (vf){ 0 };
        s->h[v] = c->h[c->n * nv + v];
    }
}

EM_INLINE void end_sweep(const swept *s, const em_scan_lane *l, float *carry, size_t at, const int nv)
{
#pragma GCC unroll 2
    for (int v = 0; v < nv; v++) {
        v_store(carry + v * LANES, s->behind[v]);
        v_store(l->part + at + v * LANES, v_load(l->part + at + v * LANES) + s->drate[v] * s->rate[v]);
    }
}

/* The sweep from behind over state i. The first state brings the skip along; the last one knows all of du, and all of
 * ddelta, which it takes through softplus. */
EM_INLINE void sweep(em_scan_chunk *restrict c, const em_scan_lane *l, int tile, int i, const bool is_begin, const bool is_end,
                     const int nv, int tail)
{
    const int N = l->s->N, ld = l->dt_rows + 2 * N;
    const size_t D = (size_t)l->s->D, params = (size_t)tile * (size_t)l->rows * WIDE, at = params + (size_t)(l->dt_rows + i) * WIDE;
    const float *row = l->row + l->dt_rows + i, *skip = l->params + params + (size_t)(l->rows - 1) * WIDE;
    float *carry = l->carry + (size_t)(tile * N + i) * WIDE, *du = l->du + (size_t)tile * WIDE;
    float *draw = l->draw + (size_t)tile * CHUNK * WIDE;
    swept s;

    begin_sweep(&s, c, l, carry, at, nv);
    for (int t = c->n - 1; t >= 0; t--) {
        const size_t here = (size_t)c->token[t] * D;
        float *sums = l->sums + (t * 2 * N + i) * LANES;
        const vf b = v_set(row[t * ld]), out = v_set(row[t * ld + N]);
        vf db = v_load(sums), dout = v_load(sums + N * LANES);

        if (is_begin) {
            call(l->u, c, l, tile, t, nv);
            call(l->dy, c, l, tile, t, nv);
        }
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) {
            const int k = t * nv + v, n = v == nv - 1 ? tail : LANES;
            const vf dy = c->dy[k], u = c->u[k], g = out * dy + s.behind[v], g_delta = g * c->delta[k], kept = c->decay[k] * c->h[k];
            vf ddelta = g * (s.rate[v] * kept + b * u), all = is_begin ? dy * v_load(skip + v * LANES) : c->du[k];

            dout += dy * s.h[v];
            s.h[v] = c->h[k];
            db += g_delta * u;
            s.drate[v] += g_delta * kept;
            all += g_delta * b;
            s.behind[v] = c->decay[k] * g;
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
    end_sweep(&s, l, carry, at, nv);
}

/* Adds to the gradients of dt_w and dt_bias. */
EM_INLINE void weigh(const em_scan_chunk *c, const em_scan_lane *l, int tile, const int nv)
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

/* nv is a constant, and so is tail where vectors are whole. */
EM_INLINE void run_tile(em_scan_chunk *c, const em_scan_lane *l, const float *begin, int tile, const int nv, const int tail)
{
    const int N = l->s->N;
    const float *a = l->params + ((size_t)tile * (size_t)l->rows + (size_t)l->dt_rows) * WIDE;

    take(c, l, tile, nv, tail);
    project(c, l, tile, nv);
    soften(c, nv);
    for (int i = 0; i < N; i++) {
        decay(c, a + i * WIDE, nv);
        replay(c, l, tile, begin + (size_t)i * (size_t)l->s->D + (size_t)tile * WIDE, l->row + l->dt_rows + i, i == 0, nv, tail);
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

void EM_K(scan_sweep)(em_scan_chunk *c, const em_scan_lane *l, int tile, const float *begin)
{
    const int width = l->s->D - tile * WIDE;

    if (width >= WIDE)
        run_tile(c, l, begin, tile, TILE, LANES);
    else if (width > LANES)
        run_tile(c, l, begin, tile, TILE, width - LANES);
    else
        run_tile(c, l, begin, tile, 1, width);
}
