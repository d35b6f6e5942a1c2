/* dist_local.c - one rank: the sum over it is what is there. */
#include "train/dist_ops.h"

static em_status local_open(void **state, int *rank, int *size, double limit_s, em_err *err)
{
    (void)limit_s, (void)err;
    *state = NULL;
    *rank = 0;
    *size = 1;
    return EM_OK;
}

static void local_close(void *state)
{
    (void)state;
}

static void local_sum_begin(void *state, float *x, size_t n)
{
    (void)state, (void)x, (void)n;
}

static em_status local_sum_wait(void *state, em_err *err)
{
    (void)state, (void)err;
    return EM_OK;
}

static em_status local_sum_doubles(void *state, double *x, size_t n, em_err *err)
{
    (void)state, (void)x, (void)n, (void)err;
    return EM_OK;
}

static em_status local_broadcast(void *state, void *bytes, size_t n, em_err *err)
{
    (void)state, (void)bytes, (void)n, (void)err;
    return EM_OK;
}

static void local_fail(void *state, int exit_code)
{
    (void)state, (void)exit_code;
}

const em_dist_ops em_dist_local = { local_open, local_close, local_sum_begin, local_sum_wait, local_sum_doubles, local_broadcast, local_fail };
