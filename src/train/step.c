/* step.c - see step.h. */
#include "train/step.h"

#include "train/draw.h"
#include "train/keep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float *new_block(em_trainer *t)
{
    float *x = t->cfg->ops->alloc(t->cfg->dev, t->n * sizeof *x);

    if (x)
        t->cfg->ops->clear(t->cfg->dev, x, t->n);
    return x;
}

static int micro_batch(const em_trainer *t)
{
    const int share = t->cfg->recipe->batch / em_dist_size(t->cfg->dist);

    return t->cfg->recipe->micro_batch < share ? t->cfg->recipe->micro_batch : share;
}

static bool learns_slots(const em_trainer *t) { return t->cfg->recipe->loss.slot_weight > 0; }

static size_t slots_of(const em_trainer *t) { return (size_t)em_config_slots(t->cfg->practice) * (size_t)t->cfg->model->n_classes; }

static em_status make_room(em_trainer *t, em_err *err)
{
    const size_t micro = (size_t)micro_batch(t), classes = (size_t)t->cfg->model->n_classes, mels = (size_t)t->cfg->model->n_mels;
    const size_t branches = (size_t)em_learner_branches(t->learner);

    t->m = new_block(t);
    t->v = new_block(t);
    t->ema = t->cfg->recipe->ema > 0 ? new_block(t) : NULL;
    t->ranges = malloc(((size_t)t->groups.n + 1) * sizeof *t->ranges);
    t->logits = malloc(2 * micro * classes * sizeof *t->logits);
    t->dlogits = t->logits ? t->logits + micro * classes : NULL;
    t->slots = learns_slots(t) ? malloc(2 * micro * slots_of(t) * sizeof *t->slots) : NULL;
    t->dslots = t->slots ? t->slots + micro * slots_of(t) : NULL;
    t->factors = t->cfg->recipe->drop_path > 0 ? malloc(branches * micro * sizeof *t->factors) : NULL;
    t->in = malloc(micro * sizeof *t->in);
    t->mean = calloc(3 * mels, sizeof *t->mean);
    t->host = malloc(t->n * sizeof *t->host);
    if (!t->m || !t->v || (t->cfg->recipe->ema > 0 && !t->ema) || !t->ranges || !t->logits || !t->in || !t->mean || !t->host ||
        (t->cfg->recipe->drop_path > 0 && !t->factors) || (learns_slots(t) && !t->slots))
        return em_fail(err, EM_ENOMEM, "no memory for training");
    t->var = t->mean + mels;
    t->first_mean = t->var + mels;
    return EM_OK;
}

static em_examples_cfg examples_of(const em_trainer *t)
{
    const em_train_cfg *c = t->cfg;

    return (em_examples_cfg){ c->recipe, c->practice, c->set, c->features, c->clips, c->n_clips, c->kd };
}

em_status em_train_open(em_trainer *t, em_err *err)
{
    const em_train_cfg *cfg = t->cfg;
    const em_recipe *r = cfg->recipe;
    const em_examples_cfg examples = examples_of(t);
    const int n_ranks = em_dist_size(cfg->dist);
    em_learner_cfg how = {
        .ops = cfg->ops, .dev = cfg->dev, .drops_paths = r->drop_path > 0, .learns_slots = learns_slots(t), .recomputes = r->recomputes,
    };
    em_status status;

    if (r->batch % n_ranks != 0)
        return em_fail(err, EM_EINVAL, "a batch of %d windows cannot be shared by %d ranks: it must be a multiple", r->batch, n_ranks);
    how.max_batch = micro_batch(t);
    t->best_map = -1;
    t->steps_per_epoch = (em_examples_per_epoch(&examples) + r->batch - 1) / r->batch;
    t->n_steps = t->steps_per_epoch * r->n_epochs;
    t->schedule = r->schedule;
    t->schedule.n_steps = t->n_steps;
    t->schedule.steps_per_epoch = t->steps_per_epoch;
    if (em_schedule_clamp(&t->schedule) && cfg->warn)
        cfg->warn(cfg->ctx, "the warm-up is cut to a tenth of the run");
    status = em_schedule_check(&t->schedule, err);
    if (status == EM_OK)
        status = em_learner_new(&t->learner, cfg->practice, &how, err);
    if (status == EM_OK) {
        t->n = em_learner_params(t->learner)->n_total;
        status = em_groups_init(&t->groups, em_learner_params(t->learner), cfg->practice, &r->groups, err);
    }
    if (status == EM_OK)
        status = em_allsum_new(&t->allsum, cfg->ops, cfg->dev, cfg->dist, em_learner_grads(t->learner), t->n, err);
    return status == EM_OK ? make_room(t, err) : status;
}

