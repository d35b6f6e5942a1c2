/* plot.c - pictures through a module: cairo, fonts and what they bring along are memory that no tagger wants. See plot.h. */
#include "base/module.h"
#include "train/plot_ops.h"

static em_status find(const em_plot_ops **out, const char *path, em_err *err)
{
    const void *table;
    em_err why;

    if (em_module_find(&table, "plot", "em_plot_cairo", &why) != EM_OK)
        return em_fail(err, EM_EUNSUPPORTED, "%.60s: no pictures here: %.80s; it is built with -DEARMARK_CAIRO=ON (Debian: libcairo2-dev)", path,
                       why.msg);
    *out = table;
    return EM_OK;
}

em_status em_plot_check(const char *path, em_err *err)
{
    const em_plot_ops *ops;
    const em_status status = find(&ops, path, err);

    return status == EM_OK ? ops->check(path, err) : status;
}

em_status em_plot_pr(const char *path, const char *title, const em_scored *set, const char *const *classes, int n_shown, em_err *err)
{
    const em_plot_ops *ops;
    const em_status status = find(&ops, path, err);

    return status == EM_OK ? ops->pr(path, title, set, classes, n_shown, err) : status;
}

em_status em_plot_confusion(const char *path, const char *title, const int *confusion, int n_classes, const char *const *classes, em_err *err)
{
    const em_plot_ops *ops;
    const em_status status = find(&ops, path, err);

    return status == EM_OK ? ops->confusion(path, title, confusion, n_classes, classes, err) : status;
}

em_status em_plot_training(const char *path, const char *title, const em_training_curves *curves, em_err *err)
{
    const em_plot_ops *ops;
    const em_status status = find(&ops, path, err);

    return status == EM_OK ? ops->training(path, title, curves, err) : status;
}
