/* dist_ops.h - what carries numbers between ranks: one table a way. Inside src/train only; the calls are those of dist.h. */
#ifndef EM_TRAIN_DIST_OPS_H
#define EM_TRAIN_DIST_OPS_H

#include "train/dist.h"

typedef struct em_dist_ops {
    em_status (*open)(void **state, int *rank, int *size, double limit_s, em_err *err);
    void      (*close)(void *state);                    /* NULL: nothing was opened */
    void      (*sum_begin)(void *state, float *x, size_t n);
    em_status (*sum_wait)(void *state, em_err *err);
    em_status (*sum_doubles)(void *state, double *x, size_t n, em_err *err);
    em_status (*broadcast)(void *state, void *bytes, size_t n, em_err *err);
    void      (*fail)(void *state, int exit_code);
} em_dist_ops;

extern const em_dist_ops em_dist_local;                 /* one rank: every sum is there already */
extern const em_dist_ops em_dist_mpi;                   /* of the module earmark-mpi.so         */

#endif
