/* ladder.h - versions of a kernel that were tried, losers included: each is checked (tests/gpu_emu/ladder.c) and timed (ladder.c)
 * beside the one in gpu/. New ideas are a file and a row here first. */
#ifndef EM_BENCH_LADDER_LADDER_H
#define EM_BENCH_LADDER_LADDER_H

#include "ops/ops.h"

typedef void em_scan_version(em_dev *dev, const em_scan4 *a, int B);

em_scan_version em_scan_serial, em_scan_shuffle, em_scan_walk;

typedef struct em_scan_rung { const char *name, *idea; em_scan_version *run; } em_scan_rung;

enum { EM_SCAN_RUNGS = 4 };
extern const em_scan_rung em_scan_rungs[EM_SCAN_RUNGS];      /* the last one is em_ops_cuda.scan4_fwd's, NULL here */

#endif
