/* tokens.c - the last tokens: norm, mean, and the head's order; means over slots: em_tokens, em_mean in ops.h.
 * Small sums in a fixed order, one task a window. */
#include "ops/cpu/device.h"

#include <string.h>

typedef struct tokens_job { em_dev *dev; const em_tokens *a; } tokens_job;
typedef struct mean_job { em_dev *dev; const em_mean *a; } mean_job;

static void tokens_task(void *ctx, int b, int worker)
{
    const tokens_job *j = ctx;
    const em_tokens *a = j->a;
    const em_kernels *k = j->dev->k;
    const size_t C = (size_t)a->C, n_out = (size_t)(a->is_columns ? a->W : a->H * a->W);
    const int bands = a->H / a->fold;
    const float *x = a->x + (size_t)b * (size_t)(a->H * a->W) * C;
    float *y = a->y + (size_t)b * n_out * C, *latent = a->latent + (size_t)b * C, *row = j->dev->scratch[worker];

    memset(y, 0, n_out * C * sizeof *y);
    memset(latent, 0, C * sizeof *latent);
    for (int h = 0; h < a->H; h++)
        for (int w = 0; w < a->W; w++) {
            const int at = a->is_columns ? w : (h % bands) * a->fold * a->W + h / bands * a->W + w;

            k->prep_rows(row, &(em_rows){ .x = x + (size_t)(h * a->W + w) * C, .norm = a->norm, .n = a->C, .rows = 1 });
            k->add_row(y + (size_t)at * C, row, a->C, a->is_columns ? 1.f / (float)a->H : 1.f);
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
