/* reference.c - nothing clever in here: each product and convolution as its formula reads, in double. */
#include "ops/reference_parts.h"

#include <math.h>
#include <stdlib.h>

static double gelu(double x) { return 0.5 * x * (1 + erf(x / sqrt(2))); }

double ref_silu(double x) { return x / (1 + exp(-x)); }
double ref_act(double x, em_act how) { return how == EM_ACT_GELU ? gelu(x) : x; }

void ref_norm_row(double *x, const em_norm *norm, int n)
{
    double mean = 0, var = 0;

    if (!norm->weight)
        return;
    for (int i = 0; i < n; i++)
        mean += x[i] / n;
    for (int i = 0; i < n; i++)
        var += (x[i] - mean) * (x[i] - mean) / n;
    for (int i = 0; i < n; i++)
        x[i] = (x[i] - mean) / sqrt(var + 1e-5) * (double)norm->weight[i] + (double)norm->bias[i];
}

double ref_dot(const double *x, const float *w, int k)
{
    double s = 0;

    for (int i = 0; i < k; i++)
        s += x[i] * (double)w[i];
    return s;
}

void ref_linear_row(double *x, const em_norm_linear *a, size_t r)
{
    for (int i = 0; i < a->w.k; i++) {
        const size_t at = r * a->ldx + (size_t)i;

        x[i] = (double)a->x[at] + (a->x_more[0] ? (double)a->x_more[0][at] : 0);
    }
}

double ref_gate(const em_norm_linear *a, size_t r, int i) { return (double)a->gate[r * a->ldg + a->gate_column + (size_t)i]; }

double ref_branch(const em_norm_linear *a, size_t r) { return a->branch ? (double)a->branch[r / (size_t)a->L] : 1; }

void ref_norm_linear(double *y, const em_norm_linear *a, const float *w, int B)
{
    const int k = a->w.k, n = a->w.n;
    double *x = malloc((size_t)k * sizeof *x);

    for (size_t r = 0; r < (size_t)(B * a->L); r++) {
        ref_linear_row(x, a, r);
        ref_norm_row(x, &a->norm, k);
        for (int i = 0; i < k; i++)
            x[i] = ref_act(x[i], a->act_before) * (a->gate ? ref_silu(ref_gate(a, r, i)) : 1);
        for (int j = 0; j < n; j++) {
            const size_t at = r * (size_t)n + (size_t)j;
            const double product = ref_dot(x, w + (size_t)j * (size_t)k, k) + (a->bias ? (double)a->bias[j] : 0);

            y[at] = ref_act(ref_branch(a, r) * product + (a->residual ? (double)a->residual[at] : 0), a->act);
        }
    }
    free(x);
}

void ref_mlp(double *y, const em_mlp *a, const float *w1, const float *w2, int B)
{
    const int d = a->w1.k, hidden = a->w1.n;
    double *x = malloc((size_t)d * sizeof *x), *h = malloc((size_t)hidden * sizeof *h);

    for (size_t r = 0; r < (size_t)(B * a->L); r++) {
        for (int i = 0; i < d; i++)
            x[i] = (double)a->x[r * (size_t)d + (size_t)i];
        ref_norm_row(x, &a->norm, d);
        for (int j = 0; j < hidden; j++)
            h[j] = gelu(ref_dot(x, w1 + (size_t)j * (size_t)d, d) + (double)a->bias1[j]);
        for (int j = 0; j < d; j++) {
            const size_t at = r * (size_t)d + (size_t)j;
            y[at] = (double)a->x[at] + ref_dot(h, w2 + (size_t)j * (size_t)hidden, hidden) + (double)a->bias2[j];
        }
    }
    free(x);
    free(h);
}

bool ref_tap(size_t *at, const em_conv *a, int p, int i)
{
    const int b = p / (a->Ho * a->Wo), oy = p / a->Wo % a->Ho, ox = p % a->Wo, tap = i / a->C;
    const int iy = oy * a->stride - a->pad_y + tap / a->kw, ix = ox * a->stride - a->pad_x + tap % a->kw;

    if (ix < 0 || ix >= a->W || iy < 0 || iy >= a->H)
        return false;
    *at = ((size_t)(b * a->H + iy) * (size_t)a->W + (size_t)ix) * (size_t)a->C + (size_t)(i % a->C);
    return true;
}

void ref_taps(double *taps, const em_conv *a, int p)
{
    size_t at;

    for (int i = 0; i < a->w.k; i++)
        taps[i] = ref_tap(&at, a, p, i) ? (double)a->x[at] : 0;
}

void ref_conv(double *y, const em_conv *a, const float *w, int B)
{
    const int k = a->w.k, n = a->w.n;
    double *taps = malloc((size_t)k * sizeof *taps);

    for (int p = 0; p < B * a->Ho * a->Wo; p++) {
        double *row = y + (size_t)p * (size_t)n;

        ref_taps(taps, a, p);
        ref_norm_row(taps, &a->norm_before, k);
        for (int j = 0; j < n; j++)
            row[j] = ref_dot(taps, w + (size_t)j * (size_t)k, k) + (a->bias ? (double)a->bias[j] : 0);
        ref_norm_row(row, &a->norm_after, n);
        for (int j = 0; j < n; j++)
            row[j] = ref_act(row[j], a->act);
    }
    free(taps);
}

bool ref_neighbour(size_t *token, const em_conv_silu_xproj *a, size_t p, int i)
{
    const int h = (int)(p / (size_t)a->W) % a->H + i / 3 - 1, w = (int)(p % (size_t)a->W) + i % 3 - 1;

    if (h < 0 || h >= a->H || w < 0 || w >= a->W)
        return false;
    *token = p / (size_t)(a->H * a->W) * (size_t)(a->H * a->W) + (size_t)(h * a->W + w);
    return true;
}

double ref_depthwise(const em_conv_silu_xproj *a, size_t p, int c)
{
    double s = a->bias ? (double)a->bias[c] : 0;
    size_t token;

    for (int i = 0; i < 9; i++)
        if (ref_neighbour(&token, a, p, i))
            s += (double)a->x[token * a->ldx + (size_t)c] * (double)a->taps[i * a->D + c];
    return s;
}

void ref_conv_silu(double *u, const em_conv_silu_xproj *a, int B)
{
    for (size_t p = 0; p < (size_t)(B * a->H * a->W); p++)
        for (int c = 0; c < a->D; c++)
            u[p * (size_t)a->D + (size_t)c] = ref_silu(ref_depthwise(a, p, c));
}
