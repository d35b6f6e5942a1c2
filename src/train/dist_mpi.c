/* dist_mpi.c - ranks that meet through MPI: the module earmark-mpi.so.
 *
 * All of MPI is called by one thread of ours, from its start to its end, so that any MPI will do, however little it knows of
 * threads. The others put jobs into its queue, which has the same order on every rank. It never blocks in MPI: it tests, and
 * between two tests it sleeps, or yields when somebody waits for the result; so it takes little from backward, which has work for every
 * processor, and sees at once when it is told to abort.
 *
 * A sum: each rank gets everybody's numbers for its own slice of the piece, adds them in rank order, in double, and gives the sums
 * to all. MPI only carries; so no algorithm that it may choose can change a bit. */
#include "base/clock.h"
#include "base/pool.h"
#include "train/dist_ops.h"

#include <errno.h>
#include <math.h>
#include <mpi.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum {
    QUEUE      = 512,               /* jobs                                                                     */
    PIECE      = 1 << 18,           /* floats exchanged at a time                                               */
    BROADCAST  = 1 << 26,           /* bytes at a time                                                          */
    BLOCK      = 512,               /* doubles summed at a time: they stay in the first-level cache             */
    NAP_US     = 50,                /* between two looks at an exchange that nobody waits for                   */
    IDLE_MS    = 5,                 /* between two looks at MPI while there is no job: others may need our help */
    ABORT_MS   = 10000,             /* for MPI_Abort to end this process                                        */
};

typedef enum job_kind { SUM_FLOATS, SUM_DOUBLES, COPY } job_kind;
typedef struct job { job_kind kind; void *x; size_t n; } job;

typedef struct ranks {
    pthread_t       thread;
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    bool            is_open, quit;
    job             jobs[QUEUE];
    size_t          n_put, n_done;  /* job i is at i % QUEUE                                     */
    em_err          failed;         /* of the first job that failed; those behind it are dropped */
    atomic_bool     is_waited_for;
    atomic_int      abort_code;     /* 0: no wish                                                */
    int             rank, size;
    double          limit_s;
    double         *buffer;         /* [n_buffer]                                                */
    size_t          n_buffer;
    int            *counts, *places, *mine, *rows;      /* [size] a slice's length and begin; ours, once a rank */
} ranks;

/* ---- in our thread ---- */

static em_status fail_mpi(em_err *err, const ranks *r, int code)
{
    char text[MPI_MAX_ERROR_STRING];
    int n = 0;

    MPI_Error_string(code, text, &n);
    return em_fail(err, EM_EDEVICE, "rank %d of %d: the exchange with the other ranks failed: %.*s", r->rank, r->size, n < 120 ? n : 120, text);
}

static void abort_if_told(ranks *r)
{
    int code = atomic_load(&r->abort_code);

    if (code)
        MPI_Abort(MPI_COMM_WORLD, code);
}

/* Until `request`, begun with result `code`, is done. */
static em_status finish(ranks *r, int code, MPI_Request *request, em_err *err)
{
    uint64_t start = em_now_ns();
    int is_done = 0;

    while (code == MPI_SUCCESS) {
        code = MPI_Test(request, &is_done, MPI_STATUS_IGNORE);
        if (code != MPI_SUCCESS || is_done)
            break;
        abort_if_told(r);
        if ((double)(em_now_ns() - start) * 1e-9 > r->limit_s)
            return em_fail(err, EM_EDEVICE, "rank %d of %d: another rank has not answered for %g s", r->rank, r->size, r->limit_s);
        if (atomic_load(&r->is_waited_for))
            sched_yield();
        else
            em_sleep_ms(NAP_US * 1e-3);
    }
    return code == MPI_SUCCESS ? EM_OK : fail_mpi(err, r, code);
}

/* sum[n] = rows[0][n] + rows[1][n] + …, in this order. n at most BLOCK; rows are `stride` apart. */
static void add_rows(double *sum, const float *rows, size_t n, size_t stride, int n_rows)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = (double)rows[i];
    for (int k = 1; k < n_rows; k++)
        for (size_t i = 0; i < n; i++)
            sum[i] += (double)rows[(size_t)k * stride + i];
}

/* Slices of n numbers: their lengths and begins, and our own length, once a rank. */
static void cut(ranks *r, size_t n)
{
    for (int k = 0; k < r->size; k++) {
        size_t begin = n * (size_t)k / (size_t)r->size, end = n * (size_t)(k + 1) / (size_t)r->size;

        r->places[k] = (int)begin;
        r->counts[k] = (int)(end - begin);
    }
    for (int k = 0; k < r->size; k++) {
        r->mine[k] = r->counts[r->rank];
        r->rows[k] = k * r->counts[r->rank];
    }
}

