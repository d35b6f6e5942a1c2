/* listing.h - what --dry-run says of a data set: classes and counts, what cannot be used and why, how long training takes. */
#ifndef EM_TRAIN_LISTING_H
#define EM_TRAIN_LISTING_H

#include "base/status.h"
#include "train/dataset.h"
#include "train/features.h"

#include <stdio.h>

/* What the prediction is made of: every clip to learn from is one window an epoch. */
typedef struct em_listing_plan {
    double seconds_per_window;      /* of training, measured by the caller; 0: no prediction */
    int    n_epochs;
    const int *clips;               /* [n_clips] of the set, to learn from                   */
    int    n_clips, n_valid;        /* n_valid: others, to validate on                       */
} em_listing_plan;

/* Writes the listing to out. With features it decodes every clip once and says which cannot be used, and the total
 * duration; features and plan may be NULL. EM_EIO: out could not be written; EM_EDEVICE (em_features_fault); EM_ENOMEM. */
em_status em_dataset_list(FILE *out, const em_dataset *set, em_features *features, const em_listing_plan *plan, em_err *err);

#endif
