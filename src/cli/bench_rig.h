/* bench_rig.h - a step of training with nothing to wait for: fresh weights, windows of noise, all that --train does between two
 * batches. What bench_step.h measures. */
#ifndef EM_CLI_BENCH_RIG_H
#define EM_CLI_BENCH_RIG_H

#include "cli/bench_step.h"
#include "model/learner.h"
#include "train/groups.h"

typedef struct em_bench_rig {
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
    long            n_steps;
} em_bench_rig;

/* What a step's time is told of: all of it, both ways through the network. */
enum { EM_STEP, EM_STEP_FORWARD, EM_STEP_BACKWARD, EM_STEP_PHASES };

/* EM_EINVAL: unknown backend; EM_EUNSUPPORTED: one that cannot train; EM_ENOMEM. cfg must outlive it. End with em_bench_rig_close,
 * also after an error. */
em_status em_bench_rig_open(em_bench_rig *rig, const em_bench_step_cfg *cfg, em_err *err);
void      em_bench_rig_close(em_bench_rig *rig);

/* One step; what it took, ms. */
em_status em_bench_rig_step(em_bench_rig *rig, double ms[EM_STEP_PHASES], em_err *err);

#endif
