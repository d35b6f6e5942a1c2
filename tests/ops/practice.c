/* practice.c - what forward does otherwise while a model learns: it keeps what backward will read, drops paths, and has GELU before a
 * product. The answers are those of inference, with the same bits where the arithmetic is the same. */
#include "ops/back.h"

#include "base/arena.h"
#include "base/pool.h"
#include "ops/cpu/ops_cpu.h"
#include "ops/reference_parts.h"

#include <math.h>

static void reserve(em_dev *dev, em_needs needs)
{
    em_err err;

    CHECK_OK(em_ops_cpu.reserve(dev, &needs, &err));
}

static void check_bits(const float *got, const float *want, size_t n, const char *what, const char *setting)
{
    CHECK(memcmp(got, want, n * sizeof *got) == 0, "%s on %s: other bits", what, setting);
}

static void check_close(const float *got, const double *want, size_t n, const char *what, const char *setting)
{
    double off = 0, top = 0;

    for (size_t i = 0; i < n; i++) {
        top = fmax(top, fabs(want[i]));
        off = fmax(off, isnan(got[i]) ? INFINITY : fabs((double)got[i] - want[i]));
    }
    CHECK(off <= 1e-5 * top, "%s on %s: off by %.3g of the largest", what, setting, off / top);
}

/* ---------------------------------------------------------------- residual branches */

enum { B = 3, L = 43, K = 33, N = 21 };

static void branches_on(em_dev *dev, const char *setting)
{
    static const float ones[B] = { 1, 1, 1 }, factors[B] = { 0, 1.25f, 0.5f };
    const size_t size = (size_t)(B * L * N);
    float *x = numbers(B * L * K, 1), *w = numbers(N * K, 0.2), *bias = numbers(N, 1), *residual = numbers(size, 1);
    float *plain = numbers(size, 1), *y = numbers(size, 1);
    double *want = doubles(size);
    em_norm_linear a = { .y = plain, .x = x, .ldx = K, .w = pack_both(dev, w, NULL, N, K), .bias = bias, .residual = residual, .L = L };

    reserve(dev, (em_needs){ .k = K, .max_batch = B });
    em_ops_cpu.norm_linear_fwd(dev, &a, B);
    a.y = y;
    a.branch = ones;
    em_ops_cpu.norm_linear_fwd(dev, &a, B);
    check_bits(y, plain, size, "branches with a factor of one", setting);
    a.branch = factors;
    em_ops_cpu.norm_linear_fwd(dev, &a, B);
    ref_norm_linear(want, &a, w, B);
    check_close(y, want, size, "branches with factors", setting);
    check_bits(y, residual, (size_t)(L * N), "a dropped branch, of which the residual is left", setting);
    free_packed(&a.w);
    free(x), free(w), free(bias), free(residual), free(plain), free(y), free(want);
}

static void a_residual_branch_is_multiplied_by_its_windows_factor(void **state) { (void)state; on_every_cpu(branches_on); }

/* fc1 and fc2, the GELU between them behind the one or before the other. */
static void gelu_on(em_dev *dev, const char *setting)
{
    const size_t size = (size_t)(B * L * N);
    float *x = numbers(B * L * K, 1), *w1 = numbers(K * K, 0.2), *w2 = numbers(N * K, 0.2), *bias = numbers(K, 1);
    float *h = numbers(B * L * K, 1), *after = numbers(size, 1), *before = numbers(size, 1);
    em_norm_linear fc1 = { .y = h, .x = x, .ldx = K, .w = pack_both(dev, w1, NULL, K, K), .bias = bias, .act = EM_ACT_GELU, .L = L };
    em_norm_linear fc2 = { .y = after, .x = h, .ldx = K, .w = pack_both(dev, w2, NULL, N, K), .L = L };

    reserve(dev, (em_needs){ .k = K, .max_batch = B });
    em_ops_cpu.norm_linear_fwd(dev, &fc1, B);
    em_ops_cpu.norm_linear_fwd(dev, &fc2, B);
    fc1.act = EM_ACT_NONE;
    fc2.act_before = EM_ACT_GELU;
    fc2.y = before;
    em_ops_cpu.norm_linear_fwd(dev, &fc1, B);
    em_ops_cpu.norm_linear_fwd(dev, &fc2, B);
    check_bits(before, after, size, "GELU before the second product", setting);
    free_packed(&fc1.w), free_packed(&fc2.w);
    free(x), free(w1), free(w2), free(bias), free(h), free(after), free(before);
}

