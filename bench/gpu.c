/* gpu.c - gpu [--preset P]... [--precision fp32|fp16]: what one window and a batch of them cost on the GPU. JSON lines.
 *
 * latency   log-mel in host memory to scores in host memory, one window: median and 99th percentile
 * windows   windows a second, 64 at a time, copies included
 * op        each operator of the plan for itself: a graph of REPEATS of it, at batch 1 and 64 */
#include "backend/backend.h"
#include "base/clock.h"
#include "base/rng.h"
#include "model/model.h"
#include "model/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 300, WARM = 20, BATCH = 64, REPEATS = 20, MOST_CALLS = 512 };

typedef struct gpu_bench {
    em_backend   backend;
    em_model    *model;
    em_session  *session;
    const char  *preset;
    float       *frames, *scores;
    em_input     in[BATCH];
    em_output    out[BATCH];
    em_call      calls[MOST_CALLS];
    int          n_calls;
} gpu_bench;

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static em_status open_bench(gpu_bench *b, const em_dev_cfg *dev, em_err *err)
{
    em_config cfg;
    em_status status = em_config_preset(&cfg, b->preset, err);

    if (status == EM_OK)
        status = em_backend_open(&b->backend, "cuda", dev, err);
    if (status == EM_OK)
        status = em_model_random(&b->model, &cfg, 1, b->backend.ops, b->backend.dev, err);
    return status == EM_OK ? em_session_new(&b->session, b->model, &(em_session_cfg){ .max_batch = BATCH }, err) : status;
}

static em_status make_windows(gpu_bench *b, em_err *err)
{
    const em_config *cfg = em_session_config(b->session);
    const int T = em_config_sound_frames(cfg);
    const size_t window = (size_t)T * (size_t)cfg->n_mels, classes = (size_t)cfg->n_classes;
    em_rng rng = { 1 };

    b->frames = malloc(BATCH * window * sizeof *b->frames);
    b->scores = malloc(BATCH * classes * sizeof *b->scores);
    if (!b->frames || !b->scores)
        return em_fail(err, EM_ENOMEM, "no memory for %d windows", BATCH);
    for (size_t i = 0; i < BATCH * window; i++)
        b->frames[i] = (float)(-40 + 10 * em_rng_normal(&rng));
    for (size_t i = 0; i < BATCH; i++) {
        b->in[i] = (em_input){ .frames = b->frames + i * window, .n_frames = T };
        b->out[i] = (em_output){ .logits = b->scores + i * classes };
    }
    return EM_OK;
}

static em_status time_batch(gpu_bench *b, int n, int runs, double *median_us, double *p99_us, em_err *err)
{
    double us[RUNS];

    for (int i = -WARM; i < runs; i++) {
        const uint64_t from = em_now_ns();
        em_status status = em_session_run(b->session, b->in, b->out, n, err);

        if (status != EM_OK)
            return status;
        if (i >= 0)
            us[i] = (double)(em_now_ns() - from) / 1e3;
    }
    qsort(us, (size_t)runs, sizeof *us, by_size);
    *median_us = us[runs / 2];
    *p99_us = us[runs * 99 / 100];
    return EM_OK;
}

static em_status time_session(gpu_bench *b, em_err *err)
{
    double median, p99;
    em_status status = time_batch(b, 1, RUNS, &median, &p99, err);

    if (status != EM_OK)
        return status;
    printf("{\"what\":\"latency\",\"preset\":\"%s\",\"device\":\"%s\",\"batch\":1,\"us\":%.1f,\"p99_us\":%.1f,\"calls\":%d}\n", b->preset,
           b->backend.ops->describe(b->backend.dev), median, p99, b->n_calls);
    status = time_batch(b, BATCH, 40, &median, &p99, err);
    if (status == EM_OK)
        printf("{\"what\":\"windows\",\"preset\":\"%s\",\"device\":\"%s\",\"batch\":%d,\"us\":%.1f,\"per_s\":%.0f}\n", b->preset,
               b->backend.ops->describe(b->backend.dev), BATCH, median, BATCH * 1e6 / median);
    fflush(stdout);
    return status;
}

/* ------------------------------------------------------------------ operators */

