/* back.c - every setting of a backend, and differences: see back.h. */
#include "ops/back.h"

#include "base/arena.h"
#include "base/pool.h"
#include "base/rng.h"

#include <math.h>

enum { SEED = 23 };                                         /* of each part: none knows what ran before it */
static em_rng rng;

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

/* ---------------------------------------------------------------- to the device and back */

const em_ops *em_back_ops;
static const op_target *target;

static void *held[64];
static int n_held;

void *lay_room(em_dev *dev, size_t n_bytes)
{
    void *p = em_back_ops->alloc(dev, n_bytes ? n_bytes : 1);

    assert_true(p && n_held < (int)EM_COUNT(held));
    return held[n_held++] = p;
}

static void release_all(em_dev *dev)
{
    while (n_held > 0)
        em_back_ops->release(dev, held[--n_held]);
}

float *lay(em_dev *dev, const float *x, size_t n)
{
    float *p = x ? lay_room(dev, n * sizeof *p) : NULL;
    em_err err;

    if (x)
        CHECK_OK(em_back_ops->upload(dev, p, x, n, &err));
    return p;
}

static bool is_narrow(em_dev *dev) { return em_back_ops->inner_bytes(dev) == sizeof(uint16_t); }

float *lay_inner(em_dev *dev, const float *x, size_t n)
{
    const size_t n_floats = (n + 1) / 2;
    uint16_t *narrow;
    float *p;

    if (!x || !is_narrow(dev))
        return lay(dev, x, n);
    narrow = calloc(n_floats, sizeof(float));
    assert_non_null(narrow);
    for (size_t i = 0; i < n; i++) {
        const _Float16 y = (_Float16)x[i];                  /* the compiler's own conversion: nearest even */

        memcpy(&narrow[i], &y, sizeof y);
    }
    p = lay(dev, (const float *)(const void *)narrow, n_floats);
    free(narrow);
    return p;
}

enum { FENCE = 7 };
static const float fence = 42.5f;

float *lay_fenced(em_dev *dev, const float *x, size_t n)
{
    float *whole = malloc((n + FENCE) * sizeof *whole), *p;

    assert_non_null(whole);
    memcpy(whole, x, n * sizeof *whole);
    for (size_t i = n; i < n + FENCE; i++)
        whole[i] = fence;
    p = lay(dev, whole, n + FENCE);
    free(whole);
    return p;
}

em_matrix lay_matrix(em_dev *dev, const float *w, float *grad, int n, int k)
{
    void *data = lay_room(dev, em_back_ops->pack_bytes(dev, n, k)), *back = lay_room(dev, em_back_ops->pack_bytes(dev, k, n));
    const em_repack list = { data, back, lay(dev, w, (size_t)n * (size_t)k), n, k };

    em_back_ops->repack(dev, &list, 1);
    return (em_matrix){ .data = data, .n = n, .k = k, .back = back, .grad = grad };
}

float *fetch(em_dev *dev, const float *x, size_t n)
{
    float *y = em_alloc((n ? n : 1) * sizeof *y);
    em_err err;

    assert_non_null(y);
    CHECK_OK(em_back_ops->download(dev, y, x, n, &err));
    return y;
}

float *fetch_inner(em_dev *dev, const float *x, size_t n)
{
    float *y, *wide;

    if (!is_narrow(dev))
        return fetch(dev, x, n);
    y = fetch(dev, x, (n + 1) / 2);
    wide = em_alloc(n * sizeof *wide);
    assert_non_null(wide);
    for (size_t i = 0; i < n; i++) {
        _Float16 v;

        memcpy(&v, (const char *)y + i * sizeof v, sizeof v);
        wide[i] = (float)v;
    }
    free(y);
    return wide;
}

float *fetch_fenced(em_dev *dev, const float *x, size_t n, const char *what)
{
    float *y = fetch(dev, x, n + FENCE);

    for (size_t i = n; i < n + FENCE; i++)
        CHECK(memcmp(&y[i], &fence, sizeof fence) == 0, "%s of %zu numbers writes past its end", what, n);
    return y;
}

/* ---------------------------------------------------------------- every setting */

/* NULL: a CPU's instruction set that is another CPU's, as the golden test says. */
static em_dev *open_setting(const op_setting *s)
{
    em_dev *dev = NULL;
    em_err err;
    em_status status;

    if (s->prepare)
        s->prepare(s);
    status = em_back_ops->open(&dev, &s->cfg, &err);
    CHECK(status == EM_OK || (status == EM_EUNSUPPORTED && s->cfg.isa), "%s: %s", s->name, err.msg);
    return status == EM_OK ? dev : NULL;
}

void on_every_setting(void (*f)(em_dev *dev, const op_setting *s))
{
    for (int i = 0; i < target->n_settings; i++) {
        em_dev *dev = open_setting(&target->settings[i]);

        if (!dev)
            continue;
        f(dev, &target->settings[i]);
        release_all(dev);
        em_back_ops->close(dev);
    }
}

