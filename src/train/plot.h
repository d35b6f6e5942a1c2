/* plot.h - pictures of an evaluation and of a training, drawn by cairo as .svg or .png, as the file's name ends.
 *
 * Files are replaced whole or not at all. Errors of all: EM_EINVAL (another ending), EM_EIO, EM_ENOMEM, EM_EUNSUPPORTED
 * (built without cairo; names the option). Names and titles are UTF-8; long ones are cut. Ordinary code, any thread. */
#ifndef EM_TRAIN_PLOT_H
#define EM_TRAIN_PLOT_H

#include "base/status.h"
#include "train/metrics.h"

/* Whether `path` can become a picture at all: before long work. Errors as above but EM_EIO. */
em_status em_plot_check(const char *path, em_err *err);

/* Precision over recall: the mean over classes, the n_shown classes with the most positives (at most 12) in colour with name and
 * average precision, all others in grey. `set` must pass em_scored_check. */
em_status em_plot_pr(const char *path, const char *title, const em_scored *set, const char *const *classes, int n_shown,
                     em_err *err);

/* confusion[n_classes][n_classes], truth by answer, shaded by the share of the row; only classes that occur. */
em_status em_plot_confusion(const char *path, const char *title, const int *confusion, int n_classes, const char *const *classes,
                            em_err *err);

/* Curves over steps or epochs, in rising order. A number that is not finite leaves a gap; what is NULL is not drawn. */
typedef struct em_training_curves {
    const char   *x_name;           /* "step"                                            */
    const double *x, *loss, *rate;  /* [n] of the training                               */
    int           n;
    const double *valid_x, *valid_loss, *valid;     /* [n_valid] of the validation       */
    int           n_valid;
    const char   *valid_name;       /* of `valid`, where more is better: "mAP"           */
    const double *also;             /* [n_valid] drawn with it, and its name             */
    const char   *also_name;
} em_training_curves;

em_status em_plot_training(const char *path, const char *title, const em_training_curves *curves, em_err *err);

#endif
