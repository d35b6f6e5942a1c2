/* race.c - see race.h. Each library multiplies for a tenth of a second a lap. */
#include "cli/race.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/sort.h"
#include "ops/cpu/ops_cpu.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIDE = 1024, MAX_LAPS = 64 };

static const double turn_seconds = 0.1;

/* OpenBLAS's threads spin for 2^26 cycles after a product before they sleep, GNU's OpenMP's for less. */
static const struct timespec until_threads_sleep = { .tv_nsec = 60000000 };

typedef int dnnl_sgemm_fn(char, char, int64_t, int64_t, int64_t, float, const float *, int64_t, const float *, int64_t, float, float *, int64_t);
typedef void cblas_sgemm_fn(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
typedef void set_threads_fn(int);

struct em_race {
    em_dev          *dev;                       /* ours                                     */
    dnnl_sgemm_fn   *dnnl;                      /* NULL: not installed                      */
    cblas_sgemm_fn  *cblas;                     /* NULL: not installed                      */
    set_threads_fn  *dnnl_threads, *cblas_threads;
    int              n_threads;
    float           *a, *b, *c;                 /* [SIDE][SIDE] each                        */
    double         (*laps)[MAX_LAPS];           /* [racers] GFLOP/s                         */
    int              n_laps;
};

/* ------------------------------------------------------------------ who races */

/* GFLOP/s of the fastest product within a turn. */
static double fastest(void (*multiply)(const em_race *r), const em_race *r)
{
    const uint64_t begin = em_now_ns();
    double best = 0;

    do {
        uint64_t t = em_now_ns();

        multiply(r);
        t = em_now_ns() - t;
        if (2.0 * SIDE * SIDE * SIDE / (double)t > best)
            best = 2.0 * SIDE * SIDE * SIDE / (double)t;
    } while ((double)(em_now_ns() - begin) < turn_seconds * 1e9);
    return best;
}

static double run_own(const em_race *r)
{
    static const int shapes[][3] = { { SIDE, SIDE, SIDE }, { 512, 640, 512 } };     /* m, n, k */
    double best = 0;

    for (size_t i = 0; i < EM_COUNT(shapes); i++) {
        const double rate = em_cpu_gemm_rate(r->dev, shapes[i][0], shapes[i][1], shapes[i][2], turn_seconds / EM_COUNT(shapes));

        best = rate > best ? rate : best;
    }
    return best;
}

static void multiply_dnnl(const em_race *r)
{
    r->dnnl('N', 'T', SIDE, SIDE, SIDE, 1.f, r->a, SIDE, r->b, SIDE, 0.f, r->c, SIDE);
}

static double run_dnnl(const em_race *r)
{
    if (!r->dnnl)
        return 0;
    r->dnnl_threads(r->n_threads);
    return fastest(multiply_dnnl, r);
}

static void multiply_cblas(const em_race *r)
{
    enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

    r->cblas(ROW_MAJOR, NO_TRANS, TRANS, SIDE, SIDE, SIDE, 1.f, r->a, SIDE, r->b, SIDE, 0.f, r->c, SIDE);
}

static double run_cblas(const em_race *r)
{
    if (!r->cblas)
        return 0;
    r->cblas_threads(r->n_threads);
    return fastest(multiply_cblas, r);
}

/* GFLOP/s in this lap, 0 for who is not installed. */
static const struct { const char *name; double (*run)(const em_race *r); } racers[] = {
    { "own", run_own }, { "onednn", run_dnnl }, { "openblas", run_cblas },
};

/* ------------------------------------------------------------------ where they come from */

static void open_dnnl(em_race *r)
{
    void *library = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL), *openmp = dlopen("libgomp.so.1", RTLD_NOW | RTLD_LOCAL);

    if (openmp)
        *(void **)&r->dnnl_threads = dlsym(openmp, "omp_set_num_threads");
    if (library && r->dnnl_threads)
        *(void **)&r->dnnl = dlsym(library, "dnnl_sgemm");
}

/* OpenBLAS 0.3.21 takes CPUs it does not know for a Prescott: told before it starts, unless the user has. */
static void name_core(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
        setenv("OPENBLAS_CORETYPE", "SKYLAKEX", 0);
    else if (__builtin_cpu_supports("avx2"))
        setenv("OPENBLAS_CORETYPE", "HASWELL", 0);
#endif
}

static void open_cblas(em_race *r)
{
    void *library;

    name_core();
    library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library)
        *(void **)&r->cblas_threads = dlsym(library, "openblas_set_num_threads");
    if (library && r->cblas_threads)
        *(void **)&r->cblas = dlsym(library, "cblas_sgemm");
}

em_status em_race_new(em_race **out, int n_threads, em_err *err)
{
    const size_t n = (size_t)SIDE * SIDE;
    em_race *r = *out = calloc(1, sizeof *r);
    em_status status;

    if (r) {
        r->n_threads = n_threads;
        r->a = em_alloc(3 * n * sizeof *r->a);
        r->laps = calloc(EM_COUNT(racers), sizeof *r->laps);
    }
    if (!r || !r->a || !r->laps)
        return em_fail(err, EM_ENOMEM, "no memory for a matrix product");
    memset(r->a, 0, 3 * n * sizeof *r->a);
    r->b = r->a + n;
    r->c = r->b + n;
    open_dnnl(r);
    open_cblas(r);
    status = em_ops_cpu.open(&r->dev, &(em_dev_cfg){ .n_threads = n_threads }, err);
    return status == EM_OK ? em_ops_cpu.reserve(r->dev, &(em_needs){ .k = SIDE, .n = 1 }, err) : status;
}

void em_race_free(em_race *race)
{
    if (!race)
        return;
    if (race->dev)
        em_ops_cpu.close(race->dev);
    free(race->laps);
    free(race->a);
    free(race);
}

/* ------------------------------------------------------------------ the race */

void em_race_lap(em_race *race)
{
    for (size_t i = 0; i < EM_COUNT(racers); i++) {
        const double rate = racers[i].run(race);

        if (race->n_laps < MAX_LAPS)
            race->laps[i][race->n_laps] = rate;
    }
    race->n_laps += race->n_laps < MAX_LAPS;
    nanosleep(&until_threads_sleep, NULL);
}

void em_race_tell(const em_race *race, em_race_result *out)
{
    size_t used = 0;

    *out = (em_race_result){ 0 };
    for (size_t i = 0; i < EM_COUNT(racers) && race->n_laps > 0; i++) {
        double laps[MAX_LAPS], median;

        memcpy(laps, race->laps[i], sizeof laps);
        em_sort_doubles(laps, (size_t)race->n_laps);
        median = laps[race->n_laps / 2];
        if (median > 0 && used < sizeof out->raced)
            used += (size_t)snprintf(out->raced + used, sizeof out->raced - used, "%s%s %.0f", used ? ", " : "", racers[i].name, median);
        if (median > out->gflops) {
            out->gflops = median;
            snprintf(out->best, sizeof out->best, "%s", racers[i].name);
        }
    }
}
