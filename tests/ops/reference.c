/* reference.c - nothing clever in here: each operator as its formula reads, in double. */
#include "ops/reference.h"

#include <math.h>
#include <stdlib.h>

static double gelu(double x) { return 0.5 * x * (1 + erf(x / sqrt(2))); }
static double silu(double x) { return x / (1 + exp(-x)); }
static double act(double x, em_act how) { return how == EM_ACT_GELU ? gelu(x) : x; }

static void norm_row(double *x, const em_norm *norm, int n)
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

static double dot(const double *x, const float *w, int k)
{
    double s = 0;

    for (int i = 0; i < k; i++)
        s += x[i] * (double)w[i];
    return s;
}

void ref_norm_linear(double *y, const em_norm_linear *a, const float *w, int B)
{
    const int k = a->w.k, n = a->w.n;
    double *x = malloc((size_t)k * sizeof *x);

    for (size_t r = 0; r < (size_t)(B * a->L); r++) {
        for (int i = 0; i < k; i++)
            x[i] = (double)a->x[r * a->ldx + (size_t)i] + (a->x_more[0] ? (double)a->x_more[0][r * a->ldx + (size_t)i] : 0);
        norm_row(x, &a->norm, k);
        for (int i = 0; a->gate && i < k; i++)
            x[i] *= silu((double)a->gate[r * a->ldg + (size_t)i]);
        for (int j = 0; j < n; j++) {
            const size_t at = r * (size_t)n + (size_t)j;
            y[at] = act(dot(x, w + (size_t)j * (size_t)k, k) + (a->bias ? (double)a->bias[j] : 0) + (a->residual ? (double)a->residual[at] : 0), a->act);
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
        norm_row(x, &a->norm, d);
        for (int j = 0; j < hidden; j++)
            h[j] = gelu(dot(x, w1 + (size_t)j * (size_t)d, d) + (double)a->bias1[j]);
        for (int j = 0; j < d; j++) {
            const size_t at = r * (size_t)d + (size_t)j;
            y[at] = (double)a->x[at] + dot(h, w2 + (size_t)j * (size_t)hidden, hidden) + (double)a->bias2[j];
        }
    }
    free(x);
    free(h);
}

void ref_conv(double *y, const em_conv *a, const float *w, int B)
{
    const int k = a->kh * a->kw * a->C, n = a->w.n;
    double *taps = malloc((size_t)k * sizeof *taps);

    for (int p = 0; p < B * a->Ho * a->Wo; p++) {
        const int b = p / (a->Ho * a->Wo), oy = p / a->Wo % a->Ho, ox = p % a->Wo;
        double *row = y + (size_t)p * (size_t)n;

        for (int i = 0; i < k; i++) {
            const int c = i % a->C, ix = ox * a->stride - a->pad_x + i / a->C % a->kw, iy = oy * a->stride - a->pad_y + i / a->C / a->kw;
            const int is_inside = ix >= 0 && ix < a->W && iy >= 0 && iy < a->H;
            taps[i] = is_inside ? (double)a->x[(((size_t)b * (size_t)a->H + (size_t)iy) * (size_t)a->W + (size_t)ix) * (size_t)a->C + (size_t)c] : 0;
        }
        norm_row(taps, &a->norm_before, k);
        for (int j = 0; j < n; j++)
            row[j] = dot(taps, w + (size_t)j * (size_t)k, k) + (a->bias ? (double)a->bias[j] : 0);
        norm_row(row, &a->norm_after, n);
        for (int j = 0; j < n; j++)
            row[j] = act(row[j], a->act);
    }
    free(taps);
}

void ref_conv_silu(double *u, const em_conv_silu_xproj *a, int B)
{
    for (int p = 0; p < B * a->H * a->W; p++) {
        const int b = p / (a->H * a->W), h = p / a->W % a->H, w = p % a->W;

        for (int c = 0; c < a->D; c++) {
            double s = a->bias ? (double)a->bias[c] : 0;

            for (int i = 0; i < 9; i++) {
                const int iy = h + i / 3 - 1, ix = w + i % 3 - 1;

                if (iy >= 0 && iy < a->H && ix >= 0 && ix < a->W)
                    s += (double)a->x[(size_t)((b * a->H + iy) * a->W + ix) * a->ldx + (size_t)c] * (double)a->taps[i * a->D + c];
            }
            u[(size_t)p * (size_t)a->D + (size_t)c] = silu(s);
        }
    }
}

/* Token of step l along direction k. */
static int token(const em_scan4 *a, int k, int l)
{
    const int at = k / 2 ? a->H * a->W - 1 - l : l;

    return k % 2 ? at % a->H * a->W + at / a->H : at;
}

static double softplus(double x) { return x > 30 ? x : log1p(exp(x)); }

void ref_scan4(double *y, const em_scan4 *a, int B)
{
    const int L = a->H * a->W, D = a->D, R = a->R, N = a->N, wide = 4 * (R + 2 * N);
    double *h = malloc((size_t)N * sizeof *h);

    for (size_t i = 0; i < (size_t)(B * L) * (size_t)D; i++)
        y[i] = 0;
    for (int b = 0; b < B; b++)
        for (int k = 0; k < EM_DIRECTIONS; k++)
            for (int c = 0; c < D; c++) {
                for (int i = 0; i < N; i++)
                    h[i] = 0;
                for (int l = 0; l < L; l++) {
                    const size_t t = (size_t)(b * L + token(a, k, l));
                    const float *row = a->x_dbl + t * (size_t)wide + k * (R + 2 * N);
                    const double u = (double)a->u[t * (size_t)D + (size_t)c];
                    double delta = (double)a->dt_bias[k * D + c], s = (double)a->skip[k * D + c] * u;

                    for (int r = 0; r < R; r++)
                        delta += (double)row[r] * (double)a->dt_w[(k * R + r) * D + c];
                    delta = softplus(delta);
                    for (int i = 0; i < N; i++) {
                        h[i] = exp2(delta * (double)a->a[(k * N + i) * D + c]) * h[i] + delta * (double)row[R + i] * u;
                        s += (double)row[R + N + i] * h[i];
                    }
                    y[t * (size_t)D + (size_t)c] += s;
                }
            }
    free(h);
}
