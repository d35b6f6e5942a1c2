/* step.h - a run at work, and one step of it: batch, both ways, sums over ranks, AdamW, average. */
#ifndef EM_TRAIN_STEP_H
#define EM_TRAIN_STEP_H

#include "train/allsum.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/guard.h"
#include "train/run_folder.h"
#include "train/trainer.h"
#include "train/validate.h"

typedef struct em_trainer {
    const em_train_cfg *cfg;
    em_learner     *learner;
    float          *m, *v, *ema;        /* blocks like the learner's; ema NULL: there is none         */
    size_t          n;                  /* numbers of a block                                         */
    em_groups       groups;
    em_adamw_range *ranges;             /* [groups.n] of this step                                    */
    em_batches     *batches;
    float          *logits, *dlogits;   /* [micro][n_classes]                                         */
    float          *slots, *dslots;     /* [micro][n_slots][n_classes]; NULL: they have no loss       */
    float          *factors;            /* [branches][micro]; NULL: no branch is dropped              */
    em_input       *in;                 /* [micro]                                                    */
    double         *mean, *var;         /* [n_mels] of the batch                                      */
    double         *first_mean;         /* [n_mels] before the first step: what SpecAugment blots with */
    em_allsum      *allsum;             /* of the gradients, over the ranks                           */
    em_schedule     schedule;
    long            step, n_steps, steps_per_epoch;
    long            n_taken;            /* of the steps, without those that were skipped              */
    long            epoch_taken;        /* of this epoch                                              */
    double          epoch_loss;         /* their sum                                                  */
    double          best_map;           /* of epochs so far; -1: none                                 */
    em_guard        guard;
    bool            has_diverged, has_counted;  /* counted: said how many clips cannot be used        */
    em_train_progress progress;
    em_validation   valid;              /* of the epoch that was validated last; first rank only      */
    em_run         *run;                /* the folder; first rank only                                */
    char           *settings;           /* what a state must agree with                               */
    float          *host;               /* [n] scratch on the host                                    */
} em_trainer;

/* Makes everything but values. End with em_train_close, also after an error. */
em_status em_train_open(em_trainer *t, em_err *err);
void      em_train_close(em_trainer *t);

/* Values are there (fresh, or of a state): begins to make batches from t->step on. */
em_status em_train_begin(em_trainer *t, em_err *err);

/* One step, or one that was skipped; t->step has grown by one, unless the run went back to a saved state.
 * EM_EFORMAT and has_diverged: the run is beyond help. */
em_status em_train_step(em_trainer *t, em_err *err);

/* The block whose weights are the run's answer: the average, or the values. */
const float *em_train_average(const em_trainer *t);

/* Values, moments and average as they are before the first step. */
em_status em_train_fresh(em_trainer *t, em_err *err);

#endif
