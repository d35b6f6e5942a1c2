/* bench.h - a small work bench for one module: its weights from golden tensors, its calls run once on the CPU. */
#ifndef EM_TESTS_GOLDEN_BENCH_H
#define EM_TESTS_GOLDEN_BENCH_H

#include "golden/tensors.h"
#include "model/plan.h"
#include "model/weights.h"

typedef struct golden_bench {
    em_dev    *dev;
    em_st     *st;
    const char *tag, *as;           /* tensors TAG.w.NAME, under the model's names AS.NAME        */
    em_params  params;
    em_config  cfg;
    void      *weights, *activations;
    em_plan    plan;
} golden_bench;

/* Makes the list of parameters from the golden tensors of `tag`. */
void bench_open(golden_bench *g, em_dev *dev, em_st *st, const char *tag, const char *as);
void bench_close(golden_bench *g);

/* Binds with f (twice: measuring, then for real), and then builds and runs with b in the same way. */
void bench_bind(golden_bench *g, void (*f)(golden_bench *g, em_binder *b));
void bench_run(golden_bench *g, int B, void (*f)(golden_bench *g, em_builder *b));

#endif
