/* jobs.h - a command run again and again beside us, so many times at once at most, each for so long at most.
 *
 * Every run is a process group of its own. It gets bytes on its standard input (a file in memory: nobody waits for it to
 * read them) and variables; nothing of ours is open in it. What it writes is read and thrown away, but for its first line, which a
 * failure is told with. One that takes too long is asked to end (SIGTERM to the group), and a second later it and all its
 * children are killed. A thread looks after them; em_jobs_run belongs to one thread at a time. */
#ifndef EM_SINKS_JOBS_H
#define EM_SINKS_JOBS_H

#include "base/status.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { EM_JOBS_MOST = 64 };

typedef struct em_jobs em_jobs;

typedef struct em_jobs_cfg {
    char *const *argv;              /* NULL-terminated; the program is looked for in PATH; borrowed until em_jobs_free */
    int    n_most;                  /* at once, 1..EM_JOBS_MOST                                                        */
    double limit_s;                 /* of one run                                                                      */
    const atomic_bool *give_up;     /* once true no run begins, and those there have a second left; may be NULL       */
} em_jobs_cfg;

/* EM_EINVAL: there is no such program. EM_ENOMEM. The caller ends *out with em_jobs_free; on error it is NULL. */
em_status em_jobs_new(em_jobs **out, const em_jobs_cfg *cfg, em_err *err);

/* Begins a run with env (NULL-terminated) as its whole environment; waits as long as n_most are under way. What becomes of it is told
 * by em_log, the first failure as a warning, and counted. */
void em_jobs_run(em_jobs *j, char *const *env, const char *input, size_t n_input);

typedef struct em_jobs_counters {
    uint64_t n_begun, n_failed;     /* failed: not begun, ended with another status than 0, or killed */
    uint64_t n_left_out;            /* give_up came first                                             */
} em_jobs_counters;

/* Waits until all have ended, which is no longer than limit_s and a second. */
void em_jobs_wait(em_jobs *j);
void em_jobs_get_counters(em_jobs *j, em_jobs_counters *out);
void em_jobs_free(em_jobs *j);      /* waits */

#endif