void em_train_close(em_trainer *t)
{
    em_batches_free(t->batches);
    em_allsum_free(t->allsum);
    for (float *blocks[] = { t->m, t->v, t->ema }, **b = blocks; b < blocks + EM_COUNT(blocks); b++)
        if (*b)
            t->cfg->ops->release(t->cfg->dev, *b);
    em_groups_deinit(&t->groups);
    em_learner_free(t->learner);
    free(t->ranges);
    free(t->logits);
    free(t->slots);
    free(t->factors);
    free(t->in);
    free(t->mean);
    free(t->host);
}

const float *em_train_average(const em_trainer *t) { return t->ema ? t->ema : em_learner_values(t->learner); }

/* ------------------------------------------------------------------ before the first step */

/* Running statistics begin with the data's: at the rate of a warm-up they would need a hundred steps to get there. */
static em_status begin_statistics(em_trainer *t, em_err *err)
{
    static const char *const names[2] = { "bn0.running_mean", "bn0.running_var" };
    const double *const from[2] = { t->mean, t->var };
    float values[EM_MOST_MELS];
    em_status status = EM_OK;

    for (int k = 0; k < 2 && status == EM_OK && t->cfg->model->frontend == EM_FRONTEND_HTSAT && !t->cfg->init_has_statistics; k++) {
        for (int f = 0; f < t->cfg->model->n_mels; f++)
            values[f] = (float)from[k][f];
        status = em_learner_put(t->learner, em_learner_values(t->learner), em_params_find(em_learner_params(t->learner), names[k]), values, err);
    }
    return status;
}

static em_status measure(em_trainer *t, em_err *err)
{
    const em_examples_cfg cfg = examples_of(t);
    em_examples *e;
    em_status status = em_examples_new(&e, &cfg, err);

    if (status == EM_OK)
        status = em_examples_measure(e, t->mean, t->var, err);
    em_examples_free(e);
    memcpy(t->first_mean, t->mean, (size_t)t->cfg->model->n_mels * sizeof *t->mean);
    return status;
}

em_status em_train_fresh(em_trainer *t, em_err *err)
{
    em_status status = em_learner_load(t->learner, t->cfg->init, err);

    if (status == EM_OK)
        status = measure(t, err);
    if (status == EM_OK)
        status = begin_statistics(t, err);
    t->cfg->ops->clear(t->cfg->dev, t->m, t->n);
    t->cfg->ops->clear(t->cfg->dev, t->v, t->n);
    if (t->ema)
        t->cfg->ops->blend(t->cfg->dev, t->ema, em_learner_values(t->learner), 1, t->n);
    return status;
}

em_status em_train_begin(em_trainer *t, em_err *err)
{
    const em_examples_cfg cfg = examples_of(t);

    t->progress = (em_train_progress){ .n_epochs = t->cfg->recipe->n_epochs, .n_steps = t->n_steps, .step = t->step, .map = NAN, .accuracy = NAN };
    em_batches_free(t->batches);
    return em_batches_new(&t->batches, &cfg, t->first_mean, em_dist_rank(t->cfg->dist), em_dist_size(t->cfg->dist), t->step, t->n_steps, err);
}

/* ------------------------------------------------------------------ one step */

/* What is frozen sees what a tagger sees: bn0's running statistics, which stay. */
static bool is_frozen(const em_trainer *t) { return t->cfg->recipe->groups.is_frozen || t->cfg->recipe->groups.learns; }

static double batch_frames(const em_trainer *t) { return (double)t->cfg->recipe->batch * em_examples_frames(t->cfg->practice); }