static void gelu_is_the_same_behind_one_product_and_before_the_next(void **state) { (void)state; on_every_cpu(gelu_on); }

/* ---------------------------------------------------------------- what is kept */

/* C planes, 3x3 stride 2, norm and GELU. One plane has kernels of its own, which keep nothing. */
static void conv_keeps_raw(em_dev *dev, const char *setting, int C)
{
    enum { H = 15, W = 13, HO = 8, WO = 7 };
    const int k = 9 * C;
    const size_t size = (size_t)(B * HO * WO * N);
    float *x = numbers((size_t)(B * H * W * C), 1), *w = numbers((size_t)(N * k), 1 / sqrt(k)), *bias = numbers(N, 1), *scale = numbers(N, 1), *shift = numbers(N, 1);
    float *plain = numbers(size, 1), *y = numbers(size, 1), *raw = numbers(size, 1), *bare = numbers(size, 1);
    double *want = doubles(size);
    em_conv a = { .y = plain, .x = x, .H = H, .W = W, .C = C, .Ho = HO, .Wo = WO, .kh = 3, .kw = 3, .stride = 2, .pad_y = 1, .pad_x = 1,
                  .norm_after = { .weight = scale, .bias = shift }, .w = pack_both(dev, w, NULL, N, k), .bias = bias, .act = EM_ACT_GELU };
    em_conv alone = a;

    reserve(dev, (em_needs){ .k = k, .max_batch = B });
    em_ops_cpu.conv_fwd(dev, &a, B);
    ref_conv(want, &a, w, B);
    a.y = y, a.raw = raw;
    em_ops_cpu.conv_fwd(dev, &a, B);
    check_close(y, want, size, "a convolution that keeps what its norm saw", setting);
    check_bits(y, plain, size, "a convolution that keeps what its norm saw", setting);
    alone.y = bare, alone.norm_after = (em_norm){ 0 }, alone.act = EM_ACT_NONE;
    em_ops_cpu.conv_fwd(dev, &alone, B);
    if (C > 1)
        check_bits(raw, bare, size, "what the norm saw", setting);
    free_packed(&a.w);
    free(x), free(w), free(bias), free(scale), free(shift), free(plain), free(y), free(raw), free(bare), free(want);
}

static void conv_on(em_dev *dev, const char *setting)
{
    conv_keeps_raw(dev, setting, 1);
    conv_keeps_raw(dev, setting, 5);
}

static void a_convolution_that_keeps_its_sums_answers_the_same(void **state) { (void)state; on_every_cpu(conv_on); }

