/* rows_back.c - the way back through em_rows: layer norm, activation and gate, a row at a time.
 *
 *   forward   n = norm(x), dst = act(n) silu(gate)
 *   back      dn = dy act'(n) silu(gate);  dgate = dy act(n) silu'(gate)
 *             dx = rstd (dn w - mean(dn w) - xhat mean(dn w xhat));  dweight += dn xhat;  dbias += dn
 *
 * The row's statistics are made anew: two numbers a row are not worth keeping. */
#include "ops/cpu/isa/isa.h"

#include <math.h>

/* What one vector of a row is before the way back: activation and gate with their slopes. */
typedef struct point { vf act, act_slope, gate, gate_slope; } point;

EM_INLINE point look(vf x, const em_rows *r, const float *gate, int i, int n)
{
    point p = { x, v_set(1.f), v_set(1.f), { 0 } };

    if (r->act == EM_ACT_GELU)
        v_gelu_slope(&p.act, &p.act_slope, 1);
    if (gate) {
        p.gate = v_load_n(gate + i, n);
        v_silu_slope(&p.gate, &p.gate_slope, 1);
    }
    return p;
}

EM_INLINE void add_to(float *dst, vf x, int n) { v_store_n(dst, v_load_n(dst, n) + x, n); }

EM_INLINE void leave(float *dx, vf x, bool adds, int n)
{
    if (adds)
        x += v_load_n(dx, n);
    v_store_n(dx, x, n);
}

/* GELU alone, CHAINS vectors in step: the hidden layer's way back. */
EM_INLINE int gelu_steps(const float *x, const float *dy, float *dx, int n, bool adds)
{
    int i = 0;

    for (; i + CHAINS * LANES <= n; i += CHAINS * LANES) {
        vf v[CHAINS], slope[CHAINS];

#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++)
            v[c] = v_load(x + i + c * LANES);
        v_gelu_slope(v, slope, CHAINS);
#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++)
            leave(dx + i + c * LANES, v_load(dy + i + c * LANES) * slope[c], adds, LANES);
    }
    return i;
}

typedef struct row { const float *x, *gate, *dy; float *dx, *dgate; } row;

/* GELU and its slope of nv vectors at once. */
EM_INLINE void gelu_slope(float *dst, float *slope, const float *x, const int nv, int n)
{
    vf a[CHAINS], s[CHAINS];

#pragma GCC unroll 4
    for (int v = 0; v < nv; v++)
        a[v] = v_load_n(x + v * LANES, n);
    v_gelu_slope(a, s, nv);
#pragma GCC unroll 4
    for (int v = 0; v < nv; v++) {
        v_store_n(dst + v * LANES, a[v], n);
        v_store_n(slope + v * LANES, s[v], n);
    }
}

void EM_K(gelu_slope_rows)(float *dst, float *slope, const em_rows *r)
{
    for (int k = 0; k < r->rows; k++, dst += r->n, slope += r->n) {
        const float *x = r->x + (size_t)k * r->ldx;
        int i = 0;

        for (; i + CHAINS * LANES <= r->n; i += CHAINS * LANES)
            gelu_slope(dst + i, slope + i, x + i, CHAINS, LANES);
        for (; i < r->n; i += LANES)
            gelu_slope(dst + i, slope + i, x + i, 1, r->n - i < LANES ? r->n - i : LANES);
    }
}

/* dx where the slope is known. */
static void sloped(const row *w, const float *slope, const em_rows_back *b)
{
    const int n = b->rows.n;
    int i = 0;

    for (; i + LANES <= n; i += LANES)
        leave(w->dx + i, v_load(w->dy + i) * v_load(slope + i), b->adds, LANES);
    if (i < n)
        leave(w->dx + i, v_load_n(w->dy + i, n - i) * v_load_n(slope + i, n - i), b->adds, n - i);
}

/* Without a norm every number goes its own way. */
static void plain(const row *w, const em_rows_back *b)
{
    const em_rows *r = &b->rows;
    const bool is_gelu = r->act == EM_ACT_GELU && !w->gate;
    int i = is_gelu ? gelu_steps(w->x, w->dy, w->dx, r->n, b->adds) : 0;

    for (; i < r->n; i += LANES) {
        const int n = r->n - i < LANES ? r->n - i : LANES;
        const vf x = v_load_n(w->x + i, n), dy = v_load_n(w->dy + i, n);
        const point p = look(x, r, w->gate, i, n);

        if (w->dgate)
            v_store_n(w->dgate + i, dy * p.act * p.gate_slope, n);
        leave(w->dx + i, dy * p.gate * p.act_slope, b->adds, n);
    }
}

typedef struct moments { float mean, rstd; } moments;

