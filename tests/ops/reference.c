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

static void clear(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = 0;
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
