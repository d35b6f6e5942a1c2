// nccl.cc - NCCL for emulated GPUs in several processes: what one sends to another is a file in a folder whose name is the unique id. In
// order with the kernels of the stream; what is not there yet holds up the stream and nobody else.
//
// EMU_NCCL: "none", it is not installed; a number n, the n-th thing to send (from 1) finds the other process gone. EMU_DIR: where that
// folder is, /tmp if unset.
#include "nccl.cuh"

#include <filesystem>
#include <functional>
#include <memory>
#include <stdio.h>
#include <stdlib.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

void emu_enqueue(cudaStream_t stream, std::function<void()> work);

enum { REMOTE_ERROR = 6 };

struct ncclComm {
    std::string dir;
    int rank, async;
    bool is_gone;
    std::vector<long> n_sent, n_received;       // to and from each rank
};

struct transfer { bool is_send; float *at; size_t n; int peer; em_nccl_comm comm; cudaStream_t stream; };

static std::vector<std::unique_ptr<ncclComm>> comms;         // work that still waits on a stream reads them
static std::vector<transfer> group;
static long n_sends;

static std::string path_of(const ncclComm *c, int from, int to, long i)
{
    return c->dir + "/" + std::to_string(from) + "-" + std::to_string(to) + "-" + std::to_string(i);
}

static void do_send(ncclComm *c, const float *from, size_t n, int peer, long i)
{
    const std::string path = path_of(c, c->rank, peer, i), part = path + ".part";
    const char *fails = getenv("EMU_NCCL");
    FILE *f = fails && ++n_sends == atol(fails) ? NULL : fopen(part.c_str(), "wb");

    if (!f || fwrite(from, sizeof *from, n, f) != n)
        c->async = REMOTE_ERROR;
    if (f && fclose(f) == 0)
        rename(part.c_str(), path.c_str());
}

static void do_receive(ncclComm *c, float *to, size_t n, int peer, long i)
{
    const std::string path = path_of(c, peer, c->rank, i);
    FILE *f = c->is_gone ? NULL : fopen(path.c_str(), "rb");

    if (c->is_gone)
        return;
    if (!f)
        throw emu_not_yet{};
    if (fread(to, sizeof *to, n, f) != n || fgetc(f) != EOF)    // both sides must mean the same number
        c->async = REMOTE_ERROR;
    fclose(f);
    remove(path.c_str());
}

static const char *error_string(int result) { return result == REMOTE_ERROR ? "remote process exited or there was a network error" : "no error"; }

static int get_unique_id(em_nccl_id *id)
{
    static int n;
    const char *dir = getenv("EMU_DIR");

    snprintf(id->bytes, sizeof id->bytes, "%s/emu-nccl-%ld-%d", dir ? dir : "/tmp", (long)getpid(), n++);
    return EM_NCCL_SUCCESS;
}

static int comm_init_rank(em_nccl_comm *comm, int n_ranks, em_nccl_id id, int rank)
{
    const std::vector<long> none((size_t)n_ranks);

    mkdir(id.bytes, 0700);
    comms.emplace_back(new ncclComm{ id.bytes, rank, EM_NCCL_SUCCESS, false, none, none });
    *comm = comms.back().get();
    return EM_NCCL_SUCCESS;
}

// Who goes leaves a note, and the folder goes with the last one: between two of the others' transfers it may be empty.
static int comm_destroy(em_nccl_comm c)
{
    const auto note_of = [c](size_t rank) { return c->dir + "/gone-" + std::to_string(rank); };
    FILE *note = fopen(note_of((size_t)c->rank).c_str(), "wb");
    std::error_code ignored;

    if (note)
        fclose(note);
    for (size_t rank = 0; rank < c->n_sent.size(); rank++)
        if (access(note_of(rank).c_str(), F_OK) != 0)
            return EM_NCCL_SUCCESS;
    std::filesystem::remove_all(c->dir, ignored);
    return EM_NCCL_SUCCESS;
}

// What is on its way is given up.
static int comm_abort(em_nccl_comm c)
{
    std::error_code ignored;

    c->is_gone = true;
    std::filesystem::remove_all(c->dir, ignored);
    return EM_NCCL_SUCCESS;
}

static int get_async_error(em_nccl_comm c, int *result)
{
    *result = c->async;
    return EM_NCCL_SUCCESS;
}

static int add(const transfer &t, int type)
{
    group.push_back(t);
    return type == EM_NCCL_FLOAT && t.n > 0 ? EM_NCCL_SUCCESS : 4;
}

static int send(const void *from, size_t n, int type, int peer, em_nccl_comm comm, cudaStream_t stream)
{
    return add({ true, (float *)from, n, peer, comm, stream }, type);
}

static int receive(void *to, size_t n, int type, int peer, em_nccl_comm comm, cudaStream_t stream)
{
    return add({ false, (float *)to, n, peer, comm, stream }, type);
}

static int group_start() { return group.empty() ? EM_NCCL_SUCCESS : 5; }

static int group_end()
{
    for (const bool sends : { true, false })
        for (const transfer &t : group) {
            const long i = t.is_send == sends ? (sends ? t.comm->n_sent : t.comm->n_received)[(size_t)t.peer]++ : 0;

            if (t.is_send == sends)
                emu_enqueue(t.stream, [=] { sends ? do_send(t.comm, t.at, t.n, t.peer, i) : do_receive(t.comm, t.at, t.n, t.peer, i); });
        }
    group.clear();
    return EM_NCCL_SUCCESS;
}

em_status em_nccl_find(em_nccl *out, em_err *err)
{
    const char *how = getenv("EMU_NCCL");

    if (how && std::string(how) == "none")
        return em_fail(err, EM_EUNSUPPORTED, "NCCL is not installed");
    *out = { error_string, get_unique_id, comm_init_rank, comm_destroy, comm_abort, get_async_error, group_start, group_end, send, receive };
    return EM_OK;
}
