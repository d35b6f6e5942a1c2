/* cases.c - every operator against the plain loops in double, at sizes that sit at the edges of tiles and vectors; and
 * the same bits for every setting of a group and for any neighbours in the batch. See cases.h. */
#include "ops/cases.h"

#include "base/arena.h"
#include "base/rng.h"
#include "ops/reference.h"

#include <math.h>

enum { B = 3 };

static em_rng rng = { 11 };
static const op_target *target;

static float *numbers(size_t n, double scale)
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

static void *room(em_dev *dev, size_t n_bytes)
{
    void *p = target->ops->alloc(dev, n_bytes);

    assert_true(p && n_held < (int)EM_COUNT(held));
    return held[n_held++] = p;
}

static void release_all(em_dev *dev)
{
    while (n_held > 0)
        target->ops->release(dev, held[--n_held]);
}

static void upload(em_dev *dev, void *dst, const void *src, size_t n_bytes)
{
    float *whole = calloc(1, n_bytes + sizeof *whole);
    em_err err;

    assert_non_null(whole);
    memcpy(whole, src, n_bytes);
    CHECK_OK(target->ops->upload(dev, dst, whole, (n_bytes + 3) / 4, &err));
    free(whole);
}

static const float *put(em_dev *dev, const float *x, size_t n)
{
    float *p;

    if (!x)
        return NULL;
    p = room(dev, n * sizeof *p);
    upload(dev, p, x, n * sizeof *p);
    return p;
}

static bool is_narrow(em_dev *dev) { return target->ops->inner_bytes(dev) == 2; }

/* The compiler's own conversion: nearest even. */
static uint16_t narrow(float x)
{
    const _Float16 y = (_Float16)x;
    uint16_t bits;

    memcpy(&bits, &y, sizeof bits);
    return bits;
}

static const float *put_inner(em_dev *dev, const float *x, size_t n)
{
    uint16_t *half;
    float *p;

    if (!x || !is_narrow(dev))
        return put(dev, x, n);
    p = room(dev, (n * sizeof *half + 3) / 4 * 4);
    half = malloc(n * sizeof *half);
    assert_non_null(half);
    for (size_t i = 0; i < n; i++)
        half[i] = narrow(x[i]);
    upload(dev, p, half, n * sizeof *half);
    free(half);
    return p;
}

static float *room_inner(em_dev *dev, size_t n) { return room(dev, (n * target->ops->inner_bytes(dev) + 3) / 4 * 4); }

static void get(em_dev *dev, float *y, const float *p, size_t n)
{
    em_err err;

    CHECK_OK(target->ops->download(dev, y, p, n, &err));
}

static void get_inner(em_dev *dev, float *y, const float *p, size_t n)
{
    uint16_t *half;

    if (!is_narrow(dev)) {
        get(dev, y, p, n);
        return;
    }
    half = malloc((n + 1) * sizeof *half);
    assert_non_null(half);
    get(dev, (float *)half, p, (n + 1) / 2);
    for (size_t i = 0; i < n; i++) {
        _Float16 x;

        memcpy(&x, &half[i], sizeof x);
        y[i] = (float)x;
    }
    free(half);
}

static em_norm put_norm(em_dev *dev, em_norm norm, int n)
{
    return (em_norm){ .weight = put(dev, norm.weight, (size_t)n), .bias = put(dev, norm.bias, (size_t)n) };
}

static em_matrix pack(em_dev *dev, const float *w, int n, int k)
{
    void *p = room(dev, target->ops->pack_bytes(dev, n, k));
    em_err err;

    CHECK_OK(target->ops->pack(dev, p, w, n, k, &err));
    return (em_matrix){ .data = p, .n = n, .k = k };
}

/* ---------------------------------------------------------------- every setting */

/* Runs f under each setting; `first` keeps the answer of a group's first, the others must have its bits, and
 * window 1 alone must have the bits it had among its neighbours. */
