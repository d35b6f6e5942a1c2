/* operators.c - every operator of the CPU against the plain loops in double, on each instruction set, and the same
 * bits for 1, 2 and 3 threads and for any neighbours in the batch. Sizes sit at the edges of tiles and vectors. */
#include "check.h"

#include "base/arena.h"
#include "base/rng.h"
#include "ops/cpu/ops_cpu.h"
#include "ops/reference.h"

#include <math.h>

static const char *const isas[] = { "avx512", "avx2", "base" };

enum { MOST_THREADS = 3, B = 3 };

static em_rng rng = { 11 };

static float *numbers(size_t n, double scale)
{
    float *x = em_alloc(n * sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(scale * em_rng_normal(&rng));
    return x;
}

static em_matrix pack(em_dev *dev, const float *w, int n, int k)
{
    void *p = em_alloc(em_ops_cpu.pack_bytes(dev, n, k));
    em_err err;

    assert_non_null(p);
    CHECK_OK(em_ops_cpu.pack(dev, p, w, n, k, &err));
    return (em_matrix){ p, n, k };
}

/* Runs f on a device of each kind; got[] keeps the first thread count's answer, the others must have its bits, and
 * window 1 alone must have the bits it had among its neighbours. */
typedef struct op_case {
    void  (*run)(em_dev *dev, const void *args, float *y, int first, int n_windows);
    const void *args;
    size_t  n_window;                   /* floats of one window's answer */
    const double *want;
    int     max_k, max_n;
    const char *name, *reason;
} op_case;

static void everywhere(const op_case *c)
{
    float *y = em_alloc(B * c->n_window * 4), *first = em_alloc(B * c->n_window * 4), *alone = em_alloc(c->n_window * 4);
    double top = 0;

    assert_true(y && first && alone);
    for (size_t i = 0; i < B * c->n_window; i++)
        top = fmax(top, fabs(c->want[i]));
    for (size_t i = 0; i < EM_COUNT(isas); i++)
        for (int threads = 1; threads <= MOST_THREADS; threads++) {
            double off = 0;
            em_dev *dev;
            em_err err;

            if (em_ops_cpu.open(&dev, &(em_dev_cfg){ .n_threads = threads, .isa = isas[i] }, &err) != EM_OK)
                continue;               /* another CPU's: the golden test says so */
            CHECK_OK(em_ops_cpu.reserve(dev, &(em_needs){ .k = c->max_k, .n = c->max_n }, &err));
            c->run(dev, c->args, y, 0, B);
            c->run(dev, c->args, alone, 1, 1);
            for (size_t j = 0; j < B * c->n_window; j++)
                off = fmax(off, isnan(y[j]) ? INFINITY : fabs((double)y[j] - c->want[j]));
            CHECK(off <= 1e-5 * top, "%s on %s: off by %.3g of the largest (%s)", c->name, isas[i], off / top, c->reason);
            CHECK(memcmp(alone, y + c->n_window, c->n_window * 4) == 0, "%s on %s: its neighbours change it (%s)", c->name, isas[i], c->reason);
            if (threads == 1)
                memcpy(first, y, B * c->n_window * 4);
            CHECK(memcmp(first, y, B * c->n_window * 4) == 0, "%s on %s: %d threads change it (%s)", c->name, isas[i], threads, c->reason);
            em_ops_cpu.close(dev);
        }
    free(y), free(first), free(alone);
}

/* ---------------------------------------------------------------- norm_linear */

typedef struct linear_args { em_norm_linear a; const float *w; } linear_args;

static void run_linear(em_dev *dev, const void *args, float *y, int first, int n)
{
    const linear_args *l = args;
    em_norm_linear a = l->a;
    const size_t at = (size_t)(first * a.L);

    a.y = y;
    a.x += at * a.ldx;
    a.x_more[0] = a.x_more[0] ? a.x_more[0] + at * a.ldx : NULL;
    a.gate = a.gate ? a.gate + at * a.ldg : NULL;
    a.residual = a.residual ? a.residual + at * (size_t)a.w.n : NULL;
    a.w = pack(dev, l->w, a.w.n, a.w.k);
    em_ops_cpu.norm_linear_fwd(dev, &a, n);
    free((void *)a.w.data);
}

enum { NORM = 1, MORE = 2, GATE = 4, BIAS = 8, RESIDUAL = 16, GELU = 32 };

static const struct { int L, k, n, flags; const char *reason; } linears[] = {
    { 1,   1,   1,   0,                              "the smallest" },
    { 64,  40,  80,  NORM,                           "in_proj of nano: five vectors, so a panel of three" },
    { 63,  40,  17,  BIAS | GELU,                    "one lane past a vector" },
    { 257, 96,  384, NORM | BIAS | GELU,             "one row past a block; fc1 of tiny" },
    { 5,   97,  31,  NORM | BIAS | RESIDUAL,         "nothing is a multiple of anything" },
    { 64,  192, 96,  NORM | MORE | RESIDUAL,         "out_proj: two scans summed, normed, added" },
    { 30,  48,  20,  NORM | MORE | GATE | RESIDUAL,  "gated" },
    { 7,   7,   500, GATE | BIAS,                    "few rows, many columns: cut by panels" },
    { 2,   300, 33,  RESIDUAL | GELU,                "residual under the activation" },
};

static void norm_linear_equals_the_plain_loops(void **state)
{
    (void)state;
    for (size_t i = 0; i < EM_COUNT(linears); i++) {
        const int L = linears[i].L, k = linears[i].k, n = linears[i].n, f = linears[i].flags;
        const size_t rows = (size_t)(B * L), ld = (size_t)k + 3;
        float *x = numbers(rows * ld, 2), *more = numbers(rows * ld, 1), *gate = numbers(rows * ld, 1), *residual = numbers(rows * (size_t)n, 1);
        float *w = numbers((size_t)(n * k), 1 / sqrt(k)), *bias = numbers((size_t)n, 1), *scale = numbers((size_t)k, 1), *shift = numbers((size_t)k, 1);
        double *want = malloc(rows * (size_t)n * sizeof *want);
        const linear_args args = { {
            .x = x, .ldx = ld, .ldg = ld, .x_more = { f & MORE ? more : NULL }, .gate = f & GATE ? gate : NULL,
            .norm = f & NORM ? (em_norm){ scale, shift } : (em_norm){ 0 }, .w = { NULL, n, k }, .bias = f & BIAS ? bias : NULL,
            .residual = f & RESIDUAL ? residual : NULL, .act = f & GELU ? EM_ACT_GELU : EM_ACT_NONE, .L = L }, w };

        ref_norm_linear(want, &args.a, w, B);
        everywhere(&(op_case){ run_linear, &args, (size_t)(L * n), want, k, 1, "norm_linear", linears[i].reason });
        free(x), free(more), free(gate), free(residual), free(w), free(bias), free(scale), free(shift), free(want);
    }
}

/* ---------------------------------------------------------------- mlp */

typedef struct mlp_args { em_mlp a; const float *w1, *w2; } mlp_args;

static void run_mlp(em_dev *dev, const void *args, float *y, int first, int n)
{
    const mlp_args *m = args;
    em_mlp a = m->a;
    const size_t window = (size_t)(a.L * a.w1.k);

    memcpy(y, m->a.x + (size_t)first * window, (size_t)n * window * sizeof *y);
    a.x = y;
    a.w1 = pack(dev, m->w1, a.w1.n, a.w1.k);
    a.w2 = pack(dev, m->w2, a.w2.n, a.w2.k);
    em_ops_cpu.mlp_fwd(dev, &a, n);
    free((void *)a.w1.data), free((void *)a.w2.data);
}

static void mlp_equals_the_plain_loops(void **state)
{
    static const struct { int L, d, hidden; const char *reason; } cases[] = {
        { 1, 8, 32, "one row" }, { 1025, 40, 160, "nano's first stage, one row past" }, { 63, 33, 70, "odd" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const int L = cases[i].L, d = cases[i].d, hidden = cases[i].hidden;
        const size_t n = (size_t)(B * L * d);
        float *x = numbers(n, 2), *w1 = numbers((size_t)(d * hidden), 0.2), *w2 = numbers((size_t)(d * hidden), 0.1);
        float *b1 = numbers((size_t)hidden, 1), *b2 = numbers((size_t)d, 1), *scale = numbers((size_t)d, 1), *shift = numbers((size_t)d, 1);
        double *want = malloc(n * sizeof *want);
        const mlp_args args = { { .x = x, .norm = { scale, shift }, .w1 = { NULL, hidden, d }, .w2 = { NULL, d, hidden }, .bias1 = b1, .bias2 = b2, .L = L }, w1, w2 };

        ref_mlp(want, &args.a, w1, w2, B);
        everywhere(&(op_case){ run_mlp, &args, (size_t)(L * d), want, d + hidden, 1, "mlp", cases[i].reason });
        free(x), free(w1), free(w2), free(b1), free(b2), free(scale), free(shift), free(want);
    }
}

/* ---------------------------------------------------------------- conv */

typedef struct conv_args { em_conv a; const float *w; } conv_args;

static void run_conv(em_dev *dev, const void *args, float *y, int first, int n)
{
    const conv_args *c = args;
    em_conv a = c->a;

    a.y = y;
    a.x += (size_t)(first * a.H * a.W * a.C);
    a.w = pack(dev, c->w, a.w.n, a.w.k);
    em_ops_cpu.conv_fwd(dev, &a, n);
    free((void *)a.w.data);
}

static void conv_equals_the_plain_loops(void **state)
{
    static const struct { int H, W, C, Ho, Wo, kh, kw, stride, pad_y, pad_x, n; bool before, after, gelu; const char *reason; } cases[] = {
        { 16, 24, 1,  8, 12, 3, 3, 2, 1, 1, 20, false, true,  true,  "nano's first: rows of 20 side by side" },
        { 16, 12, 1,  4, 3,  4, 4, 4, 0, 0, 13, false, true,  false, "4x4 embed" },
        { 9,  7,  12, 5, 4,  3, 3, 2, 1, 1, 24, false, true,  false, "odd grid" },
        { 5,  7,  12, 3, 4,  2, 2, 2, 0, 0, 24, true,  false, false, "merging past an odd edge" },
        { 2,  32, 24, 1, 32, 2, 3, 1, 0, 1, 11, false, false, false, "the head" },
        { 1,  1,  3,  1, 1,  3, 3, 2, 1, 1, 5,  false, false, true,  "one pixel, all edges" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const int k = cases[i].kh * cases[i].kw * cases[i].C, n = cases[i].n;
        const size_t window = (size_t)(cases[i].Ho * cases[i].Wo * n);
        float *x = numbers((size_t)(B * cases[i].H * cases[i].W * cases[i].C), 1), *w = numbers((size_t)(n * k), 1 / sqrt(k)), *bias = numbers((size_t)n, 1);
        float *scale = numbers((size_t)(k + n), 1), *shift = numbers((size_t)(k + n), 1);
        double *want = malloc(B * window * sizeof *want);
        const em_norm norm = { scale, shift };
        const conv_args args = { {
            .x = x, .H = cases[i].H, .W = cases[i].W, .C = cases[i].C, .Ho = cases[i].Ho, .Wo = cases[i].Wo, .kh = cases[i].kh, .kw = cases[i].kw,
            .stride = cases[i].stride, .pad_y = cases[i].pad_y, .pad_x = cases[i].pad_x, .norm_before = cases[i].before ? norm : (em_norm){ 0 },
            .norm_after = cases[i].after ? norm : (em_norm){ 0 }, .w = { NULL, n, k }, .bias = bias, .act = cases[i].gelu ? EM_ACT_GELU : EM_ACT_NONE }, w };

        ref_conv(want, &args.a, w, B);
        everywhere(&(op_case){ run_conv, &args, window, want, k, 1, "conv", cases[i].reason });
        free(x), free(w), free(bias), free(scale), free(shift), free(want);
    }
}

/* ---------------------------------------------------------------- depthwise conv, and the scan */

typedef struct xproj_args { em_conv_silu_xproj a; const float *w; } xproj_args;

static void run_conv_silu(em_dev *dev, const void *args, float *y, int first, int n)
{
    const xproj_args *x = args;
    em_conv_silu_xproj a = x->a;
    const size_t L = (size_t)(a.H * a.W);

    a.x += (size_t)first * L * a.ldx;
    a.u = y;
    a.x_dbl = em_alloc((size_t)n * L * (size_t)a.w.n * 4);
    a.w = pack(dev, x->w, a.w.n, a.w.k);
    em_ops_cpu.conv_silu_xproj_fwd(dev, &a, n);
    free((void *)a.w.data), free(a.x_dbl);
}

static void depthwise_conv_equals_the_plain_loops(void **state)
{
    static const struct { int H, W, D; bool is_wide, bias; const char *reason; } cases[] = {
        { 8, 8, 80, false, false, "nano" }, { 1, 1, 3, false, true, "one pixel" }, { 5, 7, 33, true, true, "a gated block's rows lie apart" }, { 65, 3, 16, false, false, "tall" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const int H = cases[i].H, W = cases[i].W, D = cases[i].D;
        const size_t ld = (size_t)(cases[i].is_wide ? 2 * D : D), window = (size_t)(H * W * D);
        float *x = numbers((size_t)(B * H * W) * ld, 1), *taps = numbers((size_t)(9 * D), 0.3), *bias = numbers((size_t)D, 1), *w = numbers((size_t)(20 * D), 1);
        double *want = malloc(B * window * sizeof *want);
        const xproj_args args = { { .x = x, .ldx = ld, .H = H, .W = W, .D = D, .taps = taps, .bias = cases[i].bias ? bias : NULL, .w = { NULL, 20, D } }, w };

        ref_conv_silu(want, &args.a, B);
        everywhere(&(op_case){ run_conv_silu, &args, window, want, D, 1, "conv_silu", cases[i].reason });
        free(x), free(taps), free(bias), free(w), free(want);
    }
}

static void run_scan(em_dev *dev, const void *args, float *y, int first, int n)
{
    em_scan4 a = *(const em_scan4 *)args;
    const size_t L = (size_t)(a.H * a.W), size = (size_t)n * L * (size_t)a.D;
    float *columns = em_alloc(size * 4);

    a.u += (size_t)first * L * (size_t)a.D;
    a.x_dbl += (size_t)first * L * (size_t)(4 * (a.R + 2 * a.N));
    a.y[0] = y;
    a.y[1] = columns;
    em_ops_cpu.scan4_fwd(dev, &a, n);
    for (size_t i = 0; i < size; i++)
        y[i] += columns[i];
    free(columns);
}

static void scan_equals_the_plain_loops(void **state)
{
    static const struct { int H, W, D, R, N; const char *reason; } cases[] = {
        { 8, 8, 80, 3, 1, "nano" }, { 64, 64, 16, 1, 1, "the longest of a 10 s window" }, { 5, 7, 33, 2, 16, "odd, sixteen states" },
        { 1, 1, 1, 1, 1, "one token" }, { 3, 1, 48, 48, 4, "three steps of a group of four" }, { 8, 256, 8, 1, 1, "wide: an 80 s window's third stage" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const int H = cases[i].H, W = cases[i].W, D = cases[i].D, R = cases[i].R, N = cases[i].N;
        const size_t tokens = (size_t)(B * H * W), window = (size_t)(H * W * D);
        float *u = numbers(tokens * (size_t)D, 1), *x_dbl = numbers(tokens * (size_t)(4 * (R + 2 * N)), 1), *dt_w = numbers((size_t)(4 * R * D), 0.7 / sqrt(R));
        float *bias = numbers((size_t)(4 * D), 1.2), *a = numbers((size_t)(4 * N * D), 0.7), *skip = numbers((size_t)(4 * D), 1);
        double *want = malloc(B * window * sizeof *want);
        const em_scan4 args = { .u = u, .x_dbl = x_dbl, .H = H, .W = W, .D = D, .R = R, .N = N, .dt_w = dt_w, .dt_bias = bias, .a = a, .skip = skip };

        for (int j = 0; j < 4 * D; j++)
            bias[j] -= 3;
        bias[0] = 25;                   /* softplus is the identity there */
        bias[D - 1] = -40;              /* and nothing here               */
        for (int j = 0; j < 4 * N * D; j++)
            a[j] = -expf(a[j]) * 1.44269504f;
        a[0] = -200.f;                  /* a state that forgets at once   */
        ref_scan4(want, &args, B);
        everywhere(&(op_case){ run_scan, &args, window, want, 1, N, "scan4", cases[i].reason });
        free(u), free(x_dbl), free(dt_w), free(bias), free(a), free(skip), free(want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norm_linear_equals_the_plain_loops),
        cmocka_unit_test(mlp_equals_the_plain_loops),
        cmocka_unit_test(conv_equals_the_plain_loops),
        cmocka_unit_test(depthwise_conv_equals_the_plain_loops),
        cmocka_unit_test(scan_equals_the_plain_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
