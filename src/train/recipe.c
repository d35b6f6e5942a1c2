/* recipe.c - see recipe.h. */
#include "train/recipe.h"

#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>

em_recipe em_recipe_defaults(em_frontend_kind kind)
{
    return (em_recipe){
        .seed = 1, .n_epochs = 60, .batch = 16, .micro_batch = 16, .sampling = EM_SAMPLING_SHUFFLE,
        .schedule = { .kind = EM_SCHEDULE_COSINE, .rate = 1.2e-3, .n_warmup = 100, .factors = { .02, .05, .1 } },
        .groups = { .decay = .05, .layer_decay = 1 }, .beta1 = .9, .beta2 = .999, .eps = 1e-8, .clip = 1, .ema = .999, .drop_path = .1,
        .loss = { .kind = EM_LOSS_BCE }, .compose = em_compose_defaults(kind),
        .mixup = { .form = EM_MIX_LINEAR, .p = .5, .alpha = .4 }, .cutmix = { .form = EM_MIX_CUT, .p = 0, .alpha = 1 },
        .partners = EM_PARTNER_RANDOM, .specaugment = em_specaugment_defaults(), .keep = 2, .valid_epochs = 1,
    };
}

double em_recipe_drop(const em_recipe *r, int block, int n_blocks) { return n_blocks > 1 ? r->drop_path * block / (n_blocks - 1) : 0; }

typedef struct range { const char *name; double value, min, max; } range;

em_status em_recipe_check(const em_recipe *r, em_err *err)
{
    const range ranges[] = {
        { "epochs", (double)r->n_epochs, 1, 1e6 }, { "batch", r->batch, 1, 65536 }, { "micro-batch", r->micro_batch, 1, 4096 },
        { "beta1", r->beta1, 0, .999999 }, { "beta2", r->beta2, 0, .9999999 }, { "clip", r->clip, 0, 1e9 }, { "ema", r->ema, 0, .9999999 },
        { "average", r->average, 0, 1000 }, { "drop-path", r->drop_path, 0, .9 }, { "keep", r->keep, 1, 1000 },
        { "label-smoothing", r->loss.smoothing, 0, .9 }, { "kd-share", r->loss.kd_share, 0, 1 },
        { "slot-loss", r->loss.slot_weight, 0, 1000 },
    };

    for (size_t i = 0; i < EM_COUNT(ranges); i++)
        if (!(ranges[i].value >= ranges[i].min && ranges[i].value <= ranges[i].max))
            return em_fail(err, EM_EINVAL, "%s is %g: must be %g to %g", ranges[i].name, ranges[i].value, ranges[i].min, ranges[i].max);
    if (em_compose_check(&r->compose, err) || em_mix_check(&r->mixup, err) || em_mix_check(&r->cutmix, err) ||
        em_specaugment_check(&r->specaugment, err))
        return EM_EINVAL;
    return EM_OK;
}

static void real(em_json *j, const char *key, double x) { em_json_fixed(j, key, x, 9); }

static void compose_json(em_json *j, const em_compose_cfg *c)
{
    em_json_begin(j, "compose", '{');
    em_json_int(j, "place", c->place);
    real(j, "least_inside", c->least_inside);
    em_json_int(j, "trims", c->trims);
    em_json_int(j, "rolls", c->rolls);
    real(j, "gain_db", c->gain_db);
    real(j, "stretch", c->warp.stretch);
    real(j, "shift", c->warp.shift);
    real(j, "tone_db", c->warp.tone_db);
    real(j, "p_empty", c->p_empty);
    real(j, "p_before", c->p_before);
    real(j, "p_after", c->p_after);
    em_json_int(j, "most_gap", c->most_gap);
    real(j, "p_bed", c->p_bed);
    real(j, "bed_low_db", c->bed_low_db);
    real(j, "bed_high_db", c->bed_high_db);
    real(j, "bed_tilt_db", c->bed_tilt_db);
    real(j, "bed_below_db", c->bed_below_db);
    real(j, "sound_db", c->sound_db);
    real(j, "least_share", c->least_share);
    em_json_int(j, "least_frames", c->least_frames);
    real(j, "unknown_weight", (double)c->unknown_weight);
    em_json_end(j, '}');
}

static void mix_json(em_json *j, const char *key, const em_mix_cfg *m)
{
    em_json_begin(j, key, '{');
    em_json_int(j, "form", m->form);
    real(j, "p", m->p);
    real(j, "alpha", m->alpha);
    em_json_int(j, "is_major", m->is_major);
    em_json_int(j, "keeps_labels", m->keeps_labels);
    em_json_int(j, "is_time_only", m->is_time_only);
    em_json_end(j, '}');
}

static void rates_json(em_json *j, const em_recipe *r)
{
    em_json_int(j, "schedule", r->schedule.kind);
    real(j, "rate", r->schedule.rate);
    real(j, "floor", r->schedule.floor);
    em_json_int(j, "warmup", r->schedule.n_warmup);
    for (int i = 0; i < 3; i++)
        real(j, "factor", r->schedule.factors[i]);
    real(j, "decay", r->groups.decay);
    em_json_int(j, "decays_all", r->groups.decays_all);
    real(j, "layer_decay", r->groups.layer_decay);
    em_json_int(j, "is_frozen", r->groups.is_frozen);
    em_json_int(j, "n_kept", em_groups_kept(&r->groups));
    real(j, "beta1", r->beta1);
    real(j, "beta2", r->beta2);
    real(j, "eps", r->eps * 1e6);
    real(j, "clip", r->clip);
    real(j, "ema", r->ema);
    em_json_int(j, "average", r->average);
    real(j, "drop_path", r->drop_path);
}

char *em_recipe_json(const em_recipe *r)
{
    em_json j = { 0 };
    char seed[24];

    snprintf(seed, sizeof seed, "%" PRIu64, r->seed);
    em_json_begin(&j, NULL, '{');
    em_json_string(&j, "seed", seed);
    em_json_int(&j, "epochs", r->n_epochs);
    em_json_int(&j, "draws", r->draws);
    em_json_int(&j, "batch", r->batch);
    em_json_int(&j, "sampling", r->sampling);
    rates_json(&j, r);
    em_json_int(&j, "loss", r->loss.kind);
    real(&j, "smoothing", r->loss.smoothing);
    real(&j, "kd_share", r->loss.kd_share);
    if (r->loss.slot_weight > 0)                        /* states of runs from before there was such a loss go on */
        real(&j, "slot_weight", r->loss.slot_weight);
    compose_json(&j, &r->compose);
    mix_json(&j, "mixup", &r->mixup);
    mix_json(&j, "cutmix", &r->cutmix);
    em_json_int(&j, "partners", r->partners);
    em_json_begin(&j, "specaugment", '{');
    em_json_int(&j, "n_time", r->specaugment.n_time);
    em_json_int(&j, "time_width", r->specaugment.time_width);
    em_json_int(&j, "n_mel", r->specaugment.n_mel);
    em_json_int(&j, "mel_width", r->specaugment.mel_width);
    em_json_end(&j, '}');
    em_json_int(&j, "valid_epochs", r->valid_epochs);
    real(&j, "precision", r->thresholds.precision);
    real(&j, "least_threshold", r->thresholds.least);
    real(&j, "least_general", r->thresholds.least_general);
    em_json_end(&j, '}');
    if (!j.has_failed)
        return j.text;
    em_json_deinit(&j);
    return NULL;
}
