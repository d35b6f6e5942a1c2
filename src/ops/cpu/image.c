/* image.c - frames to the folded image, normalised, padded or stretched: em_image in ops.h. */
#include "ops/cpu/device.h"

#include <math.h>
#include <string.h>

typedef struct job { const em_image *a; float *parts; } job;

enum { BINS_A_TASK = 16 };

/* Four taps of the cubic convolution with A = -0.75 at fraction u between taps 1 and 2 (Keys 1981). */
static void cubic(float w[4], double u)
{
    const double A = -0.75;
    const double far[2] = { u + 1, 2 - u }, near[2] = { u, 1 - u };

    for (int i = 0; i < 2; i++) {
        w[3 * i] = (float)(((A * far[i] - 5 * A) * far[i] + 8 * A) * far[i] - 4 * A);
        w[1 + i] = (float)(((A + 2) * near[i] - (A + 3)) * near[i] * near[i] + 1);
    }
}

static int clamp(int x, int most) { return x < 0 ? 0 : x > most ? most : x; }

/* v = frame * scale + shift, and what v is past the last frame; of the bins at hand. */
typedef struct map { const float *scale, *shift, *past; } map;

/* Column t of the bins [f0, f1) into out, after the affine map. */
static void column(float *out, const em_image *a, map m, const float *frames, int n_frames, int t, int f0, int f1)
{
    const int n = n_frames < a->sound ? n_frames : a->sound;

    if (!a->is_stretched || n == a->cols) {
        for (int f = f0; f < f1; f++)
            out[f - f0] = t < n ? frames[(size_t)t * (size_t)a->F + (size_t)f] * m.scale[f - f0] + m.shift[f - f0] : m.past[f - f0];
        return;
    }
    const double s = (double)t * (n - 1) / (a->cols - 1);
    const int at = (int)floor(s);
    float w[4];

    cubic(w, s - at);
    for (int f = f0; f < f1; f++) {
        float x = 0;

        for (int i = 0; i < 4; i++)
            x += w[i] * (frames[(size_t)clamp(at - 1 + i, n - 1) * (size_t)a->F + (size_t)f] * m.scale[f - f0] + m.shift[f - f0]);
        out[f - f0] = x;
    }
}

static void task(void *ctx, int i, int worker)
{
    const em_image *a = ((const job *)ctx)->a;
    const int n_parts = (a->F + BINS_A_TASK - 1) / BINS_A_TASK, width = a->cols / a->fold;
    const int part = i % n_parts, w = i / n_parts % a->fold, b = i / n_parts / a->fold;
    const int f0 = part * BINS_A_TASK, f1 = f0 + BINS_A_TASK < a->F ? f0 + BINS_A_TASK : a->F;
    float *image = a->y + ((size_t)b * (size_t)a->fold + (size_t)w) * (size_t)a->F * (size_t)width;

    (void)worker;
    for (int c = 0; c < width; c++) {
        float v[BINS_A_TASK];

        column(v, a, (map){ a->scale + f0, a->shift + f0, a->quiet + f0 }, a->frames[b], a->n_frames[b], w * width + c, f0, f1);
        for (int f = f0; f < f1; f++)
            image[(size_t)f * (size_t)width + (size_t)c] = v[f - f0];
    }
}

void em_cpu_image_fwd(em_dev *dev, const em_image *a, int B)
{
    job j = { a, NULL };

    em_pool_run(dev->pool, task, &j, B * a->fold * ((a->F + BINS_A_TASK - 1) / BINS_A_TASK));
}

/* ------------------------------------------------------------------ back */

/* The window's part of [dweight | dbias]; the frames as the image has them, less their centre, are made anew. */
static void back_task(void *ctx, int b, int worker)
{
    static const float ones[BINS_A_TASK] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, zeros[BINS_A_TASK];
    const job *j = ctx;
    const em_image *a = j->a;
    const size_t F = (size_t)a->F, width = (size_t)(a->cols / a->fold);
    float *dweight = j->parts + (size_t)b * 2 * F, *dbias = dweight + F;

    (void)worker;
    memset(dweight, 0, 2 * F * sizeof *dweight);
    for (int f0 = 0; f0 < a->F; f0 += BINS_A_TASK) {
        const int f1 = f0 + BINS_A_TASK < a->F ? f0 + BINS_A_TASK : a->F;
        const map raw = { ones, zeros, a->quiet_frame + f0 };

        for (int t = 0; t < a->cols; t++) {
            const float *dy = a->dy + ((size_t)b * (size_t)a->fold + (size_t)t / width) * F * width + (size_t)t % width;
            float frame[BINS_A_TASK];

            column(frame, a, raw, a->frames[b], a->n_frames[b], t, f0, f1);
            for (int f = f0; f < f1; f++) {
                dweight[f] += dy[(size_t)f * width] * ((frame[f - f0] - a->centre[f]) * a->spread[f]);
                dbias[f] += dy[(size_t)f * width];
            }
        }
    }
}

void em_cpu_image_bwd(em_dev *dev, const em_image *a, int B)
{
    const em_sum sums[EM_SUMS] = { { a->dweight, a->F }, { a->dbias, a->F } };
    job j = { a, em_cpu_shared(dev, (size_t)B * 2 * (size_t)a->F) };

    if (!j.parts)
        return;
    em_pool_run(dev->pool, back_task, &j, B);
    em_cpu_add_parts(dev, sums, j.parts, 2 * (size_t)a->F, B);
}
