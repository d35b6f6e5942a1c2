/* bench.h - how long one window takes on this machine: what --bench measures. */
#ifndef EM_CLI_BENCH_H
#define EM_CLI_BENCH_H

#include "base/status.h"

#include <stdbool.h>

typedef struct em_bench_cfg {
    const char *preset;             /* random weights of this preset, or NULL: */
    const char *model_path;         /* a model file                            */
    const char *backend;
    int         n_threads;          /* 0: one a processor                      */
} em_bench_cfg;

typedef struct em_bench_result {
    char   name[64];                /* preset or model                                                   */
    char   device[64];              /* what computed, and on how many threads                            */
    int    n_threads;
    double window_ms, p99_ms;       /* median and 99th percentile, from log-mel in to scores out         */
    double gmac;                    /* of one window                                                     */
    double sgemm_gflops;            /* the best sgemm of this run, same threads                          */
    double floors;                  /* window_ms over what that sgemm would need for gmac alone          */
    double rss_mb;                  /* of the process after the run                                      */
} em_bench_result;

/* Ends within a minute. EM_EINVAL: unknown preset or backend; else what opening the model says. */
em_status em_bench_run(em_bench_result *out, const em_bench_cfg *cfg, em_err *err);

#endif
