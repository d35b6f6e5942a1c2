/* learning.h - what the official code's training did, held against that of any backend: gradients of whole models, and a run of steps. */
#ifndef EM_TESTS_GOLDEN_LEARNING_H
#define EM_TESTS_GOLDEN_LEARNING_H

#include "check.h"

#include "ops/ops.h"

#include <stdbool.h>

typedef struct golden_learning {
    const em_ops *ops;
    em_dev       *dev;
    double        logits, gradients, slots; /* tolerances; gradients: as a share of a tensor's largest; slots: of a session */
} golden_learning;

/* Every weight's gradient from golden dlogits; of_slots: the same gradients, from losses of the slots. Says so where the model is not
 * at hand. */
void golden_gradients(const golden_learning *t, const char *model, bool of_slots);

/* The clip's logits and the slots of a session, as it is run live: for a model whose golden has no log-mel (whole.h has the others). */
void golden_session(const golden_learning *t, const char *model);

enum { GOLDEN_STEPS = 20 };

/* Tolerances of a run of AdamW steps: losses, gradient norms as a share, weights (running statistics: a tenth of it, as a share). */
typedef struct golden_run { double loss, norm, weights; int n_steps; } golden_run;

/* The first n_steps steps of the golden run: loss and gradient norm of each, the first gradients, and after the last of all the
 * weights. Ends the program as skipped where it is not at hand. */
void golden_training(const golden_learning *t, const golden_run *run);

#endif
