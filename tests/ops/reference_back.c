/* reference_back.c - the way back through products and convolutions as the chain rule reads, in double. */
#include "ops/reference_parts.h"

#include <math.h>
#include <stdlib.h>

static double *room(size_t n)
{
    double *x = malloc(n * sizeof *x);

    if (!x)
        abort();
    return x;
}

static void fill(double *x, size_t n, double value)
{
    for (size_t i = 0; x && i < n; i++)
        x[i] = value;
}

static double act_slope(double x, em_act how)
{
    return how == EM_ACT_GELU ? 0.5 * (1 + erf(x / sqrt(2))) + x * exp(-x * x / 2) / sqrt(2 * acos(-1)) : 1;
}

static double silu_slope(double x)
{
    const double s = 1 / (1 + exp(-x));

    return s + x * s * (1 - s);
}

void ref_norm_row_bwd(double *d, const double *x, const em_norm *norm, double *dweight, double *dshift, int n)
{
    double mean = 0, var = 0, rstd, sum = 0, product = 0;

    if (!norm->weight)
        return;
    for (int i = 0; i < n; i++)
        mean += x[i] / n;
    for (int i = 0; i < n; i++)
        var += (x[i] - mean) * (x[i] - mean) / n;
    rstd = 1 / sqrt(var + 1e-5);
    for (int i = 0; i < n; i++) {
        dweight[i] += d[i] * (x[i] - mean) * rstd;
        dshift[i] += d[i];
        d[i] *= (double)norm->weight[i];
        sum += d[i] / n;
        product += d[i] * (x[i] - mean) * rstd / n;
    }
    for (int i = 0; i < n; i++)
        d[i] = rstd * (d[i] - sum - (x[i] - mean) * rstd * product);
}

/* y = m w^T + bias, one row: dm, and what it adds to dw and dbias (NULL: no bias). */
static void product_row(double *dm, double *dw, double *dbias, const double *dy, const double *m, const float *w, int n, int k)
{
    fill(dm, (size_t)k, 0);
    for (int j = 0; j < n; j++) {
        if (dbias)
            dbias[j] += dy[j];
        for (int i = 0; i < k; i++) {
            const size_t at = (size_t)j * (size_t)k + (size_t)i;

            dw[at] += dy[j] * m[i];
            dm[i] += dy[j] * (double)w[at];
        }
    }
}

static void clear_products(const ref_product_grads *g, int n, int k, int normed)
{
    fill(g->dw, (size_t)n * (size_t)k, 0);
    fill(g->dbias, (size_t)n, 0);
    fill(g->dweight, (size_t)normed, 0);
    fill(g->dshift, (size_t)normed, 0);
}

/* One row; x, s, m, d are scratch for k numbers each. */
static void linear_row_back(const ref_product_grads *g, const em_norm_linear *a, const float *w, size_t r, double *x, double *s, double *m, double *d)
{
    const int k = a->w.k, n = a->w.n;
    double *dy = room((size_t)n);

    ref_linear_row(x, a, r);
    ref_linear_row(s, a, r);
    ref_norm_row(s, &a->norm, k);
    for (int i = 0; i < k; i++)
        m[i] = ref_act(s[i], a->act_before) * (a->gate ? ref_silu(ref_gate(a, r, i)) : 1);
    for (int j = 0; j < n; j++)
        dy[j] = ref_branch(a, r) * (double)a->dy[r * (size_t)n + (size_t)j];
    product_row(d, g->dw, g->dbias, dy, m, w, n, k);
    for (int i = 0; i < k; i++) {
        const double z = a->gate ? ref_gate(a, r, i) : 0;

        if (a->gate)
            g->dgate[r * a->ldg + a->gate_column + (size_t)i] = d[i] * ref_act(s[i], a->act_before) * silu_slope(z);
        d[i] *= act_slope(s[i], a->act_before) * (a->gate ? ref_silu(z) : 1);
    }
    ref_norm_row_bwd(d, x, &a->norm, g->dweight, g->dshift, k);
    for (int i = 0; i < k; i++)
        g->dx[r * a->ldx + (size_t)i] = d[i];
    free(dy);
}

