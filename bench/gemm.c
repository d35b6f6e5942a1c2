/* gemm.c - races the single-precision matrix products of our own kernels, oneDNN and OpenBLAS over the shapes of
 * the presets, and measures this machine's roofline: the best product of a big square, and reading from memory.
 *
 *   gemm [--quick]            every library with 1 and with 2 threads, one JSON line a measurement
 *   gemm LIBRARY THREADS MS   one of them; what the first form starts, so that no library's spinning threads
 *                             disturb another, and OpenBLAS finds OPENBLAS_CORETYPE set before it starts
 *
 * Rates are those of the fastest run: a roofline is what the machine can do. MS is the time spent on a shape. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/pool.h"
#include "base/rng.h"
#include "gemm_shapes.h"
#include "ops/cpu/ops_cpu.h"

#include <cblas.h>
#include <dnnl.h>
#include <math.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SQUARE = 1536 };
static const char *const presets[] = { "tiny", "micro", "nano" };

/* One product as a library sees it. w [n][k] as models store it; turned is the same as [k][n]. */
typedef struct product {
    shape        s;
    float       *y;
    const float *x, *w, *turned;
    void        *packed;                            /* own */
} product;

/* A library: ways to run a product, of which the fastest counts. */
typedef struct library {
    const char *name;
    bool (*prepare)(product *p);                    /* NULL: nothing to do */
    void (*run[2])(const product *p);
} library;

static em_dev *device;

static bool own_prepare(product *p)
{
    const em_needs needs = { .k = p->s.k };
    em_err err;

    p->packed = em_alloc(em_ops_cpu.pack_bytes(device, p->s.n, p->s.k));
    return p->packed && em_ops_cpu.pack(device, p->packed, p->w, p->s.n, p->s.k, &err) == EM_OK
        && em_ops_cpu.reserve(device, &needs, &err) == EM_OK;
}

static void own_run(const product *p)
{
    em_norm_linear a = {
        .y = p->y, .x = p->x, .ldx = (size_t)p->s.k, .L = p->s.m,
        .w = { .data = p->packed, .n = p->s.n, .k = p->s.k },
    };

    em_ops_cpu.norm_linear_fwd(device, &a, 1);
}

static void dnnl_run(const product *p)
{
    dnnl_sgemm('N', 'T', p->s.m, p->s.n, p->s.k, 1, p->x, p->s.k, p->w, p->s.k, 0, p->y, p->s.n);
}

static void dnnl_run_turned(const product *p)
{
    dnnl_sgemm('N', 'N', p->s.m, p->s.n, p->s.k, 1, p->x, p->s.k, p->turned, p->s.n, 0, p->y, p->s.n);
}

static void openblas_run(const product *p)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, p->s.m, p->s.n, p->s.k, 1, p->x, p->s.k, p->w, p->s.k, 0, p->y, p->s.n);
}

static void openblas_run_turned(const product *p)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, p->s.m, p->s.n, p->s.k, 1, p->x, p->s.k, p->turned, p->s.n, 0,
                p->y, p->s.n);
}

static const library libraries[] = {
    { "own",      own_prepare, { own_run, NULL } },
    { "onednn",   NULL,        { dnnl_run, dnnl_run_turned } },
    { "openblas", NULL,        { openblas_run, openblas_run_turned } },
};

/* Milliseconds of the fastest of the runs that fit into `ms`, at least three. */
static double fastest(void (*run)(const product *), const product *p, double ms)
{
    uint64_t end = em_now_ns() + (uint64_t)(ms * 1e6);
    double best = INFINITY;

    run(p);
    for (int i = 0; i < 3 || em_now_ns() < end; i++) {
        uint64_t start = em_now_ns();
        run(p);
        best = fmin(best, 1e-6 * (double)(em_now_ns() - start));
    }
    return best;
}

