/* cases.c - every operator against the plain loops in double, at sizes that sit at the edges of tiles and vectors; and
 * the same bits for every setting of a group and for any neighbours in the batch. See cases.h. */
#include "ops/cases_inside.h"

#include "base/arena.h"
#include "base/rng.h"

#include <math.h>

static em_rng rng = { 11 };
static const op_target *target;
const em_ops *op_ops;

float *op_numbers(size_t n, double scale)
{
    float *x = em_alloc(n * sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(scale * em_rng_normal(&rng));
    return x;
}

/* ---------------------------------------------------------------- to the device and back */

/* What a run has put on its device: released at its end. */
static void *held[32];
static int n_held;

void *op_room(em_dev *dev, size_t n_bytes)
{
    void *p = op_ops->alloc(dev, n_bytes);

    assert_true(p && n_held < (int)EM_COUNT(held));
    return held[n_held++] = p;
}

static void release_all(em_dev *dev)
{
    while (n_held > 0)
        op_ops->release(dev, held[--n_held]);
}

void op_upload(em_dev *dev, void *dst, const void *src, size_t n_bytes)
{
    float *whole = calloc(1, n_bytes + sizeof *whole);
    em_err err;

    assert_non_null(whole);
    memcpy(whole, src, n_bytes);
    CHECK_OK(op_ops->upload(dev, dst, whole, (n_bytes + 3) / 4, &err));
    free(whole);
}

const float *op_put(em_dev *dev, const float *x, size_t n)
{
    float *p;

    if (!x)
        return NULL;
    p = op_room(dev, n * sizeof *p);
    op_upload(dev, p, x, n * sizeof *p);
    return p;
}

static bool is_narrow(em_dev *dev) { return op_ops->inner_bytes(dev) == 2; }

/* The compiler's own conversion: nearest even. */
static uint16_t narrow(float x)
{
    const _Float16 y = (_Float16)x;
    uint16_t bits;

    memcpy(&bits, &y, sizeof bits);
    return bits;
}

const float *op_put_inner(em_dev *dev, const float *x, size_t n)
{
    uint16_t *half;
    float *p;

    if (!x || !is_narrow(dev))
        return op_put(dev, x, n);
    p = op_room(dev, (n * sizeof *half + 3) / 4 * 4);
    half = malloc(n * sizeof *half);
    assert_non_null(half);
    for (size_t i = 0; i < n; i++)
        half[i] = narrow(x[i]);
    op_upload(dev, p, half, n * sizeof *half);
    free(half);
    return p;
}

float *op_room_inner(em_dev *dev, size_t n) { return op_room(dev, (n * op_ops->inner_bytes(dev) + 3) / 4 * 4); }

void op_get(em_dev *dev, float *y, const float *p, size_t n)
{
    em_err err;

    CHECK_OK(op_ops->download(dev, y, p, n, &err));
}

void op_get_inner(em_dev *dev, float *y, const float *p, size_t n)
{
    uint16_t *half;

    if (!is_narrow(dev)) {
        op_get(dev, y, p, n);
        return;
    }
    half = malloc((n + 1) * sizeof *half);
    assert_non_null(half);
    op_get(dev, (float *)half, p, (n + 1) / 2);
    for (size_t i = 0; i < n; i++) {
        _Float16 x;

        memcpy(&x, &half[i], sizeof x);
        y[i] = (float)x;
    }
    free(half);
}

em_norm op_put_norm(em_dev *dev, em_norm norm, int n)
{
    return (em_norm){ .weight = op_put(dev, norm.weight, (size_t)n), .bias = op_put(dev, norm.bias, (size_t)n) };
}

em_matrix op_pack(em_dev *dev, const float *w, int n, int k)
{
    void *p = op_room(dev, op_ops->pack_bytes(dev, n, k));
    em_err err;

    CHECK_OK(op_ops->pack(dev, p, w, n, k, &err));
    return (em_matrix){ .data = p, .n = n, .k = k };
}

/* ---------------------------------------------------------------- every setting */

static void under(const op_case *c, const op_setting *s, float *y, float *first, float *alone)
{
    const size_t n = B * c->n_window;
    em_needs needs = c->needs;
    double off = 0, top = 0;
    em_dev *dev;
    em_err err;

    needs.max_batch = B;
    if (s->prepare)
        s->prepare(s);
    if (op_ops->open(&dev, &s->cfg, &err) == EM_EUNSUPPORTED && s->cfg.isa)
        return;                         /* another CPU's: the golden test says so */
    CHECK(dev, "%s cannot be opened: %s", s->name, err.msg);
    CHECK_OK(op_ops->reserve(dev, &needs, &err));
    c->run(dev, c->args, y, 0, B);
    release_all(dev);
    c->run(dev, c->args, alone, 1, 1);
    release_all(dev);
    op_ops->close(dev);
    for (size_t j = 0; j < n; j++) {
        top = fmax(top, fabs(c->want[j]));
        off = fmax(off, isnan(y[j]) ? INFINITY : fabs((double)y[j] - c->want[j]));
    }
    CHECK(off <= s->tolerance * top, "%s on %s: off by %.3g of the largest (%s)", c->name, s->name, off / top, c->reason);
    CHECK(memcmp(alone, y + c->n_window, c->n_window * 4) == 0, "%s on %s: its neighbours change it (%s)", c->name, s->name, c->reason);
    if (s->is_first)
        memcpy(first, y, n * 4);
    CHECK(memcmp(first, y, n * 4) == 0, "%s on %s: has other bits (%s)", c->name, s->name, c->reason);
}

void op_everywhere(const op_case *c)
{
    float *y = em_alloc(B * c->n_window * 4), *first = em_alloc(B * c->n_window * 4), *alone = em_alloc(c->n_window * 4);

    assert_true(y && first && alone);
    for (int i = 0; i < target->n_settings; i++)
        under(c, &target->settings[i], y, first, alone);
    free(y), free(first), free(alone);
}

size_t op_rows(int L, int k) { return (size_t)L * (size_t)((k + 63) / 64 * 64); }

/* ---------------------------------------------------------------- all of them */

int check_operators(const op_target *t)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norm_linear_equals_the_plain_loops),
        cmocka_unit_test(mlp_equals_the_plain_loops),
        cmocka_unit_test(conv_equals_the_plain_loops),
        cmocka_unit_test(depthwise_conv_equals_the_plain_loops),
        cmocka_unit_test(scan_equals_the_plain_loops),
        cmocka_unit_test(attention_equals_the_plain_loops),
    };

    target = t;
    op_ops = t->ops;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int check_scan(const op_target *t)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(scan_equals_the_plain_loops) };

    rng = (em_rng){ 11 };               /* the same numbers for whoever asks again: of others a sum may all but cancel */
    target = t;
    op_ops = t->ops;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
