/* bench_step.c - the measurement behind --bench --training: see bench_step.h. Figures are medians, as in bench.c. */
#include "cli/bench_step.h"

#include "backend/backend.h"
#include "base/clock.h"
#include "base/pool.h"
#include "base/sort.h"
#include "cli/init.h"
#include "cli/times.h"
#include "model/learner.h"
#include "model/plan.h"
#include "train/draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_STEPS = 3, MAX_STEPS = 400, MIN_PROFILES = 1, MAX_PROFILES = 15 };

static const double steps_seconds = 10, lap_seconds = 1, profile_seconds = 4;

/* So small that the weights stay what they are; the speed of a step does not depend on it. */
static const double learning_rate = 1e-6;

enum { STEP, FORWARD, BACKWARD, PHASES };

typedef struct bench {
    const em_bench_step_cfg *cfg;
    const em_ops   *ops;
    em_dev         *dev;
    em_learner     *learner;
    em_groups       groups;
    em_adamw_range *ranges;
    float          *m, *v, *ema;    /* ema NULL: the recipe has none        */
    size_t          n;              /* numbers of a block                   */
    int             micro;          /* windows of one pass                  */
    float          *frames;         /* one window of noise for all          */
    em_input       *in;             /* [micro]                              */
    float          *logits, *dlogits, *target;      /* [micro][n_classes]   */
    float          *factors;        /* of the residual branches; NULL: none are dropped */
    double         *mean, *var;     /* [n_mels] of the noise                */
    double         *ms[PHASES];     /* [MAX_STEPS]                          */
    long            n_steps;
} bench;

/* ------------------------------------------------------------------ all that a step needs */

static float *new_block(const bench *b)
{
    float *x = b->ops->alloc(b->dev, b->n * sizeof *x);

    if (x)
        b->ops->clear(b->dev, x, b->n);
    return x;
}

static em_status make_learner(bench *b, em_err *err)
{
    const em_bench_step_cfg *cfg = b->cfg;
    const em_dev_cfg dev = { .n_threads = cfg->n_threads };
    em_backend backend = { 0 };
    em_init fresh = { 0 };
    em_tensor_source from;
    em_status status = em_backend_open(&backend, cfg->backend, &dev, err);

    b->ops = backend.ops;
    b->dev = backend.dev;
    b->micro = cfg->recipe->micro_batch < cfg->recipe->batch ? cfg->recipe->micro_batch : cfg->recipe->batch;
    const em_learner_cfg how = {
        .ops = b->ops, .dev = b->dev, .max_batch = b->micro, .drops_paths = cfg->recipe->drop_path > 0, .recomputes = cfg->recipe->recomputes,
    };

    if (status == EM_OK)
        status = em_learner_new(&b->learner, cfg->model, &how, err);
    if (status == EM_OK)
        status = em_init_open(&fresh, NULL, cfg->recipe->seed, err);
    from = em_init_source(&fresh);
    if (status == EM_OK)
        status = em_learner_load(b->learner, &from, err);
    em_init_close(&fresh);
    return status;
}

static em_status make_room(bench *b, em_err *err)
{
    const em_config *model = b->cfg->model;
    const em_recipe *r = b->cfg->recipe;
    const size_t micro = (size_t)b->micro, mels = (size_t)model->n_mels, classes = micro * (size_t)model->n_classes;
    em_status status = em_groups_init(&b->groups, em_learner_params(b->learner), model, &r->groups, err);

    b->n = em_learner_params(b->learner)->n_total;
    b->m = new_block(b);
    b->v = new_block(b);
    b->ema = r->ema > 0 ? new_block(b) : NULL;
    b->ranges = malloc(((size_t)b->groups.n + 1) * sizeof *b->ranges);
    b->frames = malloc((size_t)em_config_sound_frames(model) * mels * sizeof *b->frames);
    b->in = malloc(micro * sizeof *b->in);
    b->logits = calloc(3 * classes, sizeof *b->logits);
    b->factors = r->drop_path > 0 ? malloc(micro * (size_t)em_learner_branches(b->learner) * sizeof *b->factors) : NULL;
    b->mean = malloc(2 * mels * sizeof *b->mean);
    b->ms[0] = malloc(PHASES * MAX_STEPS * sizeof *b->ms[0]);
    if (status != EM_OK)
        return status;
    if (!b->m || !b->v || (r->ema > 0 && !b->ema) || !b->ranges || !b->frames || !b->in || !b->logits || (r->drop_path > 0 && !b->factors) ||
        !b->mean || !b->ms[0])
        return em_fail(err, EM_ENOMEM, "no memory for a step of training");
    b->dlogits = b->logits + classes;
    b->target = b->dlogits + classes;
    b->var = b->mean + mels;
    for (int i = 1; i < PHASES; i++)
        b->ms[i] = b->ms[i - 1] + MAX_STEPS;
    return EM_OK;
}

