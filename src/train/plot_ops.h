/* plot_ops.h - what the module earmark-plot.so has: plot.h's functions in a table. */
#ifndef EM_TRAIN_PLOT_OPS_H
#define EM_TRAIN_PLOT_OPS_H

#include "train/plot.h"

typedef struct em_plot_ops {
    em_status (*check)(const char *path, em_err *err);
    em_status (*pr)(const char *path, const char *title, const em_scored *set, const char *const *classes, int n_shown, em_err *err);
    em_status (*confusion)(const char *path, const char *title, const int *confusion, int n_classes, const char *const *classes, em_err *err);
    em_status (*training)(const char *path, const char *title, const em_training_curves *curves, em_err *err);
} em_plot_ops;

extern const em_plot_ops em_plot_cairo;

/* The module's own: a file each. */
em_status em_cairo_pr(const char *path, const char *title, const em_scored *set, const char *const *classes, int n_shown, em_err *err);
em_status em_cairo_confusion(const char *path, const char *title, const int *confusion, int n_classes, const char *const *classes, em_err *err);
em_status em_cairo_training(const char *path, const char *title, const em_training_curves *curves, em_err *err);

#endif
