/* trainer.h - a whole training run: data in, model files out; killed and gone on with as often as need be.
 *
 * Where there are clips to validate on, each model file has the figures of its own weights on them and the thresholds that they ask
 * for, and says so; no other clip chooses anything. The run's folder holds best.safetensors (by validation mAP; without validation the
 * same as last), last.safetensors, log.jsonl and the saved states. A run that was killed and gone on with, in whatever folder, leaves
 * the same files, byte for byte. */
#ifndef EM_TRAIN_TRAINER_H
#define EM_TRAIN_TRAINER_H

#include "base/json.h"
#include "model/config.h"
#include "model/learner.h"
#include "train/dist.h"
#include "train/examples.h"

#include <stdatomic.h>

/* Where a run is, for whoever shows it; told after every step, and after an epoch once more with is_epoch. */
typedef struct em_train_progress {
    bool   is_epoch;
    long   epoch, n_epochs;         /* from 0; a told epoch is the one that ended      */
    long   step, n_steps;           /* steps taken of all                              */
    double loss, rate, norm;        /* of the step; loss of an epoch: mean of its steps */
    double map, accuracy;           /* of validation; NAN: none                        */
    long   n_skipped;
} em_train_progress;

/* A record's fields: epoch, step, loss, lr, grad_norm, valid_map and valid_accuracy where there are some, skipped. */
void em_train_progress_json(em_json *j, const em_train_progress *p);

typedef struct em_train_cfg {
    const em_ops     *ops;
    em_dev           *dev;
    const em_config  *model;        /* as it will be saved, with the set's classes                     */
    const em_config  *practice;     /* the same over the windows that are trained on                   */
    const em_card    *card;         /* of the model file                                               */
    const em_recipe  *recipe;
    const em_dataset *set;
    em_features      *features;
    const int        *clips, *valid;        /* [n_clips], [n_valid] of the set                         */
    int               n_clips, n_valid;
    const char       *valid_name;           /* what the latter are, for the model's card                       */
    const em_kd      *kd;           /* NULL: no teacher                                                */
    const em_tensor_source *init;   /* values to begin with                                            */
    bool              init_has_statistics;  /* bn0's are not to be made of the data                    */
    const char       *identity;     /* what init, data and model are, so that a state is only gone on with by its own run */
    const char       *dir;
    bool              resumes;      /* go on from a saved state, where there is one                    */
    em_dist          *dist;
    const atomic_bool *stop;        /* NULL: nobody asks for an end                                    */
    void            (*tell)(void *ctx, const em_train_progress *p);     /* only on the first rank; NULL: nobody listens */
    void            (*warn)(void *ctx, const char *sentence);
    void             *ctx;
} em_train_cfg;

typedef struct em_train_result {
    bool was_finished;              /* there was nothing left to do                                    */
    bool has_diverged;              /* EM_EFORMAT: loss or gradients stopped being finite for good     */
    em_train_progress last;
} em_train_result;

/* EM_ECANCELED: stop; the state is saved. EM_EINVAL: a state of another run is in the folder, a setting is wrong. Else as the parts say. */
em_status em_train(em_train_result *result, const em_train_cfg *cfg, em_err *err);

#endif