void ref_norm_linear_bwd(const ref_product_grads *g, const em_norm_linear *a, const float *w, int B)
{
    const size_t rows = (size_t)(B * a->L), k = (size_t)a->w.k;
    double *scratch = room(4 * k);

    clear_products(g, a->w.n, a->w.k, a->w.k);
    fill(g->dx, rows * a->ldx, NAN);
    fill(g->dgate, rows * a->ldg, NAN);
    for (size_t r = 0; r < rows; r++)
        linear_row_back(g, a, w, r, scratch, scratch + k, scratch + 2 * k, scratch + 3 * k);
    free(scratch);
}

/* dy of pixel p, back through activation and norm. */
static void after_back(double *d, const ref_product_grads *g, const em_conv *a, const float *w, const double *m, int p)
{
    const int n = a->w.n, k = a->w.k;
    double *raw = room((size_t)n), *s = room((size_t)n);

    for (int j = 0; j < n; j++)
        s[j] = raw[j] = ref_dot(m, w + (size_t)j * (size_t)k, k) + (a->bias ? (double)a->bias[j] : 0);
    ref_norm_row(s, &a->norm_after, n);
    for (int j = 0; j < n; j++)
        d[j] = (double)a->dy[(size_t)p * (size_t)n + (size_t)j] * act_slope(s[j], a->act);
    ref_norm_row_bwd(d, raw, &a->norm_after, g->dweight, g->dshift, n);
    free(raw);
    free(s);
}

static void pixel_back(const ref_product_grads *g, const em_conv *a, const float *w, int p, double *taps, double *m, double *dm)
{
    const int n = a->w.n, k = a->w.k;
    double *dy = room((size_t)n);
    size_t at;

    ref_taps(taps, a, p);
    ref_taps(m, a, p);
    ref_norm_row(m, &a->norm_before, k);
    after_back(dy, g, a, w, m, p);
    product_row(dm, g->dw, g->dbias, dy, m, w, n, k);
    ref_norm_row_bwd(dm, taps, &a->norm_before, g->dweight, g->dshift, k);
    for (int i = 0; i < k; i++)
        if (ref_tap(&at, a, p, i))
            g->dx[at] += dm[i];
    free(dy);
}

void ref_conv_bwd(const ref_product_grads *g, const em_conv *a, const float *w, int B)
{
    const size_t k = (size_t)a->w.k;
    double *scratch = room(3 * k);

    clear_products(g, a->w.n, a->w.k, a->norm_before.weight ? a->w.k : a->w.n);
    fill(g->dx, (size_t)(B * a->H * a->W) * (size_t)a->C, 0);
    for (int p = 0; p < B * a->Ho * a->Wo; p++)
        pixel_back(g, a, w, p, scratch, scratch + k, scratch + 2 * k);
    free(scratch);
}

/* dv: gradient of the convolution's answer at channel c of token p. */
static void depthwise_back(const ref_xproj_grads *g, const em_conv_silu_xproj *a, double dv, size_t p, int c)
{
    size_t token;

    if (g->dbias)
        g->dbias[c] += dv;
    for (int i = 0; i < 9; i++)
        if (ref_neighbour(&token, a, p, i)) {
            const size_t at = token * a->ldx + (size_t)c;

            g->dtaps[i * a->D + c] += dv * (double)a->x[at];
            g->dx[at] += dv * (double)a->taps[i * a->D + c];
        }
}

void ref_conv_silu_xproj_bwd(const ref_xproj_grads *g, const em_conv_silu_xproj *a, const float *w, int B)
{
    const size_t tokens = (size_t)(B * a->H * a->W), D = (size_t)a->D, n = (size_t)a->w.n;
    double *u = room(D), *du = room(D), *dy = room(n);

    for (size_t p = 0; p < tokens; p++)
        for (size_t c = 0; c < a->ldx; c++)
            g->dx[p * a->ldx + c] = c < D ? 0 : (double)NAN;
    fill(g->dw, n * D, 0);
    fill(g->dtaps, 9 * D, 0);
    fill(g->dbias, D, 0);
    for (size_t p = 0; p < tokens; p++) {
        for (int c = 0; c < a->D; c++)
            u[c] = ref_silu(ref_depthwise(a, p, c));
        for (size_t j = 0; j < n; j++)
            dy[j] = (double)a->dx_dbl[p * n + j];
        product_row(du, g->dw, NULL, dy, u, w, a->w.n, a->D);
        for (int c = 0; c < a->D; c++)
            depthwise_back(g, a, (du[c] + (double)a->du[0][p * D + (size_t)c]) * silu_slope(ref_depthwise(a, p, c)), p, c);
    }
    free(u), free(du), free(dy);
}
