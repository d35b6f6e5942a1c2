/* pictures.c - see pictures.h. */
#include "cli/pictures.h"

#include "cli/paths.h"
#include "train/curves.h"
#include "train/plot.h"

#include <limits.h>
#include <stdio.h>

enum { CURVES_SHOWN = 10 };             /* in colour, of those with the most clips */

static const char *const endings[] = { ".svg", ".png" };

/* What one picture is drawn of; each kind looks at its own part. */
typedef struct subject {
    const char *title;
    const em_scored  *set;
    const em_metrics *metrics;
    const char *const *classes;
    const em_training_curves *curves;
} subject;

typedef em_status draw(const char *path, const subject *what, em_err *err);

static em_status draw_pr(const char *path, const subject *what, em_err *err)
{
    return em_plot_pr(path, what->title, what->set, what->classes, CURVES_SHOWN, err);
}

static em_status draw_confusion(const char *path, const subject *what, em_err *err)
{
    return em_plot_confusion(path, what->title, what->metrics->confusion, what->metrics->n_classes, what->classes, err);
}

static em_status draw_training(const char *path, const subject *what, em_err *err)
{
    return em_plot_training(path, what->title, what->curves, err);
}

/* PREFIX-name with every ending. */
static em_status draw_both(draw *one, const char *prefix, const char *name, const subject *what, em_err *err)
{
    em_status status = EM_OK;

    for (size_t i = 0; i < EM_COUNT(endings) && status == EM_OK; i++) {
        char path[PATH_MAX];

        if (snprintf(path, sizeof path, "%s-%s%s", prefix, name, endings[i]) >= (int)sizeof path)
            return em_fail(err, EM_EIO, "--plot: a path of more than %d bytes", PATH_MAX - 1);
        status = one(path, what, err);
    }
    return status;
}

em_status em_pictures_check(const char *prefix, em_err *err)
{
    char path[160];

    snprintf(path, sizeof path, "%.120s%s", prefix ? prefix : "", endings[0]);
    return prefix ? em_plot_check(path, err) : EM_OK;
}

em_status em_pictures_of_scores(const char *prefix, const char *title, const em_scored *set, const em_metrics *metrics,
                                const char *const *classes, em_err *err)
{
    const subject what = { .title = title, .set = set, .metrics = metrics, .classes = classes };
    em_status status = draw_both(draw_pr, prefix, "pr", &what, err);

    return status == EM_OK && metrics->confusion ? draw_both(draw_confusion, prefix, "confusion", &what, err) : status;
}

em_status em_pictures_of_run(const char *prefix, const char *dir, em_err *err)
{
    char title[256];
    em_curves curves;
    const subject what = { .title = title, .curves = &curves.view };
    em_status status = em_curves_read(&curves, dir, err);

    snprintf(title, sizeof title, "Training of %s", em_path_base(dir));
    if (status == EM_OK)
        status = draw_both(draw_training, prefix, "training", &what, err);
    em_curves_deinit(&curves);
    return status;
}
