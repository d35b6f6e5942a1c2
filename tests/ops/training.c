/* training.c - what a step does to whole blocks of numbers, on each instruction set and with 1, 2 and 3 threads: packed forms,
 * rates of decay, sums of squares, AdamW, blends. Sizes sit at the edges of the pieces that threads share out. */
#include "ops/back.h"

#include "base/arena.h"
#include "base/pool.h"
#include "ops/cpu/ops_cpu.h"

#include <math.h>

/* Of a block: one number, a piece of 2^14 less one, all of it, one more, some pieces and a bit. */
static const size_t sizes[] = { 1, (1 << 14) - 1, 1 << 14, (1 << 14) + 1, 3 * (1 << 14) + 5 };

/* What stands behind a block, and must stay. */
enum { FENCE = 7 };
static const float fence = 42.5f;

static float *fenced(const float *x, size_t n)
{
    float *y = em_alloc((n + FENCE) * sizeof *y);

    assert_non_null(y);
    memcpy(y, x, n * sizeof *y);
    for (size_t i = n; i < n + FENCE; i++)
        y[i] = fence;
    return y;
}

static void check_fence(const float *x, size_t n, const char *name, const char *setting)
{
    for (size_t i = n; i < n + FENCE; i++)
        CHECK(memcmp(&x[i], &fence, sizeof fence) == 0, "%s of %zu numbers on %s writes past its end", name, n, setting);
}

/* Within a few roundings of each number, or of `least` where it is smaller: what its summands may be as large as. */
static void check_close(const float *got, const double *want, size_t n, double least, const char *name, const char *setting)
{
    for (size_t i = 0; i < n; i++)
        CHECK(fabs((double)got[i] - want[i]) <= 4e-7 * fmax(fabs(want[i]), least), "%s on %s: number %zu of %zu is %.9g, not %.9g",
              name, setting, i, n, (double)got[i], want[i]);
}

/* ---------------------------------------------------------------- weights */

static void *garbage(size_t n_bytes)
{
    void *p = em_alloc(n_bytes);

    assert_non_null(p);
    return memset(p, 0xa5, n_bytes);
}

typedef struct packed { float *w, *turned; void *data, *back; int n, k; } packed;

static packed make_packed(em_dev *dev, int n, int k)
{
    packed p = { numbers((size_t)(n * k), 1), numbers((size_t)(n * k), 0), garbage(em_ops_cpu.pack_bytes(dev, n, k)), garbage(em_ops_cpu.pack_bytes(dev, k, n)), n, k };

    for (int j = 0; j < n; j++)
        for (int i = 0; i < k; i++)
            p.turned[i * n + j] = p.w[j * k + i];
    return p;
}

static void check_packed(em_dev *dev, const void *got, const float *w, int n, int k, const char *name, const char *setting)
{
    const size_t n_bytes = em_ops_cpu.pack_bytes(dev, n, k);
    void *want = garbage(n_bytes);
    em_err err;

    CHECK_OK(em_ops_cpu.pack(dev, want, w, n, k, &err));
    CHECK(memcmp(got, want, n_bytes) == 0, "%s of [%d][%d] on %s is not what pack makes", name, n, k, setting);
    free(want);
}

static void repack_all(em_dev *dev, const char *setting)
{
    static const int shapes[][2] = { { 1, 1 }, { 80, 40 }, { 31, 97 }, { 16, 48 }, { 500, 7 }, { 13, 300 } };
    packed list[EM_COUNT(shapes)];
    em_repack calls[EM_COUNT(shapes)];

    for (size_t i = 0; i < EM_COUNT(shapes); i++) {
        list[i] = make_packed(dev, shapes[i][0], shapes[i][1]);
        calls[i] = (em_repack){ list[i].data, list[i].back, list[i].w, list[i].n, list[i].k };
    }
    em_ops_cpu.repack(dev, calls, EM_COUNT(shapes));
    for (size_t i = 0; i < EM_COUNT(shapes); i++) {
        const packed *p = &list[i];

        check_packed(dev, p->data, p->w, p->n, p->k, "the packed form", setting);
        check_packed(dev, p->back, p->turned, p->k, p->n, "the packed transpose", setting);
        free(p->w), free(p->turned), free(p->data), free(p->back);
    }
}

