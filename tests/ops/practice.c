/* practice.c - what forward does otherwise while a model learns: it keeps what backward will read, drops paths, and has GELU before a
 * product. The answers are those of inference, with the same bits where the arithmetic is the same. */
#include "ops/back.h"

#include "ops/reference_parts.h"

#include <math.h>

static void reserve(em_dev *dev, em_needs needs)
{
    em_err err;

    CHECK_OK(em_back_ops->reserve(dev, &needs, &err));
}

static void check_bits(em_dev *dev, const float *got, const float *want, size_t n, const char *what, const op_setting *s)
{
    float *a = fetch(dev, got, n), *b = fetch(dev, want, n);

    CHECK(memcmp(a, b, n * sizeof *a) == 0, "%s on %s: other bits", what, s->name);
    free(a), free(b);
}

/* got is the host's, and freed. */
static void check_close(float *got, const double *want, size_t n, const char *what, const op_setting *s)
{
    const double tolerance = fmax(1e-5, s->tolerance / 5);      /* the settings' are for gradients */
    double off = 0, top = 0;

    for (size_t i = 0; i < n; i++) {
        top = fmax(top, fabs(want[i]));
        off = fmax(off, isnan(got[i]) ? INFINITY : fabs((double)got[i] - want[i]));
    }
    CHECK(off <= tolerance * top, "%s on %s: off by %.3g of the largest", what, s->name, off / top);
    free(got);
}

/* ---------------------------------------------------------------- residual branches */

enum { B = 3, L = 43, K = 33, N = 21 };

static void branches_on(em_dev *dev, const op_setting *s)
{
    static const float ones[B] = { 1, 1, 1 }, factors[B] = { 0, 1.25f, 0.5f };
    const size_t size = (size_t)(B * L * N);
    float *x = numbers(B * L * K, 1), *w = numbers(N * K, 0.2), *bias = numbers(N, 1), *residual = numbers(size, 1);
    float *const plain = lay_room(dev, size * sizeof *plain), *const y = lay_room(dev, size * sizeof *y);
    double *want = doubles(size);
    const em_norm_linear host = { .x = x, .ldx = K, .w = { .n = N, .k = K }, .bias = bias, .residual = residual, .L = L, .branch = factors };
    em_norm_linear a = { .y = plain, .x = lay(dev, x, B * L * K), .ldx = K, .w = lay_matrix(dev, w, NULL, N, K), .bias = lay(dev, bias, N),
                         .residual = lay(dev, residual, size), .L = L };

    reserve(dev, (em_needs){ .k = K, .rows = L * 64, .max_batch = B });
    em_back_ops->norm_linear_fwd(dev, &a, B);
    a.y = y;
    a.branch = lay(dev, ones, B);
    em_back_ops->norm_linear_fwd(dev, &a, B);
    check_bits(dev, y, plain, size, "branches with a factor of one", s);
    a.branch = lay(dev, factors, B);
    em_back_ops->norm_linear_fwd(dev, &a, B);
    ref_norm_linear(want, &host, w, B);
    check_close(fetch(dev, y, size), want, size, "branches with factors", s);
    check_bits(dev, y, a.residual, (size_t)(L * N), "a dropped branch, of which the residual is left", s);
    free(x), free(w), free(bias), free(residual), free(want);
}

static void a_residual_branch_is_multiplied_by_its_windows_factor(void **state) { (void)state; on_every_setting(branches_on); }

/* fc1 and fc2, the GELU between them behind the one or before the other. Where h is narrow the second way narrows it twice. */
static void gelu_on(em_dev *dev, const op_setting *s)
{
    const size_t size = (size_t)(B * L * N);
    const bool is_narrow = em_back_ops->inner_bytes(dev) < sizeof(float);
    float *x = numbers(B * L * K, 1), *w1 = numbers(K * K, 0.2), *w2 = numbers(N * K, 0.2), *bias = numbers(K, 1), *h, *first;
    float *const after = lay_room(dev, size * sizeof *after), *const before = lay_room(dev, size * sizeof *before);
    double *want = doubles(size);
    em_norm_linear fc1 = { .y = lay_room(dev, B * L * K * sizeof *x), .x = lay(dev, x, B * L * K), .ldx = K, .w = lay_matrix(dev, w1, NULL, K, K),
                           .bias = lay(dev, bias, K), .act = EM_ACT_GELU, .L = L, .is_y_inner = true };
    em_norm_linear fc2 = { .y = after, .x = fc1.y, .ldx = K, .w = lay_matrix(dev, w2, NULL, N, K), .L = L, .is_x_inner = true };

    reserve(dev, (em_needs){ .k = K, .rows = L * 64, .max_batch = B });
    em_back_ops->norm_linear_fwd(dev, &fc1, B);
    em_back_ops->norm_linear_fwd(dev, &fc2, B);
    fc1.act = EM_ACT_NONE;
    fc2.act_before = EM_ACT_GELU;
    fc2.y = before;
    em_back_ops->norm_linear_fwd(dev, &fc1, B);
    em_back_ops->norm_linear_fwd(dev, &fc2, B);
    if (!is_narrow)
        check_bits(dev, before, after, size, "GELU before the second product", s);
    h = fetch_inner(dev, fc1.y, B * L * K);
    ref_norm_linear(want, &(em_norm_linear){ .x = h, .ldx = K, .w = { .n = N, .k = K }, .act_before = EM_ACT_GELU, .L = L }, w2, B);
    first = fetch(dev, before, size);
    check_close(first, want, size, "GELU before the second product", s);
    free(x), free(w1), free(w2), free(bias), free(h), free(want);
}