/* A library that answers something else has not won anything. */
static bool is_right(const product *p)
{
    em_rng rng = { 3 };

    for (int i = 0; i < 50; i++) {
        int row = (int)(em_rng_u64(&rng) % (unsigned)p->s.m), col = (int)(em_rng_u64(&rng) % (unsigned)p->s.n);
        double want = 0, size = 0;

        for (int k = 0; k < p->s.k; k++) {
            double term = (double)p->x[(size_t)row * (size_t)p->s.k + (size_t)k] * (double)p->w[(size_t)col * (size_t)p->s.k + (size_t)k];
            want += term;
            size += fabs(term);
        }
        if (!(fabs((double)p->y[(size_t)row * (size_t)p->s.n + (size_t)col] - want) <= 1e-5 * size))
            return false;
    }
    return true;
}

static float *filled(size_t n, uint64_t seed)
{
    float *x = em_alloc(n * sizeof *x);
    em_rng rng = { seed };

    for (size_t i = 0; x && i < n; i++)
        x[i] = (float)em_rng_uniform(&rng) - 0.5f;
    return x;
}

/* Milliseconds of one product with the library's best way, negative when it cannot be done or is wrong. */
static double measure(const library *lib, const shape *s, double ms)
{
    size_t m = (size_t)s->m, n = (size_t)s->n, k = (size_t)s->k;
    float *x = filled(m * k, 1), *w = filled(n * k, 2), *turned = em_alloc(n * k * sizeof *turned), *y = em_alloc(m * n * sizeof *y);
    product p = { *s, y, x, w, turned, NULL };
    double best = -1;

    if (x && w && turned && y && (!lib->prepare || lib->prepare(&p))) {
        for (size_t i = 0; i < n * k; i++)
            turned[i % k * n + i / k] = w[i];
        for (size_t i = 0; i < EM_COUNT(lib->run) && lib->run[i]; i++) {
            double t = fastest(lib->run[i], &p, ms);

            if (!is_right(&p)) {
                fprintf(stderr, "%s: wrong product for %s, %d x %d x %d\n", lib->name, s->what, s->m, s->n, s->k);
                best = -1;
                break;
            }
            best = best < 0 ? t : fmin(best, t);
        }
    }
    free(p.packed);
    free(x);
    free(w);
    free(turned);
    free(y);
    return best;
}

static double gflop(const shape *s)
{
    return 2e-9 * s->m * s->n * s->k;
}

static int race(const library *lib, int n_threads, double ms)
{
    shape square = { "square", SQUARE, SQUARE, SQUARE, 1 };
    double t = measure(lib, &square, 5 * ms);

    if (t < 0)
        return 1;
    printf("{\"bench\":\"square\",\"library\":\"%s\",\"threads\":%d,\"n\":%d,\"gflops\":%.1f}\n", lib->name, n_threads, SQUARE,
           1e3 * gflop(&square) / t);
    for (size_t i = 0; i < EM_COUNT(presets); i++) {
        shape shapes[MOST_SHAPES];
        int n = gemm_shapes(shapes, presets[i]);
        double all_ms = 0, all_gflop = 0;

        for (int s = 0; s < n; s++) {
            if ((t = measure(lib, &shapes[s], ms)) < 0)
                return 1;
            printf("{\"bench\":\"gemm\",\"library\":\"%s\",\"threads\":%d,\"preset\":\"%s\",\"layer\":\"%s\",\"m\":%d,\"n\":%d,"
                   "\"k\":%d,\"times\":%d,\"ms\":%.4f,\"gflops\":%.1f}\n", lib->name, n_threads, presets[i], shapes[s].what,
                   shapes[s].m, shapes[s].n, shapes[s].k, shapes[s].times, t, 1e3 * gflop(&shapes[s]) / t);
            all_ms += shapes[s].times * t;
            all_gflop += shapes[s].times * gflop(&shapes[s]);
        }
        printf("{\"bench\":\"products\",\"library\":\"%s\",\"threads\":%d,\"preset\":\"%s\",\"gmac\":%.3f,\"ms\":%.3f,"
               "\"gflops\":%.1f}\n", lib->name, n_threads, presets[i], all_gflop / 2, all_ms, 1e3 * all_gflop / all_ms);
        fflush(stdout);
    }
    return 0;
}