int check_backward(const op_target *t)
{
    static int (*const parts[])(void) = {
        backward_linear, backward_conv, backward_scan, backward_ends, backward_attention, check_training, check_practice,
    };
    int n_failed = 0;

    target = t;
    em_back_ops = t->ops;
    em_flush_denormals();                                   /* as the workers do: see base/pool.h */
    for (size_t i = 0; i < EM_COUNT(parts); i++) {
        rng.state = SEED;
        n_failed += parts[i]();
    }
    return n_failed;
}

static size_t size_of(const gradient *g, int B) { return g->kind == PARAMETER ? g->n : g->n * (size_t)B; }

/* What the gradient was before: the same for each window. */
static float before(const gradient *g, size_t i) { return g->kind == SET ? NAN : (float)(i % g->n % 7) * 0.5f; }

static void make_room(em_dev *dev, float **grads, const back_case *c, int B)
{
    for (int i = 0; c->gradients[i].name; i++) {
        const gradient *g = &c->gradients[i];
        const size_t n = size_of(g, B);
        float *start = numbers(n, 0);

        for (size_t j = 0; j < n; j++)
            start[j] = before(g, j);
        grads[i] = n > 0 ? lay(dev, start, n) : NULL;
        free(start);
    }
}

/* How far off it is, as a share of its largest. */
static double check_numbers(const back_case *c, const gradient *g, const float *got, const op_setting *s)
{
    const size_t n = size_of(g, c->B);
    double off = 0, top = 0;

    for (size_t j = 0; j < n; j++) {
        const float start = before(g, j);
        const double was = (double)got[j] - (isnan(start) ? 0 : (double)start);

        if (isnan(g->want[j])) {
            CHECK(memcmp(&got[j], &start, sizeof start) == 0, "%s, %s on %s: number %zu between rows is written (%s)",
                  c->name, g->name, s->name, j, c->reason);
            continue;
        }
        top = fmax(top, fabs(g->want[j]));
        off = fmax(off, isnan(was) ? INFINITY : fabs(was - g->want[j]));
    }
    CHECK(off <= s->tolerance * top, "%s, %s on %s: off by %.3g of the largest (%s)", c->name, g->name, s->name, off / top, c->reason);
    return top > 0 ? off / top : 0;
}

/* The gradients of all windows, and those of the last one alone. */
typedef struct answers { float *all[MOST_GRADIENTS], *alone[MOST_GRADIENTS]; } answers;

/* false: the device has no such operator. */
static bool run(answers *a, const back_case *c, em_dev *dev)
{
    float *all[MOST_GRADIENTS] = { 0 }, *alone[MOST_GRADIENTS] = { 0 };
    em_needs needs = c->needs;
    em_status status;
    em_err err;

    needs.max_batch = c->B;
    needs.trains = true;
    status = em_back_ops->reserve(dev, &needs, &err);
    if (status == EM_EUNSUPPORTED && em_back_ops->has_own_memory)
        return false;
    CHECK_OK(status);
    make_room(dev, all, c, c->B);
    make_room(dev, alone, c, 1);
    c->run(dev, c->args, all, 0, c->B);
    c->run(dev, c->args, alone, c->B - 1, 1);
    CHECK_OK(em_back_ops->sync(dev, &err));
    for (int i = 0; c->gradients[i].name; i++) {
        a->all[i] = all[i] ? fetch(dev, all[i], size_of(&c->gradients[i], c->B)) : NULL;
        a->alone[i] = alone[i] ? fetch(dev, alone[i], size_of(&c->gradients[i], 1)) : NULL;
    }
    release_all(dev);
    return true;
}

/* `first` keeps what the first setting of a group answers. The worst share of all gradients. */
static double compare(const back_case *c, const op_setting *s, const answers *a, float **first)
{
    double worst = 0;

    for (int i = 0; c->gradients[i].name; i++) {
        const gradient *g = &c->gradients[i];
        const size_t window = g->n * sizeof(float), last = g->n * (size_t)(c->B - 1);

        if (g->n == 0)
            continue;
        worst = fmax(worst, check_numbers(c, g, a->all[i], s));
        CHECK(g->kind == PARAMETER || memcmp(a->alone[i], a->all[i] + last, window) == 0,
              "%s, %s on %s: its neighbours change it (%s)", c->name, g->name, s->name, c->reason);
        if (s->is_first) {
            free(first[i]);
            first[i] = NULL;
        }
        CHECK(!first[i] || memcmp(first[i], a->all[i], size_of(g, c->B) * sizeof(float)) == 0,
              "%s, %s on %s: has other bits (%s)", c->name, g->name, s->name, c->reason);
        free(a->alone[i]);
        if (first[i])
            free(a->all[i]);
        else
            first[i] = a->all[i];
    }
    return worst;
}

void check_gradients(const back_case *c)
{
    float *first[MOST_GRADIENTS] = { 0 };
    double worst = 0;

    for (int i = 0; i < target->n_settings; i++) {
        const op_setting *s = &target->settings[i];
        em_dev *dev = open_setting(s);
        answers a = { 0 };

        if (!dev)
            continue;
        if (run(&a, c, dev))
            worst = fmax(worst, compare(c, s, &a, first));
        em_back_ops->close(dev);
    }
    for (int j = 0; j < MOST_GRADIENTS; j++)
        free(first[j]);
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
