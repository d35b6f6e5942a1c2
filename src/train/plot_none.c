/* plot_none.c - stands in for the pictures where cairo was not found or is switched off. */
#include "train/plot.h"

static em_status not_built(const char *path, em_err *err)
{
    return em_fail(err, EM_EUNSUPPORTED, "%s: pictures are not built in: configure with -DEARMARK_CAIRO=ON (Debian: libcairo2-dev)",
                   path);
}

em_status em_plot_check(const char *path, em_err *err)
{
    return not_built(path, err);
}

em_status em_plot_pr(const char *path, const char *title, const em_scored *set, const char *const *classes, int n_shown,
                     em_err *err)
{
    (void)title, (void)set, (void)classes, (void)n_shown;
    return not_built(path, err);
}

em_status em_plot_confusion(const char *path, const char *title, const int *confusion, int n_classes, const char *const *classes,
                            em_err *err)
{
    (void)title, (void)confusion, (void)n_classes, (void)classes;
    return not_built(path, err);
}

em_status em_plot_training(const char *path, const char *title, const em_training_curves *curves, em_err *err)
{
    (void)title, (void)curves;
    return not_built(path, err);
}
