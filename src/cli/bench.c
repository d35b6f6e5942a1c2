/* bench.c - the measurement behind --bench: see bench.h. Figures are medians: a shared machine has outliers. */
#include "cli/bench.h"

#include "base/clock.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/sort.h"
#include "cli/bench_model.h"
#include "cli/times.h"
#include "engine/scheduler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MIN_RUNS = 10, MAX_RUNS = 400, LAP_RUNS = 3, PROFILE_RUNS = 21, MAX_CALLS = 1024, LIVE_SECONDS = 8 };

static const double run_seconds = 12, lap_seconds = 0.7;

typedef struct bench {
    em_bench_model at;
    em_input    in;
    em_output   answer;
    float      *frames, *logits;
    double     *ms;                 /* [MAX_RUNS] */
    const em_bench_cfg *cfg;
    const char *stage;              /* that is measured                          */
    double      done, part;         /* of all: before it; that it is             */
} bench;

static void tell(const bench *b, double share_of_stage)
{
    if (b->cfg->tell)
        b->cfg->tell(b->cfg->tell_ctx, b->stage, b->done + b->part * fmin(share_of_stage, 1));
}

/* One window of noise. */
static em_status make_input(bench *b, em_err *err)
{
    const em_config *cfg = em_session_config(b->at.session);
    const size_t n = (size_t)em_config_sound_frames(cfg) * (size_t)cfg->n_mels;
    em_rng rng = { 1 };

    b->frames = calloc(n, sizeof *b->frames);
    b->logits = calloc((size_t)cfg->n_classes, sizeof *b->logits);
    b->ms = calloc(MAX_RUNS, sizeof *b->ms);
    if (!b->frames || !b->logits || !b->ms)
        return em_fail(err, EM_ENOMEM, "no memory for a window");
    for (size_t i = 0; i < n; i++)
        b->frames[i] = (float)(-40 + 10 * em_rng_normal(&rng));
    b->in = (em_input){ .frames = b->frames, .n_frames = em_config_sound_frames(cfg) };
    b->answer = (em_output){ .logits = b->logits };
    return EM_OK;
}

/* The first warms up: the caches hold the race's matrices. Not timed further than ms[MAX_RUNS]. */
static em_status run_lap(bench *b, int *n_runs, em_err *err)
{
    const uint64_t begin = em_now_ns();
    em_status status = em_session_run(b->at.session, &b->in, &b->answer, 1, err);

    for (int i = 0; status == EM_OK && *n_runs < MAX_RUNS; i++) {
        const uint64_t from = em_now_ns();

        if (i >= LAP_RUNS && (double)(from - begin) > lap_seconds * 1e9)
            break;
        status = em_session_run(b->at.session, &b->in, &b->answer, 1, err);
        b->ms[(*n_runs)++] = (double)(em_now_ns() - from) / 1e6;
    }
    return status;
}

/* In turn with the race that a floor is counted by: a machine may be busier now than it was before. */
static em_status run_laps(bench *b, em_race *race, int *n_runs, em_err *err)
{
    const uint64_t begin = em_now_ns();
    double spent = 0;
    em_status status = EM_OK;

    *n_runs = 0;
    while (status == EM_OK && (*n_runs < MIN_RUNS || spent < run_seconds) && *n_runs < MAX_RUNS) {
        status = run_lap(b, n_runs, err);
        em_race_lap(race);
        spent = (double)(em_now_ns() - begin) / 1e9;
        tell(b, spent / run_seconds);
    }
    return status;
}

static em_status time_windows(em_bench_result *out, bench *b, em_err *err)
{
    em_race *race = NULL;
    em_status status;
    int n_runs = 0;

    out->rss_mb = em_most_memory_mb();                     /* before the race adds its own */
    status = em_race_new(&race, b->cfg->n_threads, err);
    if (status == EM_OK)
        status = run_laps(b, race, &n_runs, err);
    if (status == EM_OK)
        status = em_machine_measure(&out->machine, race, b->cfg->n_threads, err);
    em_race_free(race);
    if (status != EM_OK)
        return status;
    em_sort_doubles(b->ms, (size_t)n_runs);
    out->window_ms = b->ms[n_runs / 2];
    out->p99_ms = b->ms[n_runs * 99 / 100];
    return EM_OK;
}

