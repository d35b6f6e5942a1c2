/* training.c - what a step does to whole blocks of numbers, under each setting of a backend: packed forms, rates of decay, sums of
 * squares, AdamW, blends. Sizes sit at the edges of the pieces that threads or blocks share out. */
#include "ops/back.h"

#include "base/arena.h"

#include <math.h>

/* Of a block: one number, a piece of 2^14 less one, all of it, one more, some pieces and a bit. */
static const size_t sizes[] = { 1, (1 << 14) - 1, 1 << 14, (1 << 14) + 1, 3 * (1 << 14) + 5 };

/* Within a few roundings of each number, or of `least` where it is smaller: what its summands may be as large as. */
static void check_close(const float *got, const double *want, size_t n, double least, const char *name, const char *setting)
{
    for (size_t i = 0; i < n; i++)
        CHECK(fabs((double)got[i] - want[i]) <= 4e-7 * fmax(fabs(want[i]), least), "%s on %s: number %zu of %zu is %.9g, not %.9g",
              name, setting, i, n, (double)got[i], want[i]);
}

/* ---------------------------------------------------------------- weights */

static void *garbage(em_dev *dev, size_t n_bytes)
{
    const size_t n = (n_bytes + sizeof(float) - 1) / sizeof(float);
    float *x = numbers(n, 1), *p;

    memset(x, 0xa5, n * sizeof *x);
    p = lay(dev, x, n);
    free(x);
    return p;
}

typedef struct packed { float *w, *turned; void *data, *back; int n, k; } packed;

static packed make_packed(em_dev *dev, int n, int k)
{
    packed p = { numbers((size_t)(n * k), 1), numbers((size_t)(n * k), 0), garbage(dev, em_back_ops->pack_bytes(dev, n, k)),
                 garbage(dev, em_back_ops->pack_bytes(dev, k, n)), n, k };

    for (int j = 0; j < n; j++)
        for (int i = 0; i < k; i++)
            p.turned[i * n + j] = p.w[j * k + i];
    return p;
}

static void check_packed(em_dev *dev, const void *got, const float *w, int n, int k, const char *name, const char *setting)
{
    const size_t n_bytes = em_back_ops->pack_bytes(dev, n, k);
    void *want = garbage(dev, n_bytes);
    float *a, *b;
    em_err err;

    CHECK_OK(em_back_ops->pack(dev, want, w, n, k, &err));
    a = fetch(dev, got, n_bytes / sizeof *a);
    b = fetch(dev, want, n_bytes / sizeof *b);
    CHECK(memcmp(a, b, n_bytes / sizeof *a * sizeof *a) == 0, "%s of [%d][%d] on %s is not what pack makes", name, n, k, setting);
    free(a), free(b);
}

/* Where products are not fp32 the transpose is of other numbers than pack makes: its products are tested in backward_linear.c. */
static void repack_all(em_dev *dev, const op_setting *s)
{
    static const int shapes[][2] = { { 1, 1 }, { 80, 40 }, { 31, 97 }, { 16, 48 }, { 500, 7 }, { 13, 300 } };
    packed list[EM_COUNT(shapes)];
    em_repack calls[EM_COUNT(shapes)];

    for (size_t i = 0; i < EM_COUNT(shapes); i++) {
        list[i] = make_packed(dev, shapes[i][0], shapes[i][1]);
        calls[i] = (em_repack){ list[i].data, list[i].back, lay(dev, list[i].w, (size_t)(list[i].n * list[i].k)), list[i].n, list[i].k };
    }
    em_back_ops->repack(dev, calls, EM_COUNT(shapes));
    for (size_t i = 0; i < EM_COUNT(shapes); i++) {
        const packed *p = &list[i];

        check_packed(dev, p->data, p->w, p->n, p->k, "the packed form", s->name);
        if (em_back_ops->inner_bytes(dev) == sizeof(float))
            check_packed(dev, p->back, p->turned, p->k, p->n, "the packed transpose", s->name);
        free(p->w), free(p->turned);
    }
}

static void repacked_weights_are_packed_ones(void **state) { (void)state; on_every_setting(repack_all); }

static void decay_all(em_dev *dev, const op_setting *s)
{
    for (size_t z = 0; z < EM_COUNT(sizes); z++) {
        const size_t n = sizes[z];
        float *a_log = numbers(n, 1), *a = lay_fenced(dev, a_log, n), *got;
        double *want = doubles(n);

        for (size_t i = 0; i < n; i++)
            want[i] = -exp((double)a_log[i]) / log(2);
        em_back_ops->decay(dev, a, lay(dev, a_log, n), n);
        got = fetch_fenced(dev, a, n, "decay");
        check_close(got, want, n, 0, "decay", s->name);
        free(a_log), free(got), free(want);
    }
}

static void decays_are_those_of_the_formula(void **state) { (void)state; on_every_setting(decay_all); }

/* ---------------------------------------------------------------- blocks */

static void clear_all(em_dev *dev, const op_setting *s)
{
    for (size_t z = 0; z < EM_COUNT(sizes); z++) {
        const size_t n = sizes[z];
        float *x = numbers(n, 1), *y = lay_fenced(dev, x, n), *got;
        const float zero = 0;

        em_back_ops->clear(dev, y, n);
        got = fetch_fenced(dev, y, n, "clear");
        for (size_t i = 0; i < n; i++)
            CHECK(memcmp(&got[i], &zero, sizeof zero) == 0, "number %zu of %zu on %s is not cleared", i, n, s->name);
        free(x), free(got);
    }
}

static void cleared_blocks_are_zeros(void **state) { (void)state; on_every_setting(clear_all); }

