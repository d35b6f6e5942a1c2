/* xruns.h - how many frames an xrun cost. Private to src/audio.
 *
 *   lag = frames that a clock says should have come - frames that came - frames reported missing
 *
 * Steady sound lags by what has not been delivered yet: never less than a floor, now and then (a period, a thread that
 * runs late) more. So the least lag of the last one to two seconds is the floor, which follows a clock that drifts; after
 * an xrun the least lag is higher by what was lost, once and for ever. A lag that falls back cost nothing: late is not
 * lost. Short spans and least values only, so that neither drift nor a busy machine looks like a loss.
 *
 * Pure: no thread, no clock of its own. */
#ifndef EM_AUDIO_XRUNS_H
#define EM_AUDIO_XRUNS_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed, it is ready. */
typedef struct em_xruns {
    bool     has_begun, is_settling;
    uint64_t begin_ns, turn_ns;     /* of the measurement, of the running second                         */
    uint64_t settle_ns, last_ns;    /* since when it settles; the last xrun in it                        */
    int64_t  origin;                /* lag at the beginning, taken as 0                                  */
    uint64_t n_reported, n_xruns, n_frames;
    uint32_t n_period;
    int64_t  least[2];              /* lag of the running second and of the one before                   */
    int64_t  floor, settled;        /* before the xrun, since the xrun                                   */
} em_xruns;

typedef struct em_xruns_now {
    uint64_t now_ns;                /* monotonic                                                         */
    uint64_t n_clock;               /* frames by the clock. Read after n_frames: a lag may look larger than it is, never smaller */
    uint64_t n_frames;              /* heartbeat: frames that came                                       */
    uint64_t n_xruns;               /* that the sound system reported                                    */
    uint32_t n_period;              /* frames of a callback                                              */
    int      rate_hz;
    bool     is_exact;              /* the clock counts the server's own periods: only whole ones are lost, each is
                                       seen without being reported, and a new size begins a new measurement  */
} em_xruns_now;

/* To be called when frames have come, looked for every 20 ms or so; while it settles every 2 ms, with an exact clock also
 * when none have. Frames that were lost and have to be reported now; 0: none, or not known yet. */
uint64_t em_xruns_look(em_xruns *x, const em_xruns_now *now);

/* Frames come by no clock for now: forget what was measured. */
void em_xruns_forget(em_xruns *x);

#endif