/* ------------------------------------------------------------------ where the time goes */

typedef struct profile {
    const em_call *calls[MAX_CALLS];
    double (*ms)[PROFILE_RUNS];     /* [MAX_CALLS] */
    int n, run;
    uint64_t last;
} profile;

static void see(void *ctx, const em_call *call)
{
    profile *p = ctx;

    if (p->n < MAX_CALLS) {
        p->calls[p->n] = call;
        p->ms[p->n][p->run] = (double)(em_now_ns() - p->last) / 1e6;
        p->n++;
    }
    p->last = em_now_ns();
}

static em_bench_part *part_of(em_bench_result *out, const char *label)
{
    int i = 0;

    while (i < out->n_parts && strcmp(out->parts[i].label, label) != 0)
        i++;
    if (i == out->n_parts && i < EM_BENCH_PARTS)
        out->parts[out->n_parts++].label = label;
    return i < EM_BENCH_PARTS ? &out->parts[i] : NULL;
}

static em_status time_parts(em_bench_result *out, bench *b, em_err *err)
{
    profile p = { .ms = calloc(MAX_CALLS, sizeof *p.ms) };
    double whole_ms[PROFILE_RUNS];
    em_status status = p.ms ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for a profile");

    /* In turn with whole windows: a machine may be busier now than it was before. */
    for (p.run = 0; p.run < PROFILE_RUNS && status == EM_OK; p.run++) {
        tell(b, (double)p.run / PROFILE_RUNS);
        p.n = 0;
        p.last = em_now_ns();
        status = em_session_watch(b->at.session, &b->in, &b->answer, 1, see, &p, err);
        p.last = em_now_ns();
        if (status == EM_OK)
            status = em_session_run(b->at.session, &b->in, &b->answer, 1, err);
        whole_ms[p.run] = (double)(em_now_ns() - p.last) / 1e6;
    }
    if (status == EM_OK) {
        em_sort_doubles(whole_ms, (size_t)PROFILE_RUNS);
        out->whole_ms = whole_ms[PROFILE_RUNS / 2];
    }
    for (int i = 0; i < p.n && status == EM_OK; i++) {
        em_bench_part *part = part_of(out, p.calls[i]->label);

        em_sort_doubles(p.ms[i], (size_t)PROFILE_RUNS);
        if (!part)
            continue;
        part->ms += p.ms[i][PROFILE_RUNS / 2];
        part->gmac += em_call_macs(p.calls[i]) / 1e9;
        part->mbytes += em_call_bytes(p.calls[i]) / 1e6;
    }
    free(p.ms);
    return status;
}

static void hold_against_roofline(em_bench_result *out)
{
    for (int i = 0; i < out->n_parts; i++) {
        em_bench_part *p = &out->parts[i];
        const double compute = 2e3 * p->gmac / out->machine.product.gflops, memory = p->mbytes / out->machine.read_gbs;

        p->roofline_share = p->ms > 0 ? (compute > memory ? compute : memory) / p->ms : 0;
    }
}

/* ------------------------------------------------------------------ the frontend alone, and everything live */

static double core_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static em_status ignore_scores(void *ctx, const em_scores_row *row, em_err *err)
{
    (void)ctx;
    (void)row;
    (void)err;
    return EM_OK;
}

