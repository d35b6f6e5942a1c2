/* backward_conv.c - the gradients of conv and conv_silu_xproj, at odd grids and sizes off every block: see back.h. */
#include "ops/back.h"

#include "ops/reference.h"

#include <math.h>

/* ---------------------------------------------------------------- conv */

enum { BEFORE = 1, AFTER = 2, GELU = 4, BIAS = 8, NO_DX = 16 };

typedef struct conv_size { int B, H, W, C, Ho, Wo, kh, kw, stride, pad_y, pad_x, n, flags; const char *reason; } conv_size;

typedef struct conv { em_conv a; int B; float *x, *w, *bias, *scale, *shift, *dy; ref_product_grads want; } conv;

static size_t outputs_of(const conv *c) { return (size_t)(c->a.Ho * c->a.Wo) * (size_t)c->a.w.n; }
static size_t inputs_of(const conv *c) { return (size_t)(c->a.H * c->a.W) * (size_t)c->a.C; }
static int normed_of(const conv_size *z) { return z->flags & BEFORE ? z->kh * z->kw * z->C : z->flags & AFTER ? z->n : 0; }

static conv make_conv(const conv_size *z)
{
    const int k = z->kh * z->kw * z->C, f = z->flags;
    const size_t wide = (size_t)(k + z->n), inputs = (size_t)(z->B * z->H * z->W * z->C), outputs = (size_t)(z->B * z->Ho * z->Wo * z->n);
    conv c = {
        .B = z->B, .x = numbers(inputs, 1), .w = numbers((size_t)(z->n * k), 1 / sqrt(k)), .bias = numbers((size_t)z->n, 1),
        .scale = numbers(wide, 1), .shift = numbers(wide, 1), .dy = numbers(outputs, 1),
        .want = { .dx = doubles(inputs), .dw = doubles((size_t)(z->n * k)), .dbias = doubles((size_t)z->n),
                  .dweight = doubles(wide), .dshift = doubles(wide) },
    };
    const em_norm norm = { .weight = c.scale, .bias = c.shift };

    c.a = (em_conv){
        .x = c.x, .H = z->H, .W = z->W, .C = z->C, .Ho = z->Ho, .Wo = z->Wo, .kh = z->kh, .kw = z->kw,
        .stride = z->stride, .pad_y = z->pad_y, .pad_x = z->pad_x,
        .norm_before = f & BEFORE ? norm : (em_norm){ 0 }, .norm_after = f & AFTER ? norm : (em_norm){ 0 }, .w = { .n = z->n, .k = k },
        .bias = f & BIAS ? c.bias : NULL, .act = f & GELU ? EM_ACT_GELU : EM_ACT_NONE, .dy = c.dy,
        .is_x_inner = z->C % 3 == 0, .is_y_inner = (f & GELU) != 0,
    };
    return c;
}

static void free_conv(conv *c)
{
    free(c->x), free(c->w), free(c->bias), free(c->scale), free(c->shift), free(c->dy);
    free(c->want.dx), free(c->want.dw), free(c->want.dbias), free(c->want.dweight), free(c->want.dshift);
}

static double conv_loss(const void *args)
{
    const conv *c = args;
    const size_t n = (size_t)c->B * outputs_of(c);
    double *y = doubles(n), loss;

    ref_conv(y, &c->a, c->w, c->B);
    loss = inner_product(y, c->dy, n);
    free(y);
    return loss;
}

