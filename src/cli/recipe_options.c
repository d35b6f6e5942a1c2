/* recipe_options.c - see recipe_options.h. */
#include "cli/recipe_options.h"

#include <math.h>
#include <string.h>

/* The place of `name` in a table of the choices' order. */
static int choice(const char *name, const char *const *names, int n)
{
    int i = 0;

    while (i < n - 1 && strcmp(name, names[i]) != 0)
        i++;
    return i;
}

#define CHOICE(name, ...) choice(name, (const char *const[]){ __VA_ARGS__ }, (int)EM_COUNT(((const char *const[]){ __VA_ARGS__ })))

static em_loss_kind loss_kind(const em_train_options *t) { return (em_loss_kind)CHOICE(t->loss, "bce", "ce"); }

static em_compose_cfg compose_of(const em_train_options *t, em_frontend_kind kind)
{
    em_compose_cfg c = em_compose_defaults(kind);

    c.place = (em_place)CHOICE(t->place, "any", "inside", "start", "end");
    c.trims = t->trim;
    c.rolls = t->roll;
    c.gain_db = t->gain;
    c.warp = (em_warp_cfg){ t->stretch, t->shift, t->tone };
    c.p_empty = t->empty;
    c.p_before = c.p_after = t->neighbours;
    c.p_bed = t->bed;
    c.bed_high_db = t->bed_high;
    c.bed_low_db = fmin(c.bed_low_db, t->bed_high);
    c.unknown_weight = (float)t->unknown;
    return c;
}

static em_specaugment_cfg masks_of(const em_train_options *t)
{
    return (em_specaugment_cfg){
        .n_time = t->mask_time > 0 ? 2 : 0, .time_width = t->mask_time > 0 ? t->mask_time : 1,
        .n_mel = t->mask_mel > 0 ? 2 : 0, .mel_width = t->mask_mel > 0 ? t->mask_mel : 1,
    };
}

em_threshold_rule em_threshold_rule_of_options(const em_options *o)
{
    return (em_threshold_rule){ o->train.wanted_precision, o->train.least_threshold, o->train.least_general };
}

em_recipe em_recipe_of_options(const em_options *o, em_frontend_kind kind)
{
    const em_train_options *t = &o->train;
    em_recipe r = em_recipe_defaults(kind);

    r.seed = (uint64_t)t->seed;
    r.n_epochs = t->epochs;
    r.draws = t->draws;
    r.batch = t->batch;
    r.micro_batch = t->micro_batch;
    r.recomputes = t->recompute;
    em_sampling_parse(&r.sampling, t->sampling, NULL);
    em_schedule_parse(&r.schedule, t->schedule, NULL);
    r.schedule.rate = t->lr;
    r.schedule.floor = t->lr_floor;
    r.schedule.n_warmup = t->warmup;
    r.groups = (em_groups_cfg){ .decay = t->weight_decay, .decays_all = t->decay_all, .layer_decay = t->layer_decay, .is_frozen = t->freeze };
    r.clip = t->clip_norm;
    r.ema = t->ema;
    r.average = t->average;
    r.drop_path = t->drop_path;
    r.loss = (em_loss_cfg){ .kind = loss_kind(t), .smoothing = t->label_smoothing, .kd_share = t->kd ? t->kd_share : 0,
                            .slot_weight = t->slot_loss };
    r.compose = compose_of(t, kind);
    r.mixup = (em_mix_cfg){ .form = (em_mix_form)CHOICE(t->mixup_form, "linear", "power"), .p = t->mixup, .alpha = t->mixup_alpha,
                            .keeps_labels = strcmp(t->mixup_labels, "keep") == 0 };
    r.partners = (em_partner_rule)CHOICE(t->partners, "mirror", "random");
    r.cutmix = (em_mix_cfg){ .form = EM_MIX_CUT, .p = t->cutmix, .alpha = t->cutmix_alpha, .is_time_only = t->cutmix_time };
    r.specaugment = masks_of(t);
    r.save_steps = t->save_steps;
    r.keep = t->keep;
    r.valid_epochs = t->valid_epochs;
    r.thresholds = em_threshold_rule_of_options(o);
    return r;
}

em_status em_config_of_options(em_config *cfg, const em_options *o, const em_config *first, int n_classes, em_err *err)
{
    const em_train_options *t = &o->train;
    em_status status = EM_OK;

    if (first && !o->preset)
        *cfg = *first;
    else
        status = em_config_preset(cfg, o->preset ? o->preset : "nano", err);
    if (status != EM_OK)
        return status;
    cfg->n_classes = n_classes;
    cfg->activation = loss_kind(t) == EM_LOSS_CE ? EM_SOFTMAX : EM_SIGMOID;
    if (t->d_state > 0)
        cfg->d_state = t->d_state;
    if (t->gate)
        cfg->has_gate = true;
    if (t->transformer_block) {
        cfg->block = EM_BLOCK_SS2D_ATTN;
        cfg->window = 8;
        for (int i = 0; i < EM_STAGES; i++)
            cfg->heads[i] = 4 << i;
    }
    return o->window > 0 ? em_config_set_window(cfg, o->window, err) : EM_OK;
}