/* Some seconds of noise at 48 kHz through resampler, log-mel, window and model, a hop a second. */
static em_status time_live(em_bench_result *out, bench *b, em_err *err)
{
    enum { RATE = 48000 };
    const em_config *cfg = em_session_config(b->at.session);
    const em_scheduler_cfg how = { .session = b->at.session, .max_batch = 1, .n_lanes = 1, .step_samples = cfg->sample_rate,
                                   .rate_hz = RATE, .has_levels = true, .take = ignore_scores };
    em_scheduler *s;
    em_status status = em_scheduler_new(&s, &how, err);
    float *second = calloc(RATE, sizeof *second);
    const float *lane = second;
    em_rng rng = { 2 };
    double from = 0;

    if (status == EM_OK && !second)
        status = em_fail(err, EM_ENOMEM, "no memory for a second of sound");
    for (int i = 0; status == EM_OK && i < RATE; i++)
        second[i] = (float)(0.1 * em_rng_normal(&rng));
    for (int i = 0; status == EM_OK && i <= LIVE_SECONDS; i++) {
        if (i == 1)                                     /* the first second warms up */
            from = core_seconds();
        status = em_scheduler_push(s, &lane, RATE, 0, err);
    }
    out->live_core_ms = 1e3 * (core_seconds() - from) / LIVE_SECONDS;
    free(second);
    em_scheduler_free(s);
    return status;
}

static em_status time_frontend(em_bench_result *out, bench *b, em_err *err)
{
    const em_config *cfg = em_session_config(b->at.session);
    const em_frontend_cfg how = em_scheduler_frontend(cfg);
    const size_t n = (size_t)cfg->sample_rate;
    float *samples = calloc(n, sizeof *samples), *frames = calloc((size_t)em_frontend_frames(&how, n) * (size_t)cfg->n_mels + 1, sizeof *frames);
    em_frontend *f = NULL;
    em_status status = samples && frames ? em_frontend_new(&f, &how, err) : em_fail(err, EM_ENOMEM, "no memory for a second of sound");
    em_rng rng = { 3 };
    double best = 0;

    for (size_t i = 0; status == EM_OK && i < n; i++)
        samples[i] = (float)(0.1 * em_rng_normal(&rng));
    for (int i = 0; status == EM_OK && i < 20; i++) {
        const uint64_t from = em_now_ns();
        double us;

        em_frontend_window(f, frames, samples, n);
        us = (double)(em_now_ns() - from) / 1e3 / em_frontend_frames(&how, n);
        best = best > 0 && best < us ? best : us;
    }
    out->logmel_us_per_frame = best;
    em_frontend_free(f);
    free(samples);
    free(frames);
    return status;
}

/* What needs no measurement. */
static void describe(em_bench_result *out, const bench *b)
{
    snprintf(out->name, sizeof out->name, "%s", em_bench_model_name(b->cfg));
    snprintf(out->device, sizeof out->device, "%s", b->at.ops->describe(b->at.dev));
    out->n_threads = b->cfg->n_threads;
    out->window_s = em_bench_model_window(&b->at);
    out->gmac = em_config_macs(em_session_config(b->at.session)) / 1e9;
}

/* part: of the whole time, about. */
static const struct stage { const char *name; double part; em_status (*time)(em_bench_result *out, bench *b, em_err *err); } stages[] = {
    { "operators", .1, time_parts }, { "live", .15, time_live }, { "log-mel", .05, time_frontend }, { "windows", .7, time_windows },
};

static void close_bench(bench *b)
{
    free(b->frames);
    free(b->logits);
    free(b->ms);
    em_bench_model_close(&b->at);
}

em_status em_bench_run(em_bench_result *out, const em_bench_cfg *cfg, em_err *err)
{
    bench b = { .cfg = cfg };
    em_status status = em_bench_model_open(&b.at, cfg, 1, 1, err);

    *out = (em_bench_result){ 0 };
    em_flush_denormals();
    if (status == EM_OK)
        status = make_input(&b, err);
    for (size_t i = 0; i < EM_COUNT(stages) && status == EM_OK; i++) {
        b.done += b.part;
        b.part = stages[i].part;
        b.stage = stages[i].name;
        tell(&b, 0);
        status = stages[i].time(out, &b, err);
    }
    if (status == EM_OK) {
        describe(out, &b);
        out->floors = out->window_ms / (2e3 * out->gmac / out->machine.product.gflops);
        hold_against_roofline(out);
    }
    close_bench(&b);
    return status;
}
