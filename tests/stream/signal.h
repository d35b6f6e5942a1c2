/* signal.h - what the stream tests share: test signals, the chunk sizes that matter, and a count of allocations. */
#ifndef EM_TESTS_SIGNAL_H
#define EM_TESTS_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One below, at and above everything that has a size: hop, block, window, transform. */
extern const size_t signal_chunks[];
extern const size_t signal_n_chunks;

/* n samples within +-0.5, the same for the same seed. Caller frees. */
float *signal_noise(uint32_t seed, size_t n);

/* n samples of a sine of amplitude 0.5 whose sample k lies at the time k/rate_hz. Caller frees. */
float *signal_tone(double hz, double rate_hz, size_t n);

/* Calls of malloc and its kin so far, by anyone in this process; can_count tells whether they are seen
 * (a sanitizer has its own). */
uint64_t signal_allocations(void);
bool     signal_can_count(void);

#endif
