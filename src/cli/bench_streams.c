/* bench_streams.c - the measurement behind --bench --streams: see bench_streams.h. */
#include "cli/bench_streams.h"

#include "base/clock.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/sort.h"
#include "cli/bench_model.h"
#include "cli/times.h"
#include "engine/scheduler.h"
#include "lib/settings.h"

#include <stdio.h>
#include <stdlib.h>

enum { RATE = 48000, WARM_UP = 2, MIN_HOPS = 5, MAX_HOPS = 2000 };

static const double run_seconds = 8;

typedef struct streams {
    em_bench_model at;
    em_scheduler **schedulers;      /* [n]                                  */
    size_t        *done;            /* [n] frames taken of what is pushed   */
    int            n;
    float         *noise;           /* 2 s: each stream begins elsewhere    */
    double        *hop_ms, *frontend_ms, *model_ms;         /* [MAX_HOPS]   */
} streams;

static em_status ignore_scores(void *ctx, const em_scores_row *row, em_err *err)
{
    (void)ctx;
    (void)row;
    (void)err;
    return EM_OK;
}

static em_status make_room(streams *s, em_err *err)
{
    em_rng rng = { 2 };

    s->schedulers = calloc((size_t)s->n, sizeof(em_scheduler *));
    s->done = calloc((size_t)s->n, sizeof *s->done);
    s->noise = malloc(2 * RATE * sizeof *s->noise);
    s->hop_ms = calloc(3 * MAX_HOPS, sizeof *s->hop_ms);
    if (!s->schedulers || !s->done || !s->noise || !s->hop_ms)
        return em_fail(err, EM_ENOMEM, "no memory for %d streams", s->n);
    s->frontend_ms = s->hop_ms + MAX_HOPS;
    s->model_ms = s->hop_ms + 2 * MAX_HOPS;
    for (int i = 0; i < 2 * RATE; i++)
        s->noise[i] = (float)(0.1 * em_rng_normal(&rng));
    return EM_OK;
}

static em_status open_streams(streams *s, int batch, double step_s, em_err *err)
{
    const em_scheduler_cfg how = {
        .session = s->at.session, .max_batch = batch, .n_lanes = 1, .rate_hz = RATE, .has_slots = true,
        .step_samples = em_step_samples(step_s, em_session_config(s->at.session)->sample_rate), .take = ignore_scores,
    };
    em_status status = EM_OK;

    for (int i = 0; i < s->n && status == EM_OK; i++)
        status = em_scheduler_new(&s->schedulers[i], &how, err);
    return status;
}

static void close_streams(streams *s)
{
    for (int i = 0; s->schedulers && i < s->n; i++)
        em_scheduler_free(s->schedulers[i]);
    em_bench_model_close(&s->at);
    free(s->schedulers);
    free(s->done);
    free(s->noise);
    free(s->hop_ms);
}

/* Up to n frames of sound for each, as far as its next hop. True while any has frames left. */
static bool feed(streams *s, size_t n)
{
    bool is_left = false;

    for (int i = 0; i < s->n; i++) {
        const float *lane = s->noise + (size_t)i * 997 % RATE;

        em_scheduler_feed(s->schedulers[i], &lane, n, &s->done[i], 0);
        is_left |= s->done[i] < n;
    }
    return is_left;
}

/* n frames, at most a second, for each; adds to what the two parts take. */
static em_status push(streams *s, size_t n, uint64_t *frontend_ns, uint64_t *model_ns, em_err *err)
{
    em_status status = EM_OK;

    for (int i = 0; i < s->n; i++)
        s->done[i] = 0;
    for (bool is_left = true; is_left && status == EM_OK;) {
        const uint64_t from = em_now_ns();
        uint64_t fed;

        is_left = feed(s, n);
        fed = em_now_ns();
        status = em_scheduler_score(s->schedulers, s->n, err);
        *frontend_ns += fed - from;
        *model_ns += em_now_ns() - fed;
    }
    return status;
}

static em_status time_hop(streams *s, double step_s, int i, em_err *err)
{
    uint64_t frontend_ns = 0, model_ns = 0;
    em_status status = EM_OK;

    for (size_t left = (size_t)(step_s * RATE + 0.5), n; left > 0 && status == EM_OK; left -= n) {
        n = left < RATE ? left : RATE;
        status = push(s, n, &frontend_ns, &model_ns, err);
    }
    if (i >= 0) {
        s->frontend_ms[i] = (double)frontend_ns / 1e6;
        s->model_ms[i] = (double)model_ns / 1e6;
        s->hop_ms[i] = s->frontend_ms[i] + s->model_ms[i];
    }
    return status;
}

static em_status time_hops(em_bench_streams_result *out, streams *s, double step_s, em_err *err)
{
    uint64_t begin = em_now_ns();
    em_status status = EM_OK;
    int n = 0;

    for (int i = -WARM_UP; i < MAX_HOPS && status == EM_OK; i++) {
        status = time_hop(s, step_s, i, err);
        if (i < 0)
            begin = em_now_ns();
        n = i + 1;
        if (n >= MIN_HOPS && (double)(em_now_ns() - begin) / 1e9 > run_seconds)
            break;
    }
    if (status != EM_OK)
        return status;
    em_sort_doubles(s->hop_ms, (size_t)n);
    em_sort_doubles(s->frontend_ms, (size_t)n);
    em_sort_doubles(s->model_ms, (size_t)n);
    out->n_hops = n;
    out->hop_ms = s->hop_ms[n / 2];
    out->p99_ms = s->hop_ms[n * 99 / 100];
    out->frontend_ms = s->frontend_ms[n / 2];
    out->windows_per_s = 1e3 * s->n / s->model_ms[n / 2];
    out->served = 1e3 * s->n * step_s / out->hop_ms;
    return EM_OK;
}

em_status em_bench_streams_run(em_bench_streams_result *out, const em_bench_cfg *cfg, int n_streams, double step_s, em_err *err)
{
    const int batch = n_streams < EM_SCHEDULER_MOST_BATCH ? n_streams : EM_SCHEDULER_MOST_BATCH;
    streams s = { .n = n_streams };
    em_status status = em_bench_model_open(&s.at, cfg, batch, n_streams, err);

    *out = (em_bench_streams_result){ .n_streams = n_streams, .batch = batch };
    em_flush_denormals();
    if (status == EM_OK)
        status = make_room(&s, err);
    if (status == EM_OK)
        status = open_streams(&s, batch, step_s, err);
    if (status == EM_OK)
        status = time_hops(out, &s, step_s, err);
    if (status == EM_OK) {
        snprintf(out->name, sizeof out->name, "%s", em_bench_model_name(cfg));
        snprintf(out->device, sizeof out->device, "%s", s.at.ops->describe(s.at.dev));
        out->window_s = em_bench_model_window(&s.at);
        out->rss_mb = em_most_memory_mb();
    }
    close_streams(&s);
    return status;
}
