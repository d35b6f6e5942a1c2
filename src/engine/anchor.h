/* anchor.h - the wall clock at the beginning of a stream that is heard as it happens.
 *
 * Sound is counted by the clock of a sound card, which drifts against the wall clock, and the wall clock jumps. At each
 * look the newest sound seems to be a little older than it is (a period, a thread that runs late), never younger; so the
 * least of many looks is believed, and the anchor is moved when that is more than 50 ms off.
 *
 * Pure: no thread, no clock of its own. */
#ifndef EM_ENGINE_ANCHOR_H
#define EM_ENGINE_ANCHOR_H

#include <stdbool.h>
#include <stdint.h>

typedef struct em_anchor {
    int64_t ms;                     /* wall clock at time 0, -1 unknown                          */
    double  turn_s;                 /* beginning of the running span, in seconds of stream       */
    double  least_ms;               /* least lateness seen in it                                 */
    int     n_looks;
} em_anchor;

/* At wall_ms the newest sound that has come was that of newest_s in the stream. The first look sets the anchor. True when
 * it has been moved: by *drift_s, which is how far the wall clock was ahead. */
bool em_anchor_look(em_anchor *a, double *drift_s, int64_t wall_ms, double newest_s);

#endif
