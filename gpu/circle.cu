// circle.cu - sums over the GPUs of several processes, carried by NCCL (nccl.cuh) on a stream beside the operators'.
//
// NCCL's own sums have the same bits only for the same algorithm, protocol, topology and number of channels, which it chooses by itself.
// So it only carries: as in src/train/dist_mpi.c each rank gets everybody's numbers for its own slice of a piece, adds them in rank order,
// in double, and gives the sums to all. That is as much traffic as its ring has, and no choice of NCCL's can change a bit.
#include "device.cuh"
#include "nccl.cuh"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern "C" {
#include "base/clock.h"
}

enum { THREADS = 256 };
static const size_t piece = 1 << 22;                        // floats at a time
static const double nap_ms = .05;                           // between two looks at what is not done

struct em_circle {
    em_nccl      nccl;
    em_nccl_comm comm;              // NULL: not joined, or broken off
    em_dev       side;              // the stream beside dev->stream, and its failure
    cudaEvent_t  ready, done;
    float       *rows;              // the others' numbers for our slice, one after another: [piece] holds them
    int          rank, size;
    bool         is_at_work;        // sums were begun that nobody waited for
};

static bool went_well(em_circle *c, int result)
{
    char sentence[160];

    if (result == EM_NCCL_SUCCESS)
        return true;
    snprintf(sentence, sizeof sentence, "rank %d of %d: the exchange with the other GPUs failed: %.90s", c->rank, c->size,
             c->nccl.error_string(result));
    em_cuda_fail(&c->side, EM_EDEVICE, sentence);
    return false;
}

static em_status tell(const em_circle *c, em_err *err)
{
    return c->side.status == EM_OK ? EM_OK : em_fail(err, c->side.status, "%s", c->side.failure.msg);
}

// ---------------------------------------------------------------- come and go

em_status em_cuda_circle_key(em_dev *, em_circle_key *out, em_err *err)
{
    static_assert(sizeof(em_nccl_id) == sizeof out->bytes, "a key is NCCL's unique id");
    em_nccl nccl;
    em_nccl_id id;
    const em_status status = em_nccl_find(&nccl, err);
    int result;

    if (status != EM_OK || !out)
        return status;
    result = nccl.get_unique_id(&id);
    memcpy(out->bytes, id.bytes, sizeof id);
    return result == EM_NCCL_SUCCESS ? EM_OK : em_fail(err, EM_EDEVICE, "NCCL cannot be started: %s", nccl.error_string(result));
}

static void break_off(em_circle *c)
{
    if (c->comm)
        c->nccl.comm_abort(c->comm);
    c->comm = NULL;
}

void em_cuda_circle_leave(em_dev *, em_circle *c)
{
    if (!c)
        return;
    if (c->is_at_work || c->side.status != EM_OK)
        break_off(c);                                       // the others may never come
    if (c->comm)
        c->nccl.comm_destroy(c->comm);
    cudaFree(c->rows);
    if (c->ready)
        cudaEventDestroy(c->ready);
    if (c->done)
        cudaEventDestroy(c->done);
    if (c->side.stream)
        cudaStreamDestroy(c->side.stream);
    free(c);
}

em_status em_cuda_circle_join(em_dev *dev, em_circle **out, const em_circle_key *key, int rank, int size, em_err *err)
{
    em_circle *c = *out = (em_circle *)calloc(1, sizeof *c);
    em_nccl_id id;
    em_status status;

    if (!c)
        return em_fail(err, EM_ENOMEM, "no memory for the sum over %d GPUs", size);
    c->rank = rank;
    c->size = size;
    status = em_nccl_find(&c->nccl, err);
    if (status == EM_OK) {
        memcpy(id.bytes, key->bytes, sizeof id);
        em_cuda_note(&c->side, cudaStreamCreateWithFlags(&c->side.stream, cudaStreamNonBlocking), "starting a stream");
        em_cuda_note(&c->side, cudaEventCreateWithFlags(&c->ready, cudaEventDisableTiming), "making an event");
        em_cuda_note(&c->side, cudaEventCreateWithFlags(&c->done, cudaEventDisableTiming), "making an event");
        em_cuda_note(&c->side, cudaMalloc((void **)&c->rows, piece * sizeof *c->rows), "room for the other GPUs' numbers");
        if (c->side.status == EM_OK)
            went_well(c, c->nccl.comm_init_rank(&c->comm, size, id, rank));
        status = tell(c, err);
    }
    if (status != EM_OK) {
        em_cuda_circle_leave(dev, c);
        *out = NULL;
    }
    return status;
}

// ---------------------------------------------------------------- a sum

