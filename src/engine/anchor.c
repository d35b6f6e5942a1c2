/* anchor.c - the least lateness of a few seconds of stream against the anchor: see anchor.h. */
#include "engine/anchor.h"

#include <math.h>

/* Sound that seems younger than it can be proves itself; that seems old may be late, for longer than one would think. */
enum { MOST_DRIFT_MS = 50, LEAST_LOOKS = 8, YOUNG_S = 1, OLD_S = 5 };

static void begin_span(em_anchor *a, double newest_s)
{
    a->turn_s = newest_s;
    a->least_ms = INFINITY;
    a->n_looks = 0;
}

bool em_anchor_look(em_anchor *a, double *drift_s, int64_t wall_ms, double newest_s)
{
    double least_ms;

    if (a->ms < 0) {
        a->ms = wall_ms - llround(newest_s * 1e3);
        begin_span(a, newest_s);
        return false;
    }
    a->least_ms = fmin(a->least_ms, (double)(wall_ms - a->ms) - newest_s * 1e3);
    a->n_looks++;
    if (newest_s - a->turn_s < (a->least_ms < -MOST_DRIFT_MS ? YOUNG_S : OLD_S) || a->n_looks < LEAST_LOOKS)
        return false;
    least_ms = a->least_ms;
    begin_span(a, newest_s);
    if (fabs(least_ms) <= MOST_DRIFT_MS)
        return false;
    a->ms += llround(least_ms);
    *drift_s = (double)llround(least_ms) * 1e-3;
    return true;
}
