/* summary.h - what one lane heard from its start to its end: mean and largest score of each class, and when. */
#ifndef EM_ENGINE_SUMMARY_H
#define EM_ENGINE_SUMMARY_H

#include "base/event.h"
#include "base/status.h"

#include <stdint.h>

typedef struct em_summary {
    int     n_classes;
    int64_t n_windows;
    double *sum, *at;               /* [n_classes] */
    float  *mean, *max;             /* [n_classes] */
} em_summary;

em_status em_summary_init(em_summary *s, int n_classes, em_err *err);   /* end with deinit, also after an error */
void      em_summary_deinit(em_summary *s);
void      em_summary_add(em_summary *s, const float *scores, double time);

/* The event's source, time and utc_ms are the caller's; its arrays are valid until deinit. */
void      em_summary_event(em_summary *s, em_event *e, double duration);

#endif