static moments measure(const row *w, const em_rows *r)
{
    const float share = 1.f / (float)r->n;
    vf sum = { 0 }, squares = { 0 };
    float mean;

    for (int i = 0; i < r->n; i += LANES)
        sum += v_load_n(w->x + i, r->n - i < LANES ? r->n - i : LANES);
    mean = v_sum(sum) * share;
    for (int i = 0; i < r->n; i += LANES) {
        const int n = r->n - i < LANES ? r->n - i : LANES;
        const vf d = v_keep_n(v_load_n(w->x + i, n) - mean, n);

        squares += d * d;
    }
    return (moments){ mean, 1.f / sqrtf(v_sum(squares) * share + EM_NORM_EPS) };
}

static void normed(const row *w, const em_rows_back *b)
{
    const em_rows *r = &b->rows;
    const moments m = measure(w, r);
    float *xhat = b->work, *dxhat = b->work + r->n + LANES;
    vf sum = { 0 }, product = { 0 };

    for (int i = 0; i < r->n; i += LANES) {
        const int n = r->n - i < LANES ? r->n - i : LANES;
        const vf h = (v_load_n(w->x + i, n) - m.mean) * m.rstd, dy = v_load_n(w->dy + i, n);
        const vf weight = v_load_n(r->norm.weight + i, n);
        const point p = look(h * weight + v_load_n(r->norm.bias + i, n), r, w->gate, i, n);
        const vf dn = dy * p.gate * p.act_slope, d = dn * weight;

        if (w->dgate)
            v_store_n(w->dgate + i, dy * p.act * p.gate_slope, n);
        add_to(b->dweight + i, dn * h, n);
        add_to(b->dbias + i, dn, n);
        v_store(xhat + i, h);
        v_store(dxhat + i, d);
        sum += d;
        product += d * h;
    }

    const float mean = v_sum(sum) / (float)r->n, slope = v_sum(product) / (float)r->n;

    for (int i = 0; i < r->n; i += LANES) {
        const int n = r->n - i < LANES ? r->n - i : LANES;

        leave(w->dx + i, m.rstd * (v_load(dxhat + i) - mean - v_load(xhat + i) * slope), b->adds, n);
    }
}

/* ---------------------------------------------------------------- rows of a norm, and GELU after it */

/* ABREAST rows are done side by side, for the sums of one wait for themselves; `group` is what the passes over them know. */
enum { ABREAST = CHAINS };

typedef struct group {
    const em_rows_back *b;
    const float *x, *dy;
    float *dx;
    vf sum[ABREAST], product[ABREAST];
    float mean[ABREAST], rstd[ABREAST];
} group;

/* Passes over n columns from i on: sums; squares of what is left; the sums that backward takes, and the parameters' gradients; dx.
 * dn waits in dx where GELU made it. */
typedef void pass(group *g, int i, int n, int rows, bool has_gelu);

EM_INLINE vf load_row(const group *g, int k, int i, int n) { return v_load_n(g->x + (size_t)k * g->b->rows.ldx + i, n); }

EM_INLINE void add_up(group *g, int i, int n, const int rows, const bool has_gelu)
{
    (void)has_gelu;
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++)
        g->sum[k] += load_row(g, k, i, n);
}

EM_INLINE void add_squares(group *g, int i, int n, const int rows, const bool has_gelu)
{
    (void)has_gelu;
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++) {
        const vf d = load_row(g, k, i, n) - g->mean[k], inside = n == LANES ? d : v_keep_n(d, n);

        g->product[k] += inside * inside;
    }
}

EM_INLINE void add_products(group *g, int i, int n, const int rows, const bool has_gelu)
{
    const em_rows_back *b = g->b;
    const vf weight = v_load_n(b->rows.norm.weight + i, n), bias = v_load_n(b->rows.norm.bias + i, n);
    vf dweight = v_load_n(b->dweight + i, n), dbias = v_load_n(b->dbias + i, n), h[ABREAST], dn[ABREAST];

#pragma GCC unroll 4
    for (int k = 0; k < rows; k++) {
        h[k] = (load_row(g, k, i, n) - g->mean[k]) * g->rstd[k];
        dn[k] = v_load_n(g->dy + (size_t)k * b->ldy + i, n);
    }
    if (has_gelu) {
        vf x[ABREAST], slope[ABREAST];

#pragma GCC unroll 4
        for (int k = 0; k < rows; k++)
            x[k] = h[k] * weight + bias;
        v_gelu_slope(x, slope, rows);
#pragma GCC unroll 4
        for (int k = 0; k < rows; k++) {
            dn[k] *= slope[k];
            v_store_n(g->dx + (size_t)k * b->lddx + i, dn[k], n);
        }
    }
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++) {
        const vf d = v_product(dn[k], weight);

        dweight += dn[k] * h[k];
        dbias += dn[k];
        g->sum[k] += d;
        g->product[k] += d * h[k];
    }
    v_store_n(b->dweight + i, dweight, n);
    v_store_n(b->dbias + i, dbias, n);
}

