/* curves.h - a run's log read back as curves over its epochs. Ordinary code, any thread. */
#ifndef EM_TRAIN_CURVES_H
#define EM_TRAIN_CURVES_H

#include "train/plot.h"

typedef struct em_curves {
    em_training_curves view;        /* over epochs; valid: mAP, also: accuracy, where the run has them */
    double *numbers;                /* all of it */
} em_curves;

/* Reads `dir`/log.jsonl, a line an epoch. EM_EIO, EM_ENOMEM; EM_EFORMAT names the line. The caller ends *out with em_curves_deinit,
 * also after an error. */
em_status em_curves_read(em_curves *out, const char *dir, em_err *err);
void      em_curves_deinit(em_curves *c);

#endif
