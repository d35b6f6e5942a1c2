/* back.c - every instruction set and number of threads, and differences: see back.h. */
#include "ops/back.h"

#include "base/arena.h"
#include "base/rng.h"
#include "ops/cpu/ops_cpu.h"

#include <math.h>

static em_rng rng = { 23 };

float *numbers(size_t n, double scale)
{
    float *x = em_alloc((n ? n : 1) * sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(scale * em_rng_normal(&rng));
    return x;
}

double *doubles(size_t n)
{
    double *x = calloc(n ? n : 1, sizeof *x);

    assert_non_null(x);
    return x;
}

em_matrix pack_both(em_dev *dev, const float *w, float *grad, int n, int k)
{
    void *data = em_alloc(em_ops_cpu.pack_bytes(dev, n, k)), *back = em_alloc(em_ops_cpu.pack_bytes(dev, k, n));

    assert_true(data && back);
    em_ops_cpu.repack(dev, &(em_repack){ data, back, w, n, k }, 1);
    return (em_matrix){ .data = data, .n = n, .k = k, .back = back, .grad = grad };
}

void free_packed(const em_matrix *m)
{
    free((void *)m->data);
    free((void *)m->back);
}

/* ---------------------------------------------------------------- every setting */

static const char *const isas[] = { "avx512", "avx2", "base" };

enum { MOST_THREADS = 3 };

/* NULL: another CPU's, as the golden test says. */
static em_dev *open_cpu(const char *isa, int n_threads)
{
    em_dev *dev = NULL;
    em_err err;
    const em_status status = em_ops_cpu.open(&dev, &(em_dev_cfg){ .n_threads = n_threads, .isa = isa }, &err);

    CHECK(status == EM_OK || status == EM_EUNSUPPORTED, "%s, %d threads: %s", isa, n_threads, err.msg);
    return status == EM_OK ? dev : NULL;
}

void on_every_cpu(void (*f)(em_dev *dev, const char *setting))
{
    for (size_t i = 0; i < EM_COUNT(isas); i++)
        for (int n_threads = 1; n_threads <= MOST_THREADS; n_threads++) {
            em_dev *dev = open_cpu(isas[i], n_threads);
            char setting[64];

            if (!dev)
                continue;
            snprintf(setting, sizeof setting, "%s, %d threads", isas[i], n_threads);
            f(dev, setting);
            em_ops_cpu.close(dev);
        }
}

static size_t size_of(const gradient *g, int B) { return g->kind == PARAMETER ? g->n : g->n * (size_t)B; }

/* What the gradient was before: the same for each window. */
static float before(const gradient *g, size_t i) { return g->kind == SET ? NAN : (float)(i % g->n % 7) * 0.5f; }

static void make_room(float **grads, const back_case *c, int B)
{
    for (int i = 0; c->gradients[i].name; i++) {
        const gradient *g = &c->gradients[i];
        const size_t n = size_of(g, B);

        if (n == 0)
            continue;
        grads[i] = em_alloc(n * sizeof **grads);
        assert_non_null(grads[i]);
        for (size_t j = 0; j < n; j++)
            grads[i][j] = before(g, j);
    }
}

/* How far off it is, as a share of its largest. */
static double check_numbers(const back_case *c, const gradient *g, const float *got, const char *setting)
{
    const size_t n = size_of(g, c->B);
    double off = 0, top = 0;

    for (size_t j = 0; j < n; j++) {
        const float start = before(g, j);
        const double was = (double)got[j] - (isnan(start) ? 0 : (double)start);

        if (isnan(g->want[j])) {
            CHECK(memcmp(&got[j], &start, sizeof start) == 0, "%s, %s on %s: number %zu between rows is written (%s)", c->name, g->name, setting, j, c->reason);
            continue;
        }
        top = fmax(top, fabs(g->want[j]));
        off = fmax(off, isnan(was) ? INFINITY : fabs(was - g->want[j]));
    }
    CHECK(off <= 5e-5 * top, "%s, %s on %s: off by %.3g of the largest (%s)", c->name, g->name, setting, off / top, c->reason);
    return top > 0 ? off / top : 0;
}

/* The gradients of all windows, and those of the last one alone. */
typedef struct answers { float *all[MOST_GRADIENTS], *alone[MOST_GRADIENTS]; } answers;

static answers run(const back_case *c, em_dev *dev)
{
    answers a = { 0 };
    em_needs needs = c->needs;
    em_err err;

    needs.max_batch = c->B;
    needs.trains = true;
    CHECK_OK(em_ops_cpu.reserve(dev, &needs, &err));
    make_room(a.all, c, c->B);
    make_room(a.alone, c, 1);
    c->run(dev, c->args, a.all, 0, c->B);
    c->run(dev, c->args, a.alone, c->B - 1, 1);
    CHECK_OK(em_ops_cpu.sync(dev, &err));
    return a;
}

/* `first` keeps what the first number of threads of an instruction set answers. The worst share of all gradients. */
static double under(const back_case *c, const char *isa, int n_threads, float **first)
{
    em_dev *dev = open_cpu(isa, n_threads);
    double worst = 0;
    char setting[64];
    answers a;

    if (!dev)
        return 0;
    snprintf(setting, sizeof setting, "%s, %d threads", isa, n_threads);
    a = run(c, dev);
    em_ops_cpu.close(dev);
    for (int i = 0; c->gradients[i].name; i++) {
        const gradient *g = &c->gradients[i];
        const size_t window = g->n * sizeof(float), last = g->n * (size_t)(c->B - 1);

        if (g->n == 0)
            continue;
        worst = fmax(worst, check_numbers(c, g, a.all[i], setting));
        CHECK(g->kind == PARAMETER || memcmp(a.alone[i], a.all[i] + last, window) == 0,
              "%s, %s on %s: its neighbours change it (%s)", c->name, g->name, setting, c->reason);
        CHECK(!first[i] || memcmp(first[i], a.all[i], size_of(g, c->B) * sizeof(float)) == 0,
              "%s, %s on %s: has other bits (%s)", c->name, g->name, setting, c->reason);
        free(a.alone[i]);
        if (first[i])
            free(a.all[i]);
        else
            first[i] = a.all[i];
    }
    return worst;
}

void check_gradients(const back_case *c)
{
    double worst = 0;

    for (size_t i = 0; i < EM_COUNT(isas); i++) {
        float *first[MOST_GRADIENTS] = { 0 };

        for (int n_threads = 1; n_threads <= MOST_THREADS; n_threads++)
            worst = fmax(worst, under(c, isas[i], n_threads, first));
        for (int j = 0; j < MOST_GRADIENTS; j++)
            free(first[j]);
    }
    printf("%-16s within %.2g of the largest (%s)\n", c->name, worst, c->reason);
}

/* ---------------------------------------------------------------- differences */

double inner_product(const double *y, const float *dy, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += y[i] * (double)dy[i];
    return sum;
}

/* Of the loss by *x, from steps e and e/2, which leaves an error of the fourth order. */
static double difference(double (*loss)(const void *args), const void *args, float *x)
{
    const float was = *x;
    double slope[2];

    for (int i = 0; i < 2; i++) {
        const float e = i ? 0x1p-7f : 0x1p-6f, above = was + e, below = was - e;
        double up;

        *x = above;
        up = loss(args);
        *x = below;
        slope[i] = (up - loss(args)) / ((double)above - (double)below);
    }
    *x = was;
    return (4 * slope[1] - slope[0]) / 3;
}

void check_differences(double (*loss)(const void *args), const void *args, const moved *list)
{
    for (const moved *m = list; m->name; m++) {
        double off = 0, top = 0;

        for (size_t i = 0; i < m->n; i++) {
            const double want = isnan(m->want[i]) ? 0 : m->want[i], by = m->is_log ? (double)m->x[i] : 1;

            top = fmax(top, fabs(want));
            off = fmax(off, fabs(difference(loss, args, &m->x[i]) * by - want));
        }
        CHECK(off <= 1e-6 * top, "%s: off by %.3g of the largest", m->name, off / top);
    }
}
