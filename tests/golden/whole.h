/* whole.h - whole golden models on any backend: every stage from the golden log-mel, then slots and logits once more
 * through em_session_run. Scores from `wave`, through our own frontend, are tests/stream's affair. */
#ifndef EM_TESTS_GOLDEN_WHOLE_H
#define EM_TESTS_GOLDEN_WHOLE_H

#include "check.h"

#include "ops/ops.h"

typedef struct golden_target {
    const em_ops *ops;
    em_dev       *dev;
    double        stages, slots, scores;    /* tolerances; stages and image as a share of their largest */
    const char   *without;                  /* a model to leave out, or NULL                            */
    const char   *only;                     /* the one that is meant, or NULL                           */
} golden_target;

void golden_whole_models(const golden_target *target);

#endif
