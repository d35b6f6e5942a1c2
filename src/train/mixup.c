/* mixup.c - see mixup.h. */
#include "train/mixup.h"

#include "train/draw.h"

#include <math.h>
#include <string.h>

#define LEAST_LAMBDA 1e-6       /* a is inaudible there: what would overflow must not */

/* Sattolo's shuffle of 0..B-1 gives one cycle: whoever stands at place i is the partner of i. */
static void one_cycle(int *partner, int B, em_rng *rng)
{
    for (int i = 0; i < B; i++)
        partner[i] = i;
    for (int i = B - 1; i > 0; i--) {
        int j = em_draw_below(rng, i), kept = partner[i];

        partner[i] = partner[j];
        partner[j] = kept;
    }
}

void em_partners(int *partner, int B, em_partner_rule rule, em_rng *rng)
{
    if (rule == EM_PARTNER_RANDOM) {
        one_cycle(partner, B, rng);
        return;
    }
    for (int i = 0; i < B; i++)
        partner[i] = B - 1 - i;
}

em_status em_mix_check(const em_mix_cfg *cfg, em_err *err)
{
    if (!(cfg->p >= 0 && cfg->p <= 1))
        return em_fail(err, EM_EINVAL, "augmentation: the probability of mixing lies between 0 and 1, not %g", cfg->p);
    if (!(cfg->alpha > 0 && cfg->alpha <= 100))
        return em_fail(err, EM_EINVAL, "augmentation: alpha of Beta(alpha, alpha) lies above 0 and not above 100, not %g", cfg->alpha);
    return EM_OK;
}

/* The paper's box: sides sqrt(1 - lambda) of the whole, its centre anywhere, what sticks out cut off. */
static void draw_span(em_rng *rng, int n, double share, int *begin, int *end)
{
    int side = (int)(n * share), centre = em_draw_below(rng, n);

    *begin = centre - side / 2;
    *end = centre + side / 2;
    if (*begin < 0)
        *begin = 0;
    if (*end > n)
        *end = n;
}

static void draw_box(em_mix *mix, const em_mix_cfg *cfg, int n_frames, int n_mels, em_rng *rng)
{
    double left = 1.0 - mix->lambda, area;

    draw_span(rng, n_frames, cfg->is_time_only ? left : sqrt(left), &mix->t0, &mix->t1);
    draw_span(rng, n_mels, sqrt(left), &mix->f0, &mix->f1);
    if (cfg->is_time_only) {
        mix->f0 = 0;
        mix->f1 = n_mels;
    }
    area = (double)(mix->t1 - mix->t0) * (mix->f1 - mix->f0);
    mix->lambda = 1.0 - area / ((double)n_frames * n_mels);
}

em_mix em_mix_draw(const em_mix_cfg *cfg, int n_frames, int n_mels, em_rng *rng)
{
    bool is_mixed = em_draw_chance(rng, cfg->p);
    em_mix mix = { .lambda = em_draw_beta(rng, cfg->alpha, cfg->alpha) };

    if (!is_mixed)
        return (em_mix){ .lambda = 1.0 };
    if (cfg->is_major)
        mix.lambda = fmax(mix.lambda, 1.0 - mix.lambda);
    if (cfg->form == EM_MIX_CUT)
        draw_box(&mix, cfg, n_frames, n_mels, rng);
    return mix;
}

static void mix_floats(float *out, const float *a, const float *b, double lambda, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(lambda * (double)a[i] + (1.0 - lambda) * (double)b[i]);
}

/* How much louder a's loudest place is than b's; one that is silent counts as loud as the other, so that it takes its share. */
static double louder_by_db(const em_canvas *a, const em_canvas *b, const em_level *level)
{
    size_t n = (size_t)a->n_frames * (size_t)a->n_mels;
    float of_a = em_level_loudest(level, a->frames, n), of_b = em_level_loudest(level, b->frames, n);

    return of_a <= level->floor || of_b <= level->floor ? 0.0 : (double)(of_a - of_b) / (double)level->per_db;
}

/* Between-class learning: amplitudes p a + (1 - p) b over their root mean square, p such that with both brought to the same
 * loudness a has lambda. Below, the gains of their powers in dB. */
static void mix_powers(em_canvas *out, const em_canvas *a, const em_canvas *b, double lambda, const em_level *level)
{
    double odds = (1.0 - lambda) / fmax(lambda, LEAST_LAMBDA) * pow(10.0, louder_by_db(a, b, level) / 20.0);
    double whole = 10.0 * log10(1.0 + odds * odds);
    size_t n = (size_t)a->n_mels;
    float row[EM_MOST_MELS];

    for (int t = 0; t < a->n_frames; t++) {
        const float *of_a = a->frames + (size_t)t * n, *of_b = b->frames + (size_t)t * n;

        for (size_t f = 0; f < n; f++)
            row[f] = level->floor;
        em_level_add(level, row, of_a, (float)-whole, n);
        em_level_add(level, row, of_b, (float)(20.0 * log10(odds) - whole), n);
        memcpy(out->frames + (size_t)t * n, row, n * sizeof *row);
    }
}

static void paste(em_canvas *out, const em_canvas *b, const em_mix *mix)
{
    size_t n = (size_t)(mix->f1 - mix->f0) * sizeof *b->frames;

    for (int t = mix->t0; t < mix->t1; t++) {
        size_t at = (size_t)t * (size_t)b->n_mels + (size_t)mix->f0;

        memcpy(out->frames + at, b->frames + at, n);
    }
}

/* Of a slot, the part of the box that lies in it is b's. */
static void cut_slots(em_canvas *out, const em_canvas *a, const em_canvas *b, const em_mix *mix)
{
    const double height = (double)(mix->f1 - mix->f0) / a->n_mels;
    const size_t n = (size_t)a->n_classes;

    for (int s = 0; s < a->n_slots; s++) {
        int begin, end, first, last;
        double share = 0;

        em_canvas_slot(&begin, &end, a, s);
        first = begin > mix->t0 ? begin : mix->t0;
        last = end < mix->t1 ? end : mix->t1;
        if (first < last)
            share = height * (last - first) / (end - begin);
        mix_floats(out->slots + (size_t)s * n, a->slots + (size_t)s * n, b->slots + (size_t)s * n, 1.0 - share, n);
    }
}

void em_mix_apply(em_canvas *out, const em_canvas *a, const em_canvas *b, const em_mix *mix, const em_mix_cfg *cfg,
                  const em_level *level)
{
    double lambda = mix->lambda;

    if (out != a)
        em_canvas_copy(out, a);
    if (lambda >= 1.0)
        return;
    if (cfg->form == EM_MIX_CUT)
        paste(out, b, mix);
    else if (cfg->form == EM_MIX_LINEAR || lambda <= 0.0)
        mix_floats(out->frames, a->frames, b->frames, lambda, (size_t)a->n_frames * (size_t)a->n_mels);
    else
        mix_powers(out, a, b, lambda, level);
    if (cfg->keeps_labels)
        return;
    mix_floats(out->target, a->target, b->target, lambda, (size_t)a->n_classes);
    mix_floats(out->weight, a->weight, b->weight, lambda, (size_t)a->n_classes);
    if (cfg->form == EM_MIX_CUT)
        cut_slots(out, a, b, mix);
    else
        mix_floats(out->slots, a->slots, b->slots, lambda, (size_t)a->n_slots * (size_t)a->n_classes);
}
