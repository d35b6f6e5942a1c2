/* metrics_inside.h - the counts behind metrics.h, for the file that counts and the one that writes. */
#ifndef EM_SINKS_WEB_METRICS_INSIDE_H
#define EM_SINKS_WEB_METRICS_INSIDE_H

#include "base/text.h"
#include "sinks/web/metrics.h"

#include <math.h>
#include <pthread.h>

enum {
    EM_WEB_SOURCES = 64, EM_WEB_GROUPS = 64, EM_WEB_SLUG = 96, EM_WEB_NAME = 160, EM_WEB_REASONS = 3, EM_WEB_STAGES = 3,
    EM_WEB_COMPUTE_BOUNDS = 11, EM_WEB_LATENCY_BOUNDS = 10,
};

extern const double em_web_compute_bounds[EM_WEB_COMPUTE_BOUNDS], em_web_latency_bounds[EM_WEB_LATENCY_BOUNDS];      /* seconds */
extern const char *const em_web_reasons[EM_WEB_REASONS], *const em_web_stages[EM_WEB_STAGES];

typedef struct em_web_histogram {
    uint64_t n_below[EM_WEB_COMPUTE_BOUNDS];        /* values up to each bound */
    uint64_t n;
    double   sum;
} em_web_histogram;

typedef struct em_web_source {
    char     name[EM_WEB_NAME];
    bool     is_up, is_over, has_vitals;
    uint64_t n_up;                                  /* how often it came         */
    uint64_t captured, missed, dropped[EM_WEB_REASONS];
    double   level, ring_fill, ratio;
    int64_t  last_ms;                               /* wall clock, 0: no event yet */
    em_web_histogram stages[EM_WEB_STAGES];
} em_web_source;

typedef struct em_web_counts {                      /* all that changes */
    em_web_source sources[EM_WEB_SOURCES];
    int         n_sources;
    float      *scores;                             /* [EM_WEB_SOURCES][n_classes]                 */
    uint64_t   *events;                             /* [EM_WEB_SOURCES][n_classes + EM_WEB_GROUPS] */
    em_web_histogram latency;
    uint64_t    heard_ns;                           /* monotonic: the newest hop                   */
    int         n_sinks;
    em_vitals_sink sinks[EM_VITALS_SINKS];
} em_web_counts;

double em_web_process_start(void);

struct em_web_metrics {
    const em_classes *classes;
    const bool *is_watched;
    em_event    start;
    int         n_classes, n_columns;               /* n_columns: with groups                      */
    char      (*slugs)[EM_WEB_SLUG];                /* [n_columns]; a group's is set before it is counted */
    const char *groups[EM_WEB_GROUPS];              /* labels, in the order in which they were first heard */
    int         n_groups;
    bool        has_warned;
    double      begun_s;                            /* wall clock when the process began; the server's thread's */
    pthread_mutex_t lock;                           /* of counts                                   */
    em_web_counts counts;
};

#endif
