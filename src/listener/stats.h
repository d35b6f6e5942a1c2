/* stats.h - what a source sounds like to a person who looks after it: level, dead silence, clipping. */
#ifndef EM_LISTENER_STATS_H
#define EM_LISTENER_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EM_WARN_SILENCE = 1, EM_WARN_CLIPPING = 2 };

enum {
    EM_SILENCE_SECONDS = 60,        /* of exact zeros: a muted or dead input                               */
    EM_CLIPPING_SECONDS = 5,        /* in a row, each with a hundredth of its samples at full scale        */
};

/* Zeroed but for rate_hz, it is ready. Everything is summed sample by sample: how the stream is cut changes nothing. */
typedef struct em_stats {
    int      rate_hz;
    double   sum_squares;           /* since the last level                                                */
    float    peak;
    uint64_t n_level;
    uint64_t n_zeros;               /* in a row, up to now                                                 */
    uint32_t n_second, n_full;      /* samples of this second; those at full scale                         */
    int      n_clipped;             /* seconds in a row                                                    */
    bool     is_silent, is_clipping;
    unsigned warnings;              /* EM_WARN_*: raised once when it begins, again only after it ended    */
} em_stats;

/* Samples as the source gave them, at rate_hz, finite. What is missing is not pushed: it has no level, and neither begins
 * nor ends what is warned about. */
void     em_stats_push(em_stats *s, const float *x, size_t n);

/* Another rate from here on; what has been counted keeps its length in seconds. */
void     em_stats_set_rate(em_stats *s, int rate_hz);

unsigned em_stats_take(em_stats *s);                        /* the warnings, which are cleared */

/* Level since the last call in dBFS: 0 is a full-scale square wave; -INFINITY for digital silence or no sample. */
void     em_stats_level(em_stats *s, float *rms_dbfs, float *peak_dbfs);

#endif