static void depthwise_on(em_dev *dev, const char *setting)
{
    enum { H = 9, W = 7, D = 33, LDX = 2 * D, TOKENS = B * H * W };
    float *x = numbers(TOKENS * LDX, 1), *taps = numbers(9 * D, 0.4), *w = numbers(N * D, 0.2), *bias = numbers(D, 1);
    float *u = numbers(TOKENS * D, 1), *x_dbl = numbers(TOKENS * N, 1), *kept_u = numbers(TOKENS * D, 1), *kept_x_dbl = numbers(TOKENS * N, 1);
    float *raw = numbers(TOKENS * D, 1);
    double *want = doubles(TOKENS * D);
    em_conv_silu_xproj a = { .u = u, .x_dbl = x_dbl, .x = x, .ldx = LDX, .H = H, .W = W, .D = D, .taps = taps, .bias = bias, .w = pack_both(dev, w, NULL, N, D) };

    reserve(dev, (em_needs){ .k = D, .max_batch = B });
    em_ops_cpu.conv_silu_xproj_fwd(dev, &a, B);
    a.u = kept_u, a.x_dbl = kept_x_dbl, a.raw = raw;
    em_ops_cpu.conv_silu_xproj_fwd(dev, &a, B);
    check_bits(kept_u, u, TOKENS * D, "u beside what SiLU saw", setting);
    check_bits(kept_x_dbl, x_dbl, TOKENS * N, "projections beside what SiLU saw", setting);
    for (size_t i = 0; i < TOKENS * D; i++)
        want[i] = ref_depthwise(&a, i / D, (int)(i % D));
    check_close(raw, want, TOKENS * D, "what SiLU saw", setting);
    free_packed(&a.w);
    free(x), free(taps), free(w), free(bias), free(u), free(x_dbl), free(kept_u), free(kept_x_dbl), free(raw), free(want);
}

static void a_depthwise_convolution_that_keeps_its_sums_answers_the_same(void **state) { (void)state; on_every_cpu(depthwise_on); }

static void scan_on(em_dev *dev, const char *setting)
{
    enum { H = 5, W = 9, D = 21, R = 2, S = 4, TOKENS = B * H * W, WIDE = EM_DIRECTIONS * (R + 2 * S), CHUNKS = (H * W + EM_SCAN_CHUNK - 1) / EM_SCAN_CHUNK };
    float *u = numbers(TOKENS * D, 1), *x_dbl = numbers(TOKENS * WIDE, 1), *dt_w = numbers(EM_DIRECTIONS * R * D, 0.5), *dt_bias = numbers(EM_DIRECTIONS * D, 1);
    float *rate = numbers(EM_DIRECTIONS * S * D, 0.7), *skip = numbers(EM_DIRECTIONS * D, 1), *states = numbers(B * EM_DIRECTIONS * CHUNKS * S * D, 1);
    float *plain = numbers(2 * TOKENS * D, 1), *y = numbers(2 * TOKENS * D, 1);
    em_scan4 a = { .y = { plain, plain + TOKENS * D }, .u = u, .x_dbl = x_dbl, .H = H, .W = W, .D = D, .R = R, .N = S, .dt_w = dt_w, .dt_bias = dt_bias, .a = rate, .skip = skip };

    for (size_t i = 0; i < EM_DIRECTIONS * S * D; i++)
        rate[i] = -expf(rate[i]);
    reserve(dev, (em_needs){ .k = 1, .n = S, .d = D, .r = R, .recurrences = EM_DIRECTIONS * D * S, .trains = true, .max_batch = B });
    em_ops_cpu.scan4_fwd(dev, &a, B);
    a.y[0] = y, a.y[1] = y + TOKENS * D, a.states = states;
    em_ops_cpu.scan4_fwd(dev, &a, B);
    check_bits(y, plain, 2 * TOKENS * D, "scans that keep states", setting);
    free(u), free(x_dbl), free(dt_w), free(dt_bias), free(rate), free(skip), free(states), free(plain), free(y);
}

static void scans_that_keep_states_answer_the_same(void **state) { (void)state; on_every_cpu(scan_on); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_residual_branch_is_multiplied_by_its_windows_factor),
        cmocka_unit_test(gelu_is_the_same_behind_one_product_and_before_the_next),
        cmocka_unit_test(a_convolution_that_keeps_its_sums_answers_the_same),
        cmocka_unit_test(a_depthwise_convolution_that_keeps_its_sums_answers_the_same),
        cmocka_unit_test(scans_that_keep_states_answer_the_same),
    };

    em_flush_denormals();                                   /* as the workers do: see base/pool.h */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