/* bn0's mean and variance over the whole batch, whoever has its parts. */
static em_status batch_statistics(em_trainer *t, const em_batch *batch, em_err *err)
{
    const size_t mels = (size_t)t->cfg->model->n_mels;
    const double n = batch_frames(t);
    em_status status = em_dist_sum_doubles(t->cfg->dist, batch->sum, 2 * mels, err);

    for (size_t f = 0; f < mels; f++) {
        t->mean[f] = batch->sum[f] / n;
        t->var[f] = fmax(batch->squares[f] / n - t->mean[f] * t->mean[f], 0);
    }
    if (status != EM_OK)
        return status;
    return is_frozen(t) ? em_learner_statistics(t->learner, NULL, NULL, err) : em_learner_statistics(t->learner, t->mean, t->var, err);
}

/* Branches of a sample survive, or not, by draws of its own; the later the block, the fewer. */
static em_status drop_paths(em_trainer *t, const em_batch *batch, int first, int n, em_err *err)
{
    const int n_branches = em_learner_branches(t->learner), micro = micro_batch(t);
    const int n_blocks = em_learner_branch_block(t->learner, n_branches - 1) + 1;
    const long base = batch->step * t->cfg->recipe->batch + em_dist_rank(t->cfg->dist) * batch->n + first;

    if (!t->factors)
        return EM_OK;
    for (int i = 0; i < n; i++) {
        em_rng rng = em_draw_stream(t->cfg->recipe->seed, EM_LANE_DROP, 0, (uint64_t)(base + i));

        for (int k = 0; k < n_branches; k++) {
            const double p = em_recipe_drop(t->cfg->recipe, em_learner_branch_block(t->learner, k), n_blocks);

            t->factors[k * micro + i] = em_draw_chance(&rng, p) ? 0 : (float)(1 / (1 - p));
        }
    }
    return em_learner_set_branches(t->learner, t->factors, err);
}

/* A part of the batch that fits into memory, both ways. Returns its share of the loss in *loss. */
static em_status pass(em_trainer *t, const em_batch *batch, int first, int n, bool is_last, double *loss, em_err *err)
{
    const em_recipe *r = t->cfg->recipe;
    const size_t classes = (size_t)t->cfg->model->n_classes, at = (size_t)first * classes;
    const int n_frames = em_examples_frames(t->cfg->practice);
    const em_loss_batch part = {
        .logits = t->logits, .target = batch->target + at, .weight = batch->weight + at, .teacher = t->cfg->kd ? batch->teachers + first : NULL,
        .B = n, .C = (int)classes, .B_global = r->batch,
    };
    em_status status = drop_paths(t, batch, first, n, err);

    for (int i = 0; i < n; i++)
        t->in[i] = (em_input){ .frames = batch->frames + (size_t)(first + i) * (size_t)n_frames * (size_t)t->cfg->model->n_mels,
                                 .n_frames = n_frames };
    if (status == EM_OK)
        status = em_learner_forward(t->learner, t->in, t->logits, t->slots, n, err);
    if (status != EM_OK)
        return status;
    *loss += em_loss(t->dlogits, &part, &r->loss);
    if (t->slots)
        *loss += em_loss_of_slots(t->dslots, &(em_loss_slots){ .logits = t->slots, .target = batch->slots + (size_t)first * slots_of(t),
                                                               .weight = part.weight, .B = n, .S = em_config_slots(t->cfg->practice),
                                                               .C = (int)classes, .B_global = r->batch }, &r->loss);
    return em_learner_backward(t->learner, t->dlogits, t->dslots, n, is_last ? em_allsum_ready : NULL, t->allsum, err);
}

/* Loss and gradients of the whole batch, on every rank the same. */
static em_status gradients(em_trainer *t, const em_batch *batch, double *loss, em_err *err)
{
    const int micro = micro_batch(t);
    em_status status = batch_statistics(t, batch, err);

    t->cfg->ops->clear(t->cfg->dev, em_learner_grads(t->learner), t->n);
    em_allsum_begin(t->allsum);
    for (int at = 0; at < batch->n && status == EM_OK; at += micro) {
        const int n = batch->n - at < micro ? batch->n - at : micro;

        status = pass(t, batch, at, n, at + n == batch->n, loss, err);
    }
    if (status == EM_OK)
        status = em_allsum_wait(t->allsum, err);
    else
        em_allsum_drop(t->allsum);
    return status == EM_OK ? em_dist_sum_doubles(t->cfg->dist, loss, 1, err) : status;
}

