/* split.h - clips to validate on, drawn from a data set that names none.
 *
 * A share of each class (the rarest decide first), and whole recordings only: what was cut from one sound is alike, and would
 * be recognised, not known. The draw is by the recordings' names, so that it is the same in every run, whatever its seed and
 * wherever the data lie. Ordinary code, any thread. */
#ifndef EM_TRAIN_SPLIT_H
#define EM_TRAIN_SPLIT_H

#include "train/dataset.h"

/* Of the clips with may[i], is_valid[i] of about `share` (0 to 1) of each class, at least one recording of a class that has two; the
 * others get false. may, is_valid: [set->n_clips]. *n_without: classes with clips and none to validate on. EM_ENOMEM. */
em_status em_split_draw(bool *is_valid, int *n_without, const em_dataset *set, const bool *may, double share, em_err *err);

#endif
