/* attention.c - one head of one window of attention, both ways.
 *
 * Scores are kept by key: rows of keys, vectors over queries. So what a softmax adds up lies below each other, and no sum
 * runs across a vector. All products are one small kernel, y[P][N] = start + a x, whose a is read along either axis. */
#include "ops/cpu/isa/isa.h"

#include <math.h>

enum { ROWS = 4, WIDE = 3 };                /* of a tile: with WIDE vectors 12 sums in 16 registers */

/* Scores are powers of two: factors of e^x. */
static const float log2_e = 1.44269504f, ln_2 = 0.69314718f, apart = -144.269504f;      /* -100 log2(e) */

/* y[P][N] = start[P][N] + sum over k of a[row * step_row + k * step_k] * x[k][N]; N is whole vectors */
typedef struct product {
    float       *y;
    const float *start, *a, *x;             /* start, with rows of ldy, may be NULL: 0 */
    size_t       ldy, step_row, step_k, ldx;
    int          N, K;
} product;

EM_INLINE void tile(const product *p, size_t row, int n, const int mr, const int nv)
{
    const float *a = p->a + row * p->step_row, *x = p->x + n;
    const size_t at = row * p->ldy + (size_t)n;
    vf acc[ROWS][WIDE];

#pragma GCC unroll 4
    for (int r = 0; r < mr; r++)
#pragma GCC unroll 3
        for (int v = 0; v < nv; v++)
            acc[r][v] = p->start ? v_load(p->start + at + (size_t)r * p->ldy + v * LANES) : (vf){ 0 };
    for (int k = 0; k < p->K; k++, a += p->step_k, x += p->ldx) {
        vf b[WIDE];

#pragma GCC unroll 3
        for (int v = 0; v < nv; v++)
            b[v] = v_load(x + v * LANES);
#pragma GCC unroll 4
        for (int r = 0; r < mr; r++) {
            const vf f = v_set(a[(size_t)r * p->step_row]);
#pragma GCC unroll 3
            for (int v = 0; v < nv; v++)
                acc[r][v] += f * b[v];
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < mr; r++)
#pragma GCC unroll 3
        for (int v = 0; v < nv; v++)
            v_store(p->y + at + (size_t)r * p->ldy + v * LANES, acc[r][v]);
}

/* All rows of some vectors of columns. */
EM_INLINE void columns(const product *p, int P, int n, const int nv)
{
    int row = 0;

    for (; row + ROWS <= P; row += ROWS)
        tile(p, (size_t)row, n, ROWS, nv);
    for (; row < P; row++)
        tile(p, (size_t)row, n, 1, nv);
}

static void multiply(const product *p, int P)
{
    int n = 0;

    for (; p->N - n == WIDE * LANES || p->N - n > (WIDE + 1) * LANES; n += WIDE * LANES)
        columns(p, P, n, 3);
    for (; p->N - n >= 2 * LANES; n += 2 * LANES)
        columns(p, P, n, 2);
    if (n < p->N)
        columns(p, P, n, 1);
}

/* ------------------------------------------------------------------ rows of the window's tokens */

/* dst[P][ldc] = factor * this head's part of the tokens' rows, zeros beyond it. */
static void gather(float *dst, const float *src, size_t ld, const em_attention_head *h, float factor)
{
    for (int i = 0; i < h->P; i++)
        for (int c = 0; c < h->d; c += LANES)
            v_store(dst + (size_t)i * h->ldc + c, factor * v_load_n(src + h->token[i] * ld + (size_t)c, h->d - c < LANES ? h->d - c : LANES));
}

static void scatter(float *dst, const float *src, size_t ld, const em_attention_head *h, float factor)
{
    for (int i = 0; i < h->P; i++)
        for (int c = 0; c < h->d; c += LANES)
            v_store_n(dst + h->token[i] * ld + (size_t)c, factor * v_load(src + (size_t)i * h->ldc + c), h->d - c < LANES ? h->d - c : LANES);
}

/* dst[d][ldp] = src[P][ldc] turned, zeros beyond the last token. */
static void turn(float *dst, const float *src, const em_attention_head *h)
{
    for (int c = 0; c < h->d; c++, dst += h->ldp) {
        for (int i = 0; i < h->P; i++)
            dst[i] = src[(size_t)i * h->ldc + (size_t)c];
        for (size_t i = (size_t)h->P; i < h->ldp; i++)
            dst[i] = 0.f;
    }
}

/* ------------------------------------------------------------------ softmax */

static void mask(const em_attention_head *h)
{
    for (int j = 0; j < h->P; j++)
        for (size_t i = 0; i < h->ldp; i += LANES) {
            float *at = h->p + (size_t)j * h->ldp + i;
            const vi differs = v_load(h->region + i) != v_set(h->region[j]);

            v_store(at, v_load(at) + (vf)(differs & (vi)v_set(apart)));
        }
}

/* Of nv vectors of queries. */
EM_INLINE void softmax(float *p, size_t ld, int P, const int nv)
{
    float *const end = p + (size_t)P * ld;
    vf top[CHAINS], sum[CHAINS];

#pragma GCC unroll 4
    for (int v = 0; v < nv; v++) {
        top[v] = v_load(p + v * LANES);
        sum[v] = (vf){ 0 };
    }
    for (const float *at = p + ld; at < end; at += ld)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            top[v] = v_max(top[v], v_load(at + v * LANES));
    for (float *at = p; at < end; at += ld) {
        vf x[CHAINS];

#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            x[v] = v_load(at + v * LANES) - top[v];
        v_exp2(x, nv);
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++) {
            sum[v] += x[v];
            v_store(at + v * LANES, x[v]);
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < nv; v++)
        sum[v] = 1.f / sum[v];
    for (float *at = p; at < end; at += ld)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            v_store(at + v * LANES, v_load(at + v * LANES) * sum[v]);
}

/* dp = p * (dp - sum over keys of p * dp), the gradient of scores; added to sum, too. */
EM_INLINE void softmax_back(float *dp, float *sum, const float *p, size_t ld, int P, const int nv)
{
    const size_t end = (size_t)P * ld;
    vf dot[CHAINS];

#pragma GCC unroll 4
    for (int v = 0; v < nv; v++)
        dot[v] = (vf){ 0 };
    for (size_t at = 0; at < end; at += ld)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            dot[v] += v_load(p + at + v * LANES) * v_load(dp + at + v * LANES);
    for (size_t at = 0; at < end; at += ld)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++) {
            const vf ds = v_load(p + at + v * LANES) * (v_load(dp + at + v * LANES) - dot[v]);

            v_store(dp + at + v * LANES, ds);
            v_store(sum + at + v * LANES, v_load(sum + at + v * LANES) + ds);
        }
}

