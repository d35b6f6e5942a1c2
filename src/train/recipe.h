/* recipe.h - how a run learns: every setting that changes its result, as plain data. */
#ifndef EM_TRAIN_RECIPE_H
#define EM_TRAIN_RECIPE_H

#include "train/compose.h"
#include "train/groups.h"
#include "train/loss.h"
#include "train/mixup.h"
#include "train/sampler.h"
#include "train/schedule.h"
#include "train/specaugment.h"
#include "train/thresholds.h"

#include <stdint.h>

typedef struct em_recipe {
    uint64_t seed;
    long     n_epochs;
    long     draws;                 /* of clips in an epoch; 0: as many as there are            */
    int      batch;                 /* windows of a step, over all ranks                        */
    int      micro_batch;           /* of them at once in memory, on one rank                   */
    bool     recomputes;            /* see em_learner_cfg; no bit of the run depends on it          */
    em_sampling sampling;
    em_schedule schedule;           /* n_steps and steps_per_epoch follow from the rest         */
    em_groups_cfg groups;
    double   beta1, beta2, eps;
    double   clip;                  /* largest norm of a step's gradient; 0: any                */
    double   ema;                   /* 0: none; else what the average keeps at each step, .999  */
    int      average;               /* the end is the mean of the last so many epochs' weights; 0, 1: the last ones */
    double   drop_path;             /* of the last block, falling to 0 at the first             */
    em_loss_cfg loss;
    em_compose_cfg compose;
    em_mix_cfg mixup, cutmix;       /* p 0: none. A sample that is not mixed up may be cut      */
    em_partner_rule partners;
    em_specaugment_cfg specaugment;
    int      save_steps;            /* a state is saved every so many steps, and at the end of each epoch; 0: only then */
    int      keep;                  /* states                                                   */
    int      valid_epochs;          /* validation every so many epochs; 0: never                */
    em_threshold_rule thresholds;   /* of the model files, chosen by validation                 */
} em_recipe;

/* A recipe for a few hundred clips and up, from scratch. */
em_recipe em_recipe_defaults(em_frontend_kind kind);

/* EM_EINVAL: a setting out of its range. */
em_status em_recipe_check(const em_recipe *r, em_err *err);

/* The chance that a branch of a block is dropped. */
double em_recipe_drop(const em_recipe *r, int block, int n_blocks);

/* All of it as JSON: two runs with the same text, model and data are the same run. Caller frees; NULL: no memory. */
char *em_recipe_json(const em_recipe *r);

#endif
