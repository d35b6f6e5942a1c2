/* pool.h - the worker threads of one session: a loop of independent tasks, cut over them.
 *
 * em_pool_run(pool, f, ctx, n) calls f(ctx, i, worker) once for every i in [0, n) and returns when all are
 * done. Each worker begins with its own run of neighbouring tasks, so that what a task of the last operator wrote is
 * in the cache of whoever reads it, and then helps the others: who takes which task may differ from run to run. So a
 * task must write only what no other task writes: then the result has the same bits for every number of threads.
 *
 * The caller is worker 0 and works too. The others spin for a moment after a run, because the next one
 * usually follows at once, and then sleep: an idle pool costs nothing. One thread at a time may call
 * em_pool_run. Workers run with denormals flushed to zero; the caller does that for itself. */
#ifndef EM_BASE_POOL_H
#define EM_BASE_POOL_H

#include "base/status.h"

#include <stdint.h>

typedef struct em_pool em_pool;
typedef void em_task(void *ctx, int i, int worker);

/* n_threads >= 1, the caller included. The caller frees *out with em_pool_free. EM_EINVAL, EM_ENOMEM. */
em_status em_pool_new(em_pool **out, int n_threads, em_err *err);
void      em_pool_free(em_pool *pool);

int  em_pool_threads(const em_pool *pool);
void em_pool_run(em_pool *pool, em_task *task, void *ctx, int n_tasks);

/* Denormals become zero on this thread (a no-op where the CPU has no such switch). Returns how they were treated before,
 * for those who compute on a thread that is not theirs and leave it as it was. */
uint64_t em_flush_denormals(void);
void     em_restore_denormals(uint64_t before);

/* Processors this process may run on, at least 1. */
int em_cpu_count(void);

#endif