EM_INLINE void leave_rows(group *g, int i, int n, const int rows, const bool has_gelu)
{
    const em_rows_back *b = g->b;
    const vf weight = v_load_n(b->rows.norm.weight + i, n);

#pragma GCC unroll 4
    for (int k = 0; k < rows; k++) {
        float *dx = g->dx + (size_t)k * b->lddx + i;
        const vf h = (load_row(g, k, i, n) - g->mean[k]) * g->rstd[k];
        const vf d = v_product(v_load_n(has_gelu ? dx : g->dy + (size_t)k * b->ldy + i, n), weight);

        leave(dx, v_product(v_set(g->rstd[k]), d - g->sum[k] - v_product(h, g->product[k])), b->adds && !has_gelu, n);
    }
}

EM_INLINE void go_over(group *g, pass *do_pass, const int rows, const bool has_gelu)
{
    const int n = g->b->rows.n;
    int i = 0;

    for (; i + LANES <= n; i += LANES)
        do_pass(g, i, LANES, rows, has_gelu);
    if (i < n)
        do_pass(g, i, n - i, rows, has_gelu);
}

/* `rows` of them, a constant, from `first` on. */
EM_INLINE void norm_back(const em_rows_back *b, int first, const int rows, const bool has_gelu)
{
    const em_rows *r = &b->rows;
    const float share = 1.f / (float)r->n;
    group g = {
        .b = b, .x = r->x + (size_t)first * r->ldx, .dy = b->dy + (size_t)first * b->ldy, .dx = b->dx + (size_t)first * b->lddx,
    };

    go_over(&g, add_up, rows, has_gelu);
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++)
        g.mean[k] = v_sum(g.sum[k]) * share;
    go_over(&g, add_squares, rows, has_gelu);
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++) {
        g.rstd[k] = 1.f / sqrtf(v_sum(g.product[k]) * share + EM_NORM_EPS);
        g.sum[k] = g.product[k] = (vf){ 0 };
    }
    go_over(&g, add_products, rows, has_gelu);
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++) {
        g.sum[k] = v_set(v_sum(g.sum[k]) * share);
        g.product[k] = v_set(v_sum(g.product[k]) * share);
    }
    go_over(&g, leave_rows, rows, has_gelu);
}

EM_INLINE void norms_back(const em_rows_back *b, const bool has_gelu)
{
    int i = 0;

    for (; i + ABREAST <= b->rows.rows; i += ABREAST)
        norm_back(b, i, ABREAST, has_gelu);
    for (; i < b->rows.rows; i++)
        norm_back(b, i, 1, has_gelu);
}

/* ---------------------------------------------------------------- all rows */

void EM_K(rows_back)(const em_rows_back *b)
{
    const em_rows *r = &b->rows;

    if (r->norm.weight && !r->gate && r->act == EM_ACT_NONE) {
        norms_back(b, false);
        return;
    }
    if (r->norm.weight && !r->gate && !b->adds) {
        norms_back(b, true);
        return;
    }
    for (int i = 0; i < r->rows; i++) {
        const size_t at = (size_t)i * r->ldx, gate = (size_t)i * r->ldg;
        const row w = {
            r->x + at, r->gate ? r->gate + gate : NULL, b->dy + (size_t)i * b->ldy,
            b->dx + (size_t)i * b->lddx, b->dgate ? b->dgate + gate : NULL,
        };

        if (b->slope)
            sloped(&w, b->slope + (size_t)i * (size_t)r->n, b);
        else if (r->norm.weight)
            normed(&w, b);
        else
            plain(&w, b);
    }
}

/* dv = (dm + du[0] + du[1]) silu'(v), n numbers. */
void EM_K(silu_back)(float *dv, const float *dm, const float *du0, const float *du1, const float *v, int n)
{
    int i = 0;

    for (; i + CHAINS * LANES <= n; i += CHAINS * LANES) {
        vf x[CHAINS], slope[CHAINS];

#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++)
            x[c] = v_load(v + i + c * LANES);
        v_silu_slope(x, slope, CHAINS);
#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++) {
            const int at = i + c * LANES;

            v_store(dv + at, (v_load(dm + at) + v_load(du0 + at) + v_load(du1 + at)) * slope[c]);
        }
    }
    for (; i < n; i += LANES) {
        const int part = n - i < LANES ? n - i : LANES;
        vf x = v_load_n(v + i, part), slope;

        v_silu_slope(&x, &slope, 1);
        v_store_n(dv + i, (v_load_n(dm + i, part) + v_load_n(du0 + i, part) + v_load_n(du1 + i, part)) * slope, part);
    }
}
