/* canvas.c - adding powers where only their logarithms are kept. */
#include "train/canvas.h"

#include <math.h>
#include <string.h>

#define LOG2_10 3.3219280948873623f     /* a factor of ten, in factors of two */

em_level em_level_of(em_frontend_kind kind)
{
    static const em_level levels[] = {
        [EM_FRONTEND_HTSAT] = { -100.0f, 1.0f },
        [EM_FRONTEND_KALDI] = { -15.9423847f, .230258509f },
    };

    return levels[kind];
}

static int frame_from(const em_canvas *c, double at) { return at < c->n_frames ? (int)ceil(at) : c->n_frames; }

void em_canvas_slot(int *begin, int *end, const em_canvas *c, int i)
{
    *begin = frame_from(c, i * c->slot_frames);
    *end = frame_from(c, (i + 1) * c->slot_frames);
}

static size_t slots_bytes(const em_canvas *c) { return (size_t)c->n_slots * (size_t)c->n_classes * sizeof *c->slots; }

void em_canvas_clear(em_canvas *c, const em_level *level)
{
    size_t n = (size_t)c->n_frames * (size_t)c->n_mels;

    for (size_t i = 0; i < n; i++)
        c->frames[i] = level->floor;
    for (int k = 0; k < c->n_classes; k++) {
        c->target[k] = 0.0f;
        c->weight[k] = 1.0f;
    }
    if (c->n_slots > 0)
        memset(c->slots, 0, slots_bytes(c));
}

void em_canvas_sum(double *sum, double *squares, const em_canvas *c)
{
    for (int t = 0; t < c->n_frames; t++)
        for (int f = 0; f < c->n_mels; f++) {
            const double x = (double)c->frames[t * c->n_mels + f];

            sum[f] += x;
            squares[f] += x * x;
        }
}

void em_canvas_copy(em_canvas *dst, const em_canvas *src)
{
    memcpy(dst->frames, src->frames, (size_t)src->n_frames * (size_t)src->n_mels * sizeof *src->frames);
    memcpy(dst->target, src->target, (size_t)src->n_classes * sizeof *src->target);
    memcpy(dst->weight, src->weight, (size_t)src->n_classes * sizeof *src->weight);
    if (src->n_slots > 0)
        memcpy(dst->slots, src->slots, slots_bytes(src));
}

/* The larger one and what the smaller adds to it: never more than 3 dB, so single precision is exact to 1e-6 dB. */
void em_level_add(const em_level *level, float *y, const float *x, float gain_db, size_t n)
{
    const float gain = gain_db * level->per_db, to_log2 = LOG2_10 / (10.0f * level->per_db), from_log2 = 1.0f / to_log2;

    for (size_t i = 0; i < n; i++) {
        float a = y[i], b = x[i] + gain, louder = a > b ? a : b, quieter = a > b ? b : a;

        if (x[i] <= level->floor || b <= level->floor)
            continue;
        y[i] = a <= level->floor ? b : louder + from_log2 * log2f(1.0f + exp2f((quieter - louder) * to_log2));
    }
}

float em_level_loudest(const em_level *level, const float *x, size_t n)
{
    float loudest = level->floor;

    for (size_t i = 0; i < n; i++)
        loudest = x[i] > loudest ? x[i] : loudest;
    return loudest;
}
