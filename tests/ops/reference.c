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

/* A query of one head; its window's tokens are counted row by row. */
typedef struct query { const em_attention *a; int b, wy, wx, head, i; } query;

/* Rows (of H) or columns (of W) of the rolled grid at `at` of window w: where they were, and their region. */
static int unrolled(const em_attention *a, int w, int at, int n) { return (w * a->side + at + a->shift) % n; }

static int region(const em_attention *a, int w, int at, int n)
{
    const int r = w * a->side + at;

    return a->shift == 0 || r < n - a->side ? 0 : r < n - a->shift ? 1 : 2;
}

static size_t window_token(const query *q, int i)
{
    const em_attention *a = q->a;
    const int y = unrolled(a, q->wy, i / a->side, a->H), x = unrolled(a, q->wx, i % a->side, a->W);

    return (size_t)((q->b * a->H + y) * a->W + x);
}

/* Where part 0 (q), 1 (k) or 2 (v) of token i has its first channel. */
static size_t part_of(const query *q, int part, int i)
{
    return (window_token(q, i) * 3 + (size_t)part) * (size_t)q->a->C + (size_t)(q->head * (q->a->C / q->a->heads));
}

static size_t table_entry(const query *q, int j)
{
    const em_attention *a = q->a;
    const int T = a->table_side, di = q->i / a->side - j / a->side, dj = q->i % a->side - j % a->side;

    return (size_t)(((di + T - 1) * (2 * T - 1) + dj + T - 1) * a->heads + q->head);
}

/* The scores of all keys, then what their softmax gives. */
static void weigh_keys(double *p, const query *q)
{
    const em_attention *a = q->a;
    const int P = a->side * a->side, d = a->C / a->heads;
    double top = -INFINITY, sum = 0;

    for (int j = 0; j < P; j++) {
        const bool is_apart = region(a, q->wy, q->i / a->side, a->H) != region(a, q->wy, j / a->side, a->H) ||
                              region(a, q->wx, q->i % a->side, a->W) != region(a, q->wx, j % a->side, a->W);

        p[j] = (double)a->table[table_entry(q, j)] - (is_apart ? 100 : 0);
        for (int c = 0; c < d; c++)
            p[j] += (double)a->qkv[part_of(q, 0, q->i) + (size_t)c] * (double)a->qkv[part_of(q, 1, j) + (size_t)c] / sqrt(d);
        top = fmax(top, p[j]);
    }
    for (int j = 0; j < P; j++)
        sum += p[j] = exp(p[j] - top);
    for (int j = 0; j < P; j++)
        p[j] /= sum;
}

static void each_query(const em_attention *a, int B, void (*f)(void *ctx, const query *q), void *ctx)
{
    const int nx = a->W / a->side, ny = a->H / a->side, P = a->side * a->side;

    for (int n = 0; n < B * ny * nx * a->heads * P; n++) {
        const query q = { a, n / P / a->heads / nx / ny, n / P / a->heads / nx % ny, n / P / a->heads % nx, n / P % a->heads, n % P };

        f(ctx, &q);
    }
}

/* p: scratch, a number a key */
typedef struct answers { double *y, *dqkv, *dtable, *p, *dp; } answers;

static void answer(void *ctx, const query *q)
{
    const answers *s = ctx;
    const int d = q->a->C / q->a->heads, P = q->a->side * q->a->side;
    double *y = s->y + window_token(q, q->i) * (size_t)q->a->C + (size_t)(q->head * d);

    weigh_keys(s->p, q);
    for (int c = 0; c < d; c++) {
        y[c] = 0;
        for (int j = 0; j < P; j++)
            y[c] += s->p[j] * (double)q->a->qkv[part_of(q, 2, j) + (size_t)c];
    }
}

static void answer_back(void *ctx, const query *q)
{
    const answers *s = ctx;
    const em_attention *a = q->a;
    const int d = a->C / a->heads, P = a->side * a->side;
    const float *dy = a->dy + window_token(q, q->i) * (size_t)a->C + (size_t)(q->head * d);
    const size_t at_q = part_of(q, 0, q->i);
    double mean = 0;

    weigh_keys(s->p, q);
    for (int j = 0; j < P; j++) {
        const size_t at_v = part_of(q, 2, j);

        s->dp[j] = 0;
        for (size_t c = 0; c < (size_t)d; c++) {
            s->dp[j] += (double)dy[c] * (double)a->qkv[at_v + c];
            s->dqkv[at_v + c] += s->p[j] * (double)dy[c];
        }
        mean += s->p[j] * s->dp[j];
    }
    for (int j = 0; j < P; j++) {
        const double ds = s->p[j] * (s->dp[j] - mean);
        const size_t at_k = part_of(q, 1, j);

        s->dtable[table_entry(q, j)] += ds;
        for (size_t c = 0; c < (size_t)d; c++) {
            s->dqkv[at_q + c] += ds * (double)a->qkv[at_k + c] / sqrt(d);
            s->dqkv[at_k + c] += ds * (double)a->qkv[at_q + c] / sqrt(d);
        }
    }
}

void ref_attention(double *y, const em_attention *a, int B)
{
    answers s = { .y = y, .p = malloc((size_t)(a->side * a->side) * sizeof *s.p) };

    each_query(a, B, answer, &s);
    free(s.p);
}

void ref_attention_bwd(double *dqkv, double *dtable, const em_attention *a, int B)
{
    const size_t P = (size_t)(a->side * a->side), span = (size_t)(2 * a->table_side - 1);
    answers s = { .dqkv = dqkv, .dtable = dtable, .p = malloc(P * sizeof *s.p), .dp = malloc(P * sizeof *s.dp) };

    clear(dqkv, (size_t)(B * a->H * a->W) * 3 * (size_t)a->C);
    clear(dtable, span * span * (size_t)a->heads);
    each_query(a, B, answer_back, &s);
    free(s.p);
    free(s.dp);
}
