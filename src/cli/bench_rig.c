/* bench_rig.c - see bench_rig.h. */
#include "cli/bench_rig.h"

#include "backend/backend.h"
#include "base/clock.h"
#include "cli/init.h"
#include "train/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* So small that the weights stay what they are; the speed of a step does not depend on it. */
static const double learning_rate = 1e-6;

static float *new_block(const em_bench_rig *rig)
{
    float *x = rig->ops->alloc(rig->dev, rig->n * sizeof *x);

    if (x)
        rig->ops->clear(rig->dev, x, rig->n);
    return x;
}

static em_status make_learner(em_bench_rig *rig, em_err *err)
{
    const em_bench_step_cfg *cfg = rig->cfg;
    const em_dev_cfg dev = { .n_threads = cfg->n_threads };
    em_backend backend = { 0 };
    em_init fresh = { 0 };
    em_tensor_source from;
    em_status status = em_backend_open(&backend, cfg->backend, &dev, err);

    rig->ops = backend.ops;
    rig->dev = backend.dev;
    rig->micro = cfg->recipe->micro_batch < cfg->recipe->batch ? cfg->recipe->micro_batch : cfg->recipe->batch;
    const em_learner_cfg how = {
        .ops = rig->ops, .dev = rig->dev, .max_batch = rig->micro,
        .drops_paths = cfg->recipe->drop_path > 0, .recomputes = cfg->recipe->recomputes,
    };

    if (status == EM_OK)
        status = em_learner_new(&rig->learner, cfg->model, &how, err);
    if (status == EM_OK)
        status = em_init_open(&fresh, NULL, cfg->recipe->seed, err);
    from = em_init_source(&fresh);
    if (status == EM_OK)
        status = em_learner_load(rig->learner, &from, err);
    em_init_close(&fresh);
    return status;
}

static em_status make_room(em_bench_rig *rig, em_err *err)
{
    const em_config *model = rig->cfg->model;
    const em_recipe *r = rig->cfg->recipe;
    const size_t micro = (size_t)rig->micro, mels = (size_t)model->n_mels, classes = micro * (size_t)model->n_classes;
    em_status status = em_groups_init(&rig->groups, em_learner_params(rig->learner), model, &r->groups, err);

    rig->n = em_learner_params(rig->learner)->n_total;
    rig->m = new_block(rig);
    rig->v = new_block(rig);
    rig->ema = r->ema > 0 ? new_block(rig) : NULL;
    rig->ranges = malloc(((size_t)rig->groups.n + 1) * sizeof *rig->ranges);
    rig->frames = malloc((size_t)em_config_sound_frames(model) * mels * sizeof *rig->frames);
    rig->in = malloc(micro * sizeof *rig->in);
    rig->logits = calloc(3 * classes, sizeof *rig->logits);
    rig->factors = r->drop_path > 0 ? malloc(micro * (size_t)em_learner_branches(rig->learner) * sizeof *rig->factors) : NULL;
    rig->mean = malloc(2 * mels * sizeof *rig->mean);
    if (status != EM_OK)
        return status;
    if (!rig->m || !rig->v || (r->ema > 0 && !rig->ema) || !rig->ranges || !rig->frames || !rig->in || !rig->logits ||
        (r->drop_path > 0 && !rig->factors) || !rig->mean)
        return em_fail(err, EM_ENOMEM, "no memory for a step of training");
    rig->dlogits = rig->logits + classes;
    rig->target = rig->dlogits + classes;
    rig->var = rig->mean + mels;
    return EM_OK;
}

/* Noise about -40 dB, each window of another class. */
static void fill(em_bench_rig *rig)
{
    const em_config *model = rig->cfg->model;
    const int n_frames = em_config_sound_frames(model);
    em_rng rng = { 1 };

    for (int i = 0; i < n_frames * model->n_mels; i++)
        rig->frames[i] = (float)(-40 + 10 * em_rng_normal(&rng));
    for (int i = 0; i < rig->micro; i++) {
        rig->in[i] = (em_input){ .frames = rig->frames, .n_frames = n_frames };
        rig->target[i * model->n_classes + i % model->n_classes] = 1;
    }
    for (int f = 0; f < model->n_mels; f++) {
        rig->mean[f] = -40;
        rig->var[f] = 100;
    }
}

em_status em_bench_rig_open(em_bench_rig *rig, const em_bench_step_cfg *cfg, em_err *err)
{
    em_status status;

    *rig = (em_bench_rig){ .cfg = cfg };
    status = make_learner(rig, err);
    if (status == EM_OK)
        status = make_room(rig, err);
    if (status == EM_OK)
        fill(rig);
    return status;
}

