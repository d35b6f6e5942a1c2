/* specaugment.c - time stripes first, then bands, as torchlibrosa has it. */
#include "train/specaugment.h"

#include "train/draw.h"

em_specaugment_cfg em_specaugment_defaults(void)
{
    return (em_specaugment_cfg){ .n_time = 2, .time_width = 64, .n_mel = 2, .mel_width = 8 };
}

em_status em_specaugment_check(const em_specaugment_cfg *cfg, em_err *err)
{
    if (cfg->n_time < 0 || cfg->n_time > 100 || cfg->n_mel < 0 || cfg->n_mel > 100)
        return em_fail(err, EM_EINVAL, "augmentation: 0 to 100 stripes (along time %d, of bands %d)", cfg->n_time, cfg->n_mel);
    if (cfg->time_width < 1 || cfg->mel_width < 1)
        return em_fail(err, EM_EINVAL, "augmentation: a stripe's width is at least 1, which it stays below (along time %d, of bands %d)",
                       cfg->time_width, cfg->mel_width);
    return EM_OK;
}

/* One stripe of n places: as wide as 0..width-1, and not wider than there is room. */
static int draw_stripe(em_rng *rng, int n, int width, int *begin)
{
    int n_wide = em_draw_below(rng, width < n ? width : n);

    *begin = em_draw_below(rng, n - n_wide);
    return n_wide;
}

static void blot(em_canvas *c, int t0, int n_frames, int f0, int n_bands, const float *fill)
{
    for (int t = t0; t < t0 + n_frames; t++)
        for (int f = f0; f < f0 + n_bands; f++)
            c->frames[(size_t)t * (size_t)c->n_mels + (size_t)f] = fill[f];
}

void em_specaugment(em_canvas *c, const em_specaugment_cfg *cfg, const float *fill, em_rng *rng)
{
    int begin, n;

    for (int i = 0; i < cfg->n_time; i++) {
        n = draw_stripe(rng, c->n_frames, cfg->time_width, &begin);
        blot(c, begin, n, 0, c->n_mels, fill);
    }
    for (int i = 0; i < cfg->n_mel; i++) {
        n = draw_stripe(rng, c->n_mels, cfg->mel_width, &begin);
        blot(c, 0, c->n_frames, begin, n, fill);
    }
}