/* Reading: integer sums over a block far larger than any cache, a slice a thread. */
typedef struct reading { const uint64_t *words; size_t n_each; uint64_t sums[64][8]; } reading;

static void read_slice(void *ctx, int i, int worker)
{
    reading *r = ctx;
    const uint64_t *at = r->words + (size_t)i * r->n_each;
    uint64_t sum = 0;

    (void)worker;
    for (size_t k = 0; k < r->n_each; k++)
        sum += at[k];
    r->sums[i][0] = sum;
}

static int read_memory(int n_threads, double ms)
{
    static reading r;
    size_t n_bytes = (size_t)512 << 20;
    uint64_t *words = em_alloc(n_bytes);
    double best = INFINITY;
    em_pool *pool;
    em_err err;

    if (!words || em_pool_new(&pool, n_threads, &err) != EM_OK) {
        free(words);
        return 1;
    }
    memset(words, 1, n_bytes);
    r.words = words;
    r.n_each = n_bytes / sizeof *words / (size_t)n_threads;
    for (uint64_t end = em_now_ns() + (uint64_t)(10e6 * ms); em_now_ns() < end;) {
        uint64_t start = em_now_ns();
        em_pool_run(pool, read_slice, &r, n_threads);
        best = fmin(best, (double)(em_now_ns() - start));
    }
    printf("{\"bench\":\"read\",\"threads\":%d,\"gb_per_s\":%.1f}\n", n_threads, (double)n_bytes / best);
    em_pool_free(pool);
    free(words);
    return 0;
}

static int run_one(const char *name, int n_threads, double ms)
{
    em_dev_cfg cfg = { .n_threads = n_threads };
    em_err err;

    if (n_threads < 1 || n_threads > 64 || !(ms > 0))
        return 2;
    if (strcmp(name, "read") == 0)
        return read_memory(n_threads, ms);
    if (em_ops_cpu.open(&device, &cfg, &err) != EM_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    for (size_t i = 0; i < EM_COUNT(libraries); i++)
        if (strcmp(libraries[i].name, name) == 0) {
            int rc = race(&libraries[i], n_threads, ms);

            em_ops_cpu.close(device);
            return rc;
        }
    fprintf(stderr, "gemm: no library \"%s\": own, onednn, openblas or read\n", name);
    return 2;
}

/* Debian's OpenBLAS takes processors that it does not know for a Prescott; unless told, tell it what this one is like. */
static void name_core_for_openblas(void)
{
    const char *core = NULL;

#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq"))
        core = "SKYLAKEX";
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        core = "HASWELL";
#endif
    if (core)
        setenv("OPENBLAS_CORETYPE", core, 0);
}

static int run_child(const char *name, int n_threads, const char *ms)
{
    extern char **environ;
    char threads[12];
    char *argv[] = { (char *)"gemm", (char *)name, threads, (char *)ms, NULL };
    pid_t pid;
    int status;

    snprintf(threads, sizeof threads, "%d", n_threads);
    setenv("OMP_NUM_THREADS", threads, 1);
    setenv("OPENBLAS_NUM_THREADS", threads, 1);
    if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) != pid)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    const char *ms = argc == 2 && strcmp(argv[1], "--quick") == 0 ? "5" : "50";
    int rc = 0;

    if (argc == 4)
        return run_one(argv[1], atoi(argv[2]), atof(argv[3]));
    if (argc > 2 || (argc == 2 && strcmp(argv[1], "--quick") != 0)) {
        fprintf(stderr, "usage: gemm [--quick] | gemm LIBRARY THREADS MS\n");
        return 2;
    }
    name_core_for_openblas();
    for (int threads = 1; threads <= 2 && threads <= em_cpu_count(); threads++) {
        rc |= run_child("read", threads, ms);
        for (size_t i = 0; i < EM_COUNT(libraries); i++)
            rc |= run_child(libraries[i].name, threads, ms);
    }
    return rc;
}
