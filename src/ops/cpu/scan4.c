/* scan4.c - the four selective scans, shared out by window, pair of directions and tile of channels:
 * em_scan4 in ops.h. */
#include "ops/cpu/device.h"

typedef struct job { em_dev *dev; const em_scan4 *a; int n_tiles; } job;

static void task(void *ctx, int i, int worker)
{
    const job *j = ctx;
    const em_scan4 *a = j->a;
    const int tile = i % j->n_tiles, pair = i / j->n_tiles % 2, width = j->dev->k->scan_channels;
    const size_t window = (size_t)(i / j->n_tiles / 2) * (size_t)a->H * (size_t)a->W;
    const em_scan_tile t = {
        .y = a->y[pair] + window * (size_t)a->D, .u = a->u + window * (size_t)a->D,
        .x_dbl = a->x_dbl + window * (size_t)(EM_DIRECTIONS * (a->R + 2 * a->N)), .scan = a, .pair = pair,
        .channel = tile * width, .n_channels = a->D - tile * width < width ? a->D - tile * width : width,
        .state = j->dev->scratch[worker],
    };

    j->dev->k->scan_tile(&t);
}

void em_cpu_scan4_fwd(em_dev *dev, const em_scan4 *a, int B)
{
    const int width = dev->k->scan_channels;
    job j = { dev, a, (a->D + width - 1) / width };

    em_pool_run(dev->pool, task, &j, B * 2 * j.n_tiles);
}
