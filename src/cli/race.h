/* race.h - the fastest large single-precision matrix product of this machine: ours, oneDNN's and OpenBLAS's, the latter two loaded
 * where they are installed, for a floor must not flatter us because our own product is slow here.
 *
 * A race has laps, run in turn with what is held against its result: on a shared machine whole seconds are slow, and what was
 * measured in other seconds is no measure. The libraries' threads stay until the process ends, asleep between laps. */
#ifndef EM_CLI_RACE_H
#define EM_CLI_RACE_H

#include "base/status.h"

typedef struct em_race em_race;

typedef struct em_race_result {
    double gflops;                  /* of the fastest; 0: no lap was run                                     */
    char   best[16];                /* whose that is: own, onednn, openblas                                  */
    char   raced[96];               /* "own 340, onednn 331, openblas 322", those that are installed          */
} em_race_result;

/* On the CPU with n_threads, whatever backend tags. EM_ENOMEM. The caller's to free. */
em_status em_race_new(em_race **out, int n_threads, em_err *err);
void      em_race_free(em_race *race);

/* About 0.4 s. A library's lap is its fastest product, for the others only warm up; the memory of laps is bounded. */
void      em_race_lap(em_race *race);

/* Of each library the median of its laps. */
void      em_race_tell(const em_race *race, em_race_result *out);

#endif