static void the_convolutions_plain_loops_agree_with_differences(void **state)
{
    static const conv_size sizes[] = {
        { 2, 3, 4, 2, 2, 2, 3, 3, 2, 1, 1, 3, AFTER | GELU | BIAS, "" }, { 2, 3, 3, 2, 2, 2, 2, 2, 2, 0, 0, 3, BEFORE, "" },
        { 1, 2, 3, 2, 1, 3, 2, 3, 1, 0, 1, 2, BIAS, "" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        const conv_size *z = &sizes[i];
        const size_t normed = (size_t)normed_of(z), n = (size_t)z->n;
        conv c = make_conv(z);

        ref_conv_bwd(&c.want, &c.a, c.w, c.B);
        check_differences(conv_loss, &c, (moved[]){
            { "dx", c.x, c.want.dx, (size_t)z->B * inputs_of(&c), false }, { "dw", c.w, c.want.dw, n * (size_t)c.a.w.k, false },
            { "dbias", c.bias, c.want.dbias, z->flags & BIAS ? n : 0, false }, { "norm's dweight", c.scale, c.want.dweight, normed, false },
            { "norm's dbias", c.shift, c.want.dshift, normed, false }, { 0 },
        });
        free_conv(&c);
    }
}

static void run_conv(em_dev *dev, const void *args, float *const *grads, int first, int B)
{
    const conv *c = args;
    em_conv a = c->a;
    em_norm *norm = a.norm_before.weight ? &a.norm_before : &a.norm_after;
    const size_t n = outputs_of(c);
    const size_t windows = (size_t)B, at = (size_t)first, width = (size_t)(norm == &a.norm_before ? a.w.k : a.w.n);

    a.y = lay_room(dev, windows * n * sizeof *a.y);
    a.raw = a.norm_after.weight ? lay_room(dev, windows * n * sizeof *a.raw) : NULL;
    a.x = (a.is_x_inner ? lay_inner : lay)(dev, a.x + at * inputs_of(c), windows * inputs_of(c));
    a.dy = lay(dev, a.dy + at * n, windows * n);
    a.bias = lay(dev, a.bias, (size_t)a.w.n), norm->weight = lay(dev, norm->weight, width), norm->bias = lay(dev, norm->bias, width);
    a.dx = grads[0];
    a.w = lay_matrix(dev, c->w, grads[1], a.w.n, a.w.k);
    a.dbias = grads[2], norm->dweight = grads[3], norm->dbias = grads[4];
    em_back_ops->conv_fwd(dev, &a, B);
    em_back_ops->conv_bwd(dev, &a, B);
}

static void convolutions_have_the_gradients_of_the_plain_loops(void **state)
{
    static const conv_size sizes[] = {
        { 3, 16, 24, 1,  8,  12, 3, 3, 2, 1, 1, 20,  AFTER | GELU | BIAS | NO_DX, "the first of nano: one plane, nobody wants dx" },
        { 2, 15, 301, 1, 8,  151, 3, 3, 2, 1, 1, 22, AFTER | GELU, "the same, more than a segment of a row, and dx" },
        { 3, 16, 12, 1,  4,  3,  4, 4, 4, 0, 0, 13,  AFTER | BIAS, "4x4 embed, as bn0 wants dx" },
        { 3, 31, 25, 5,  16, 13, 3, 3, 2, 1, 1, 17,  AFTER | GELU | BIAS, "odd grid, more than a block of pixels a window" },
        { 3, 9,  7,  12, 4,  3,  2, 2, 2, 0, 0, 24,  AFTER | BIAS, "2x2: an odd edge that no tap sees" },
        { 3, 5,  7,  12, 3,  4,  2, 2, 2, 0, 0, 24,  BEFORE, "merging past an odd edge" },
        { 1, 27, 25, 3,  14, 13, 2, 2, 2, 0, 0, 7,   BEFORE, "merging, more than a block" },
        { 3, 2,  32, 24, 1,  32, 2, 3, 1, 0, 1, 11,  BIAS, "the head" },
        { 2, 64, 66, 4,  32, 33, 3, 3, 2, 1, 1, 10,  AFTER | GELU | BIAS, "forward goes row by row" },
        { 3, 1,  1,  3,  1,  1,  3, 3, 2, 1, 1, 5,   AFTER, "one pixel, all edges" },
        { 3, 20, 15, 1,  20, 15, 3, 3, 1, 1, 1, 900, AFTER | BIAS, "more windows than are in flight at once, in three blocks each" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        const conv_size *z = &sizes[i];
        const size_t normed = (size_t)normed_of(z), n = (size_t)z->n;
        conv c = make_conv(z);

        ref_conv_bwd(&c.want, &c.a, c.w, c.B);
        check_gradients(&(back_case){ run_conv, &c, z->B,
            { { "dx", z->flags & NO_DX ? 0 : inputs_of(&c), SET, c.want.dx }, { "dw", n * (size_t)c.a.w.k, PARAMETER, c.want.dw },
              { "dbias", z->flags & BIAS ? n : 0, PARAMETER, c.want.dbias }, { "norm's dweight", normed, PARAMETER, c.want.dweight },
              { "norm's dbias", normed, PARAMETER, c.want.dshift } },
            { .k = c.a.w.k, .rows = (size_t)(z->Ho * z->Wo * ((c.a.w.k + 63) / 64 * 64)) }, "conv", z->reason });
        free_conv(&c);
    }
}

/* ---------------------------------------------------------------- depthwise conv, SiLU, projections */

typedef struct xproj_size { int B, H, W, D, n; bool is_apart, has_bias; const char *reason; } xproj_size;

/* du: what the scans left, in two sums as they do. */
typedef struct xproj { em_conv_silu_xproj a; int B; float *x, *taps, *bias, *w, *du[2], *zeros, *du_sum, *dx_dbl; ref_xproj_grads want; } xproj;

static size_t tokens_of(const xproj *x) { return (size_t)(x->a.H * x->a.W); }

static xproj make_xproj(const xproj_size *z)
{
    const size_t tokens = (size_t)(z->B * z->H * z->W), D = (size_t)z->D, n = (size_t)z->n, ldx = z->is_apart ? 2 * D + 1 : D;
    xproj x = {
        .B = z->B, .x = numbers(tokens * ldx, 1), .taps = numbers(9 * D, 0.4), .bias = numbers(D, 1), .w = numbers(n * D, 1 / sqrt(z->n)),
        .du = { numbers(tokens * D, 1), numbers(tokens * D, 1) }, .zeros = numbers(tokens * D, 0), .du_sum = numbers(tokens * D, 0),
        .dx_dbl = numbers(tokens * n, 1),
        .want = { doubles(tokens * ldx), doubles(n * D), doubles(9 * D), z->has_bias ? doubles(D) : NULL },
    };

    for (size_t i = 0; i < tokens * D; i++)
        x.du_sum[i] = x.du[0][i] + x.du[1][i];
    x.a = (em_conv_silu_xproj){
        .x = x.x, .ldx = ldx, .H = z->H, .W = z->W, .D = z->D, .taps = x.taps, .bias = z->has_bias ? x.bias : NULL,
        .w = { .n = z->n, .k = z->D }, .du = { x.du_sum }, .dx_dbl = x.dx_dbl,
    };
    return x;
}

static void free_xproj(xproj *x)
{
    free(x->x), free(x->taps), free(x->bias), free(x->w), free(x->du[0]), free(x->du[1]), free(x->zeros), free(x->du_sum), free(x->dx_dbl);
    free(x->want.dx), free(x->want.dw), free(x->want.dtaps), free(x->want.dbias);
}

/* u feeds the scans and the projections: both are in the loss. */
static double xproj_loss(const void *args)
{
    const xproj *x = args;
    const size_t D = (size_t)x->a.D, n = (size_t)x->a.w.n, tokens = (size_t)x->B * tokens_of(x);
    double *u = doubles(tokens * D), loss;

    ref_conv_silu(u, &x->a, x->B);
    loss = inner_product(u, x->du_sum, tokens * D);
    for (size_t p = 0; p < tokens; p++)
        for (size_t j = 0; j < n; j++)
            loss += (double)x->dx_dbl[p * n + j] * inner_product(u + p * D, x->w + j * D, D);
    free(u);
    return loss;
}

static void the_depthwise_plain_loops_agree_with_differences(void **state)
{
    xproj x = make_xproj(&(xproj_size){ 2, 3, 2, 3, 4, true, true, "" });
    const size_t D = 3;

    (void)state;
    ref_conv_silu_xproj_bwd(&x.want, &x.a, x.w, x.B);
    check_differences(xproj_loss, &x, (moved[]){
        { "dx", x.x, x.want.dx, (size_t)x.B * tokens_of(&x) * x.a.ldx, false }, { "dw", x.w, x.want.dw, 4 * D, false },
        { "dtaps", x.taps, x.want.dtaps, 9 * D, false }, { "dbias", x.bias, x.want.dbias, D, false }, { 0 },
    });
    free_xproj(&x);
}

static void run_xproj(em_dev *dev, const void *args, float *const *grads, int first, int B)
{
    const xproj *x = args;
    em_conv_silu_xproj a = x->a;
    const size_t at = (size_t)first * tokens_of(x), tokens = (size_t)B * tokens_of(x), D = (size_t)a.D, n = (size_t)a.w.n;

    a.u = lay_room(dev, tokens * D * sizeof(float)), a.raw = lay_room(dev, tokens * D * sizeof(float));
    a.x_dbl = lay_room(dev, tokens * n * sizeof(float));
    a.x = lay_inner(dev, a.x + at * a.ldx, tokens * a.ldx);
    a.taps = lay(dev, a.taps, 9 * D), a.bias = lay(dev, a.bias, D);
    a.dx_dbl = lay(dev, a.dx_dbl + at * n, tokens * n);
    for (int i = 0; i < 2; i++)                             /* as many as a CPU has: the others are zeros */
        a.du[i] = lay(dev, x->du[i] + at * D, tokens * D);
    for (int i = 2; i < em_back_ops->n_du; i++)
        a.du[i] = lay(dev, x->zeros, tokens * D);
    a.dx = grads[0], a.dtaps = grads[2], a.dbias = grads[3];
    a.w = lay_matrix(dev, x->w, grads[1], a.w.n, a.w.k);
    em_back_ops->conv_silu_xproj_fwd(dev, &a, B);
    em_back_ops->conv_silu_xproj_bwd(dev, &a, B);
}

static void depthwise_convolutions_have_the_gradients_of_the_plain_loops(void **state)
{
    static const xproj_size sizes[] = {
        { 3, 8, 8, 80, 20, false, false, "nano" }, { 3, 5, 9, 33, 21, true, true, "a gated block, whose rows lie apart" },
        { 1, 1, 1, 3, 12, false, true, "one pixel" }, { 3, 17, 3, 16, 13, false, true, "tall: one row more than two tasks" },
        { 3, 1, 130, 15, 12, true, false, "wide: one row, more than a block" },
        { 1, 60, 40, 5, 500, false, true, "more blocks than are in flight at once" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        const xproj_size *z = &sizes[i];
        const size_t D = (size_t)z->D;
        xproj x = make_xproj(z);

        ref_conv_silu_xproj_bwd(&x.want, &x.a, x.w, x.B);
        check_gradients(&(back_case){ run_xproj, &x, z->B,
            { { "dx", tokens_of(&x) * x.a.ldx, SET, x.want.dx }, { "dw", (size_t)z->n * D, PARAMETER, x.want.dw },
              { "dtaps", 9 * D, PARAMETER, x.want.dtaps }, { "dbias", z->has_bias ? D : 0, PARAMETER, x.want.dbias } },
            { .k = z->D, .rows = tokens_of(&x) * ((D + 63) / 64 * 64) }, "conv_silu_xproj", z->reason });
        free_xproj(&x);
    }
}

int backward_conv(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_convolutions_plain_loops_agree_with_differences),
        cmocka_unit_test(convolutions_have_the_gradients_of_the_plain_loops),
        cmocka_unit_test(the_depthwise_plain_loops_agree_with_differences),
        cmocka_unit_test(depthwise_convolutions_have_the_gradients_of_the_plain_loops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
