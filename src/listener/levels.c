/* levels.c - see levels.h. */
#include "listener/levels.h"

#include <math.h>

enum { UNSURE = 2 };                /* frames at a window's end that look past it */

static const float floor_db = -100;

float em_frame_db(const em_frontend_cfg *cfg)
{
    return cfg->is_kaldi ? 10 / logf(10) : 1;       /* Kaldi's are natural logarithms of power */
}

uint8_t em_byte_of_db(float db)
{
    return (uint8_t)lrintf(fminf(fmaxf((db - floor_db) / EM_COLUMN_DB, 0), 255));
}

static float level_of(const float *frame, int n_mels, float db)
{
    double power = 0;

    for (int i = 0; i < n_mels; i++)
        power += exp(log(10) / 10 * (double)(frame[i] * db));
    return (float)(10 * log10(power));
}

void em_levels_take(em_levels *l, const em_frontend_cfg *cfg, const float *frames, int window_samples, int64_t end_sample)
{
    const float db = em_frame_db(cfg);
    const int64_t newest = end_sample / cfg->hop, oldest = newest - window_samples / cfg->hop;
    const int64_t end = (newest - UNSURE) / EM_LEVEL_FRAMES;
    int64_t slice = l->next;

    if (slice < end - EM_EVENT_LEVELS)
        slice = end - EM_EVENT_LEVELS;
    if (slice * EM_LEVEL_FRAMES < oldest)
        slice = (oldest + EM_LEVEL_FRAMES - 1) / EM_LEVEL_FRAMES;
    for (l->n = 0; slice < end; slice++) {
        const float *first = frames + (size_t)(slice * EM_LEVEL_FRAMES - oldest) * (size_t)cfg->n_mels;
        float sum = 0;

        for (int t = 0; t < EM_LEVEL_FRAMES; t++)
            sum += level_of(first + (size_t)t * (size_t)cfg->n_mels, cfg->n_mels, db);
        l->bytes[l->n++] = em_byte_of_db(sum / EM_LEVEL_FRAMES);
        l->next = slice + 1;
    }
}
