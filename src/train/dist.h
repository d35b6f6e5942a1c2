/* dist.h - one training run as several processes: what the ranks tell each other, and sums in a fixed order.
 *
 * Every sum is made in rank order and in double, whatever carries the numbers: it has the same bits on all ranks, from run to run,
 * and however it was cut into pieces. All ranks make the same calls, in the same order, with the same lengths; one thread of each.
 * Gradients are handed over piece by piece while backward goes on; a thread of the library's own carries them meanwhile.
 *
 * mpirun or srun say how many processes there are (the environment); without them there is one, and no library is called.
 * A rank that dies or fails ends the others: there is nothing to wait for, and the last saved state is good. */
#ifndef EM_TRAIN_DIST_H
#define EM_TRAIN_DIST_H

#include "base/status.h"

#include <stddef.h>

typedef struct em_dist em_dist;

/* Joins the ranks. limit_s: the longest that one exchange may take (the slowest rank's work between two calls is in it); then the
 * run fails. EM_EUNSUPPORTED: started as one of several, and the module of MPI cannot be loaded (names what builds it); EM_EDEVICE: MPI does
 * not see the others; EM_EINVAL, EM_ENOMEM. Before threads that want signals are started: the library's own takes none.
 * The caller ends *out with em_dist_close; on error it is NULL. Once a process. */
em_status em_dist_open(em_dist **out, double limit_s, em_err *err);

/* Takes leave of the others, once all are there, or at once after a failure. */
void em_dist_close(em_dist *d);

/* The number of this process among those on its machine, from 0, as the launcher says it: before anything is opened. */
int em_dist_place(void);

double em_dist_limit(const em_dist *d);     /* limit_s */

int em_dist_rank(const em_dist *d);     /* 0 .. size - 1; the first one reads and writes the run's folder */
int em_dist_size(const em_dist *d);

/* Begins to replace x[n] by its sum over the ranks. x must stay, untouched, until em_dist_sum_wait. Returns at once, unless
 * hundreds of pieces are on their way. */
void em_dist_sum_begin(em_dist *d, float *x, size_t n);

/* Until all that was begun is done. EM_EDEVICE: a rank did not answer, or the network failed; every call after it says so, too. */
em_status em_dist_sum_wait(em_dist *d, em_err *err);

/* The same for a few numbers, at once: losses, counts, statistics, wishes to stop. */
em_status em_dist_sum_doubles(em_dist *d, double *x, size_t n, em_err *err);

/* Replaces the n bytes at `bytes` by those of rank 0. */
em_status em_dist_broadcast(em_dist *d, void *bytes, size_t n, em_err *err);

/* For a rank that cannot go on, and has a reason of its own: says the sentence through em_log, with the rank in front, ends the other
 * ranks, and this process with exit_code. Returns only when there are no others, without a word. */
void em_dist_fail(em_dist *d, int exit_code, const char *sentence);

#endif
