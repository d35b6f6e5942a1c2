/* bench_step.h - how long a step of training takes on this machine, and where the time goes: --bench --training.
 *
 * A step is all that --train does between two batches: bn0's statistics, both ways and the loss a micro-batch at a time, the
 * gradient's norm, AdamW, the running average, and the weights packed anew. Making batches is left out: other threads do that. */
#ifndef EM_CLI_BENCH_STEP_H
#define EM_CLI_BENCH_STEP_H

#include "base/status.h"
#include "cli/bench.h"
#include "cli/machine.h"
#include "model/config.h"
#include "train/recipe.h"

typedef struct em_bench_step_cfg {
    const em_config *model;         /* over the window that is trained on                                 */
    const em_recipe *recipe;
    const char      *backend;
    int              n_threads;
} em_bench_step_cfg;

/* All calls of one label, of one step. */
typedef struct em_bench_step_part {
    const char *label;
    double forward_ms, backward_ms; /* the sum of each call's median                                      */
    double gmac, mbytes;            /* of forward                                                         */
    double roofline_share;          /* both ways: backward is two products for each of forward's          */
} em_bench_step_part;

typedef struct em_bench_step_result {
    char   device[64];              /* what computed, and on how many threads                             */
    double step_ms, p99_ms;         /* median and 99th percentile                                         */
    double forward_ms, backward_ms; /* medians of these parts of a step                                   */
    double window_ms;               /* step_ms / batch                                                    */
    double gmac;                    /* forward, of one window                                             */
    double floors3;                 /* window_ms over three times what the best product needs for gmac    */
    double rss_mb;                  /* most memory the process ever held, up to the race of products     */
    double activations_mb;          /* of it: activations and their gradients, of a micro-batch           */
    int    n_parts;
    em_bench_step_part parts[EM_BENCH_PARTS];
    em_machine machine;
} em_bench_step_result;

/* Fresh weights, windows of noise. Ten seconds, or longer where three steps are. EM_EINVAL: unknown backend; EM_EUNSUPPORTED: one that
 * cannot train; EM_ENOMEM. */
em_status em_bench_step_run(em_bench_step_result *out, const em_bench_step_cfg *cfg, em_err *err);

#endif
