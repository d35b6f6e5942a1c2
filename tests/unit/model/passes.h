/* passes.h - steps of a small model with random weights on any backend, for tests that hold two ways to take them against each other. */
#ifndef EM_TESTS_UNIT_MODEL_PASSES_H
#define EM_TESTS_UNIT_MODEL_PASSES_H

#include "check.h"

#include "model/config.h"
#include "ops/ops.h"

#include <stdbool.h>

typedef struct passes_how {
    const em_ops *ops;
    em_dev_cfg    dev;
    int           B;                /* windows of a pass                                                */
    int           n_steps;          /* of AdamW, each of two passes, the second of one window less; 0: one pass, and nothing is learnt */
    bool          recomputes;
} passes_how;

typedef struct passes { float *logits, *grads, *values; size_t n_logits, n, n_bytes; } passes;      /* of the last step; em_learner_bytes */

/* A model of 5 classes, a block a stage, `dim` wide. seconds: its window, where the preset pads. */
typedef struct passes_model { const char *preset; double seconds; em_block_kind block; bool has_gate; int dim; } passes_model;
void   passes_config(em_config *cfg, const passes_model *model);

/* Of every branch some windows are dropped, alone and side by side, at the ends and between; the first branch keeps all, the second none. */
passes passes_run(const em_config *cfg, const passes_how *how);
void   passes_free(passes *p);

/* Equal numbers, 0 and -0 being one; most of them not 0. */
void   passes_compare(const passes *got, const passes *want, const char *name);

#endif