static em_status sum_piece(ranks *r, float *x, size_t n, em_err *err)
{
    float *rows = (float *)r->buffer, *slice;
    size_t n_mine;
    MPI_Request request;
    em_status status;
    int code;

    cut(r, n);
    slice = x + r->places[r->rank];
    n_mine = (size_t)r->counts[r->rank];
    code = MPI_Ialltoallv(x, r->counts, r->places, MPI_FLOAT, rows, r->mine, r->rows, MPI_FLOAT, MPI_COMM_WORLD, &request);
    status = finish(r, code, &request, err);
    for (size_t from = 0; status == EM_OK && from < n_mine; from += BLOCK) {
        size_t n_now = n_mine - from < BLOCK ? n_mine - from : BLOCK;
        double sum[BLOCK];

        add_rows(sum, rows + from, n_now, n_mine, r->size);
        for (size_t i = 0; i < n_now; i++)
            slice[from + i] = (float)sum[i];
    }
    if (status == EM_OK) {
        code = MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, x, r->counts, r->places, MPI_FLOAT, MPI_COMM_WORLD, &request);
        status = finish(r, code, &request, err);
    }
    return status;
}

static em_status sum_floats(ranks *r, void *x, size_t n, em_err *err)
{
    em_status status = EM_OK;

    for (size_t from = 0; status == EM_OK && from < n; from += PIECE)
        status = sum_piece(r, (float *)x + from, n - from < PIECE ? n - from : PIECE, err);
    return status;
}

static em_status sum_doubles(ranks *r, void *x, size_t n, em_err *err)
{
    size_t most = r->n_buffer / (size_t)r->size;

    for (size_t from = 0; from < n; from += most) {
        size_t n_now = n - from < most ? n - from : most;
        double *to = (double *)x + from;
        MPI_Request request;
        int code = MPI_Iallgather(to, (int)n_now, MPI_DOUBLE, r->buffer, (int)n_now, MPI_DOUBLE, MPI_COMM_WORLD, &request);
        em_status status = finish(r, code, &request, err);

        if (status != EM_OK)
            return status;
        for (size_t i = 0; i < n_now; i++) {
            to[i] = r->buffer[i];
            for (int k = 1; k < r->size; k++)
                to[i] += r->buffer[(size_t)k * n_now + i];
        }
    }
    return EM_OK;
}

static em_status copy(ranks *r, void *x, size_t n, em_err *err)
{
    em_status status = EM_OK;

    for (size_t from = 0; status == EM_OK && from < n; from += BROADCAST) {
        MPI_Request request;
        int code = MPI_Ibcast((char *)x + from, (int)(n - from < BROADCAST ? n - from : BROADCAST), MPI_BYTE, 0, MPI_COMM_WORLD, &request);

        status = finish(r, code, &request, err);
    }
    return status;
}

static em_status (*const workers[])(ranks *, void *, size_t, em_err *) = { [SUM_FLOATS] = sum_floats, [SUM_DOUBLES] = sum_doubles, [COPY] = copy };

static em_status join_world(ranks *r, em_err *err)
{
    int level;
    size_t n;

    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS)
        return em_fail(err, EM_EDEVICE, "MPI cannot be started");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &r->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &r->size);
    n = (size_t)r->size;
    r->n_buffer = PIECE / 2 + n;                        /* each of the slices may be longer by one */
    r->buffer = malloc(r->n_buffer * sizeof *r->buffer);
    r->counts = calloc(4 * n, sizeof *r->counts);
    if (!r->buffer || !r->counts)
        return em_fail(err, EM_ENOMEM, "no memory for %d ranks", r->size);
    r->places = r->counts + n;
    r->mine = r->places + n;
    r->rows = r->mine + n;
    return EM_OK;
}

/* The next job, with the lock held; false: there is none, and the end has come. */
static bool next_job(ranks *r, job *out)
{
    while (r->n_done == r->n_put) {
        struct timespec at;
        int is_there;

        if (r->quit)
            return false;
        abort_if_told(r);
        clock_gettime(CLOCK_REALTIME, &at);
        at.tv_nsec += IDLE_MS * 1000000l;
        at.tv_sec += at.tv_nsec / 1000000000l;
        at.tv_nsec %= 1000000000l;
        if (pthread_cond_timedwait(&r->changed, &r->lock, &at) == ETIMEDOUT)
            MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &is_there, MPI_STATUS_IGNORE);
    }
    *out = r->jobs[r->n_done % QUEUE];
    return true;
}

