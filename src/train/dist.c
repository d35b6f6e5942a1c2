/* dist.c - which way there is to the other ranks, and the calls through it. */
#include "train/dist.h"

#include "base/log.h"
#include "base/module.h"
#include "train/dist_ops.h"

#include <limits.h>
#include <stdlib.h>

struct em_dist {
    const em_dist_ops *ops;
    void              *state;
    int                rank, size;
    double             limit_s;
};

/* Where those who start processes leave their number. SLURM_NTASKS is of no use: a batch script that starts one process has it. */
static const struct { const char *size, *place, *launcher; } launchers[] = {
    { "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "mpirun" },
    { "PMI_SIZE", "MPI_LOCALRANKID", "mpirun" },
    { "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "srun" },
};

static long number_of(const char *variable)
{
    const char *text = getenv(variable);

    return text ? strtol(text, NULL, 10) : 0;
}

/* Into *i the launcher, the last one if there is none. */
static long processes(size_t *i)
{
    for (*i = 0; *i < EM_COUNT(launchers); ++*i)
        if (number_of(launchers[*i].size) > 0)
            return number_of(launchers[*i].size);
    --*i;
    return 1;
}

int em_dist_place(void)
{
    size_t i;
    const long place = processes(&i) > 1 ? number_of(launchers[i].place) : 0;

    return place > 0 && place < INT_MAX ? (int)place : 0;
}

/* A module: Open MPI and what it brings along are a dozen libraries that no tagger wants. */
static em_status find_mpi(const em_dist_ops **out, const char *launcher, long n, em_err *err)
{
    const void *table;
    em_err why;

    if (em_module_find(&table, "mpi", "em_dist_mpi", &why) != EM_OK)
        return em_fail(err, EM_EUNSUPPORTED, "%s started %ld processes, and MPI cannot be used: %.80s; it is built with -DEARMARK_MPI=ON"
                       " and Open MPI (Debian: libopenmpi-dev)", launcher, n, why.msg);
    *out = table;
    return EM_OK;
}

em_status em_dist_open(em_dist **out, double limit_s, em_err *err)
{
    size_t i;
    const long n = processes(&i);
    const char *const launcher = launchers[i].launcher;
    const em_dist_ops *ops = &em_dist_local;
    em_dist *d;
    em_status status = EM_OK;

    *out = NULL;
    if (!(limit_s > 0))
        return em_fail(err, EM_EINVAL, "ranks are waited for %g seconds: must be more than 0", limit_s);
    if (n > 1 && (status = find_mpi(&ops, launcher, n, err)))
        return status;
    d = calloc(1, sizeof *d);
    if (!d)
        return em_fail(err, EM_ENOMEM, "no memory for the ranks");
    d->ops = ops;
    d->limit_s = limit_s;
    status = d->ops->open(&d->state, &d->rank, &d->size, limit_s, err);
    if (status == EM_OK && d->size != n)
        status = em_fail(err, EM_EDEVICE, "%s started %ld processes, but MPI sees %d: it must be the %s of the Open MPI in this build%s", launcher, n,
                         d->size, launcher, launcher[0] == 's' ? " (try srun --mpi=pmix)" : "");
    if (status != EM_OK) {
        em_dist_close(d);
        return status;
    }
    *out = d;
    return EM_OK;
}

void em_dist_close(em_dist *d)
{
    if (!d)
        return;
    d->ops->close(d->state);
    free(d);
}

double em_dist_limit(const em_dist *d)
{
    return d->limit_s;
}

int em_dist_rank(const em_dist *d)
{
    return d->rank;
}

int em_dist_size(const em_dist *d)
{
    return d->size;
}

void em_dist_sum_begin(em_dist *d, float *x, size_t n)
{
    d->ops->sum_begin(d->state, x, n);
}

em_status em_dist_sum_wait(em_dist *d, em_err *err)
{
    return d->ops->sum_wait(d->state, err);
}

em_status em_dist_sum_doubles(em_dist *d, double *x, size_t n, em_err *err)
{
    return d->ops->sum_doubles(d->state, x, n, err);
}

em_status em_dist_broadcast(em_dist *d, void *bytes, size_t n, em_err *err)
{
    return d->ops->broadcast(d->state, bytes, n, err);
}

void em_dist_fail(em_dist *d, int exit_code, const char *sentence)
{
    if (d->size == 1)
        return;
    em_log(EM_LOG_ERROR, "rank %d of %d: %s", d->rank, d->size, sentence);
    d->ops->fail(d->state, exit_code);
}
