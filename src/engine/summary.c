/* summary.c - sums and maxima of a lane's scores, a hop at a time. */
#include "engine/summary.h"

#include <stdlib.h>

em_status em_summary_init(em_summary *s, int n_classes, em_err *err)
{
    size_t n = (size_t)n_classes + 1;

    *s = (em_summary){ .n_classes = n_classes, .sum = calloc(n, sizeof(double)), .at = calloc(n, sizeof(double)),
                       .mean = calloc(n, sizeof(float)), .max = calloc(n, sizeof(float)) };
    return s->sum && s->at && s->mean && s->max ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for a summary");
}

void em_summary_deinit(em_summary *s)
{
    free(s->sum);
    free(s->at);
    free(s->mean);
    free(s->max);
    *s = (em_summary){ 0 };
}

void em_summary_add(em_summary *s, const float *scores, double time)
{
    for (int c = 0; c < s->n_classes; c++) {
        s->sum[c] += (double)scores[c];
        if (s->n_windows == 0 || scores[c] > s->max[c]) {
            s->max[c] = scores[c];
            s->at[c] = time;
        }
    }
    s->n_windows++;
}

void em_summary_event(em_summary *s, em_event *e, double duration)
{
    for (int c = 0; c < s->n_classes; c++)
        s->mean[c] = s->n_windows ? (float)(s->sum[c] / (double)s->n_windows) : 0;
    e->type = EM_EVENT_SUMMARY;
    e->u.summary.duration = duration;
    e->u.summary.n_windows = s->n_windows;
    e->u.summary.mean = s->mean;
    e->u.summary.max = s->max;
    e->u.summary.at = s->at;
}
