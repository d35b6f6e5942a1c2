/* hops.h - what the stream tests of the listener share: sound of any rate cut in chunks, and every hop it gave. */
#ifndef EM_TESTS_HOPS_H
#define EM_TESTS_HOPS_H

#include "listener/listener.h"

#include <stddef.h>

enum { RATE = 32000, WINDOW = 320000, MOST_HOPS = 128, N_CHUNKS = 10 };

extern const size_t chunks[N_CHUNKS];           /* at the edges: hop +-1, transform +-1, far beyond a hop */

typedef struct seen { em_hop hop; float *frames; } seen;        /* frames: a copy */

/* n samples of white noise, always the same. Caller frees. */
float *noise(size_t n);

/* Listeners of both frontends. */
em_listener_cfg htsat(int rate_hz, int step);
em_listener_cfg kaldi(int step);

/* Copies of all that a listener gives of x, out[MOST_HOPS]; returns how many. Ends with forget. */
int  listen(seen *out, const em_listener_cfg *cfg, const float *x, size_t n, size_t chunk);
void forget(seen *s, int n);

/* Adds the hops that are due behind the n that are there, those that end before from_s left out; returns how many are there. */
int drain_hops(em_listener *l, seen *out, int n, size_t frame_bytes);
int drain_hops_from(em_listener *l, double from_s, seen *out, int n, size_t frame_bytes);

#endif
