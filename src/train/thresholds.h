/* thresholds.h - where a model's events begin: a threshold for each class, chosen on scored clips, and the words for how.
 *
 * The one place that chooses; --train does so on the clips that it validates on, --eval --thresholds on those it measures. */
#ifndef EM_TRAIN_THRESHOLDS_H
#define EM_TRAIN_THRESHOLDS_H

#include "model/config.h"
#include "train/metrics.h"

enum { EM_LEAST_POSITIVES = 5 };    /* clips of a class that a threshold can be chosen on */

typedef struct em_threshold_rule {
    double precision;               /* the lowest threshold that is so precise; 0: that of the best F1       */
    double least;                   /* none is lower                                                         */
    double least_general;           /* none of a class with trained ones below it (model/ontology.h) is lower */
} em_threshold_rule;

/* thresholds[set->n_classes] of `card`'s classes: what could not be chosen is the card's, or .5. *n_chosen: classes that have enough
 * clips and a threshold as it is wanted; 0: thresholds are of no use. EM_EINVAL as em_scored_check; EM_ENOMEM. */
em_status em_thresholds_of(float *thresholds, int *n_chosen, const em_scored *set, const em_card *card, const em_threshold_rule *rule,
                           em_err *err);

/* For the model's card (thresholds_from): "best F1 on 45 clips (fold 2): 3 of 10 classes, the others ...". `clips` says which they
 * are. Caller frees; NULL: no memory. */
char *em_thresholds_tell(const em_threshold_rule *rule, const char *clips, const em_scored *set, const em_card *card, int n_chosen);

#endif
