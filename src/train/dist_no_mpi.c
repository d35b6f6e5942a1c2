/* dist_no_mpi.c - stands in for dist_mpi.c where Open MPI was not found or not wanted. */
#include "train/dist_ops.h"

const em_dist_ops *const em_dist_mpi = NULL;
