/* metrics.h - what a run has come to, as Prometheus reads it (text format 0.0.4).
 *
 * Labels are fixed sets: sources, classes by their slugs (scores of watched ones only), stages, sinks. em_web_metrics_take is called
 * with every event, em_web_metrics_text by the server's thread; the lock between them is held for the time of a copy. */
#ifndef EM_SINKS_WEB_METRICS_H
#define EM_SINKS_WEB_METRICS_H

#include "base/event.h"
#include "base/status.h"

#include <stdbool.h>

typedef struct em_web_metrics em_web_metrics;

typedef struct em_web_metrics_cfg {
    const em_classes *classes;      /* borrowed                                                        */
    const bool *is_watched;         /* [n] whose scores are told; NULL: none's                         */
    const em_event *start;          /* START: what build_info says                                     */
} em_web_metrics_cfg;

/* EM_ENOMEM. The caller frees *out with em_web_metrics_free; on error it is NULL. */
em_status em_web_metrics_new(em_web_metrics **out, const em_web_metrics_cfg *cfg, em_err *err);
void      em_web_metrics_free(em_web_metrics *m);

void      em_web_metrics_take(em_web_metrics *m, const em_event *e);

/* Seconds since something was last heard, over all sources: the age of the newest hop; since the start before the first. *is_up:
 * no source is down. */
double    em_web_metrics_silence(em_web_metrics *m, bool *is_up);

/* The whole exposition; the caller frees it. NULL: no memory. */
char     *em_web_metrics_text(em_web_metrics *m);

#endif