typedef struct op_case {
    void  (*run)(em_dev *dev, const void *args, float *y, int first, int n_windows);
    const void *args;
    size_t  n_window;                   /* floats of one window's answer */
    const double *want;
    em_needs needs;                     /* of one window */
    const char *name, *reason;
} op_case;

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
    if (target->ops->open(&dev, &s->cfg, &err) == EM_EUNSUPPORTED && s->cfg.isa)
        return;                         /* another CPU's: the golden test says so */
    CHECK(dev, "%s cannot be opened: %s", s->name, err.msg);
    CHECK_OK(target->ops->reserve(dev, &needs, &err));
    c->run(dev, c->args, y, 0, B);
    release_all(dev);
    c->run(dev, c->args, alone, 1, 1);
    release_all(dev);
    target->ops->close(dev);
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

static void everywhere(const op_case *c)
{
    float *y = em_alloc(B * c->n_window * 4), *first = em_alloc(B * c->n_window * 4), *alone = em_alloc(c->n_window * 4);

    assert_true(y && first && alone);
    for (int i = 0; i < target->n_settings; i++)
        under(c, &target->settings[i], y, first, alone);
    free(y), free(first), free(alone);
}

static size_t rows_of(int L, int k) { return (size_t)L * (size_t)((k + 63) / 64 * 64); }

/* ---------------------------------------------------------------- norm_linear */

typedef struct linear_args { em_norm_linear a; const float *w; } linear_args;

static void run_linear(em_dev *dev, const void *args, float *y, int first, int n)
{
    const linear_args *l = args;
    em_norm_linear a = l->a;
    const size_t at = (size_t)(first * a.L), rows = (size_t)(n * a.L), size = rows * (size_t)a.w.n;
    const float *(*put_x)(em_dev *dev, const float *x, size_t n) = a.is_x_inner ? put_inner : put;
    float *result = a.is_y_inner ? room_inner(dev, size) : room(dev, size * sizeof *result);

    a.y = result;
    a.x = put_x(dev, a.x + at * a.ldx, rows * a.ldx);
    a.x_more[0] = a.x_more[0] ? put_x(dev, a.x_more[0] + at * a.ldx, rows * a.ldx) : NULL;
    a.gate = a.gate ? put_inner(dev, a.gate + at * a.ldg, rows * a.ldg) : NULL;
    a.residual = a.residual ? put(dev, a.residual + at * (size_t)a.w.n, size) : NULL;
    a.norm = put_norm(dev, a.norm, a.w.k);
    a.bias = put(dev, a.bias, (size_t)a.w.n);
    a.w = pack(dev, l->w, a.w.n, a.w.k);
    target->ops->norm_linear_fwd(dev, &a, n);
    if (a.is_y_inner)
        get_inner(dev, y, result, size);
    else
        get(dev, y, result, size);
}

enum { NORM = 1, MORE = 2, GATE = 4, BIAS = 8, RESIDUAL = 16, GELU = 32, X_INNER = 64, Y_INNER = 128 };

static const struct { int L, k, n, pad, flags; const char *reason; } linears[] = {
    { 1, 1, 1, 3, 0, "the smallest" },
    { 64, 40, 80, 3, NORM, "in_proj of nano: five vectors, so a panel of three" },
    { 63, 40, 17, 3, BIAS | GELU, "one lane past a vector" },
    { 257, 96, 384, 3, NORM | BIAS | GELU, "one row past a block; fc1 of tiny" },
    { 5, 97, 31, 3, NORM | BIAS | RESIDUAL, "nothing is a multiple of anything" },
    { 64, 192, 96, 3, NORM | MORE | RESIDUAL, "out_proj: two scans summed, normed, added" },
    { 30, 48, 20, 3, NORM | MORE | GATE | RESIDUAL, "gated" },
    { 7, 7, 500, 3, GATE | BIAS, "few rows, many columns: cut by panels" },
    { 2, 300, 33, 3, RESIDUAL | GELU, "residual under the activation" },
    { 65, 96, 200, 0, NORM | Y_INNER, "rows normed on their way into a tile; one row past it" },
    { 33, 80, 40, 8, NORM | MORE | GATE | RESIDUAL | X_INNER, "the same of inner rows that lie apart" },
    { 70, 72, 130, 0, BIAS | GELU | X_INNER | Y_INNER, "inner rows read where they lie, a depth past a slab" },
    { 3, 2056, 24, 0, NORM | MORE | X_INNER, "deeper than rows are kept" },
};