/* Noise about -40 dB, each window of another class. */
static void fill(bench *b)
{
    const em_config *model = b->cfg->model;
    const int n_frames = em_config_sound_frames(model);
    em_rng rng = { 1 };

    for (int i = 0; i < n_frames * model->n_mels; i++)
        b->frames[i] = (float)(-40 + 10 * em_rng_normal(&rng));
    for (int i = 0; i < b->micro; i++) {
        b->in[i] = (em_input){ .frames = b->frames, .n_frames = n_frames };
        b->target[i * model->n_classes + i % model->n_classes] = 1;
    }
    for (int f = 0; f < model->n_mels; f++) {
        b->mean[f] = -40;
        b->var[f] = 100;
    }
}

static void close_bench(bench *b)
{
    for (float *blocks[] = { b->m, b->v, b->ema }, **x = blocks; x < blocks + EM_COUNT(blocks); x++)
        if (*x)
            b->ops->release(b->dev, *x);
    em_groups_deinit(&b->groups);
    em_learner_free(b->learner);
    if (b->dev)
        b->ops->close(b->dev);
    free(b->ranges);
    free(b->frames);
    free(b->in);
    free(b->logits);
    free(b->factors);
    free(b->mean);
    free(b->ms[0]);
}

/* ------------------------------------------------------------------ a step */

static double ms_since(uint64_t from) { return (double)(em_now_ns() - from) / 1e6; }

static em_status drop_paths(bench *b, em_err *err)
{
    const int n_branches = em_learner_branches(b->learner), n_blocks = em_learner_branch_block(b->learner, n_branches - 1) + 1;
    em_rng rng = em_draw_stream(b->cfg->recipe->seed, EM_LANE_DROP, 0, (uint64_t)b->n_steps);

    if (!b->factors)
        return EM_OK;
    for (int i = 0; i < n_branches * b->micro; i++) {
        const double p = em_recipe_drop(b->cfg->recipe, em_learner_branch_block(b->learner, i / b->micro), n_blocks);

        b->factors[i] = em_draw_chance(&rng, p) ? 0 : (float)(1 / (1 - p));
    }
    return em_learner_set_branches(b->learner, b->factors, err);
}

static em_status pass(bench *b, int n, double ms[PHASES], em_err *err)
{
    const em_loss_batch part = {
        .logits = b->logits, .target = b->target, .B = n, .C = b->cfg->model->n_classes, .B_global = b->cfg->recipe->batch,
    };
    em_status status = drop_paths(b, err);
    uint64_t from = em_now_ns();

    if (status == EM_OK)
        status = em_learner_forward(b->learner, b->in, b->logits, NULL, n, err);
    ms[FORWARD] += ms_since(from);
    em_loss(b->dlogits, &part, &b->cfg->recipe->loss);
    from = em_now_ns();
    if (status == EM_OK)
        status = em_learner_backward(b->learner, b->dlogits, NULL, n, NULL, NULL, err);
    ms[BACKWARD] += ms_since(from);
    return status;
}

