/* bench.c - the measurement behind --bench: see bench.h. A floor is what the window's multiply-adds alone would
 * need at the rate of a large matrix product on the same threads, measured in the same run. */
#include "cli/bench.h"

#include "backend/backend.h"
#include "base/clock.h"
#include "base/rng.h"
#include "cli/paths.h"
#include "model/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MIN_RUNS = 20, MAX_RUNS = 400,
    PRODUCT_SIZE = 1024,            /* rows, columns and depth of the matrix product */
    PRODUCT_RUNS = 8,
};

static const double RUN_SECONDS = 15;

typedef struct bench {
    const em_ops *ops;
    em_dev     *dev;
    em_model   *model;
    em_session *session;
    float      *frames, *logits;
    double     *ms;                 /* [MAX_RUNS] */
} bench;

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static em_status open_model(bench *b, const em_bench_cfg *cfg, em_err *err)
{
    em_dev_cfg dev = { .n_threads = cfg->n_threads };
    em_session_cfg one = { .max_batch = 1 };
    em_config preset;
    em_status status;

    if ((status = em_backend_pick(&b->ops, cfg->backend, err)) || (status = b->ops->open(&b->dev, &dev, err)))
        return status;
    if (cfg->preset)
        status = em_config_preset(&preset, cfg->preset, err);
    if (status)
        return status;
    if (cfg->preset && preset.n_classes == 0)
        return em_fail(err, EM_EINVAL, "--preset %s: has no classes to tag with", cfg->preset);
    status = cfg->preset ? em_model_random(&b->model, &preset, 1, b->ops, b->dev, err)
                         : em_model_open(&b->model, cfg->model_path, b->ops, b->dev, err);
    return status ? status : em_session_new(&b->session, b->model, &one, err);
}

/* Median and 99th percentile of single windows of noise. */
static em_status time_windows(em_bench_result *out, bench *b, em_err *err)
{
    const em_config *cfg = em_session_config(b->session);
    size_t n = (size_t)em_config_sound_frames(cfg) * (size_t)cfg->n_mels;
    em_input in = { 0 };
    em_output answer = { 0 };
    em_rng rng = { 1 };
    uint64_t begin = em_now_ns();
    int n_runs = 0;

    b->frames = calloc(n, sizeof *b->frames);
    b->logits = calloc((size_t)cfg->n_classes, sizeof *b->logits);
    b->ms = calloc(MAX_RUNS, sizeof *b->ms);
    if (!b->frames || !b->logits || !b->ms)
        return em_fail(err, EM_ENOMEM, "no memory for a window");
    for (size_t i = 0; i < n; i++)
        b->frames[i] = (float)(-40 + 10 * em_rng_normal(&rng));
    in = (em_input){ b->frames, em_config_sound_frames(cfg) };
    answer.logits = b->logits;
    for (int i = -2; i < MAX_RUNS; i++) {               /* the first two warm up */
        uint64_t from = em_now_ns();
        em_status status = em_session_run(b->session, &in, &answer, 1, err);

        if (status)
            return status;
        if (i >= 0)
            b->ms[n_runs++] = (double)(em_now_ns() - from) / 1e6;
        if (n_runs >= MIN_RUNS && (double)(em_now_ns() - begin) / 1e9 > RUN_SECONDS)
            break;
    }
    qsort(b->ms, (size_t)n_runs, sizeof *b->ms, by_size);
    out->window_ms = b->ms[n_runs / 2];
    out->p99_ms = b->ms[n_runs * 99 / 100];
    return EM_OK;
}

/* The best of some products of the backend's own. */
static em_status time_product(em_bench_result *out, bench *b, em_err *err)
{
    size_t side = PRODUCT_SIZE, n = side * side;
    void *packed = b->ops->alloc(b->dev, b->ops->pack_bytes(b->dev, PRODUCT_SIZE, PRODUCT_SIZE));
    float *x = b->ops->alloc(b->dev, n * sizeof *x), *y = b->ops->alloc(b->dev, n * sizeof *y);
    float *host = calloc(n, sizeof *host);
    em_status status = EM_OK;

    if (!packed || !x || !y || !host)
        status = em_fail(err, EM_ENOMEM, "no memory for a matrix product");
    if (!status && !(status = b->ops->upload(b->dev, x, host, n, err)) &&
        !(status = b->ops->reserve(b->dev, PRODUCT_SIZE, PRODUCT_SIZE, err)) &&
        !(status = b->ops->pack(b->dev, packed, host, PRODUCT_SIZE, PRODUCT_SIZE, err))) {
        em_norm_linear product = { .y = y, .x = x, .ldx = side, .w = { packed, PRODUCT_SIZE, PRODUCT_SIZE }, .L = PRODUCT_SIZE };

        for (int i = 0; i <= PRODUCT_RUNS && !status; i++) {
            uint64_t from = em_now_ns();
            double gflops;

            b->ops->norm_linear_fwd(b->dev, &product, 1);
            status = b->ops->download(b->dev, host, y, 1, err);
            gflops = 2 * (double)n * (double)side / (double)(em_now_ns() - from);
            if (i > 0 && gflops > out->sgemm_gflops)
                out->sgemm_gflops = gflops;
        }
    }
    free(host);
    b->ops->release(b->dev, y);
    b->ops->release(b->dev, x);
    b->ops->release(b->dev, packed);
    return status;
}

static double resident_mb(void)
{
    unsigned long long total, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (f && fscanf(f, "%llu %llu", &total, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return (double)resident * 4096 / 1e6;
}

em_status em_bench_run(em_bench_result *out, const em_bench_cfg *cfg, em_err *err)
{
    bench b = { 0 };
    em_status status = open_model(&b, cfg, err);

    *out = (em_bench_result){ 0 };
    if (!status && !(status = time_windows(out, &b, err))) {
        out->rss_mb = resident_mb();                    /* before the product adds its own */
        status = time_product(out, &b, err);
    }
    if (!status) {
        snprintf(out->name, sizeof out->name, "%s", cfg->preset ? cfg->preset : em_path_base(cfg->model_path));
        snprintf(out->device, sizeof out->device, "%s", b.ops->describe(b.dev));
        out->n_threads = cfg->n_threads;
        out->gmac = em_config_macs(em_session_config(b.session)) / 1e9;
        out->floors = out->window_ms / (2e3 * out->gmac / out->sgemm_gflops);
    }
    free(b.frames);
    free(b.logits);
    free(b.ms);
    em_session_free(b.session);
    em_model_free(b.model);
    if (b.dev)
        b.ops->close(b.dev);
    return status;
}