static void norm_linear_equals_the_plain_loops(void **state)
{
    (void)state;
    for (size_t i = 0; i < EM_COUNT(linears); i++) {
        const int L = linears[i].L, k = linears[i].k, n = linears[i].n, f = linears[i].flags;
        const size_t rows = (size_t)(B * L), ld = (size_t)(k + linears[i].pad);
        float *x = numbers(rows * ld, 2), *more = numbers(rows * ld, 1), *gate = numbers(rows * ld, 1), *residual = numbers(rows * (size_t)n, 1);
        float *w = numbers((size_t)(n * k), 1 / sqrt(k)), *bias = numbers((size_t)n, 1);
        float *scale = numbers((size_t)k, 1), *shift = numbers((size_t)k, 1);
        double *want = malloc(rows * (size_t)n * sizeof *want);
        const linear_args args = { {
            .x = x, .ldx = ld, .ldg = ld, .x_more = { f & MORE ? more : NULL }, .gate = f & GATE ? gate : NULL,
            .norm = f & NORM ? (em_norm){ .weight = scale, .bias = shift } : (em_norm){ 0 }, .w = { .n = n, .k = k }, .bias = f & BIAS ? bias : NULL,
            .residual = f & RESIDUAL ? residual : NULL, .act = f & GELU ? EM_ACT_GELU : EM_ACT_NONE, .L = L,
            .is_x_inner = f & X_INNER, .is_y_inner = f & Y_INNER }, w };

        ref_norm_linear(want, &args.a, w, B);
        everywhere(&(op_case){ run_linear, &args, (size_t)(L * n), want, { .k = k, .rows = rows_of(L, k) }, "norm_linear", linears[i].reason });
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

    float *x = room(dev, (size_t)n * window * sizeof *x);

    upload(dev, x, m->a.x + (size_t)first * window, (size_t)n * window * sizeof *x);
    a.x = x;
    a.norm = put_norm(dev, a.norm, a.w1.k);
    a.bias1 = put(dev, a.bias1, (size_t)a.w1.n);
    a.bias2 = put(dev, a.bias2, (size_t)a.w2.n);
    a.w1 = pack(dev, m->w1, a.w1.n, a.w1.k);
    a.w2 = pack(dev, m->w2, a.w2.n, a.w2.k);
    target->ops->mlp_fwd(dev, &a, n);
    get(dev, y, x, (size_t)n * window);
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
        const mlp_args args = { {
            .x = x, .norm = { .weight = scale, .bias = shift }, .w1 = { .n = hidden, .k = d }, .w2 = { .n = d, .k = hidden },
            .bias1 = b1, .bias2 = b2, .L = L }, w1, w2 };

        ref_mlp(want, &args.a, w1, w2, B);
        everywhere(&(op_case){ run_mlp, &args, (size_t)(L * d), want,
            { .k = d + hidden, .rows = rows_of(L, d > hidden ? d : hidden), .hidden = (size_t)(L * hidden) }, "mlp", cases[i].reason });
        free(x), free(w1), free(w2), free(b1), free(b2), free(scale), free(shift), free(want);
    }
}

/* ---------------------------------------------------------------- conv */

typedef struct conv_args { em_conv a; const float *w; } conv_args;

