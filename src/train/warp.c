/* warp.c - see warp.h. */
#include "train/warp.h"

#include "train/draw.h"

#include <math.h>

enum { TONE_POINTS = 5 };               /* that the curve goes through: one about every two octaves */

em_status em_warp_check(const em_warp_cfg *cfg, em_err *err)
{
    if (!(cfg->stretch >= 0 && cfg->stretch <= 1) || !(cfg->shift >= 0 && cfg->shift <= 64) || !(cfg->tone_db >= 0 && cfg->tone_db <= 40))
        return em_fail(err, EM_EINVAL, "augmentation: a stretch is 0 to 1, a shift 0 to 64 bands, a tone 0 to 40 dB (%g, %g, %g)",
                       cfg->stretch, cfg->shift, cfg->tone_db);
    return EM_OK;
}

static void draw_tone(float *tone_db, double most_db, int n_mels, em_rng *rng)
{
    double point[TONE_POINTS];

    for (int i = 0; i < TONE_POINTS; i++)
        point[i] = em_draw_between(rng, -most_db, most_db);
    for (int f = 0; f < n_mels; f++) {
        const double at = n_mels > 1 ? (double)f / (n_mels - 1) * (TONE_POINTS - 1) : 0;
        const int i = at < TONE_POINTS - 2 ? (int)at : TONE_POINTS - 2;

        tone_db[f] = (float)(point[i] + (at - i) * (point[i + 1] - point[i]));
    }
}

void em_warp_draw(em_warp *out, const em_warp_cfg *cfg, int n_mels, em_rng *rng)
{
    out->is_none = cfg->stretch == 0 && cfg->shift == 0 && cfg->tone_db == 0;
    out->step = 1;
    if (out->is_none)
        return;
    /* As often slower as faster: factors are even on a logarithmic scale. */
    out->step = exp(em_draw_between(rng, -1, 1) * log1p(cfg->stretch));
    out->shift = em_draw_between(rng, -cfg->shift, cfg->shift);
    draw_tone(out->tone_db, cfg->tone_db, n_mels, rng);
}

int em_warp_length(const em_warp *w, int n)
{
    return n > 0 ? (int)fmax(1, floor(n / w->step)) : 0;
}

int em_warp_source(const em_warp *w, int i) { return (int)(i * w->step); }

static float between(float a, float b, float share) { return a + share * (b - a); }

void em_warp_frame(float *out, const em_warp *w, const em_level *level, const float *frames, int n, int n_mels, int i)
{
    const int first = em_warp_source(w, i), second = first + 1 < n ? first + 1 : first;
    const float *a = frames + (size_t)first * (size_t)n_mels, *b = frames + (size_t)second * (size_t)n_mels;
    const float later = (float)(i * w->step - first);

    for (int f = 0; f < n_mels; f++) {
        const double band = fmin(fmax(f - w->shift, 0), n_mels - 1);
        const int low = (int)band, high = low + 1 < n_mels ? low + 1 : low;
        const float x = between(between(a[low], a[high], (float)(band - low)), between(b[low], b[high], (float)(band - low)), later);

        out[f] = x > level->floor ? x + w->tone_db[f] * level->per_db : level->floor;
    }
}
