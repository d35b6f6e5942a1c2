/* validate.h - what a run's clips to validate on say of weights: how good they are, and where events begin. First rank only. */
#ifndef EM_TRAIN_VALIDATE_H
#define EM_TRAIN_VALIDATE_H

#include "train/scorer.h"
#include "train/trainer.h"

typedef struct em_validation {
    long   step;                    /* after which the weights were these; 0: none were validated                   */
    double map, accuracy;           /* NAN: none                                                                    */
    int    n_clips, n_classes;      /* that could be heard; that the mAP is of                                      */
    float *thresholds;              /* [n_classes of the model]; NULL: no class has enough clips, the card's stay   */
    char  *thresholds_from;
} em_validation;

/* Hears the clips with these weights as a tagger would. Takes the place of what *v was; empty after an error. The caller ends it with
 * em_validation_deinit. Errors as em_score. */
em_status em_validate(em_validation *v, const em_train_cfg *cfg, const em_tensor_source *weights, em_err *err);
void      em_validation_deinit(em_validation *v);

/* The figures as JSON for the model's card; epoch from 1. is_best: chosen among epochs by them, which flatters. Caller frees; NULL: no
 * memory. */
char *em_validation_json(const em_validation *v, const em_train_cfg *cfg, long epoch, bool is_best);

#endif