static void run_conv(em_dev *dev, const void *args, float *y, int first, int n)
{
    const conv_args *c = args;
    em_conv a = c->a;
    const size_t window = (size_t)(a.H * a.W * a.C), size = (size_t)(n * a.Ho * a.Wo * a.w.n);
    float *result = a.is_y_inner ? room_inner(dev, size) : room(dev, size * sizeof *result);

    a.y = result;
    a.x = (a.is_x_inner ? put_inner : put)(dev, a.x + (size_t)first * window, (size_t)n * window);
    a.norm_before = put_norm(dev, a.norm_before, a.w.k);
    a.norm_after = put_norm(dev, a.norm_after, a.w.n);
    a.bias = put(dev, a.bias, (size_t)a.w.n);
    a.w = pack(dev, c->w, a.w.n, a.w.k);
    target->ops->conv_fwd(dev, &a, n);
    if (a.is_y_inner)
        get_inner(dev, y, result, size);
    else
        get(dev, y, result, size);
}

static void conv_equals_the_plain_loops(void **state)
{
    static const struct {
        int H, W, C, Ho, Wo, kh, kw, stride, pad_y, pad_x, n;
        bool before, after, gelu, x_inner, y_inner;
        const char *reason;
    } cases[] = {
        { 16, 24, 1,  8, 12, 3, 3, 2, 1, 1, 20, false, true,  true, false, true,  "nano's first: rows of 20 side by side" },
        { 16, 12, 1,  4, 3,  4, 4, 4, 0, 0, 13, false, true,  false, false, false, "4x4 embed" },
        { 7,  75, 1,  4, 38, 3, 3, 2, 1, 1, 22, false, true,  true,  false, false, "a plane wider than its vectors, channels left over" },
        { 6,  40, 1,  2, 13, 3, 3, 3, 0, 0, 130, false, true, false, false, false, "a plane with more channels than its own path takes" },
        { 9,  7,  12, 5, 4,  3, 3, 2, 1, 1, 24, false, true,  false, true, false, "odd grid" },
        { 5,  7,  12, 3, 4,  2, 2, 2, 0, 0, 24, true,  false, false, false, false, "merging past an odd edge" },
        { 2,  32, 24, 1, 32, 2, 3, 1, 0, 1, 11, false, false, false, true, false, "the head" },
        { 1,  1,  3,  1, 1,  3, 3, 2, 1, 1, 5,  false, false, true, false, false,  "one pixel, all edges" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const int k = cases[i].kh * cases[i].kw * cases[i].C, n = cases[i].n;
        const size_t window = (size_t)(cases[i].Ho * cases[i].Wo * n);
        float *x = numbers((size_t)(B * cases[i].H * cases[i].W * cases[i].C), 1);
        float *w = numbers((size_t)(n * k), 1 / sqrt(k)), *bias = numbers((size_t)n, 1);
        float *scale = numbers((size_t)(k + n), 1), *shift = numbers((size_t)(k + n), 1);
        double *want = malloc(B * window * sizeof *want);
        const em_norm norm = { .weight = scale, .bias = shift };
        const conv_args args = { {
            .x = x, .H = cases[i].H, .W = cases[i].W, .C = cases[i].C, .Ho = cases[i].Ho, .Wo = cases[i].Wo, .kh = cases[i].kh, .kw = cases[i].kw,
            .stride = cases[i].stride, .pad_y = cases[i].pad_y, .pad_x = cases[i].pad_x, .norm_before = cases[i].before ? norm : (em_norm){ 0 },
            .norm_after = cases[i].after ? norm : (em_norm){ 0 }, .w = { .n = n, .k = k }, .bias = bias,
            .act = cases[i].gelu ? EM_ACT_GELU : EM_ACT_NONE, .is_x_inner = cases[i].x_inner, .is_y_inner = cases[i].y_inner }, w };

        ref_conv(want, &args.a, w, B);
        everywhere(&(op_case){ run_conv, &args, window, want, { .k = k, .rows = rows_of(cases[i].Ho * cases[i].Wo, k) }, "conv", cases[i].reason });
        free(x), free(w), free(bias), free(scale), free(shift), free(want);
    }
}

/* ---------------------------------------------------------------- depthwise conv, and the scan */

typedef struct xproj_args { em_conv_silu_xproj a; const float *w; } xproj_args;

static void run_conv_silu(em_dev *dev, const void *args, float *y, int first, int n)
{
    const xproj_args *x = args;
    em_conv_silu_xproj a = x->a;
    const size_t L = (size_t)(a.H * a.W), tokens = (size_t)n * L;
    float *u = room_inner(dev, tokens * (size_t)a.D);

    a.x = put_inner(dev, a.x + (size_t)first * L * a.ldx, tokens * a.ldx);
    a.u = u;
    a.x_dbl = room(dev, tokens * (size_t)a.w.n * sizeof *a.x_dbl);
    a.taps = put(dev, a.taps, (size_t)(9 * a.D));
    a.bias = put(dev, a.bias, (size_t)a.D);
    a.w = pack(dev, x->w, a.w.n, a.w.k);
    target->ops->conv_silu_xproj_fwd(dev, &a, n);
    get_inner(dev, y, u, tokens * (size_t)a.D);
}

static void depthwise_conv_equals_the_plain_loops(void **state)
{
    static const struct { int H, W, D; bool is_wide, bias; const char *reason; } cases[] = {
        { 8, 8, 80, false, false, "nano" }, { 1, 1, 3, false, true, "one pixel" },
        { 5, 7, 33, true, true, "a gated block's rows lie apart" }, { 65, 3, 16, false, false, "tall" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const int H = cases[i].H, W = cases[i].W, D = cases[i].D;
        const size_t ld = (size_t)(cases[i].is_wide ? 2 * D : D), window = (size_t)(H * W * D);
        float *x = numbers((size_t)(B * H * W) * ld, 1), *taps = numbers((size_t)(9 * D), 0.3);
        float *bias = numbers((size_t)D, 1), *w = numbers((size_t)(20 * D), 1);
        double *want = malloc(B * window * sizeof *want);
        const xproj_args args = { {
            .x = x, .ldx = ld, .H = H, .W = W, .D = D, .taps = taps, .bias = cases[i].bias ? bias : NULL, .w = { .n = 20, .k = D } }, w };

        ref_conv_silu(want, &args.a, B);
        everywhere(&(op_case){ run_conv_silu, &args, window, want, { .k = D, .rows = rows_of(H * W, D) }, "conv_silu", cases[i].reason });
        free(x), free(taps), free(bias), free(w), free(want);
    }
}

static void run_scan(em_dev *dev, const void *args, float *y, int first, int n)
{
    em_scan4 a = *(const em_scan4 *)args;
    const size_t L = (size_t)(a.H * a.W), tokens = (size_t)n * L, size = tokens * (size_t)a.D, wide = (size_t)(4 * (a.R + 2 * a.N)), D = (size_t)a.D;
    float *sum = malloc(size * sizeof *sum);

    assert_non_null(sum);
    a.u = put_inner(dev, a.u + (size_t)first * L * D, size);
    a.x_dbl = put(dev, a.x_dbl + (size_t)first * L * wide, tokens * wide);
    a.dt_w = put(dev, a.dt_w, 4 * (size_t)a.R * D);
    a.dt_bias = put(dev, a.dt_bias, 4 * D);
    a.a = put(dev, a.a, 4 * (size_t)a.N * D);
    a.skip = put(dev, a.skip, 4 * D);
    for (int i = 0; i < target->ops->n_sums; i++)
        a.y[i] = room_inner(dev, size);
    target->ops->scan4_fwd(dev, &a, n);
    get_inner(dev, y, a.y[0], size);
    for (int i = 1; i < target->ops->n_sums; i++) {
        get_inner(dev, sum, a.y[i], size);
        for (size_t j = 0; j < size; j++)
            y[j] += sum[j];
    }
    free(sum);
}

static void scan_equals_the_plain_loops(void **state)
{
    static const struct { int H, W, D, R, N; const char *reason; } cases[] = {
        { 8, 8, 80, 3, 1, "nano" }, { 64, 64, 16, 1, 1, "the longest of a 10 s window" }, { 5, 7, 33, 2, 16, "odd, sixteen states" },
        { 1, 1, 1, 1, 1, "one token" }, { 3, 1, 48, 48, 4, "three steps of a group of four" }, { 6, 9, 12, 5, 8, "eight states" },
        { 8, 256, 8, 1, 1, "wide: an 80 s window's third stage" }, { 3, 3, 16, 1, 1, "one token more than a chunk" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const int H = cases[i].H, W = cases[i].W, D = cases[i].D, R = cases[i].R, N = cases[i].N;
        const size_t tokens = (size_t)(B * H * W), window = (size_t)(H * W * D);
        float *u = numbers(tokens * (size_t)D, 1), *x_dbl = numbers(tokens * (size_t)(4 * (R + 2 * N)), 1);
        float *dt_w = numbers((size_t)(4 * R * D), 0.7 / sqrt(R)), *bias = numbers((size_t)(4 * D), 1.2);
        float *a = numbers((size_t)(4 * N * D), 0.7), *skip = numbers((size_t)(4 * D), 1);
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
        everywhere(&(op_case){ run_scan, &args, window, want, { .k = 1, .n = N, .recurrences = 4 * D * N }, "scan4", cases[i].reason });
        free(u), free(x_dbl), free(dt_w), free(bias), free(a), free(skip), free(want);
    }
}

/* ---------------------------------------------------------------- attention */

static void run_attention(em_dev *dev, const void *args, float *y, int first, int n)
{
    em_attention a = *(const em_attention *)args;
    const size_t window = (size_t)(a.H * a.W * a.C), span = (size_t)(2 * a.table_side - 1);

    a.y = room_inner(dev, (size_t)n * window);
    a.qkv = put_inner(dev, a.qkv + (size_t)first * 3 * window, (size_t)n * 3 * window);
    a.table = put(dev, a.table, span * span * (size_t)a.heads);
    target->ops->attention_fwd(dev, &a, n);
    get_inner(dev, y, a.y, (size_t)n * window);
}

static void attention_equals_the_plain_loops(void **state)
{
    static const struct { int H, W, C, heads, side, shift, table_side; const char *reason; } cases[] = {
        { 16, 24, 96, 4, 8, 0, 8, "HTS-AT's heads of 24" }, { 16, 24, 96, 4, 8, 4, 8, "rolled: four regions in the last window" },
        { 8, 8, 64, 32, 8, 0, 8, "one window, heads of two" }, { 8, 4, 34, 2, 4, 0, 8, "windows smaller than the table's, odd heads" },
        { 6, 9, 15, 3, 3, 1, 3, "nine tokens, a shift that is not half" }, { 1, 1, 8, 1, 1, 0, 2, "one token" },
        { 2, 4, 33, 1, 2, 1, 2, "four tokens, one head past two vectors" }, { 12, 12, 40, 1, 12, 0, 12, "nine vectors of queries" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const size_t window = (size_t)(cases[i].H * cases[i].W * cases[i].C), span = (size_t)(2 * cases[i].table_side - 1);
        float *qkv = numbers(B * 3 * window, 1.5), *table = numbers(span * span * (size_t)cases[i].heads, 1);
        double *want = malloc(B * window * sizeof *want);
        const em_attention args = { .qkv = qkv, .H = cases[i].H, .W = cases[i].W, .C = cases[i].C, .heads = cases[i].heads, .side = cases[i].side,
                                    .shift = cases[i].shift, .table_side = cases[i].table_side, .table = table };

        ref_attention(want, &args, B);
        everywhere(&(op_case){ run_attention, &args, window, want,
            { .k = 1, .side = cases[i].side, .head_width = cases[i].C / cases[i].heads }, "attention", cases[i].reason });
        free(qkv), free(table), free(want);
    }
}

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
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int check_scan(const op_target *t)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(scan_equals_the_plain_loops) };

    rng = (em_rng){ 11 };               /* the same numbers for whoever asks again: of others a sum may all but cancel */
    target = t;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