void em_bench_rig_close(em_bench_rig *rig)
{
    for (float *blocks[] = { rig->m, rig->v, rig->ema }, **x = blocks; x < blocks + EM_COUNT(blocks); x++)
        if (*x)
            rig->ops->release(rig->dev, *x);
    em_groups_deinit(&rig->groups);
    em_learner_free(rig->learner);
    if (rig->dev)
        rig->ops->close(rig->dev);
    free(rig->ranges);
    free(rig->frames);
    free(rig->in);
    free(rig->logits);
    free(rig->factors);
    free(rig->mean);
}

/* ------------------------------------------------------------------ a step */

static double ms_since(uint64_t from) { return (double)(em_now_ns() - from) / 1e6; }

static em_status drop_paths(em_bench_rig *rig, em_err *err)
{
    const int n_branches = em_learner_branches(rig->learner), n_blocks = em_learner_branch_block(rig->learner, n_branches - 1) + 1;
    em_rng rng = em_draw_stream(rig->cfg->recipe->seed, EM_LANE_DROP, 0, (uint64_t)rig->n_steps);

    if (!rig->factors)
        return EM_OK;
    for (int i = 0; i < n_branches * rig->micro; i++) {
        const double p = em_recipe_drop(rig->cfg->recipe, em_learner_branch_block(rig->learner, i / rig->micro), n_blocks);

        rig->factors[i] = em_draw_chance(&rng, p) ? 0 : (float)(1 / (1 - p));
    }
    return em_learner_set_branches(rig->learner, rig->factors, err);
}

static em_status pass(em_bench_rig *rig, int n, double ms[EM_STEP_PHASES], em_err *err)
{
    const em_loss_batch part = {
        .logits = rig->logits, .target = rig->target, .B = n, .C = rig->cfg->model->n_classes, .B_global = rig->cfg->recipe->batch,
    };
    em_status status = drop_paths(rig, err);
    uint64_t from = em_now_ns();

    if (status == EM_OK)
        status = em_learner_forward(rig->learner, rig->in, rig->logits, NULL, n, err);
    ms[EM_STEP_FORWARD] += ms_since(from);
    em_loss(rig->dlogits, &part, &rig->cfg->recipe->loss);
    from = em_now_ns();
    if (status == EM_OK)
        status = em_learner_backward(rig->learner, rig->dlogits, NULL, n, NULL, NULL, err);
    ms[EM_STEP_BACKWARD] += ms_since(from);
    return status;
}

static em_status update(em_bench_rig *rig, em_err *err)
{
    const em_recipe *r = rig->cfg->recipe;
    const double norm = sqrt(rig->ops->sum_squares(rig->dev, em_learner_grads(rig->learner), rig->n)), n = (double)++rig->n_steps;
    const em_adamw a = {
        .w = em_learner_values(rig->learner), .m = rig->m, .v = rig->v, .g = em_learner_grads(rig->learner),
        .ranges = rig->ranges, .n_ranges = rig->groups.n,
        .beta1 = (float)r->beta1, .beta2 = (float)r->beta2, .eps = (float)r->eps,
        .c1 = (float)(1 - pow(r->beta1, n)), .c2 = (float)(1 - pow(r->beta2, n)),
        .scale = r->clip > 0 && norm > r->clip ? (float)(r->clip / norm) : 1.f,
    };
    em_status status;

    em_groups_at(rig->ranges, &rig->groups, learning_rate);
    rig->ops->adamw(rig->dev, &a);
    if (rig->ema)
        rig->ops->blend(rig->dev, rig->ema, em_learner_values(rig->learner), (float)(1 - r->ema), rig->n);
    status = em_learner_follow(rig->learner, rig->mean, rig->var, (double)r->batch * em_config_sound_frames(rig->cfg->model), err);
    return status == EM_OK ? em_learner_refresh(rig->learner, err) : status;
}

em_status em_bench_rig_step(em_bench_rig *rig, double ms[EM_STEP_PHASES], em_err *err)
{
    const em_recipe *r = rig->cfg->recipe;
    const uint64_t from = em_now_ns();
    em_status status = em_learner_statistics(rig->learner, rig->mean, rig->var, err);

    memset(ms, 0, EM_STEP_PHASES * sizeof *ms);
    rig->ops->clear(rig->dev, em_learner_grads(rig->learner), rig->n);
    for (int at = 0; at < r->batch && status == EM_OK; at += rig->micro)
        status = pass(rig, r->batch - at < rig->micro ? r->batch - at : rig->micro, ms, err);
    if (status == EM_OK)
        status = update(rig, err);
    ms[EM_STEP] = ms_since(from);
    return status;
}
