/* stats.c - level, dead silence and clipping of one stream: see stats.h. */
#include "listener/stats.h"

#include <math.h>

/* 16-bit full scale is 32767/32768: what counts as clipped lies just below it. */
static const float full_scale = 0.9999f;

static void watch_silence(em_stats *s, float x)
{
    if (x != 0.f) {
        s->n_zeros = 0;
        s->is_silent = false;
    } else if (++s->n_zeros >= (uint64_t)EM_SILENCE_SECONDS * (uint64_t)s->rate_hz && !s->is_silent) {
        s->is_silent = true;
        s->warnings |= EM_WARN_SILENCE;
    }
}

static void end_second(em_stats *s)
{
    s->n_clipped = s->n_full > 0 && s->n_full >= s->n_second / 100 ? s->n_clipped + 1 : 0;
    s->n_second = s->n_full = 0;
    if (s->n_clipped > EM_CLIPPING_SECONDS)
        s->n_clipped = EM_CLIPPING_SECONDS;
    if (s->n_clipped == EM_CLIPPING_SECONDS && !s->is_clipping)
        s->warnings |= EM_WARN_CLIPPING;
    s->is_clipping = s->n_clipped == EM_CLIPPING_SECONDS;
}

void em_stats_push(em_stats *s, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float size = fabsf(x[i]);

        s->sum_squares += (double)x[i] * (double)x[i];
        if (size > s->peak)
            s->peak = size;
        watch_silence(s, x[i]);
        s->n_full += size >= full_scale;
        if (++s->n_second >= (uint32_t)s->rate_hz)
            end_second(s);
    }
    s->n_level += n;
}

void em_stats_set_rate(em_stats *s, int rate_hz)
{
    const double ratio = (double)rate_hz / s->rate_hz;

    s->n_zeros = (uint64_t)((double)s->n_zeros * ratio);
    s->n_second = (uint32_t)(s->n_second * ratio);
    s->n_full = (uint32_t)(s->n_full * ratio);
    s->rate_hz = rate_hz;
}

unsigned em_stats_take(em_stats *s)
{
    unsigned warnings = s->warnings;

    s->warnings = 0;
    return warnings;
}

void em_stats_level(em_stats *s, float *rms_dbfs, float *peak_dbfs)
{
    const double mean = s->n_level > 0 ? s->sum_squares / (double)s->n_level : 0.0;

    *rms_dbfs = mean > 0.0 ? (float)(10.0 * log10(mean)) : -INFINITY;
    *peak_dbfs = s->peak > 0.f ? (float)(20.0 * log10((double)s->peak)) : -INFINITY;
    s->sum_squares = 0.0;
    s->peak = 0.f;
    s->n_level = 0;
}