static em_status update(bench *b, em_err *err)
{
    const em_recipe *r = b->cfg->recipe;
    const double norm = sqrt(b->ops->sum_squares(b->dev, em_learner_grads(b->learner), b->n)), n = (double)++b->n_steps;
    const em_adamw a = {
        .w = em_learner_values(b->learner), .m = b->m, .v = b->v, .g = em_learner_grads(b->learner), .ranges = b->ranges, .n_ranges = b->groups.n,
        .beta1 = (float)r->beta1, .beta2 = (float)r->beta2, .eps = (float)r->eps,
        .c1 = (float)(1 - pow(r->beta1, n)), .c2 = (float)(1 - pow(r->beta2, n)),
        .scale = r->clip > 0 && norm > r->clip ? (float)(r->clip / norm) : 1.f,
    };
    em_status status;

    em_groups_at(b->ranges, &b->groups, learning_rate);
    b->ops->adamw(b->dev, &a);
    if (b->ema)
        b->ops->blend(b->dev, b->ema, em_learner_values(b->learner), (float)(1 - r->ema), b->n);
    status = em_learner_follow(b->learner, b->mean, b->var, (double)r->batch * em_config_sound_frames(b->cfg->model), err);
    return status == EM_OK ? em_learner_refresh(b->learner, err) : status;
}

static em_status step(bench *b, double ms[PHASES], em_err *err)
{
    const em_recipe *r = b->cfg->recipe;
    const uint64_t from = em_now_ns();
    em_status status = em_learner_statistics(b->learner, b->mean, b->var, err);

    memset(ms, 0, PHASES * sizeof *ms);
    b->ops->clear(b->dev, em_learner_grads(b->learner), b->n);
    for (int at = 0; at < r->batch && status == EM_OK; at += b->micro)
        status = pass(b, r->batch - at < b->micro ? r->batch - at : b->micro, ms, err);
    if (status == EM_OK)
        status = update(b, err);
    ms[STEP] = ms_since(from);
    return status;
}

/* In turn with the race that floors are counted by: a machine may be busier now than it was before. */
static em_status run_laps(bench *b, em_race *race, int *n, em_err *err)
{
    const uint64_t begin = em_now_ns();
    double ms[PHASES], lapped = 0;
    em_status status = EM_OK;

    for (*n = 0; status == EM_OK && *n < MAX_STEPS && (*n < MIN_STEPS || ms_since(begin) < 1e3 * steps_seconds); ++*n) {
        status = step(b, ms, err);
        for (int k = 0; k < PHASES; k++)
            b->ms[k][*n] = ms[k];
        if (ms_since(begin) < lapped + 1e3 * lap_seconds)
            continue;
        em_race_lap(race);
        lapped = ms_since(begin);
    }
    return status;
}

static em_status time_steps(em_bench_step_result *out, bench *b, em_err *err)
{
    double *const medians[PHASES] = { &out->step_ms, &out->forward_ms, &out->backward_ms }, ms[PHASES];
    em_race *race = NULL;
    em_status status = step(b, ms, err);                    /* warms up */
    int n = 0;

    out->rss_mb = em_most_memory_mb();                      /* before the race adds its own */
    if (status == EM_OK)
        status = em_race_new(&race, b->cfg->n_threads, err);
    if (status == EM_OK)
        em_race_lap(race);
    if (status == EM_OK)
        status = run_laps(b, race, &n, err);
    if (status == EM_OK)
        status = em_machine_measure(&out->machine, race, b->cfg->n_threads, err);
    em_race_free(race);
    if (status != EM_OK)
        return status;
    for (int k = 0; k < PHASES; k++) {
        em_sort_doubles(b->ms[k], (size_t)n);
        *medians[k] = b->ms[k][n / 2];
    }
    out->p99_ms = b->ms[STEP][n * 99 / 100];
    return EM_OK;
}

/* ------------------------------------------------------------------ where the time goes */

typedef struct profile {
    const em_plan *plan;
    double (*ms)[2][MAX_PROFILES];  /* [calls] forward, backward */
    int run, way;
    uint64_t last;
} profile;

static void see(void *ctx, const em_call *call)
{
    profile *p = ctx;

    p->ms[call - p->plan->calls][p->way][p->run] += ms_since(p->last);
    p->last = em_now_ns();
}

