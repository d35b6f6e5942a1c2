/* report.h - what an evaluation says: a page for people, and one JSON object with all of it. Ordinary code, any thread. */
#ifndef EM_TRAIN_REPORT_H
#define EM_TRAIN_REPORT_H

#include "base/json.h"
#include "base/status.h"
#include "train/metrics.h"

#include <stdio.h>

/* Borrowed for the calls below. Names are hostile text: terminals do not obey what is in them. */
typedef struct em_eval_report {
    const char        *title;       /* "nano.safetensors on esc10, fold 5"                                   */
    const char        *thresholds;  /* whose they are: "0.5", "the model's"; unused when clips have one class */
    const em_metrics  *metrics;
    const char *const *classes;     /* [n_classes] names, UTF-8                                              */
    const em_counts   *segments;    /* [n_classes] of em_segments_count and em_events_count;                 */
    const em_counts   *events;      /* NULL: the set has no strong labels                                    */
} em_eval_report;

/* Summary, a row a class that occurs, and the confusion matrix; of more than 20 classes its largest entries. EM_EIO. */
em_status em_eval_report_print(FILE *to, const em_eval_report *report, em_err *err);

/* One object, an element or (key NULL) the outermost value; what is undefined is null. Memory: j->has_failed. */
void em_eval_report_json(em_json *j, const char *key, const em_eval_report *report);

#endif
