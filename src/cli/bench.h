/* bench.h - how long one window takes on this machine, where the time goes, and what live tagging costs: --bench. */
#ifndef EM_CLI_BENCH_H
#define EM_CLI_BENCH_H

#include "base/status.h"
#include "cli/machine.h"
#include "ops/ops.h"

/* `stage` (the same pointer as long as it lasts) is measured now; so much of all is done, 0..1. Not called while a clock runs. */
typedef void em_bench_tell(void *ctx, const char *stage, double share);

typedef struct em_bench_cfg {
    const char *preset;             /* random weights of this preset, or NULL: */
    const char *model_path;         /* a model file                            */
    const char *backend;
    int         n_threads;
    em_precision precision;
    double      window_s;           /* 0: the model's own                      */
    em_bench_tell *tell;            /* NULL: nobody waits                      */
    void       *tell_ctx;
} em_bench_cfg;

enum { EM_BENCH_PARTS = 24 };

/* All calls of one label: "scan", "fc1" … */
typedef struct em_bench_part {
    const char *label;
    double ms;                      /* of one window: the sum of each call's median                       */
    double gmac, mbytes;            /* of one window                                                      */
    double roofline_share;          /* time that the machine's product rate or memory needs, over ms      */
} em_bench_part;

typedef struct em_bench_result {
    char   name[64];                /* preset or model                                                    */
    char   device[64];              /* what computed, and on how many threads                             */
    int    n_threads;
    double window_s;                /* of sound in one window                                             */
    double window_ms, p99_ms;       /* median and 99th percentile, from log-mel in to scores out          */
    double whole_ms;                /* median of windows timed in turn with the parts, which are shares of it */
    double gmac;                    /* of one window                                                      */
    double floors;                  /* window_ms over what the machine's best product needs for gmac      */
    double rss_mb;                  /* most memory the process ever held, up to the race of products     */
    double logmel_us_per_frame;
    double live_core_ms;            /* core time of one second of sound at a hop of 1 s, all included     */
    int    n_parts;
    em_bench_part parts[EM_BENCH_PARTS];
    em_machine machine;
} em_bench_result;

/* Ends within a minute. EM_EINVAL: unknown preset, backend or window; else what opening the model says. */
em_status em_bench_run(em_bench_result *out, const em_bench_cfg *cfg, em_err *err);

/* Of what opening and measuring a model says. */
int       em_bench_exit_code(em_status status);

#endif
