#include "engine/hop_times.h"

#include <math.h>

enum { BITS = 7 };                  /* of a step's number: EM_HOP_STEPS is 1 << BITS */

static int step_of(uint64_t ns)
{
    int octave;

    if (ns < EM_HOP_STEPS)
        return 0;
    octave = 63 - __builtin_clzll(ns);
    if (octave >= EM_HOP_OCTAVES)
        return EM_HOP_OCTAVES * EM_HOP_STEPS - 1;
    return octave * EM_HOP_STEPS + (int)(ns >> (octave - BITS) & (EM_HOP_STEPS - 1));
}

/* Where the next step begins. */
static double end_of(int step)
{
    return ldexp(1 + (step % EM_HOP_STEPS + 1.0) / EM_HOP_STEPS, step / EM_HOP_STEPS);
}

void em_hop_times_add(em_hop_times *t, uint64_t ns)
{
    t->n++;
    t->counts[step_of(ns)]++;
    if (ns > t->longest_ns)
        t->longest_ns = ns;
}

double em_hop_times_within(const em_hop_times *t, double p)
{
    const uint64_t n_wanted = (uint64_t)ceil(p * (double)t->n);
    uint64_t n = 0;

    for (int i = 0; i < EM_HOP_OCTAVES * EM_HOP_STEPS && t->n > 0; i++)
        if ((n += t->counts[i]) >= n_wanted && n > 0)
            return fmin(end_of(i), (double)t->longest_ns) / 1e6;
    return 0;
}