static void collect(void *ctx, const em_call *call)
{
    gpu_bench *b = ctx;

    if (b->n_calls < MOST_CALLS)
        b->calls[b->n_calls++] = *call;
}

typedef struct repeated { const gpu_bench *b; const em_call *call; int batch; } repeated;

static void repeat(void *ctx)
{
    const repeated *r = ctx;

    for (int i = 0; i < REPEATS; i++)
        em_plan_call(r->call, r->b->backend.ops, r->b->backend.dev, r->batch);
}

/* Microseconds of one call. Repeats let an activation that adds to itself grow without bound; that costs no time. */
static em_status time_call(const gpu_bench *b, const em_call *call, int batch, double *us, em_err *err)
{
    const em_ops *ops = b->backend.ops;
    repeated r = { b, call, batch };
    em_graph *graph;
    em_status status = ops->capture(b->backend.dev, &graph, repeat, &r, err);

    *us = 0;
    for (int i = 0; i < 4 && status == EM_OK; i++) {
        const uint64_t from = em_now_ns();
        double each;

        ops->replay(b->backend.dev, graph);
        status = ops->sync(b->backend.dev, err);
        each = (double)(em_now_ns() - from) / 1e3 / REPEATS;
        *us = i == 0 || each < *us ? each : *us;
    }
    if (graph)
        ops->forget(b->backend.dev, graph);
    return status;
}

static em_status time_operators(gpu_bench *b, int batch, em_err *err)
{
    bool is_told[MOST_CALLS] = { false };

    for (int i = 0; i < b->n_calls; i++) {
        double us, gmac, mbytes;
        int n = 0;
        em_status status;

        if (is_told[i])
            continue;
        for (int j = i; j < b->n_calls; j++)            /* the same operator of the same stage costs the same */
            if (strcmp(b->calls[j].label, b->calls[i].label) == 0 && b->calls[j].stage == b->calls[i].stage && b->calls[j].kind == b->calls[i].kind) {
                is_told[j] = true;
                n++;
            }
        if ((status = time_call(b, &b->calls[i], batch, &us, err)))
            return status;
        gmac = em_call_macs(&b->calls[i]) * batch / 1e9;
        mbytes = em_call_bytes(&b->calls[i]) * batch / 1e6;
        printf("{\"what\":\"op\",\"preset\":\"%s\",\"batch\":%d,\"stage\":%d,\"op\":\"%s\",\"n\":%d,"
               "\"us\":%.2f,\"all_us\":%.1f,\"tflops\":%.2f,\"gb_s\":%.0f}\n",
               b->preset, batch, b->calls[i].stage, b->calls[i].label, n, us, us * n, 2e3 * gmac / us, mbytes / us * 1e3);
    }
    fflush(stdout);
    return EM_OK;
}

static void close_bench(gpu_bench *b)
{
    em_session_free(b->session);
    em_model_free(b->model);
    if (b->backend.dev)
        b->backend.ops->close(b->backend.dev);
    free(b->frames);
    free(b->scores);
}

static em_status run(const char *preset, const em_dev_cfg *dev, em_err *err)
{
    static gpu_bench b;
    em_status status;

    b = (gpu_bench){ .preset = preset };
    status = open_bench(&b, dev, err);
    if (status == EM_OK)
        status = make_windows(&b, err);
    if (status == EM_OK)
        status = em_session_watch(b.session, b.in, b.out, BATCH, collect, &b, err);
    if (status == EM_OK)
        status = time_session(&b, err);
    if (status == EM_OK)
        status = time_operators(&b, 1, err);
    if (status == EM_OK)
        status = time_operators(&b, BATCH, err);
    close_bench(&b);
    return status;
}

int main(int argc, char **argv)
{
    em_dev_cfg dev = { 0 };

    for (int i = 1; i + 1 < argc; i += 2) {
        em_err err;

        if (strcmp(argv[i], "--precision") == 0)
            dev.precision = strcmp(argv[i + 1], "fp32") == 0 ? EM_PRECISION_FP32 : EM_PRECISION_FP16;
        else if (run(argv[i + 1], &dev, &err) != EM_OK) {
            fprintf(stderr, "gpu: %s: %s\n", argv[i + 1], err.msg);
            return 1;
        }
    }
    return 0;
}
