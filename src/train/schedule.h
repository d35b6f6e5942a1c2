/* schedule.h - how fast to learn at a step. Pure functions. */
#ifndef EM_TRAIN_SCHEDULE_H
#define EM_TRAIN_SCHEDULE_H

#include "base/status.h"

#include <stdbool.h>

typedef enum em_schedule_kind {
    EM_SCHEDULE_CONSTANT,           /* after the warm-up                                         */
    EM_SCHEDULE_COSINE,             /* after the warm-up down to the floor, half a period        */
    EM_SCHEDULE_HTSAT,              /* factors of whole epochs, see em_schedule_htsat            */
} em_schedule_kind;

typedef struct em_schedule {
    em_schedule_kind kind;
    double rate;                    /* at the peak; htsat: what factors multiply, 1e-3 there     */
    double floor;                   /* cosine: the rate after the last step                      */
    long   n_warmup;                /* steps of a linear rise, rate/n_warmup first; htsat has none */
    long   n_steps;                 /* of the whole run                                          */
    long   steps_per_epoch;         /* htsat                                                     */
    double factors[3];              /* htsat: .02, .05, .1 (HTS-AT), .05, .1, .2 (Audio Mamba)   */
} em_schedule;

/* Sets kind and factors: constant, cosine, htsat or audio-mamba (HTS-AT's with its own factors). EM_EINVAL lists them. */
em_status em_schedule_parse(em_schedule *s, const char *name, em_err *err);

/* EM_EINVAL: a rate that is none, no steps. */
em_status em_schedule_check(const em_schedule *s, em_err *err);

/* A warm-up longer than a tenth of the run would be most of a short one: it is cut to that tenth. True: it was, so say so. */
bool em_schedule_clamp(em_schedule *s);

/* The rate of step 0..n_steps-1; later steps have the last one's. */
double em_schedule_rate(const em_schedule *s, long step);

/* The factor of an epoch as HTS-AT has it: factors[e] in the first three; the last of them to epoch 10, the one before it to 20,
 * the first one to 30; then the larger of .03 and factors[0] * .98^e, which with its factors is a jump up, and left as it is. */
double em_schedule_htsat(const double factors[3], long epoch);

#endif
