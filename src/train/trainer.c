/* trainer.c - the loop: see trainer.h. What a step does stands in step.c, what is kept in keep.c. */
#include "train/trainer.h"

#include "train/keep.h"
#include "train/step.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void em_train_progress_json(em_json *j, const em_train_progress *p)
{
    em_json_int(j, "epoch", p->epoch + 1);
    em_json_int(j, "step", p->step);
    em_json_float(j, "loss", p->loss);
    em_json_float(j, "lr", p->rate);
    em_json_float(j, "grad_norm", p->norm);
    if (isfinite(p->map))
        em_json_fixed(j, "valid_map", p->map, 6);
    if (isfinite(p->accuracy))
        em_json_fixed(j, "valid_accuracy", p->accuracy, 6);
    em_json_int(j, "skipped", p->n_skipped);
}

static em_status tell_all_ranks(em_trainer *t, bool *stops, em_err *err)
{
    double wish = t->cfg->stop && atomic_load(t->cfg->stop);
    em_status status = em_dist_sum_doubles(t->cfg->dist, &wish, 1, err);

    *stops = wish > 0;
    return status;
}

static void tell(const em_trainer *t, const em_train_progress *p)
{
    if (t->cfg->tell && em_dist_rank(t->cfg->dist) == 0)
        t->cfg->tell(t->cfg->ctx, p);
}

/* ------------------------------------------------------------------ validation */

static em_status validate(em_trainer *t, em_err *err)
{
    em_learner_reader reader = { t->learner, em_train_average(t) };
    const em_tensor_source weights = em_learner_source(&reader);
    const em_status status = em_validate(&t->valid, t->cfg, &weights, err);

    t->valid.step = t->step;
    t->progress.map = t->valid.map;
    t->progress.accuracy = t->valid.accuracy;
    return status;
}

static bool is_validated(const em_trainer *t)
{
    const em_recipe *r = t->cfg->recipe;

    return t->cfg->n_valid > 0 && r->valid_epochs > 0 && ((t->progress.epoch + 1) % r->valid_epochs == 0 || t->step == t->n_steps);
}

/* ------------------------------------------------------------------ the end of an epoch */

/* By the end of an epoch all clips were asked for. */
static void count_unusable(em_trainer *t)
{
    const int n = em_features_count(t->cfg->features).n_unusable;
    char sentence[120];

    if (n > 0 && t->cfg->warn && !t->has_counted) {
        snprintf(sentence, sizeof sentence, "%d of %d clips of the set could not be used (--dry-run says why)", n, t->cfg->set->n_clips);
        t->cfg->warn(t->cfg->ctx, sentence);
    }
    t->has_counted = true;
}

static em_status end_epoch(em_trainer *t, em_err *err)
{
    em_train_progress *p = &t->progress;
    em_status status = EM_OK;

    p->is_epoch = true;
    p->epoch = t->step / t->steps_per_epoch - 1;
    p->loss = t->epoch_loss / (double)t->epoch_taken;   /* NAN: all were skipped */
    p->map = p->accuracy = NAN;
    if (em_dist_rank(t->cfg->dist) == 0) {
        count_unusable(t);
        if (is_validated(t))
            status = validate(t, err);
        if (status == EM_OK)
            status = em_keep_epoch(t, err);
    }
    tell(t, p);
    p->is_epoch = false;
    t->epoch_loss = 0;
    t->epoch_taken = 0;
    return status;
}

/* A failure of the first rank alone must not leave the others waiting; they end with its reason. */
static em_status agree(em_trainer *t, em_status status, em_err *err)
{
    double failed = status != EM_OK;
    em_err first = { .code = status }, other;

    if (em_dist_sum_doubles(t->cfg->dist, &failed, 1, &other) != EM_OK && status == EM_OK) {
        *err = other;
        return other.code;
    }
    if (failed == 0 || em_dist_size(t->cfg->dist) == 1)
        return status;
    if (status != EM_OK)
        first = *err;
    if (em_dist_broadcast(t->cfg->dist, &first, sizeof first, &other) != EM_OK || status != EM_OK)
        return status != EM_OK ? status : em_fail(err, other.code, "%s", other.msg);
    return first.code != EM_OK ? em_fail(err, first.code, "%s", first.msg) : em_fail(err, EM_EIO, "another rank could not go on");
}

static bool is_save_due(const em_trainer *t)
{
    const em_recipe *r = t->cfg->recipe;

    return t->step % t->steps_per_epoch == 0 || (r->save_steps > 0 && t->step % r->save_steps == 0);
}

/* What follows a step. */
static em_status go_on(em_trainer *t, bool *stops, em_err *err)
{
    em_status status = EM_OK;

    tell(t, &t->progress);
    if (t->step % t->steps_per_epoch == 0)
        status = agree(t, end_epoch(t, err), err);
    if (status == EM_OK)
        status = tell_all_ranks(t, stops, err);
    if (status == EM_OK && (is_save_due(t) || *stops))
        status = agree(t, em_keep_state(t, false, err), err);
    return status;
}

static em_status run_steps(em_trainer *t, em_err *err)
{
    em_status status = EM_OK;
    bool stops = false;

    while (t->step < t->n_steps && status == EM_OK && !stops) {
        const long before = t->step;

        status = em_train_step(t, err);
        if (status == EM_OK && t->step > before)        /* else back at a saved state, whose epoch was ended already */
            status = go_on(t, &stops, err);
    }
    if (status == EM_OK && stops && t->step < t->n_steps)
        return em_fail(err, EM_ECANCELED, "stopped after step %ld of %ld; --resume goes on from there", t->step, t->n_steps);
    if (status == EM_OK && t->n_taken == 0) {           /* a run too short for the guard */
        t->has_diverged = true;
        return em_fail(err, EM_EFORMAT, "training diverged: loss or gradients of all %ld steps are not finite", t->n_steps);
    }
    return status;
}

/* ------------------------------------------------------------------ */

static em_status check(const em_train_cfg *cfg, em_err *err)
{
    em_status status = em_recipe_check(cfg->recipe, err);

    if (status == EM_OK && cfg->n_clips < 1)
        status = em_fail(err, EM_EINVAL, "there is no clip to learn from");
    return status;
}

em_status em_train(em_train_result *result, const em_train_cfg *cfg, em_err *err)
{
    em_trainer t = { .cfg = cfg };
    em_status status = check(cfg, err);
    bool is_finished = false;

    *result = (em_train_result){ 0 };
    if (status == EM_OK)
        status = em_train_open(&t, err);
    if (status == EM_OK)
        status = agree(&t, em_keep_open(&t, &is_finished, err), err);
    if (status == EM_OK)
        status = em_keep_share(&t, &is_finished, err);
    if (status == EM_OK && !is_finished) {
        status = em_train_begin(&t, err);
        if (status == EM_OK)
            status = run_steps(&t, err);
        if (status == EM_OK)
            status = agree(&t, em_keep_end(&t, err), err);
    }
    result->was_finished = is_finished;
    result->has_diverged = t.has_diverged;
    result->last = t.progress;
    em_keep_close(&t);
    em_validation_deinit(&t.valid);
    em_train_close(&t);
    return status;
}
