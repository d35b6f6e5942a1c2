/* ramp.h - a JACK client of the test's own that plays a ramp, and the check that it arrives frame by frame.
 *
 * Frame t has the value 1 + t mod 2^22: exact in a float, never 0 (which is what an open port gives). */
#ifndef EM_TESTS_RAMP_H
#define EM_TESTS_RAMP_H

#include "audio/source.h"

#include <jack/jack.h>
#include <stdatomic.h>

enum { RAMP_PERIOD = 1 << 22 };

typedef struct ramp_player {
    jack_client_t   *client;
    jack_port_t     *out;
    uint32_t         t;             /* process thread                        */
    _Atomic uint64_t n_played;
} ramp_player;

void ramp_open(ramp_player *p, const char *name);       /* port "out", not connected */
void ramp_close(ramp_player *p);

/* Follows what em_source_take returns. */
typedef struct ramp_check {
    uint32_t next;                  /* expected, once it has begun           */
    bool     has_begun;
    uint64_t n_right, n_wrong, n_gaps, n_missing;
} ramp_check;

/* Takes all that waits. channel: which of the source's to look at. */
void ramp_take(ramp_check *c, em_source *s, int n_channels, int channel);

#endif