static void work(ranks *r)
{
    job j;

    pthread_mutex_lock(&r->lock);
    while (next_job(r, &j)) {
        em_err err = { EM_OK, "" };

        pthread_mutex_unlock(&r->lock);
        workers[j.kind](r, j.x, j.n, &err);
        pthread_mutex_lock(&r->lock);
        r->failed = err;
        r->n_done = err.code == EM_OK ? r->n_done + 1 : r->n_put;
        pthread_cond_broadcast(&r->changed);
        if (err.code != EM_OK)
            break;
    }
    while (r->failed.code != EM_OK && !r->quit) {       /* out of step with the others: only an abort is left to do */
        abort_if_told(r);
        pthread_mutex_unlock(&r->lock);
        em_sleep_ms(IDLE_MS);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
}

static void *thread_main(void *arg)
{
    ranks *r = arg;
    em_err err = { EM_OK, "" };

    em_flush_denormals();
    join_world(r, &err);
    pthread_mutex_lock(&r->lock);
    r->failed = err;
    r->is_open = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    work(r);
    if (r->failed.code == EM_OK)
        MPI_Finalize();
    return NULL;
}

/* ---- in the caller's ---- */

static void mpi_close(void *state)
{
    ranks *r = state;
    struct timespec at;

    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->quit = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += (time_t)ceil(fmin(r->limit_s, 1e6)) + 1;
    if (pthread_timedjoin_np(r->thread, NULL, &at) != 0)
        return;                                         /* it waits for ranks that never come; what it uses stays */
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r->buffer);
    free(r->counts);
    free(r);
}

/* Signals are the program's: none is to end up in our thread, or in those that MPI starts. */
static int start_thread(ranks *r)
{
    sigset_t all, before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&r->thread, NULL, thread_main, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static em_status mpi_open(void **state, int *rank, int *size, double limit_s, em_err *err)
{
    ranks *r = calloc(1, sizeof *r);
    em_status status;

    *state = NULL;
    if (!r)
        return em_fail(err, EM_ENOMEM, "no memory for the ranks");
    r->limit_s = limit_s;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    if (start_thread(r) != 0) {
        free(r);
        return em_fail(err, EM_ENOMEM, "no thread for the ranks");
    }
    pthread_mutex_lock(&r->lock);
    while (!r->is_open)
        pthread_cond_wait(&r->changed, &r->lock);
    status = r->failed.code == EM_OK ? EM_OK : em_fail(err, r->failed.code, "%s", r->failed.msg);
    pthread_mutex_unlock(&r->lock);
    *rank = r->rank;
    *size = r->size;
    *state = r;
    return status;
}

static void put_job(ranks *r, job_kind kind, void *x, size_t n)
{
    pthread_mutex_lock(&r->lock);
    while (r->n_put - r->n_done == QUEUE)
        pthread_cond_wait(&r->changed, &r->lock);
    if (r->failed.code == EM_OK) {
        r->jobs[r->n_put++ % QUEUE] = (job){ kind, x, n };
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
}

static void mpi_sum_begin(void *state, float *x, size_t n)
{
    put_job(state, SUM_FLOATS, x, n);
}

static em_status mpi_sum_wait(void *state, em_err *err)
{
    ranks *r = state;
    em_status status;

    pthread_mutex_lock(&r->lock);
    atomic_store(&r->is_waited_for, true);
    while (r->n_done != r->n_put)
        pthread_cond_wait(&r->changed, &r->lock);
    atomic_store(&r->is_waited_for, false);
    status = r->failed.code == EM_OK ? EM_OK : em_fail(err, r->failed.code, "%s", r->failed.msg);
    pthread_mutex_unlock(&r->lock);
    return status;
}

static em_status mpi_sum_doubles(void *state, double *x, size_t n, em_err *err)
{
    put_job(state, SUM_DOUBLES, x, n);
    return mpi_sum_wait(state, err);
}

static em_status mpi_broadcast(void *state, void *bytes, size_t n, em_err *err)
{
    put_job(state, COPY, bytes, n);
    return mpi_sum_wait(state, err);
}

static void mpi_fail(void *state, int exit_code)
{
    ranks *r = state;

    atomic_store(&r->abort_code, exit_code ? exit_code : 1);
    em_sleep_ms(ABORT_MS);                              /* our thread ends the process meanwhile */
}

const em_dist_ops em_dist_mpi = { mpi_open, mpi_close, mpi_sum_begin, mpi_sum_wait, mpi_sum_doubles, mpi_broadcast, mpi_fail };