/* What is computed again on the way back is part of that. */
static void look(profile *p, const bench *b)
{
    p->way = 0;
    p->last = em_now_ns();
    em_plan_run(p->plan, b->ops, b->dev, b->micro, see, p);
    p->way = 1;
    for (int i = p->plan->n - 1; i >= 0; i--) {
        em_plan_again(p->plan, i, b->ops, b->dev, b->micro, see, p);
        em_plan_call_back(&p->plan->calls[i], b->ops, b->dev, b->micro);
        see(p, &p->plan->calls[i]);
    }
}

static em_bench_step_part *part_of(em_bench_step_result *out, const char *label)
{
    int i = 0;

    while (i < out->n_parts && strcmp(out->parts[i].label, label) != 0)
        i++;
    if (i == out->n_parts && i < EM_BENCH_PARTS)
        out->parts[out->n_parts++].label = label;
    return i < EM_BENCH_PARTS ? &out->parts[i] : NULL;
}

/* Of a whole step: passes are all alike. */
static void add_call(em_bench_step_result *out, const bench *b, const em_call *call, double ms[2][MAX_PROFILES], int n)
{
    const double passes = (double)b->cfg->recipe->batch / b->micro;
    em_bench_step_part *part = part_of(out, call->label);

    if (!part)
        return;
    em_sort_doubles(ms[0], (size_t)n);
    em_sort_doubles(ms[1], (size_t)n);
    part->forward_ms += passes * ms[0][n / 2];
    part->backward_ms += passes * ms[1][n / 2];
    part->gmac += b->cfg->recipe->batch * em_call_macs(call) / 1e9;
    part->mbytes += b->cfg->recipe->batch * em_call_bytes(call) / 1e6;
}

/* Runs the plan that the last step has left, with its windows and its dlogits. */
static em_status time_parts(em_bench_step_result *out, const bench *b, em_err *err)
{
    const em_plan *plan = em_learner_plan(b->learner);
    const uint64_t begin = em_now_ns();
    profile p = { .plan = plan, .ms = calloc((size_t)plan->n, sizeof *p.ms) };

    if (!p.ms)
        return em_fail(err, EM_ENOMEM, "no memory for a profile");
    while (p.run < MIN_PROFILES || (p.run < MAX_PROFILES && ms_since(begin) < 1e3 * profile_seconds)) {
        look(&p, b);
        p.run++;
    }
    for (int i = 0; i < plan->n; i++)
        add_call(out, b, &plan->calls[i], p.ms[i], p.run);
    free(p.ms);
    return b->ops->sync(b->dev, err);
}

static void hold_against_roofline(em_bench_step_result *out)
{
    out->floors3 = out->window_ms / (6e3 * out->gmac / out->machine.product.gflops);
    for (int i = 0; i < out->n_parts; i++) {
        em_bench_step_part *p = &out->parts[i];
        const double compute = 6e3 * p->gmac / out->machine.product.gflops, memory = 3 * p->mbytes / out->machine.read_gbs;

        p->roofline_share = (compute > memory ? compute : memory) / (p->forward_ms + p->backward_ms);
    }
}

em_status em_bench_step_run(em_bench_step_result *out, const em_bench_step_cfg *cfg, em_err *err)
{
    bench b = { .cfg = cfg };
    em_status status = make_learner(&b, err);

    *out = (em_bench_step_result){ 0 };
    em_flush_denormals();
    if (status == EM_OK)
        status = make_room(&b, err);
    if (status == EM_OK) {
        fill(&b);
        status = time_steps(out, &b, err);
    }
    if (status == EM_OK)
        status = time_parts(out, &b, err);
    if (status == EM_OK) {
        snprintf(out->device, sizeof out->device, "%s", b.ops->describe(b.dev));
        out->window_ms = out->step_ms / cfg->recipe->batch;
        out->gmac = em_config_macs(cfg->model) / 1e9;
        out->activations_mb = (double)em_learner_bytes(b.learner) / 1e6;
        hold_against_roofline(out);
    }
    close_bench(&b);
    return status;
}
