/* cases_conv.c - conv and the depthwise one: see cases.h. */
#include "ops/cases_inside.h"

#include "ops/reference.h"

#include <math.h>

/* ---------------------------------------------------------------- conv */

typedef struct conv_args { em_conv a; const float *w; } conv_args;

static void run_conv(em_dev *dev, const void *args, float *y, int first, int n)
{
    const conv_args *c = args;
    em_conv a = c->a;
    const size_t window = (size_t)(a.H * a.W * a.C), size = (size_t)(n * a.Ho * a.Wo * a.w.n);
    float *result = a.is_y_inner ? op_room_inner(dev, size) : op_room(dev, size * sizeof *result);

    a.y = result;
    a.x = (a.is_x_inner ? op_put_inner : op_put)(dev, a.x + (size_t)first * window, (size_t)n * window);
    a.norm_before = op_put_norm(dev, a.norm_before, a.w.k);
    a.norm_after = op_put_norm(dev, a.norm_after, a.w.n);
    a.bias = op_put(dev, a.bias, (size_t)a.w.n);
    a.w = op_pack(dev, c->w, a.w.n, a.w.k);
    op_ops->conv_fwd(dev, &a, n);
    if (a.is_y_inner)
        op_get_inner(dev, y, result, size);
    else
        op_get(dev, y, result, size);
}

void conv_equals_the_plain_loops(void **state)
{
    static const struct {
        int H, W, C, Ho, Wo, kh, kw, stride, pad_y, pad_x, n;
        bool before, after, gelu, x_inner, y_inner;
        const char *reason;
    } cases[] = {
        { 16, 24, 1,  8, 12, 3, 3, 2, 1, 1, 20, false, true,  true, false, true,  "nano's first: rows of 20 side by side" },
        { 5,  64, 1,  3, 32, 3, 3, 2, 1, 1, 20, false, true,  true, false, true,  "the same, of whole vectors of pixels: sixteen channels and four" },
        { 5,  64, 1,  3, 32, 3, 3, 2, 1, 1, 28, false, true,  true, false, true,  "micro's first: sixteen channels and twelve" },
        { 16, 12, 1,  4, 3,  4, 4, 4, 0, 0, 13, false, true,  false, false, false, "4x4 embed" },
        { 7,  75, 1,  4, 38, 3, 3, 2, 1, 1, 22, false, true,  true,  false, false, "a plane wider than its vectors, channels left over" },
        { 6,  40, 1,  2, 13, 3, 3, 3, 0, 0, 130, false, true, false, false, false, "a plane with more channels than its own path takes" },
        { 9,  7,  12, 5, 4,  3, 3, 2, 1, 1, 24, false, true,  false, true, false, "odd grid" },
        { 65, 63, 20, 33, 32, 3, 3, 2, 1, 1, 40, false, true, false, true, false, "row by row, taps outside at all four edges" },
        { 32, 130, 6, 32, 130, 3, 3, 1, 1, 1, 24, false, false, true, false, false, "row by row, in pieces" },
        { 5,  7,  12, 3, 4,  2, 2, 2, 0, 0, 24, true,  false, false, false, false, "merging past an odd edge" },
        { 2,  32, 24, 1, 32, 2, 3, 1, 0, 1, 11, false, false, false, true, false, "the head" },
        { 1,  1,  3,  1, 1,  3, 3, 2, 1, 1, 5,  false, false, true, false, false,  "one pixel, all edges" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const int k = cases[i].kh * cases[i].kw * cases[i].C, n = cases[i].n;
        const size_t window = (size_t)(cases[i].Ho * cases[i].Wo * n);
        float *x = op_numbers((size_t)(B * cases[i].H * cases[i].W * cases[i].C), 1);
        float *w = op_numbers((size_t)(n * k), 1 / sqrt(k)), *bias = op_numbers((size_t)n, 1);
        float *scale = op_numbers((size_t)(k + n), 1), *shift = op_numbers((size_t)(k + n), 1);
        double *want = malloc(B * window * sizeof *want);
        const em_norm norm = { .weight = scale, .bias = shift };
        const conv_args args = { {
            .x = x, .H = cases[i].H, .W = cases[i].W, .C = cases[i].C, .Ho = cases[i].Ho, .Wo = cases[i].Wo, .kh = cases[i].kh, .kw = cases[i].kw,
            .stride = cases[i].stride, .pad_y = cases[i].pad_y, .pad_x = cases[i].pad_x, .norm_before = cases[i].before ? norm : (em_norm){ 0 },
            .norm_after = cases[i].after ? norm : (em_norm){ 0 }, .w = { .n = n, .k = k }, .bias = bias,
            .act = cases[i].gelu ? EM_ACT_GELU : EM_ACT_NONE, .is_x_inner = cases[i].x_inner, .is_y_inner = cases[i].y_inner }, w };

        ref_conv(want, &args.a, w, B);
        op_everywhere(&(op_case){ run_conv, &args, window, want,
            { .k = k, .rows = op_rows(cases[i].Ho * cases[i].Wo, k) }, "conv", cases[i].reason });
        free(x), free(w), free(bias), free(scale), free(shift), free(want);
    }
}

/* ---------------------------------------------------------------- depthwise conv */

typedef struct xproj_args { em_conv_silu_xproj a; const float *w; } xproj_args;

static void run_conv_silu(em_dev *dev, const void *args, float *y, int first, int n)
{
    const xproj_args *x = args;
    em_conv_silu_xproj a = x->a;
    const size_t L = (size_t)(a.H * a.W), tokens = (size_t)n * L;
    float *u = op_room_inner(dev, tokens * (size_t)a.D);

    a.x = op_put_inner(dev, a.x + (size_t)first * L * a.ldx, tokens * a.ldx);
    a.u = u;
    a.x_dbl = op_room(dev, tokens * (size_t)a.w.n * sizeof *a.x_dbl);
    a.taps = op_put(dev, a.taps, (size_t)(9 * a.D));
    a.bias = op_put(dev, a.bias, (size_t)a.D);
    a.w = op_pack(dev, x->w, a.w.n, a.w.k);
    op_ops->conv_silu_xproj_fwd(dev, &a, n);
    op_get_inner(dev, y, u, tokens * (size_t)a.D);
}

void depthwise_conv_equals_the_plain_loops(void **state)
{
    static const struct { int H, W, D; bool is_wide, bias; const char *reason; } cases[] = {
        { 8, 8, 80, false, false, "nano" }, { 1, 1, 3, false, true, "one pixel" },
        { 5, 7, 33, true, true, "a gated block's rows lie apart" }, { 65, 3, 16, false, false, "tall" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const int H = cases[i].H, W = cases[i].W, D = cases[i].D;
        const size_t ld = (size_t)(cases[i].is_wide ? 2 * D : D), window = (size_t)(H * W * D);
        float *x = op_numbers((size_t)(B * H * W) * ld, 1), *taps = op_numbers((size_t)(9 * D), 0.3);
        float *bias = op_numbers((size_t)D, 1), *w = op_numbers((size_t)(20 * D), 1);
        double *want = malloc(B * window * sizeof *want);
        const xproj_args args = { {
            .x = x, .ldx = ld, .H = H, .W = W, .D = D, .taps = taps, .bias = cases[i].bias ? bias : NULL, .w = { .n = 20, .k = D } }, w };

        ref_conv_silu(want, &args.a, B);
        op_everywhere(&(op_case){ run_conv_silu, &args, window, want, { .k = D, .rows = op_rows(H * W, D) }, "conv_silu", cases[i].reason });
        free(x), free(taps), free(bias), free(w), free(want);
    }
}
