#include "listener/stats.h"

#include <math.h>

/* 16-bit full scale is 32767/32768: what counts as clipped lies just below it. */
static const float full_scale = 0.9999f;

static void end_second(em_stats *s)
{
    s->n_clipped = s->n_full >= s->n_second / 100 && s->n_full > 0 ? s->n_clipped + 1 : 0;
    s->n_second = s->n_full = 0;
    if (s->n_clipped >= EM_CLIPPING_SECONDS && !s->is_clipping)
        s->warnings |= EM_WARN_CLIPPING;
    s->is_clipping = s->n_clipped >= EM_CLIPPING_SECONDS;
}

void em_stats_push(em_stats *s, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s->n_zeros = x[i] == 0.f ? s->n_zeros + 1 : 0;
        s->n_full += fabsf(x[i]) >= full_scale;
        if (++s->n_second >= (uint32_t)s->rate_hz)
            end_second(s);
    }
    if (s->n_zeros >= (uint64_t)EM_SILENCE_SECONDS * (uint64_t)s->rate_hz) {
        if (!s->is_silent)
            s->warnings |= EM_WARN_SILENCE;
        s->is_silent = true;
    } else if (s->n_zeros == 0) {
        s->is_silent = false;
    }
}

unsigned em_stats_take(em_stats *s)
{
    unsigned warnings = s->warnings;

    s->warnings = 0;
    return warnings;
}

void em_level(float *rms_dbfs, float *peak_dbfs, const float *x, size_t n)
{
    double sum = 0;
    float peak = 0;

    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
        peak = fmaxf(peak, fabsf(x[i]));
    }
    *rms_dbfs = n > 0 && sum > 0 ? (float)(10 * log10(sum / (double)n)) : -INFINITY;
    *peak_dbfs = peak > 0 ? (float)(20 * log10((double)peak)) : -INFINITY;
}
