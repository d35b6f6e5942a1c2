/* rng.c - splitmix64; the normal ones are Box-Muller's, one of each pair. */
#include "base/rng.h"

#include <math.h>

uint64_t em_rng_u64(em_rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double em_rng_uniform(em_rng *rng)
{
    return (double)(em_rng_u64(rng) >> 11) * 0x1p-53;
}

double em_rng_normal(em_rng *rng)
{
    double radius = sqrt(-2.0 * log(1.0 - em_rng_uniform(rng)));

    return radius * cos(6.283185307179586 * em_rng_uniform(rng));
}
