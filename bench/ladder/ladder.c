/* ladder.c - ladder [--precision fp32|fp16]: each version of a kernel on this GPU, at the shapes of the preset tiny (N 1) and of its
 * sibling with 16 states, batch 1 and 64. JSON lines; bench/gpu_table.py makes the table.
 *
 * A time is the best of a few replays of a graph of REPEATS calls, over REPEATS. */
#include "ladder.h"

#include "base/clock.h"
#include "base/rng.h"
#include "ops_cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPEATS = 10, REPLAYS = 4, STAGES = 4, MANY = 64 };

typedef struct shape { int H, W, D, R; } shape;

static const shape tiny[STAGES] = { { 64, 64, 192, 6 }, { 32, 32, 384, 12 }, { 16, 16, 768, 24 }, { 8, 8, 1536, 48 } };

typedef struct job {
    em_dev  *dev;
    em_scan4 a;
    int      B;
    em_scan_version *run;
    void    *blocks[12];            /* of the device, to be released */
    int      n_blocks;
} job;

static float *room(job *j, size_t n_floats)
{
    float *p = em_ops_cuda.alloc(j->dev, n_floats * sizeof(float));

    if (p)
        j->blocks[j->n_blocks++] = p;
    return p;
}

/* n numbers of `mean` and a little more or less. */
static em_status numbers(float **out, job *j, size_t n, double mean, em_err *err)
{
    float *host = malloc(n * sizeof *host);
    em_status status;
    em_rng rng = { 7 };

    *out = room(j, n);
    if (!host || !*out) {
        free(host);
        return em_fail(err, EM_ENOMEM, "no memory for %zu numbers", n);
    }
    for (size_t i = 0; i < n; i++)
        host[i] = (float)(mean + 0.1 * em_rng_normal(&rng));
    status = em_ops_cuda.upload(j->dev, *out, host, n, err);
    free(host);
    return status;
}

/* u is left zero: no exponential depends on it. */
static em_status fill(job *j, const shape *s, int N, em_err *err)
{
    const size_t tokens = (size_t)j->B * (size_t)(s->H * s->W), D = (size_t)s->D;
    float *x_dbl, *dt_w, *dt_bias, *a, *skip;
    em_status status = numbers(&x_dbl, j, tokens * 4 * (size_t)(s->R + 2 * N), 0, err);

    if (status == EM_OK)
        status = numbers(&dt_w, j, 4 * (size_t)s->R * D, 0, err);
    if (status == EM_OK)
        status = numbers(&dt_bias, j, 4 * D, -3, err);
    if (status == EM_OK)
        status = numbers(&a, j, 4 * (size_t)N * D, -1, err);
    if (status == EM_OK)
        status = numbers(&skip, j, 4 * D, 1, err);
    if (status != EM_OK)
        return status;
    j->a = (em_scan4){ .x_dbl = x_dbl, .H = s->H, .W = s->W, .D = s->D, .R = s->R, .N = N, .dt_w = dt_w, .dt_bias = dt_bias, .a = a, .skip = skip };
    j->a.u = room(j, tokens * D);
    for (int k = 0; k < EM_DIRECTIONS; k++)
        j->a.y[k] = room(j, tokens * D);
    return j->a.u && j->a.y[3] ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for %d windows", j->B);
}

static void empty(job *j)
{
    for (int i = 0; i < j->n_blocks; i++)
        em_ops_cuda.release(j->dev, j->blocks[i]);
    j->n_blocks = 0;
}

static void repeat(void *ctx)
{
    const job *j = ctx;

    for (int i = 0; i < REPEATS; i++)
        j->run(j->dev, &j->a, j->B);
}

static em_status time_version(job *j, double *us, em_err *err)
{
    em_graph *graph;
    em_status status = em_ops_cuda.capture(j->dev, &graph, repeat, j, err);

    *us = 0;
    for (int i = 0; i < REPLAYS && status == EM_OK; i++) {
        const uint64_t from = em_now_ns();
        double each;

        em_ops_cuda.replay(j->dev, graph);
        status = em_ops_cuda.sync(j->dev, err);
        each = (double)(em_now_ns() - from) / 1e3 / REPEATS;
        *us = i == 0 || each < *us ? each : *us;
    }
    if (graph)
        em_ops_cuda.forget(j->dev, graph);
    return status;
}

static em_status time_shape(job *j, int stage, int N, em_err *err)
{
    const shape *s = &tiny[stage];
    const double elements = 4.0 * s->H * s->W * s->D * N * j->B;
    em_status status = fill(j, s, N, err);

    for (int i = 0; i < EM_SCAN_RUNGS && status == EM_OK; i++) {
        double us;

        j->run = em_scan_rungs[i].run ? em_scan_rungs[i].run : em_ops_cuda.scan4_fwd;
        status = time_version(j, &us, err);
        if (status == EM_OK)
            printf("{\"what\":\"ladder\",\"kernel\":\"scan\",\"version\":\"%s\",\"device\":\"%s\",\"states\":%d,\"stage\":%d,"
                   "\"batch\":%d,\"us\":%.2f,\"gexp_s\":%.0f}\n",
                   em_scan_rungs[i].name, em_ops_cuda.describe(j->dev), N, stage, j->B, us, elements / us / 1e3);
    }
    empty(j);
    return status;
}

int main(int argc, char **argv)
{
    em_dev_cfg cfg = { 0 };
    job j = { 0 };
    em_err err;
    em_status status;

    if (argc == 3 && strcmp(argv[1], "--precision") == 0)
        cfg.precision = strcmp(argv[2], "fp32") == 0 ? EM_PRECISION_FP32 : EM_PRECISION_FP16;
    status = em_ops_cuda.open(&j.dev, &cfg, &err);
    for (int N = 1; N <= 16; N += 15)
        for (j.B = 1; j.B <= MANY; j.B += MANY - 1)
            for (int stage = 0; stage < STAGES && status == EM_OK; stage++)
                status = time_shape(&j, stage, N, &err);
    if (j.dev)
        em_ops_cuda.close(j.dev);
    if (status == EM_OK)
        return 0;
    fprintf(stderr, "ladder: %s\n", err.msg);
    return 1;
}
