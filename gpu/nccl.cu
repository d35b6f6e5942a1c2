// nccl.cu - finds NCCL on this machine: see nccl.cuh.
#include "library.cuh"
#include "nccl.cuh"

static const char *const names[] = { "libnccl.so.2", "libnccl.so" };

em_status em_nccl_find(em_nccl *out, em_err *err)
{
    void *lib = em_library_open(names);

    if (!lib)
        return em_fail(err, EM_EUNSUPPORTED, "NCCL (%s) is not installed: MPI sums gradients on the host without it", names[0]);
    if (em_library_find(&out->error_string, lib, "ncclGetErrorString") && em_library_find(&out->get_unique_id, lib, "ncclGetUniqueId") &&
        em_library_find(&out->comm_init_rank, lib, "ncclCommInitRank") && em_library_find(&out->comm_destroy, lib, "ncclCommDestroy") &&
        em_library_find(&out->comm_abort, lib, "ncclCommAbort") && em_library_find(&out->comm_get_async_error, lib, "ncclCommGetAsyncError") &&
        em_library_find(&out->group_start, lib, "ncclGroupStart") && em_library_find(&out->group_end, lib, "ncclGroupEnd") &&
        em_library_find(&out->send, lib, "ncclSend") && em_library_find(&out->recv, lib, "ncclRecv"))
        return EM_OK;
    return em_fail(err, EM_EUNSUPPORTED, "this NCCL lacks functions that 2.7 has: MPI sums gradients on the host without it");
}
