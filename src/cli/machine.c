/* machine.c - races one large matrix product in our kernels, oneDNN and OpenBLAS, both opened at run time where they
 * are installed, and streams through more memory than a cache holds. See machine.h. */
#include "cli/machine.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/pool.h"
#include "ops/cpu/ops_cpu.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 1024, READ_BYTES = 256 << 20 };

static const double race_seconds = 0.3;

typedef struct product { const float *a, *b; float *c; } product;

/* One library at a large square product: GFLOP/s, 0 where it is not installed. */
typedef double racer(const product *p, em_dev *dev, int n_threads);

static double race(void (*multiply)(const product *p, void *f), const product *p, void *f)
{
    const uint64_t begin = em_now_ns();
    double best = 0;

    do {
        uint64_t t = em_now_ns();

        multiply(p, f);
        t = em_now_ns() - t;
        if (2.0 * SIDE * SIDE * SIDE / (double)t > best)
            best = 2.0 * SIDE * SIDE * SIDE / (double)t;
    } while ((double)(em_now_ns() - begin) < race_seconds * 1e9);
    return best;
}

static double own(const product *p, em_dev *dev, int n_threads)
{
    static const int shapes[][3] = { { SIDE, SIDE, SIDE }, { 512, 640, 512 } };     /* m, n, k */
    double best = 0;

    (void)p;
    (void)n_threads;
    for (size_t i = 0; i < EM_COUNT(shapes); i++) {
        double rate = em_cpu_gemm_rate(dev, shapes[i][0], shapes[i][1], shapes[i][2], race_seconds);

        best = rate > best ? rate : best;
    }
    return best;
}

typedef int dnnl_sgemm_fn(char, char, int64_t, int64_t, int64_t, float, const float *, int64_t, const float *, int64_t, float, float *, int64_t);

static void multiply_dnnl(const product *p, void *f)
{
    (*(dnnl_sgemm_fn **)f)('N', 'T', SIDE, SIDE, SIDE, 1.f, p->a, SIDE, p->b, SIDE, 0.f, p->c, SIDE);
}

static double onednn(const product *p, em_dev *dev, int n_threads)
{
    void *library = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL), *openmp = dlopen("libgomp.so.1", RTLD_NOW | RTLD_LOCAL);
    dnnl_sgemm_fn *sgemm = NULL;
    void (*set_threads)(int) = NULL;

    (void)dev;
    if (library)
        *(void **)&sgemm = dlsym(library, "dnnl_sgemm");
    if (openmp)
        *(void **)&set_threads = dlsym(openmp, "omp_set_num_threads");
    if (!sgemm || !set_threads)
        return 0;
    set_threads(n_threads);
    return race(multiply_dnnl, p, &sgemm);
}

typedef void cblas_sgemm_fn(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);

static void multiply_cblas(const product *p, void *f)
{
    enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

    (*(cblas_sgemm_fn **)f)(ROW_MAJOR, NO_TRANS, TRANS, SIDE, SIDE, SIDE, 1.f, p->a, SIDE, p->b, SIDE, 0.f, p->c, SIDE);
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

static double openblas(const product *p, em_dev *dev, int n_threads)
{
    cblas_sgemm_fn *sgemm = NULL;
    void (*set_threads)(int) = NULL;
    void *library;

    (void)dev;
    name_core();
    library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library) {
        *(void **)&sgemm = dlsym(library, "cblas_sgemm");
        *(void **)&set_threads = dlsym(library, "openblas_set_num_threads");
    }
    if (!sgemm || !set_threads)
        return 0;
    set_threads(n_threads);
    return race(multiply_cblas, p, &sgemm);
}

static const struct { const char *name; racer *run; } racers[] = { { "own", own }, { "onednn", onednn }, { "openblas", openblas } };

typedef struct reading { const float *x; float sums[64]; int n_parts; } reading;

static void read_part(void *ctx, int i, int worker)
{
    reading *r = ctx;
    const size_t n = READ_BYTES / sizeof *r->x / (size_t)r->n_parts, lanes = 16;
    const float *x = r->x + (size_t)i * n;
    float s[16] = { 0 };

    (void)worker;
    for (size_t j = 0; j + lanes <= n; j += lanes)
        for (size_t k = 0; k < lanes; k++)
            s[k] += x[j + k];
    for (size_t k = 0; k < lanes; k++)
        r->sums[i] += s[k];
}

static em_status measure_reading(em_machine *out, int n_threads, em_err *err)
{
    reading r = { .n_parts = n_threads < 64 ? n_threads : 64 };
    float *x = em_alloc(READ_BYTES);
    em_pool *pool = NULL;
    em_status status = x ? em_pool_new(&pool, r.n_parts, err) : em_fail(err, EM_ENOMEM, "no memory to measure reading with");

    r.x = x;
    for (int i = 0; status == EM_OK && i < 4; i++) {
        uint64_t t = em_now_ns();

        em_pool_run(pool, read_part, &r, r.n_parts);
        t = em_now_ns() - t;
        if (READ_BYTES / (double)t > out->read_gbs)
            out->read_gbs = READ_BYTES / (double)t;
    }
    em_pool_free(pool);
    free(x);
    return status;
}

em_status em_machine_measure(em_machine *out, int n_threads, em_err *err)
{
    const size_t n = (size_t)SIDE * SIDE;
    float *x = em_alloc(3 * n * sizeof *x);
    const product p = { x, x ? x + n : NULL, x ? x + 2 * n : NULL };
    em_dev *dev = NULL;
    em_status status = x ? em_ops_cpu.open(&dev, &(em_dev_cfg){ .n_threads = n_threads }, err)
                         : em_fail(err, EM_ENOMEM, "no memory for a matrix product");
    size_t used = 0;

    *out = (em_machine){ 0 };
    if (status == EM_OK)
        status = em_ops_cpu.reserve(dev, &(em_needs){ .k = SIDE, .n = 1 }, err);
    for (size_t i = 0; status == EM_OK && i < EM_COUNT(racers); i++) {
        const double rate = racers[i].run(&p, dev, n_threads);

        if (rate > 0 && used < sizeof out->raced)
            used += (size_t)snprintf(out->raced + used, sizeof out->raced - used, "%s%s %.0f", used ? ", " : "", racers[i].name, rate);
        if (rate > out->sgemm_gflops) {
            out->sgemm_gflops = rate;
            snprintf(out->best, sizeof out->best, "%s", racers[i].name);
        }
    }
    em_ops_cpu.close(dev);
    if (status == EM_OK)
        status = measure_reading(out, n_threads, err);
    free(x);
    return status;
}
