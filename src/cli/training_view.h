/* training_view.h - how a training run is told: a redrawn line on a terminal, plain lines elsewhere, records for programs. */
#ifndef EM_CLI_TRAINING_VIEW_H
#define EM_CLI_TRAINING_VIEW_H

#include "cli/options.h"
#include "cli/progress.h"
#include "train/trainer.h"

typedef struct em_training_view {
    em_progress progress;
    uint64_t    drawn_ns;
    long        first_step;         /* of this process; -1: none told yet     */
} em_training_view;

void em_training_view_init(em_training_view *v, const em_options *o);

/* For em_train_cfg: tell and warn, ctx is the view. */
void em_training_view_tell(void *ctx, const em_train_progress *p);
void em_training_view_warn(void *ctx, const char *sentence);

#endif