// x[n] becomes the sum of x and of the others' rows [size - 1][n], in the order of their ranks.
__global__ void add_rows(float *x, const float *rows, size_t n, int rank, int size)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    double sum;

    em_wait_for_previous();
    if (i >= n)
        return;
    sum = rank == 0 ? (double)x[i] : (double)rows[i];
    for (int k = 1; k < size; k++)
        sum += k == rank ? (double)x[i] : (double)rows[(size_t)(k < rank ? k : k - 1) * n + i];
    x[i] = (float)sum;
}

struct slice { size_t begin, n; };

static slice slice_of(const em_circle *c, size_t n, int k)
{
    const size_t begin = n * (size_t)k / (size_t)c->size, end = n * (size_t)(k + 1) / (size_t)c->size;

    return { begin, end - begin };
}

// Ours goes to everybody, or everybody's to each: what rank k gets and gives is said by the caller, once a rank.
template <typename F>
static void exchange(em_circle *c, F with)
{
    if (c->side.status != EM_OK || !went_well(c, c->nccl.group_start()))
        return;
    for (int k = 0; k < c->size; k++)
        if (k != c->rank)
            with(k);
    went_well(c, c->nccl.group_end());
}

static void send(em_circle *c, const float *from, size_t n, int k)
{
    if (n > 0)
        went_well(c, c->nccl.send(from, n, EM_NCCL_FLOAT, k, c->comm, c->side.stream));
}

static void receive(em_circle *c, float *to, size_t n, int k)
{
    if (n > 0)
        went_well(c, c->nccl.recv(to, n, EM_NCCL_FLOAT, k, c->comm, c->side.stream));
}

static void sum_piece(em_circle *c, float *x, size_t n)
{
    const slice mine = slice_of(c, n, c->rank);

    exchange(c, [=](int k) {
        send(c, x + slice_of(c, n, k).begin, slice_of(c, n, k).n, k);
        receive(c, c->rows + (size_t)(k < c->rank ? k : k - 1) * mine.n, mine.n, k);
    });
    c->side.is_after_kernel = false;
    if (mine.n > 0)
        EM_LAUNCH(&c->side, add_rows, dim3(em_div_up(mine.n, THREADS)), THREADS, 0, x + mine.begin, (const float *)c->rows, mine.n, c->rank, c->size);
    exchange(c, [=](int k) {
        send(c, x + mine.begin, mine.n, k);
        receive(c, x + slice_of(c, n, k).begin, slice_of(c, n, k).n, k);
    });
}

void em_cuda_circle_sum(em_dev *dev, em_circle *c, float *x, size_t n)
{
    if (dev->status != EM_OK || c->side.status != EM_OK || !c->comm)
        return;
    c->is_at_work = true;
    dev->is_after_kernel = false;
    em_cuda_note(&c->side, cudaEventRecord(c->ready, dev->stream), "noting where gradients are complete");
    em_cuda_note(&c->side, cudaStreamWaitEvent(c->side.stream, c->ready, 0), "waiting for gradients");
    for (size_t from = 0; from < n && c->side.status == EM_OK; from += piece)
        sum_piece(c, x + from, n - from < piece ? n - from : piece);
}

static void look_for_failures(em_circle *c)
{
    int result;

    if (went_well(c, c->nccl.comm_get_async_error(c->comm, &result)) && result != EM_NCCL_IN_PROGRESS)
        went_well(c, result);
}

static void give_up(em_circle *c, double limit_s)
{
    char sentence[96];

    snprintf(sentence, sizeof sentence, "rank %d of %d: another rank has not answered for %g s", c->rank, c->size, limit_s);
    em_cuda_fail(&c->side, EM_EDEVICE, sentence);
}

// It never waits in the driver: a rank that is gone would hold it there for ever.
static void await(em_circle *c, double limit_s)
{
    const uint64_t start = em_now_ns();

    em_cuda_note(&c->side, cudaEventRecord(c->done, c->side.stream), "noting where a sum ends");
    while (c->side.status == EM_OK) {
        const cudaError_t e = cudaEventQuery(c->done);

        look_for_failures(c);
        if (e == cudaSuccess)
            return;
        if (e != cudaErrorNotReady)
            em_cuda_note(&c->side, e, "a sum over the GPUs");
        if ((double)(em_now_ns() - start) * 1e-9 > limit_s)
            give_up(c, limit_s);
        em_sleep_ms(nap_ms);
    }
}

em_status em_cuda_circle_wait(em_dev *dev, em_circle *c, double limit_s, em_err *err)
{
    if (dev->status != EM_OK)
        return em_fail(err, dev->status, "%s", dev->failure.msg);
    if (c->is_at_work && c->comm)
        await(c, limit_s);
    c->is_at_work = false;
    if (c->side.status != EM_OK)
        break_off(c);
    return tell(c, err);
}