static void gelu_is_the_same_behind_one_product_and_before_the_next(void **state) { (void)state; on_every_setting(gelu_on); }

/* ---------------------------------------------------------------- what is kept */

/* C planes, 3x3 stride 2, norm and GELU. On a CPU one plane has kernels of its own, which keep nothing. */
static void conv_keeps_raw(em_dev *dev, const op_setting *s, int C)
{
    enum { H = 15, W = 13, HO = 8, WO = 7 };
    const int k = 9 * C;
    const size_t size = (size_t)(B * HO * WO * N), inputs = (size_t)(B * H * W * C);
    const bool is_fp32 = em_back_ops->inner_bytes(dev) == sizeof(float);
    float *x = numbers(inputs, 1), *w = numbers((size_t)(N * k), 1 / sqrt(k)), *bias = numbers(N, 1), *scale = numbers(N, 1), *shift = numbers(N, 1);
    float *const plain = lay_room(dev, size * sizeof *x), *const y = lay_room(dev, size * sizeof *x), *const raw = lay_room(dev, size * sizeof *x);
    float *const bare = lay_room(dev, size * sizeof *x);
    double *want = doubles(size);
    const em_conv host = { .x = x, .H = H, .W = W, .C = C, .Ho = HO, .Wo = WO, .kh = 3, .kw = 3, .stride = 2, .pad_y = 1, .pad_x = 1,
                           .norm_after = { .weight = scale, .bias = shift }, .w = { .n = N, .k = k }, .bias = bias, .act = EM_ACT_GELU };
    em_conv a = host, alone;

    a.y = plain, a.x = lay(dev, x, inputs), a.w = lay_matrix(dev, w, NULL, N, k), a.bias = lay(dev, bias, N);
    a.norm_after = (em_norm){ .weight = lay(dev, scale, N), .bias = lay(dev, shift, N) };
    alone = a;
    reserve(dev, (em_needs){ .k = k, .rows = (size_t)(HO * WO * ((k + 63) / 64 * 64)), .max_batch = B });
    em_back_ops->conv_fwd(dev, &a, B);
    ref_conv(want, &host, w, B);
    a.y = y, a.raw = raw;
    em_back_ops->conv_fwd(dev, &a, B);
    check_close(fetch(dev, y, size), want, size, "a convolution that keeps what its norm saw", s);
    if (C > 1)
        check_bits(dev, y, plain, size, "a convolution that keeps what its norm saw", s);
    alone.y = bare, alone.norm_after = (em_norm){ 0 }, alone.act = EM_ACT_NONE;
    em_back_ops->conv_fwd(dev, &alone, B);
    if (C > 1 && is_fp32)
        check_bits(dev, raw, bare, size, "what the norm saw", s);
    free(x), free(w), free(bias), free(scale), free(shift), free(want);
}

static void conv_on(em_dev *dev, const op_setting *s)
{
    conv_keeps_raw(dev, s, 1);
    conv_keeps_raw(dev, s, 5);
}

static void a_convolution_that_keeps_its_sums_answers_the_same(void **state) { (void)state; on_every_setting(conv_on); }