static void blend_all(em_dev *dev, const op_setting *s)
{
    static const float shares[] = { 0, 0.001f, 0.5f, 1 };

    for (size_t z = 0; z < EM_COUNT(sizes) * EM_COUNT(shares); z++) {
        const size_t n = sizes[z / EM_COUNT(shares)];
        const float share = shares[z % EM_COUNT(shares)];
        float *x = numbers(n, 1), *was = numbers(n, 1), *y = lay_fenced(dev, was, n), *got;
        double *want = doubles(n);

        for (size_t i = 0; i < n; i++)
            want[i] = (double)was[i] + (double)share * ((double)x[i] - (double)was[i]);
        em_back_ops->blend(dev, y, lay(dev, x, n), share, n);
        got = fetch_fenced(dev, y, n, "blend");
        check_close(got, want, n, 5, "blend", s->name);
        CHECK(share != 0 || memcmp(got, was, n * sizeof *got) == 0, "a blend of nothing on %s changes %zu numbers", s->name, n);
        free(x), free(was), free(got), free(want);
    }
}

static void blends_go_their_share_of_the_way(void **state) { (void)state; on_every_setting(blend_all); }

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

static double sum_of(em_dev *dev, const float *x, size_t n) { return em_back_ops->sum_squares(dev, lay(dev, x, n), n); }

static void sum_all(em_dev *dev, const op_setting *s)
{
    for (size_t z = 0; z < EM_COUNT(sizes); z++) {
        const size_t n = sizes[z];
        float *x = values_of(n);
        double want = 0, got;

        for (size_t i = 0; i < n; i++)
            want += (double)x[i] * (double)x[i];
        got = sum_of(dev, x, n);
        CHECK(fabs(got - want) <= 1e-12 * want, "the sum of %zu squares on %s: %.17g, not %.17g", n, s->name, got, want);
        if (sums[z] == 0)
            sums[z] = got;
        CHECK(memcmp(&sums[z], &got, sizeof got) == 0, "the sum of %zu squares on %s has other bits", n, s->name);
        x[n - 1] = NAN;
        CHECK(isnan(sum_of(dev, x, n)), "%s loses a NaN behind %zu numbers", s->name, n - 1);
        x[n - 1] = 1;
        x[n / 2] = -INFINITY;
        CHECK(isinf(sum_of(dev, x, n)), "%s loses an infinity among %zu numbers", s->name, n);
        x[n / 2] = 3e38f;                                   /* its square is no float */
        CHECK(isfinite(sum_of(dev, x, n)), "%s has no room for a large square among %zu numbers", s->name, n);
        free(x);
    }
}

static void sums_of_squares_have_the_same_bits_everywhere(void **state) { (void)state; on_every_setting(sum_all); }

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

static void adamw_all(em_dev *dev, const op_setting *s)
{
    float *start = values_of(N), *g = values_of(N), *zeros = em_alloc(N * sizeof *zeros), *w, *m, *v, *now[3];
    const block b = { doubles(N), doubles(N), doubles(N) };

    assert_non_null(zeros);
    w = lay_fenced(dev, start, N), m = lay_fenced(dev, zeros, N), v = lay_fenced(dev, zeros, N);
    for (size_t i = 0; i < N; i++)
        b.w[i] = (double)start[i];
    for (int step = 1; step <= STEPS; step++) {
        em_adamw a = { .w = w, .m = m, .v = v, .ranges = ranges, .n_ranges = EM_COUNT(ranges), .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f,
                       .c1 = (float)(1 - pow(0.9, step)), .c2 = (float)(1 - pow(0.999, step)), .scale = 0.3f };

        for (size_t i = 0; i < N; i++)
            g[i] = start[N - 1 - i] * (float)(step - 2) + 0.1f;
        a.g = lay(dev, g, N);
        em_back_ops->adamw(dev, &a);
        adamw_double(&b, g, &a);
    }
    now[0] = fetch_fenced(dev, w, N, "AdamW"), now[1] = fetch_fenced(dev, m, N, "AdamW"), now[2] = fetch_fenced(dev, v, N, "AdamW");
    check_close(now[0], b.w, N, 1, "weights under AdamW", s->name);
    check_close(now[1], b.m, N, 1, "first moments", s->name);
    check_close(now[2], b.v, N, 0, "second moments", s->name);
    for (size_t i = 0; i < N; i++)
        CHECK(is_in_a_range(i) || memcmp(&now[0][i], &start[i], sizeof *start) == 0,
              "AdamW on %s changes number %zu, which is in no range", s->name, i);
    for (int k = 0; k < 3; k++) {
        if (!has_adamw_first)
            memcpy(adamw_first[k], now[k], sizeof adamw_first[k]);
        CHECK(memcmp(adamw_first[k], now[k], sizeof adamw_first[k]) == 0, "AdamW on %s has other bits", s->name);
        free(now[k]);
    }
    has_adamw_first = true;
    free(start), free(g), free(zeros), free(b.w), free(b.m), free(b.v);
}

static void adamw_moves_its_ranges_by_the_formula_and_nothing_else(void **state) { (void)state; on_every_setting(adamw_all); }

int check_training(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repacked_weights_are_packed_ones),
        cmocka_unit_test(decays_are_those_of_the_formula),
        cmocka_unit_test(cleared_blocks_are_zeros),
        cmocka_unit_test(blends_go_their_share_of_the_way),
        cmocka_unit_test(sums_of_squares_have_the_same_bits_everywhere),
        cmocka_unit_test(adamw_moves_its_ranges_by_the_formula_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
