/* reference_scan.c - the four scans step by step, and back again, in double. */
#include "ops/reference.h"

#include <math.h>
#include <stdlib.h>

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

/* One channel of one direction of one window. */
typedef struct channel { const em_scan4 *a; int b, k, c; } channel;

static size_t at_token(const channel *s, int l) { return (size_t)(s->b * s->a->H * s->a->W + token(s->a, s->k, l)); }

/* Where the dt, B and C of a token stand. */
static size_t at_row(const channel *s, int l)
{
    const size_t width = (size_t)(s->a->R + 2 * s->a->N);

    return (at_token(s, l) * EM_DIRECTIONS + (size_t)s->k) * width;
}

static double raw_delta(const channel *s, int l)
{
    const em_scan4 *a = s->a;
    const float *row = a->x_dbl + at_row(s, l);
    double x = (double)a->dt_bias[s->k * a->D + s->c];

    for (int r = 0; r < a->R; r++)
        x += (double)row[r] * (double)a->dt_w[(s->k * a->R + r) * a->D + s->c];
    return x;
}

/* h[l][N] before token l, h[0] = 0. */
static void states_of(double *h, const channel *s)
{
    const em_scan4 *a = s->a;
    const int L = a->H * a->W;

    for (int i = 0; i < a->N; i++)
        h[i] = 0;
    for (int l = 0; l < L; l++) {
        const double delta = softplus(raw_delta(s, l)), u = (double)a->u[at_token(s, l) * (size_t)a->D + (size_t)s->c];
        const float *b = a->x_dbl + at_row(s, l) + a->R;

        for (int i = 0; i < a->N; i++) {
            const double decay = exp2(delta * (double)a->a[(s->k * a->N + i) * a->D + s->c]);

            h[(l + 1) * a->N + i] = decay * h[l * a->N + i] + delta * (double)b[i] * u;
        }
    }
}

/* Step l from behind: `carry` is the gradient of h[l + 1] from the steps behind it, then that of h[l]. The answer is the
 * gradient of delta. */
static double step_back(const ref_scan4_grads *g, const channel *s, int l, const double *h, double *carry)
{
    const em_scan4 *a = s->a;
    const size_t x = at_token(s, l) * (size_t)a->D + (size_t)s->c, row = at_row(s, l) + (size_t)a->R;
    const double u = (double)a->u[x], dy = (double)a->dy[x], delta = softplus(raw_delta(s, l));
    double ddelta = 0;

    g->du[x] += dy * (double)a->skip[s->k * a->D + s->c];
    g->dskip[s->k * a->D + s->c] += dy * u;
    for (int i = 0; i < a->N; i++) {
        const int p = (s->k * a->N + i) * a->D + s->c;
        const double rate = (double)a->a[p] * log(2), decay = exp(delta * rate), b = (double)a->x_dbl[row + (size_t)i];
        const double dh = carry[i] + dy * (double)a->x_dbl[row + (size_t)(a->N + i)];

        g->du[x] += dh * delta * b;
        g->dx_dbl[row + (size_t)i] += dh * delta * u;
        g->dx_dbl[row + (size_t)(a->N + i)] += dy * h[(l + 1) * a->N + i];
        g->da_log[p] += dh * delta * decay * h[l * a->N + i] * rate;
        ddelta += dh * (rate * decay * h[l * a->N + i] + b * u);
        carry[i] = dh * decay;
    }
    return ddelta;
}

static void channel_back(const ref_scan4_grads *g, const channel *s, const double *h, double *carry)
{
    const em_scan4 *a = s->a;

    for (int i = 0; i < a->N; i++)
        carry[i] = 0;
    for (int l = a->H * a->W - 1; l >= 0; l--) {
        const double draw = step_back(g, s, l, h, carry) / (1 + exp(-raw_delta(s, l)));

        g->ddt_bias[s->k * a->D + s->c] += draw;
        for (int r = 0; r < a->R; r++) {
            const int p = (s->k * a->R + r) * a->D + s->c;

            g->ddt_w[p] += draw * (double)a->x_dbl[at_row(s, l) + (size_t)r];
            g->dx_dbl[at_row(s, l) + (size_t)r] += draw * (double)a->dt_w[p];
        }
    }
}

static void clear(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = 0;
}

void ref_scan4_bwd(const ref_scan4_grads *g, const em_scan4 *a, int B)
{
    const size_t L = (size_t)(a->H * a->W), D = (size_t)a->D, R = (size_t)a->R, N = (size_t)a->N;
    double *h = malloc((L + 1) * N * sizeof *h), *carry = malloc(N * sizeof *carry);

    clear(g->du, (size_t)B * L * D);
    clear(g->dx_dbl, (size_t)B * L * EM_DIRECTIONS * (R + 2 * N));
    clear(g->ddt_w, EM_DIRECTIONS * R * D);
    clear(g->ddt_bias, EM_DIRECTIONS * D);
    clear(g->dskip, EM_DIRECTIONS * D);
    clear(g->da_log, EM_DIRECTIONS * N * D);
    for (int b = 0; b < B; b++)
        for (int k = 0; k < EM_DIRECTIONS; k++)
            for (int c = 0; c < a->D; c++) {
                const channel s = { a, b, k, c };

                states_of(h, &s);
                channel_back(g, &s, h, carry);
            }
    free(h);
    free(carry);
}
