/* bench_step.c - the measurement behind --bench --training: see bench_step.h. Figures are medians, as in bench.c. */
#include "cli/bench_step.h"

#include "base/clock.h"
#include "base/pool.h"
#include "base/sort.h"
#include "cli/bench_rig.h"
#include "cli/times.h"
#include "model/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_STEPS = 3, MAX_STEPS = 400, MIN_PROFILES = 1, MAX_PROFILES = 15 };

static const double steps_seconds = 10, lap_seconds = 1, profile_seconds = 4;

static double ms_since(uint64_t from) { return (double)(em_now_ns() - from) / 1e6; }

/* ------------------------------------------------------------------ steps */

/* In turn with the race that floors are counted by: a machine may be busier now than it was before. */
static em_status run_laps(em_bench_rig *rig, double (*times)[MAX_STEPS], em_race *race, int *n, em_err *err)
{
    const uint64_t begin = em_now_ns();
    double ms[EM_STEP_PHASES], lapped = 0;
    em_status status = EM_OK;

    for (*n = 0; status == EM_OK && *n < MAX_STEPS && (*n < MIN_STEPS || ms_since(begin) < 1e3 * steps_seconds); ++*n) {
        status = em_bench_rig_step(rig, ms, err);
        for (int k = 0; k < EM_STEP_PHASES; k++)
            times[k][*n] = ms[k];
        if (ms_since(begin) < lapped + 1e3 * lap_seconds)
            continue;
        em_race_lap(race);
        lapped = ms_since(begin);
    }
    return status;
}

static em_status time_steps(em_bench_step_result *out, em_bench_rig *rig, em_err *err)
{
    double *const medians[EM_STEP_PHASES] = { &out->step_ms, &out->forward_ms, &out->backward_ms }, ms[EM_STEP_PHASES];
    double times[EM_STEP_PHASES][MAX_STEPS];
    em_race *race = NULL;
    em_status status = em_bench_rig_step(rig, ms, err);       /* warms up */
    int n = 0;

    out->rss_mb = em_most_memory_mb();                      /* before the race adds its own */
    if (status == EM_OK)
        status = em_race_new(&race, rig->cfg->n_threads, err);
    if (status == EM_OK)
        em_race_lap(race);
    if (status == EM_OK)
        status = run_laps(rig, times, race, &n, err);
    if (status == EM_OK)
        status = em_machine_measure(&out->machine, race, rig->cfg->n_threads, err);
    em_race_free(race);
    if (status != EM_OK)
        return status;
    for (int k = 0; k < EM_STEP_PHASES; k++) {
        em_sort_doubles(times[k], (size_t)n);
        *medians[k] = times[k][n / 2];
    }
    out->p99_ms = times[EM_STEP][n * 99 / 100];
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
static void look(profile *p, const em_bench_rig *rig)
{
    p->way = 0;
    p->last = em_now_ns();
    em_plan_run(p->plan, rig->ops, rig->dev, rig->micro, see, p);
    p->way = 1;
    for (int i = p->plan->n - 1; i >= 0; i--) {
        em_plan_again(p->plan, i, rig->ops, rig->dev, rig->micro, see, p);
        em_plan_call_back(&p->plan->calls[i], rig->ops, rig->dev, rig->micro);
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
static void add_call(em_bench_step_result *out, const em_bench_rig *rig, const em_call *call, double ms[2][MAX_PROFILES], int n)
{
    const double passes = (double)rig->cfg->recipe->batch / rig->micro;
    em_bench_step_part *part = part_of(out, call->label);

    if (!part)
        return;
    em_sort_doubles(ms[0], (size_t)n);
    em_sort_doubles(ms[1], (size_t)n);
    part->forward_ms += passes * ms[0][n / 2];
    part->backward_ms += passes * ms[1][n / 2];
    part->gmac += rig->cfg->recipe->batch * em_call_macs(call) / 1e9;
    part->mbytes += rig->cfg->recipe->batch * em_call_bytes(call) / 1e6;
}

/* Runs the plan that the last step has left, with its windows and its dlogits. */
static em_status time_parts(em_bench_step_result *out, const em_bench_rig *rig, em_err *err)
{
    const em_plan *plan = em_learner_plan(rig->learner);
    const uint64_t begin = em_now_ns();
    profile p = { .plan = plan, .ms = calloc((size_t)plan->n, sizeof *p.ms) };

    if (!p.ms)
        return em_fail(err, EM_ENOMEM, "no memory for a profile");
    while (p.run < MIN_PROFILES || (p.run < MAX_PROFILES && ms_since(begin) < 1e3 * profile_seconds)) {
        look(&p, rig);
        p.run++;
    }
    for (int i = 0; i < plan->n; i++)
        add_call(out, rig, &plan->calls[i], p.ms[i], p.run);
    free(p.ms);
    return rig->ops->sync(rig->dev, err);
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
    em_bench_rig rig;
    em_status status = em_bench_rig_open(&rig, cfg, err);

    *out = (em_bench_step_result){ 0 };
    em_flush_denormals();
    if (status == EM_OK)
        status = time_steps(out, &rig, err);
    if (status == EM_OK)
        status = time_parts(out, &rig, err);
    if (status == EM_OK) {
        snprintf(out->device, sizeof out->device, "%s", rig.ops->describe(rig.dev));
        out->window_ms = out->step_ms / cfg->recipe->batch;
        out->gmac = em_config_macs(cfg->model) / 1e9;
        out->activations_mb = (double)em_learner_bytes(rig.learner) / 1e6;
        hold_against_roofline(out);
    }
    em_bench_rig_close(&rig);
    return status;
}
