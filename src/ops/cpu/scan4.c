/* scan4.c - the four selective scans, shared out by window and tile of channels; backward, whose sums over channels want
 * all tiles of a token together, by windows and pairs of directions: em_scan4 in ops.h. */
#include "ops/cpu/device.h"

typedef struct job { em_dev *dev; const em_scan4 *a; int middle, n_tasks; } job;

/* A task is a window's tile, all directions, so that what they add up stays with the thread. Where
 * tiles are odd in number, the middle one is cut in two, and two threads have equal work: by D alone, whatever the number of threads. */
static job make_job(em_dev *dev, const em_scan4 *a)
{
    const int width = dev->k->scan_channels, n = (a->D + width - 1) / width, middle = n / 2;
    const bool is_cut = n % 2 == 1 && a->D > middle * width + width / 2;

    return (job){ .dev = dev, .a = a, .middle = is_cut ? middle : n, .n_tasks = n + is_cut };
}

/* The first channel of a window's task. */
static int channel_of(const job *j, int task)
{
    const int width = j->dev->k->scan_channels;
    const int channel = task <= j->middle ? task * width : (task - 1) * width + (task == j->middle + 1 ? width / 2 : 0);

    return channel < j->a->D ? channel : j->a->D;
}

/* The states of a window's direction. */
static float *states_of(const em_scan4 *a, int window, int direction)
{
    const size_t chunks = (size_t)((a->H * a->W + EM_SCAN_CHUNK - 1) / EM_SCAN_CHUNK);

    return a->states ? a->states + (size_t)(window * EM_DIRECTIONS + direction) * chunks * (size_t)a->N * (size_t)a->D : NULL;
}

static void task(void *ctx, int i, int worker)
{
    const job *j = ctx;
    const em_scan4 *a = j->a;
    const int window = i / j->n_tasks, at = i % j->n_tasks, channel = channel_of(j, at);
    const size_t token = (size_t)window * (size_t)a->H * (size_t)a->W;
    em_scan_tile t = {
        .y = a->y[0] + token * (size_t)a->D, .u = a->u + token * (size_t)a->D,
        .x_dbl = a->x_dbl + token * (size_t)(EM_DIRECTIONS * (a->R + 2 * a->N)), .scan = a,
        .channel = channel, .n_channels = channel_of(j, at + 1) - channel, .next_channel = channel_of(j, (at + 1) % j->n_tasks),
        .state = j->dev->scratch[worker],
    };

    if (!em_cpu_is_kept(a->kept, window))
        return;
    for (int k = 0; k < EM_DIRECTIONS; k++)
        t.states[k] = states_of(a, window, k);
    j->dev->k->scan_tile(&t);
}

void em_cpu_scan4_fwd(em_dev *dev, const em_scan4 *a, int B)
{
    job j = make_job(dev, a);

    em_pool_run(dev->pool, task, &j, B * j.n_tasks);
}

/* ---------------------------------------------------------------- backward */

/* The parameters' gradients are sums over all windows. Each task makes those of a few, and they are added up in the order
 * of the windows: which windows belong together depends on B alone, so every number of threads has the same bits. */
enum { MOST_PARTS = 32 };

typedef struct back_job { em_dev *dev; const em_scan4 *a; int B, n_parts, n_windows; } back_job;

int em_cpu_most_scan_parts(int B) { return B < MOST_PARTS ? B : MOST_PARTS; }

static void back_task(void *ctx, int i, int worker)
{
    const back_job *j = ctx;
    const em_scan4 *a = j->a;
    const int part = i / 2, window = part * j->n_windows;
    const size_t floats = j->dev->k->scan_part_floats(a->D, a->R, a->N);
    em_scan_back t = {
        .scan = a, .pair = i % 2, .window = window, .n_windows = j->B - window < j->n_windows ? j->B - window : j->n_windows,
        .scratch = j->dev->scratch[worker],
    };

    for (int k = 0; k < EM_DIRECTIONS; k++)
        t.parts[k] = j->dev->scan_parts + (size_t)(part * EM_DIRECTIONS + k) * floats;
    j->dev->k->scan_back(&t);
}

static void add_task(void *ctx, int i, int worker)
{
    const back_job *j = ctx;

    (void)worker;
    j->dev->k->scan_add_parts(j->a, j->dev->scan_parts, j->n_parts, i % EM_DIRECTIONS, i / EM_DIRECTIONS);
}

void em_cpu_scan4_bwd(em_dev *dev, const em_scan4 *a, int B)
{
    const int width = dev->k->scan_channels, n_windows = (B + MOST_PARTS - 1) / MOST_PARTS;
    back_job j = { dev, a, B, (B + n_windows - 1) / n_windows, n_windows };

    em_pool_run(dev->pool, back_task, &j, 2 * j.n_parts);
    em_pool_run(dev->pool, add_task, &j, EM_DIRECTIONS * ((a->D + width - 1) / width));
}
