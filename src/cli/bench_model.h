/* bench_model.h - the model that --bench measures, at work. */
#ifndef EM_CLI_BENCH_MODEL_H
#define EM_CLI_BENCH_MODEL_H

#include "cli/bench.h"
#include "model/session.h"

typedef struct em_bench_model {
    const em_ops *ops;
    em_dev     *dev;
    em_model   *model;
    em_session *session;
} em_bench_model;

/* A session for max_batch windows of as many as n_streams streams. EM_EINVAL: unknown preset, backend or window; EM_EDEVICE: the
 * device's fault; else what opening the model says. Where "auto" picked a backend that fails here, the CPU is measured, which is
 * told by em_log. End with em_bench_model_close, also after an error. */
em_status   em_bench_model_open(em_bench_model *out, const em_bench_cfg *cfg, int max_batch, int n_streams, em_err *err);
void        em_bench_model_close(em_bench_model *m);

/* What it is called in records; its window, s. */
const char *em_bench_model_name(const em_bench_cfg *cfg);
double      em_bench_model_window(const em_bench_model *m);

#endif
