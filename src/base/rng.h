/* rng.h - a small seeded generator whose state is one number that can be saved.
 *
 * SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014). The same
 * seed gives the same stream on every machine. Not for secrets. */
#ifndef EM_BASE_RNG_H
#define EM_BASE_RNG_H

#include <stdint.h>

typedef struct em_rng { uint64_t state; } em_rng;

uint64_t em_rng_u64(em_rng *rng);
double   em_rng_uniform(em_rng *rng);               /* [0, 1)                                    */
double   em_rng_normal(em_rng *rng);                /* mean 0, standard deviation 1 (Box-Muller) */

#endif