/* ------------------------------------------------------------------ one head of one window */

/* p[key][query], from rows that are gathered here; q is scaled for scores that are powers of two. */
static void weigh(const em_attention_head *h)
{
    const size_t C = (size_t)h->a->C, wide = 3 * C;
    const float *qkv = h->a->qkv + h->head * h->d;
    size_t i = 0;

    gather(h->q, qkv, wide, h, log2_e / sqrtf((float)h->d));
    gather(h->k, qkv + C, wide, h, 1.f);
    gather(h->v, qkv + 2 * C, wide, h, 1.f);
    turn(h->turned, h->q, h);
    multiply(&(product){ .y = h->p, .start = h->bias, .a = h->k, .x = h->turned, .ldy = h->ldp, .step_row = h->ldc, .step_k = 1,
                         .ldx = h->ldp, .N = (int)h->ldp, .K = h->d }, h->P);
    if (h->is_masked)
        mask(h);
    for (; i + CHAINS * LANES <= h->ldp; i += CHAINS * LANES)
        softmax(h->p + i, h->ldp, h->P, CHAINS);
    for (; i < h->ldp; i += LANES)
        softmax(h->p + i, h->ldp, h->P, 1);
}

/* out[P][ldc] = sum over keys (rows of s), or with is_turned over queries, of s x. */
static void mix(const em_attention_head *h, const float *s, const float *x, bool is_turned)
{
    multiply(&(product){ .y = h->out, .a = s, .x = x, .ldy = h->ldc, .step_row = is_turned ? h->ldp : 1, .step_k = is_turned ? 1 : h->ldp,
                         .ldx = h->ldc, .N = (int)h->ldc, .K = h->P }, h->P);
}

void EM_K(attention_fwd)(const em_attention_head *h)
{
    weigh(h);
    mix(h, h->p, h->v, false);
    scatter(h->a->y + h->head * h->d, h->out, (size_t)h->a->C, h, 1.f);
}

void EM_K(attention_bwd)(const em_attention_head *h)
{
    const size_t C = (size_t)h->a->C, wide = 3 * C;
    float *dqkv = h->a->dqkv + h->head * h->d;
    size_t i = 0;

    weigh(h);
    gather(h->dy, h->a->dy + h->head * h->d, C, h, 1.f);
    mix(h, h->p, h->dy, true);
    scatter(dqkv + 2 * C, h->out, wide, h, 1.f);

    turn(h->turned, h->dy, h);
    multiply(&(product){ .y = h->dp, .a = h->v, .x = h->turned, .ldy = h->ldp, .step_row = h->ldc, .step_k = 1, .ldx = h->ldp,
                         .N = (int)h->ldp, .K = h->d }, h->P);
    for (; i + CHAINS * LANES <= h->ldp; i += CHAINS * LANES)
        softmax_back(h->dp + i, h->sum + i, h->p + i, h->ldp, h->P, CHAINS);
    for (; i < h->ldp; i += LANES)
        softmax_back(h->dp + i, h->sum + i, h->p + i, h->ldp, h->P, 1);

    mix(h, h->dp, h->q, true);
    scatter(dqkv + C, h->out, wide, h, ln_2);               /* q was scaled for powers of two */
    mix(h, h->dp, h->k, false);
    scatter(dqkv, h->out, wide, h, 1.f / sqrtf((float)h->d));
}
