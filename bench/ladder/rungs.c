/* rungs.c - the versions, oldest idea first. */
#include "ladder.h"

const em_scan_rung em_scan_rungs[EM_SCAN_RUNGS] = {
    { "serial", "a thread a channel, from the first step to the last", em_scan_serial },
    { "shuffle", "a warp a channel, a chunk a lane, ends joined by shuffles; all exponentials twice", em_scan_shuffle },
    { "walk", "16 steps a thread in registers, one thread a channel walks over the ends between two barriers", em_scan_walk },
    { "shipped", "gpu/scan4.cu: everybody walks, rows in two buffers, dt by tensor cores", NULL },
};