static void repacked_weights_are_packed_ones(void **state) { (void)state; on_every_cpu(repack_all); }

static void decay_all(em_dev *dev, const char *setting)
{
    for (size_t s = 0; s < EM_COUNT(sizes); s++) {
        const size_t n = sizes[s];
        float *a_log = numbers(n, 1), *a = fenced(a_log, n);
        double *want = doubles(n);

        for (size_t i = 0; i < n; i++)
            want[i] = -exp((double)a_log[i]) / log(2);
        em_ops_cpu.decay(dev, a, a_log, n);
        check_close(a, want, n, 0, "decay", setting);
        check_fence(a, n, "decay", setting);
        free(a_log), free(a), free(want);
    }
}

static void decays_are_those_of_the_formula(void **state) { (void)state; on_every_cpu(decay_all); }

/* ---------------------------------------------------------------- blocks */

static void clear_all(em_dev *dev, const char *setting)
{
    for (size_t s = 0; s < EM_COUNT(sizes); s++) {
        const size_t n = sizes[s];
        float *x = numbers(n, 1), *y = fenced(x, n);
        const float zero = 0;

        em_ops_cpu.clear(dev, y, n);
        for (size_t i = 0; i < n; i++)
            CHECK(memcmp(&y[i], &zero, sizeof zero) == 0, "number %zu of %zu on %s is not cleared", i, n, setting);
        check_fence(y, n, "clear", setting);
        free(x), free(y);
    }
}

static void cleared_blocks_are_zeros(void **state) { (void)state; on_every_cpu(clear_all); }

static void blend_all(em_dev *dev, const char *setting)
{
    static const float shares[] = { 0, 0.001f, 0.5f, 1 };

    for (size_t s = 0; s < EM_COUNT(sizes) * EM_COUNT(shares); s++) {
        const size_t n = sizes[s / EM_COUNT(shares)];
        const float share = shares[s % EM_COUNT(shares)];
        float *x = numbers(n, 1), *was = numbers(n, 1), *y = fenced(was, n);
        double *want = doubles(n);

        for (size_t i = 0; i < n; i++)
            want[i] = (double)was[i] + (double)share * ((double)x[i] - (double)was[i]);
        em_ops_cpu.blend(dev, y, x, share, n);
        check_close(y, want, n, 5, "blend", setting);
        CHECK(share != 0 || memcmp(y, was, n * sizeof *y) == 0, "a blend of nothing on %s changes %zu numbers", setting, n);
        check_fence(y, n, "blend", setting);
        free(x), free(was), free(y), free(want);
    }
}

static void blends_go_their_share_of_the_way(void **state) { (void)state; on_every_cpu(blend_all); }

/* Sums of squares: the answers of the first setting, which all others must have (the sum is in double everywhere). */
static double sums[EM_COUNT(sizes)];