static void depthwise_on(em_dev *dev, const op_setting *s)
{
    enum { H = 9, W = 7, D = 33, LDX = 2 * D, TOKENS = B * H * W };
    float *x = numbers(TOKENS * LDX, 1), *taps = numbers(9 * D, 0.4), *w = numbers(N * D, 0.2), *bias = numbers(D, 1);
    float *const u = lay_room(dev, TOKENS * D * sizeof *x), *const x_dbl = lay_room(dev, TOKENS * N * sizeof *x);
    double *want = doubles(TOKENS * D);
    const em_conv_silu_xproj host = { .x = x, .ldx = LDX, .H = H, .W = W, .D = D, .taps = taps, .bias = bias };
    em_conv_silu_xproj a = host;
    float *plain, *kept;

    a.u = u, a.x_dbl = x_dbl, a.x = lay_inner(dev, x, TOKENS * LDX);
    a.taps = lay(dev, taps, 9 * D), a.bias = lay(dev, bias, D), a.w = lay_matrix(dev, w, NULL, N, D);
    reserve(dev, (em_needs){ .k = D, .rows = H * W * 64, .max_batch = B });
    em_back_ops->conv_silu_xproj_fwd(dev, &a, B);
    plain = fetch_inner(dev, u, TOKENS * D);
    a.u = lay_room(dev, TOKENS * D * sizeof *x), a.x_dbl = lay_room(dev, TOKENS * N * sizeof *x), a.raw = lay_room(dev, TOKENS * D * sizeof *x);
    em_back_ops->conv_silu_xproj_fwd(dev, &a, B);
    kept = fetch_inner(dev, a.u, TOKENS * D);
    CHECK(memcmp(kept, plain, TOKENS * D * sizeof *kept) == 0, "u beside what SiLU saw on %s: other bits", s->name);
    check_bits(dev, a.x_dbl, x_dbl, TOKENS * N, "projections beside what SiLU saw", s);
    for (size_t i = 0; i < TOKENS * D; i++)
        want[i] = ref_depthwise(&host, i / D, (int)(i % D));
    check_close(fetch(dev, a.raw, TOKENS * D), want, TOKENS * D, "what SiLU saw", s);
    free(x), free(taps), free(w), free(bias), free(plain), free(kept), free(want);
}

static void a_depthwise_convolution_that_keeps_its_sums_answers_the_same(void **state) { (void)state; on_every_setting(depthwise_on); }

static void scan_on(em_dev *dev, const op_setting *s)
{
    enum { H = 5, W = 9, D = 80, R = 2, S = 4, TOKENS = B * H * W, WIDE = EM_DIRECTIONS * (R + 2 * S) };
    enum { CHUNKS = (H * W + EM_SCAN_CHUNK - 1) / EM_SCAN_CHUNK };
    float *u = numbers(TOKENS * D, 1), *x_dbl = numbers(TOKENS * WIDE, 1);
    float *dt_w = numbers(EM_DIRECTIONS * R * D, 0.5), *dt_bias = numbers(EM_DIRECTIONS * D, 1);
    float *rate = numbers(EM_DIRECTIONS * S * D, 0.7), *skip = numbers(EM_DIRECTIONS * D, 1), *plain[EM_DIRECTIONS];
    em_scan4 a = { .u = lay_inner(dev, u, TOKENS * D), .x_dbl = lay(dev, x_dbl, TOKENS * WIDE), .H = H, .W = W, .D = D, .R = R, .N = S,
                   .dt_w = lay(dev, dt_w, EM_DIRECTIONS * R * D), .dt_bias = lay(dev, dt_bias, EM_DIRECTIONS * D),
                   .skip = lay(dev, skip, EM_DIRECTIONS * D) };

    for (size_t i = 0; i < EM_DIRECTIONS * S * D; i++)
        rate[i] = -expf(rate[i]);
    a.a = lay(dev, rate, EM_DIRECTIONS * S * D);
    for (int k = 0; k < em_back_ops->n_y; k++)
        a.y[k] = lay_room(dev, TOKENS * D * sizeof(float));
    reserve(dev, (em_needs){ .k = 1, .n = S, .d = D, .r = R, .recurrences = EM_DIRECTIONS * D * S, .trains = true, .max_batch = B });
    em_back_ops->scan4_fwd(dev, &a, B);
    for (int k = 0; k < em_back_ops->n_y; k++) {
        plain[k] = fetch_inner(dev, a.y[k], TOKENS * D);
        a.y[k] = lay_room(dev, TOKENS * D * sizeof(float));
    }
    a.states = lay_room(dev, B * EM_DIRECTIONS * CHUNKS * S * D * sizeof(float));
    em_back_ops->scan4_fwd(dev, &a, B);
    for (int k = 0; k < em_back_ops->n_y; k++) {
        float *kept = fetch_inner(dev, a.y[k], TOKENS * D);

        CHECK(memcmp(kept, plain[k], TOKENS * D * sizeof *kept) == 0, "scans that keep states on %s: other bits", s->name);
        free(kept), free(plain[k]);
    }
    free(u), free(x_dbl), free(dt_w), free(dt_bias), free(rate), free(skip);
}

static void scans_that_keep_states_answer_the_same(void **state) { (void)state; on_every_setting(scan_on); }

int check_practice(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_residual_branch_is_multiplied_by_its_windows_factor),
        cmocka_unit_test(gelu_is_the_same_behind_one_product_and_before_the_next),
        cmocka_unit_test(a_convolution_that_keeps_its_sums_answers_the_same),
        cmocka_unit_test(a_depthwise_convolution_that_keeps_its_sums_answers_the_same),
        cmocka_unit_test(scans_that_keep_states_answer_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
