/* draw.h - random draws of training, each from a stream of its own.
 *
 * Everything random belongs to (seed, epoch, what it is for, which one), never to a thread or a process: so results depend on neither,
 * and a resumed run needs no saved generator. Plain functions of the generator given. */
#ifndef EM_TRAIN_DRAW_H
#define EM_TRAIN_DRAW_H

#include "base/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a stream is for. Numbers are part of what a seed means: new ones come last. */
typedef enum em_lane {
    EM_LANE_INIT,                   /* fresh weights                                       */
    EM_LANE_ORDER,                  /* the order of an epoch                               */
    EM_LANE_BATCH,                  /* of a whole batch: partners; index: of the batch     */
    EM_LANE_SAMPLE,                 /* of one sample; index: its place in the epoch        */
    EM_LANE_DROP,                   /* drop path; index: of the sample or batch            */
} em_lane;

em_rng em_draw_stream(uint64_t seed, em_lane lane, uint64_t epoch, uint64_t index);

bool   em_draw_chance(em_rng *rng, double p);                   /* always takes one number, whatever p is */
double em_draw_between(em_rng *rng, double low, double high);   /* [low, high)                            */
int    em_draw_below(em_rng *rng, int n);                       /* 0..n-1; 0 where n < 1                  */
int    em_draw_range(em_rng *rng, int least, int most);         /* both included; least where most < least */
float  em_draw_rough_normal(em_rng *rng);                       /* nearly normal, within 3.5 deviations: one number, no logarithm */

/* shape > 0, scale 1. */
double em_draw_gamma(em_rng *rng, double shape);

/* a, b > 0; in [0, 1]. */
double em_draw_beta(em_rng *rng, double a, double b);

/* Any order of x[n] as likely as any other. */
void em_draw_shuffle(em_rng *rng, int *x, size_t n);

#endif
