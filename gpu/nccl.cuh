// nccl.cuh - what gpu/circle.cu wants of NCCL, which is loaded when it is first asked for: 300 MB that one GPU does not need. Names and
// numbers are those of nccl.h, where they have not changed since NCCL 2.7.
#ifndef EM_GPU_NCCL_CUH
#define EM_GPU_NCCL_CUH

#include <cuda_runtime.h>

extern "C" {
#include "base/status.h"
}

enum { EM_NCCL_SUCCESS = 0, EM_NCCL_IN_PROGRESS = 7, EM_NCCL_FLOAT = 7 };

typedef struct em_nccl_id { char bytes[128]; } em_nccl_id;
typedef struct ncclComm *em_nccl_comm;

struct em_nccl {
    const char *(*error_string)(int result);
    int (*get_unique_id)(em_nccl_id *id);
    int (*comm_init_rank)(em_nccl_comm *comm, int n_ranks, em_nccl_id id, int rank);
    int (*comm_destroy)(em_nccl_comm comm);
    int (*comm_abort)(em_nccl_comm comm);
    int (*comm_get_async_error)(em_nccl_comm comm, int *result);
    int (*group_start)(void);
    int (*group_end)(void);
    int (*send)(const void *from, size_t n, int type, int peer, em_nccl_comm comm, cudaStream_t stream);
    int (*recv)(void *to, size_t n, int type, int peer, em_nccl_comm comm, cudaStream_t stream);
};

// EM_EUNSUPPORTED: it is not installed, or too old. tests/gpu_emu has its own.
em_status em_nccl_find(em_nccl *out, em_err *err);

#endif
