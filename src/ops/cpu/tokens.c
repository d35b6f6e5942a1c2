/* tokens.c - the last tokens: norm, mean, and the head's order; means over slots: em_tokens, em_mean in ops.h.
 * Small sums in a fixed order, one task a window. */
#include "ops/cpu/device.h"

#include <string.h>

typedef struct tokens_job { em_dev *dev; const em_tokens *a; } tokens_job;
typedef struct mean_job { em_dev *dev; const em_mean *a; } mean_job;

/* Where the head wants the token of row h, column w; the share it has in what is there. */
static size_t place(const em_tokens *a, int h, int w)
{
    const int bands = a->H / a->fold;

    return (size_t)(a->is_columns ? w : (h % bands) * a->fold * a->W + h / bands * a->W + w) * (size_t)a->C;
}

static float share(const em_tokens *a) { return a->is_columns ? 1.f / (float)a->H : 1.f; }

static void tokens_task(void *ctx, int b, int worker)
{
    const tokens_job *j = ctx;
    const em_tokens *a = j->a;
    const em_kernels *k = j->dev->k;
    const size_t C = (size_t)a->C, n_out = (size_t)(a->is_columns ? a->W : a->H * a->W);
    const float *x = a->x + (size_t)b * (size_t)(a->H * a->W) * C;
    float *y = a->y + (size_t)b * n_out * C, *latent = a->latent + (size_t)b * C, *row = j->dev->scratch[worker];

    memset(y, 0, n_out * C * sizeof *y);
    memset(latent, 0, C * sizeof *latent);
    for (int h = 0; h < a->H; h++)
        for (int w = 0; w < a->W; w++) {
            k->prep_rows(row, &(em_rows){ .x = x + (size_t)(h * a->W + w) * C, .norm = a->norm, .n = a->C, .rows = 1 });
            k->add_row(y + place(a, h, w), row, a->C, share(a));
            k->add_row(latent, row, a->C, 1.f / (float)(a->H * a->W));
        }
}

void em_cpu_tokens_fwd(em_dev *dev, const em_tokens *a, int B)
{
    tokens_job j = { dev, a };

    em_pool_run(dev->pool, tokens_task, &j, B);
}

static void mean_task(void *ctx, int b, int worker)
{
    const mean_job *j = ctx;
    const em_mean *a = j->a;
    float *y = a->y + (size_t)b * (size_t)a->C;

    (void)worker;
    memset(y, 0, (size_t)a->C * sizeof *y);
    for (int s = 0; s < a->S; s++)
        j->dev->k->add_row(y, a->x + ((size_t)b * (size_t)a->S + (size_t)s) * (size_t)a->C, a->C, 1.f / (float)a->S);
}

void em_cpu_mean_fwd(em_dev *dev, const em_mean *a, int B)
{
    mean_job j = { dev, a };

    em_pool_run(dev->pool, mean_task, &j, B);
}

/* ------------------------------------------------------------------ back */

typedef struct tokens_back_job { em_dev *dev; const em_tokens *a; float *parts; } tokens_back_job;

static void tokens_back_task(void *ctx, int b, int worker)
{
    const tokens_back_job *j = ctx;
    const em_tokens *a = j->a;
    const size_t C = (size_t)a->C, window = (size_t)b * (size_t)(a->H * a->W) * C, n_out = (size_t)(a->is_columns ? a->W : a->H * a->W);
    const float *dy = a->dy + (size_t)b * n_out * C;
    float *row = j->dev->scratch[worker], *parts = j->parts + (size_t)b * 2 * C;

    memset(parts, 0, 2 * C * sizeof *parts);
    for (int h = 0; h < a->H; h++)
        for (int w = 0; w < a->W; w++) {
            const size_t at = window + (size_t)(h * a->W + w) * C;

            for (size_t c = 0; c < C; c++)
                row[c] = share(a) * dy[place(a, h, w) + c];
            j->dev->k->rows_back(&(em_rows_back){
                .rows = { .x = a->x + at, .norm = a->norm, .n = a->C, .rows = 1 }, .dy = row, .dx = a->dx + at,
                .dweight = parts, .dbias = parts + C, .work = row + C,
            });
        }
}

void em_cpu_tokens_bwd(em_dev *dev, const em_tokens *a, int B)
{
    const em_sum sums[EM_SUMS] = { { a->norm.dweight, a->C }, { a->norm.dbias, a->C } };
    tokens_back_job j = { dev, a, em_cpu_shared(dev, (size_t)B * 2 * (size_t)a->C) };

    if (!j.parts || !em_cpu_scratch(dev, 3 * (size_t)a->C + 2 * (size_t)dev->k->lanes))
        return;
    em_pool_run(dev->pool, tokens_back_task, &j, B);
    em_cpu_add_parts(dev, sums, j.parts, 2 * (size_t)a->C, B);
}

static void mean_back_task(void *ctx, int b, int worker)
{
    const em_mean *a = ((const mean_job *)ctx)->a;
    const size_t C = (size_t)a->C;
    const float *dy = a->dy + (size_t)b * C, part = 1.f / (float)a->S;
    const size_t first = (size_t)b * (size_t)a->S * C;

    (void)worker;
    for (size_t s = 0; s < (size_t)a->S; s++)
        for (size_t c = 0; c < C; c++)
            a->dx[first + s * C + c] = part * dy[c] + (a->own ? a->own[first + s * C + c] : 0);
}

void em_cpu_mean_bwd(em_dev *dev, const em_mean *a, int B)
{
    mean_job j = { dev, a };

    em_pool_run(dev->pool, mean_back_task, &j, B);
}
