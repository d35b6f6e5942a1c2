/* pictures.h - --plot PREFIX: what an evaluation or a run is, as PREFIX-….svg and the same as .png. */
#ifndef EM_CLI_PICTURES_H
#define EM_CLI_PICTURES_H

#include "base/status.h"
#include "train/metrics.h"

/* Before long work: whether this build draws at all. EM_EUNSUPPORTED names the build option; prefix NULL: EM_OK. */
em_status em_pictures_check(const char *prefix, em_err *err);

/* PREFIX-pr and, where clips have one class each, PREFIX-confusion. Errors as plot.h's. */
em_status em_pictures_of_scores(const char *prefix, const char *title, const em_scored *set, const em_metrics *metrics,
                                const char *const *classes, em_err *err);

/* PREFIX-training, from the log in the run's folder. Errors as plot.h's and em_curves_read's. */
em_status em_pictures_of_run(const char *prefix, const char *dir, em_err *err);

#endif
