/* hop_times.h - how long hops took, as a histogram of steps of less than a hundredth, so that a run of any length keeps the same few kB. */
#ifndef EM_ENGINE_HOP_TIMES_H
#define EM_ENGINE_HOP_TIMES_H

#include <stdint.h>

enum { EM_HOP_STEPS = 128, EM_HOP_OCTAVES = 41 };       /* steps an octave; 2^41 ns is half an hour */

typedef struct em_hop_times {       /* zeros at first */
    uint64_t n, longest_ns;
    uint32_t counts[EM_HOP_OCTAVES * EM_HOP_STEPS];
} em_hop_times;

void em_hop_times_add(em_hop_times *t, uint64_t ns);

/* Milliseconds that the share p of all hops, 0 to 1, did not exceed, a hundredth more at the most; 0: there were none. */
double em_hop_times_within(const em_hop_times *t, double p);

#endif