static float *values_of(size_t n)
{
    float *x = em_alloc(n * sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((i * 2654435761u) % 10007) * 1e-3f - 5;
    return x;
}

static void sum_all(em_dev *dev, const char *setting)
{
    for (size_t s = 0; s < EM_COUNT(sizes); s++) {
        const size_t n = sizes[s];
        float *x = values_of(n);
        double want = 0, got;

        for (size_t i = 0; i < n; i++)
            want += (double)x[i] * (double)x[i];
        got = em_ops_cpu.sum_squares(dev, x, n);
        CHECK(fabs(got - want) <= 1e-12 * want, "the sum of %zu squares on %s: %.17g, not %.17g", n, setting, got, want);
        if (sums[s] == 0)
            sums[s] = got;
        CHECK(memcmp(&sums[s], &got, sizeof got) == 0, "the sum of %zu squares on %s has other bits", n, setting);
        x[n - 1] = NAN;
        CHECK(isnan(em_ops_cpu.sum_squares(dev, x, n)), "%s loses a NaN behind %zu numbers", setting, n - 1);
        x[n - 1] = 1;
        x[n / 2] = -INFINITY;
        CHECK(isinf(em_ops_cpu.sum_squares(dev, x, n)), "%s loses an infinity among %zu numbers", setting, n);
        x[n / 2] = 3e38f;                                   /* its square is no float */
        CHECK(isfinite(em_ops_cpu.sum_squares(dev, x, n)), "%s has no room for a large square among %zu numbers", setting, n);
        free(x);
    }
}

static void sums_of_squares_have_the_same_bits_everywhere(void **state) { (void)state; on_every_cpu(sum_all); }

/* ---------------------------------------------------------------- AdamW */

enum { N = 40000, STEPS = 3 };

/* Gaps between, before and behind; none in order; an empty one. */
static const em_adamw_range ranges[] = { { 20000, 16385, 3e-4f, 0.05f }, { 5, 1, 1e-2f, 0 }, { 7, 0, 1, 1 }, { 100, 19000, 1e-3f, 0 } };

typedef struct block { double *w, *m, *v; } block;

static void adamw_double(const block *b, const float *g, const em_adamw *a)
{
    for (size_t r = 0; r < EM_COUNT(ranges); r++)
        for (size_t i = ranges[r].begin; i < ranges[r].begin + ranges[r].n; i++) {
            const double gi = (double)g[i] * (double)a->scale, rate = (double)ranges[r].rate;

            b->m[i] = (double)a->beta1 * b->m[i] + (1 - (double)a->beta1) * gi;
            b->v[i] = (double)a->beta2 * b->v[i] + (1 - (double)a->beta2) * gi * gi;
            b->w[i] -= rate * (double)ranges[r].decay * b->w[i] + rate * (b->m[i] / (double)a->c1) / (sqrt(b->v[i] / (double)a->c2) + (double)a->eps);
        }
}

static bool is_in_a_range(size_t i)
{
    for (size_t r = 0; r < EM_COUNT(ranges); r++)
        if (i - ranges[r].begin < ranges[r].n)              /* below begin it is huge */
            return true;
    return false;
}

/* The block as the first setting left it. */
static float adamw_first[3][N];
static bool has_adamw_first;

static void adamw_all(em_dev *dev, const char *setting)
{
    float *start = values_of(N), *g = values_of(N), *w = fenced(start, N), *m = calloc(N, sizeof *m), *v = calloc(N, sizeof *v);
    const block b = { doubles(N), doubles(N), doubles(N) };

    assert_true(m && v);
    for (size_t i = 0; i < N; i++)
        b.w[i] = (double)start[i];
    for (int step = 1; step <= STEPS; step++) {
        const em_adamw a = { .w = w, .m = m, .v = v, .g = g, .ranges = ranges, .n_ranges = EM_COUNT(ranges), .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f,
                             .c1 = (float)(1 - pow(0.9, step)), .c2 = (float)(1 - pow(0.999, step)), .scale = 0.3f };

        for (size_t i = 0; i < N; i++)
            g[i] = start[N - 1 - i] * (float)(step - 2) + 0.1f;
        em_ops_cpu.adamw(dev, &a);
        adamw_double(&b, g, &a);
    }
    check_close(w, b.w, N, 1, "weights under AdamW", setting);
    check_close(m, b.m, N, 1, "first moments", setting);
    check_close(v, b.v, N, 0, "second moments", setting);
    for (size_t i = 0; i < N; i++)
        CHECK(is_in_a_range(i) || memcmp(&w[i], &start[i], sizeof *w) == 0, "AdamW on %s changes number %zu, which is in no range", setting, i);
    check_fence(w, N, "AdamW", setting);
    for (int k = 0; k < 3; k++) {
        const float *now = (const float *[]){ w, m, v }[k];

        if (!has_adamw_first)
            memcpy(adamw_first[k], now, sizeof adamw_first[k]);
        CHECK(memcmp(adamw_first[k], now, sizeof adamw_first[k]) == 0, "AdamW on %s has other bits", setting);
    }
    has_adamw_first = true;
    free(start), free(g), free(w), free(m), free(v), free(b.w), free(b.m), free(b.v);
}

static void adamw_moves_its_ranges_by_the_formula_and_nothing_else(void **state) { (void)state; on_every_cpu(adamw_all); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repacked_weights_are_packed_ones),
        cmocka_unit_test(decays_are_those_of_the_formula),
        cmocka_unit_test(cleared_blocks_are_zeros),
        cmocka_unit_test(blends_go_their_share_of_the_way),
        cmocka_unit_test(sums_of_squares_have_the_same_bits_everywhere),
        cmocka_unit_test(adamw_moves_its_ranges_by_the_formula_and_nothing_else),
    };

    em_flush_denormals();                                   /* as the workers do: see base/pool.h */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
