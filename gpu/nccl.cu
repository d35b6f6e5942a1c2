// nccl.cu - finds NCCL on this machine: see nccl.cuh.
#include "nccl.cuh"

#include <dlfcn.h>

static const char *const names[] = { "libnccl.so.2", "libnccl.so" };

template <typename F>
static bool find(F *out, void *lib, const char *symbol)
{
    *out = (F)dlsym(lib, symbol);
    return *out != NULL;
}

em_status em_nccl_find(em_nccl *out, em_err *err)
{
    void *lib = NULL;

    for (size_t i = 0; i < sizeof names / sizeof *names && !lib; i++)
        lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!lib)
        return em_fail(err, EM_EUNSUPPORTED, "NCCL (%s) is not installed: MPI sums gradients on the host without it", names[0]);
    if (find(&out->error_string, lib, "ncclGetErrorString") && find(&out->get_unique_id, lib, "ncclGetUniqueId") &&
        find(&out->comm_init_rank, lib, "ncclCommInitRank") && find(&out->comm_destroy, lib, "ncclCommDestroy") &&
        find(&out->comm_abort, lib, "ncclCommAbort") && find(&out->comm_get_async_error, lib, "ncclCommGetAsyncError") &&
        find(&out->group_start, lib, "ncclGroupStart") && find(&out->group_end, lib, "ncclGroupEnd") &&
        find(&out->send, lib, "ncclSend") && find(&out->recv, lib, "ncclRecv"))
        return EM_OK;
    return em_fail(err, EM_EUNSUPPORTED, "this NCCL lacks functions that 2.7 has: MPI sums gradients on the host without it");
}