static em_status take(em_trainer *t, double norm, double rate, em_err *err)
{
    const em_recipe *r = t->cfg->recipe;
    const double n_taken = (double)++t->n_taken;
    const em_adamw a = {
        .w = em_learner_values(t->learner), .m = t->m, .v = t->v, .g = em_learner_grads(t->learner), .ranges = t->ranges, .n_ranges = t->groups.n,
        .beta1 = (float)r->beta1, .beta2 = (float)r->beta2, .eps = (float)r->eps,
        .c1 = (float)(1 - pow(r->beta1, n_taken)), .c2 = (float)(1 - pow(r->beta2, n_taken)),
        .scale = r->clip > 0 && norm > r->clip ? (float)(r->clip / norm) : 1.f,
    };

    em_status status = is_frozen(t) ? EM_OK : em_learner_follow(t->learner, t->mean, t->var, batch_frames(t), err);

    em_groups_at(t->ranges, &t->groups, rate);
    t->cfg->ops->adamw(t->cfg->dev, &a);
    if (t->ema) {                                       /* short at first: (1 + n)/(10 + n) */
        const double keep = fmin(r->ema, n_taken / (9 + n_taken));

        t->cfg->ops->blend(t->cfg->dev, t->ema, em_learner_values(t->learner), (float)(1 - keep), t->n);
    }
    return status == EM_OK ? em_learner_refresh(t->learner, err) : status;
}

/* The gradient of what learns; what is frozen has one, too, and does not count. */
static double gradient_norm(const em_trainer *t)
{
    const float *grads = em_learner_grads(t->learner);
    double sum = 0;

    if (!is_frozen(t))
        return sqrt(t->cfg->ops->sum_squares(t->cfg->dev, grads, t->n));
    for (int i = 0; i < t->groups.n; i++)
        sum += t->cfg->ops->sum_squares(t->cfg->dev, grads + t->groups.ranges[i].begin, t->groups.ranges[i].n);
    return sqrt(sum);
}

/* A finite gradient may still be too large for a weight or a moment. */
static bool is_finite(const em_trainer *t)
{
    const em_ops *ops = t->cfg->ops;

    return isfinite(ops->sum_squares(t->cfg->dev, em_learner_values(t->learner), t->n)) && isfinite(ops->sum_squares(t->cfg->dev, t->v, t->n));
}

/* What a step that is not finite leads to. */
static em_status mend(em_trainer *t, em_verdict verdict, em_err *err)
{
    if (verdict == EM_GIVE_UP) {
        t->has_diverged = true;
        return em_fail(err, EM_EFORMAT, "training diverged: loss or gradients of step %ld (epoch %ld, batch %ld) are not finite, "
                       "and a lower rate did not help", t->step, t->step / t->steps_per_epoch + 1, t->step % t->steps_per_epoch);
    }
    return verdict == EM_RELOAD ? em_keep_reload(t, err) : EM_OK;
}

em_status em_train_step(em_trainer *t, em_err *err)
{
    const double rate = em_schedule_rate(&t->schedule, t->step) * em_guard_rate(&t->guard);
    const em_batch *batch;
    double loss = 0, norm;
    em_verdict verdict;
    em_status status = em_batches_next(t->batches, &batch, err);

    if (status == EM_OK)
        status = gradients(t, batch, &loss, err);
    if (status != EM_OK)
        return status;
    norm = gradient_norm(t);
    verdict = em_guard_step(&t->guard, isfinite(loss) && isfinite(norm));
    if (verdict == EM_TAKE) {
        status = take(t, norm, rate, err);
        t->epoch_loss += loss;
        t->epoch_taken++;
        if (status == EM_OK && !is_finite(t))
            verdict = em_guard_lost(&t->guard);
    }
    if (status == EM_OK && verdict != EM_TAKE)
        status = mend(t, verdict, err);
    if (status != EM_OK || verdict == EM_RELOAD)
        return status;
    t->step++;
    t->progress = (em_train_progress){
        .epoch = (t->step - 1) / t->steps_per_epoch, .n_epochs = t->cfg->recipe->n_epochs, .step = t->step, .n_steps = t->n_steps,
        .loss = loss, .rate = rate, .norm = norm, .map = NAN, .accuracy = NAN, .n_skipped = t->guard.n_skipped,
    };
    return status;
}
