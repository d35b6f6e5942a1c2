/* backward_linear.c - the gradients of norm_linear, at sizes off every block of rows, strip and panel: see back.h. */
#include "ops/back.h"

#include "ops/reference.h"

#include <math.h>

enum { NORM = 1, MORE = 2, GATE = 4, BIAS = 8, RESIDUAL = 16, GELU = 32, BRANCH = 64, ADDS = 128, NO_DX = 256 };

typedef struct linear_size { int B, L, k, n, pad, flags; const char *reason; } linear_size;

/* Inputs of a product, and its gradients in double. */
typedef struct linear {
    em_norm_linear a;
    int      B;
    float   *x, *more, *gate, *residual, *w, *bias, *scale, *shift, *branch, *dy;
    ref_product_grads want;
} linear;

/* In a gated block, rows of the gate hold something else first: here `pad` numbers and as many behind it. */
static linear make_linear(const linear_size *z)
{
    const size_t rows = (size_t)(z->B * z->L), k = (size_t)z->k, n = (size_t)z->n, ldx = k + (size_t)z->pad, ldg = k + 2 * (size_t)z->pad;
    const int f = z->flags;
    linear l = {
        .B = z->B, .x = numbers(rows * ldx, 1), .more = numbers(rows * ldx, 1), .gate = numbers(rows * ldg, 1), .residual = numbers(rows * n, 1),
        .w = numbers(n * k, 1 / sqrt(z->k)), .bias = numbers(n, 1), .scale = numbers(k, 1), .shift = numbers(k, 1),
        .branch = numbers((size_t)z->B, 1), .dy = numbers(rows * n, 1),
        .want = { .dx = doubles(rows * ldx), .dw = doubles(n * k), .dbias = doubles(n), .dweight = doubles(k), .dshift = doubles(k) },
    };

    l.branch[0] = z->B > 1 ? 0 : l.branch[0];               /* a dropped one, not all */
    l.want.dgate = f & GATE ? doubles(rows * ldg) : NULL;
    l.a = (em_norm_linear){
        .x = l.x, .x_more = { f & MORE ? l.more : NULL }, .gate = f & GATE ? l.gate : NULL, .ldx = ldx, .ldg = ldg, .gate_column = (size_t)z->pad,
        .norm = f & NORM ? (em_norm){ .weight = l.scale, .bias = l.shift } : (em_norm){ 0 }, .w = { .n = z->n, .k = z->k },
        .bias = f & BIAS ? l.bias : NULL, .residual = f & RESIDUAL ? l.residual : NULL, .act_before = f & GELU ? EM_ACT_GELU : EM_ACT_NONE,
        .L = z->L, .is_x_inner = (f & (MORE | GELU)) != 0, .branch = f & BRANCH ? l.branch : NULL, .dy = l.dy, .adds_dx = (f & ADDS) != 0,
    };
    return l;
}

static void free_linear(linear *l)
{
    free(l->x), free(l->more), free(l->gate), free(l->residual), free(l->w), free(l->bias);
    free(l->scale), free(l->shift), free(l->branch), free(l->dy);
    free(l->want.dx), free(l->want.dgate), free(l->want.dw), free(l->want.dbias), free(l->want.dweight), free(l->want.dshift);
}

static double loss_of(const void *args)
{
    const linear *l = args;
    const size_t n = (size_t)(l->B * l->a.L) * (size_t)l->a.w.n;
    double *y = doubles(n), loss;

    ref_norm_linear(y, &l->a, l->w, l->B);
    loss = inner_product(y, l->dy, n);
    free(y);
    return loss;
}

static void the_plain_loops_agree_with_differences(void **state)
{
    static const linear_size sizes[] = {
        { 2, 2, 5, 3, 2, BIAS, "" }, { 2, 2, 5, 3, 1, NORM | MORE | GATE | BIAS | RESIDUAL | BRANCH, "" },
        { 3, 1, 6, 2, 0, GELU | BRANCH | RESIDUAL, "" }, { 1, 2, 5, 3, 2, NORM | GELU | GATE, "" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        const linear_size *z = &sizes[i];
        linear l = make_linear(z);
        const size_t rows = (size_t)(z->B * z->L), k = (size_t)z->k, n = (size_t)z->n;
        const size_t normed = z->flags & NORM ? k : 0, gate = z->flags & GATE ? rows * l.a.ldg : 0;

        ref_norm_linear_bwd(&l.want, &l.a, l.w, l.B);
        check_differences(loss_of, &l, (moved[]){
            { "dx", l.x, l.want.dx, rows * l.a.ldx, false },
            { "dx of what is added", l.more, l.want.dx, z->flags & MORE ? rows * l.a.ldx : 0, false },
            { "dgate", l.gate, l.want.dgate, gate, false }, { "dw", l.w, l.want.dw, n * k, false },
            { "dbias", l.bias, l.want.dbias, z->flags & BIAS ? n : 0, false }, { "norm's dweight", l.scale, l.want.dweight, normed, false },
            { "norm's dbias", l.shift, l.want.dshift, normed, false }, { 0 },
        });
        free_linear(&l);
    }
}

static void run_linear(em_dev *dev, const void *args, float *const *grads, int first, int B)
{
    const linear *l = args;
    em_norm_linear a = l->a;
    const size_t at = (size_t)(first * a.L), n = (size_t)a.w.n;
    const size_t rows = (size_t)(B * a.L), k = (size_t)a.w.k;
    float *(*const x)(em_dev *, const float *, size_t) = a.is_x_inner ? lay_inner : lay;

    a.y = lay_room(dev, rows * n * sizeof *a.y);
    a.x = x(dev, a.x + at * a.ldx, rows * a.ldx);
    a.x_more[0] = a.x_more[0] ? x(dev, a.x_more[0] + at * a.ldx, rows * a.ldx) : NULL;
    a.gate = a.gate ? lay_inner(dev, a.gate + at * a.ldg, rows * a.ldg) : NULL;
    a.residual = a.residual ? lay(dev, a.residual + at * n, rows * n) : NULL;
    a.branch = a.branch ? lay(dev, a.branch + first, (size_t)B) : NULL;
    a.bias = lay(dev, a.bias, n), a.norm.weight = lay(dev, a.norm.weight, k), a.norm.bias = lay(dev, a.norm.bias, k);
    a.dy = lay(dev, a.dy + at * n, rows * n);
    a.dx = grads[0], a.dgate = grads[1];
    a.w = lay_matrix(dev, l->w, grads[2], a.w.n, a.w.k);
    a.dbias = grads[3], a.norm.dweight = grads[4], a.norm.dbias = grads[5];
    em_back_ops->norm_linear_fwd(dev, &a, B);
    em_back_ops->norm_linear_bwd(dev, &a, B);
}

static void products_have_the_gradients_of_the_plain_loops(void **state)
{
    static const linear_size sizes[] = {
        { 3, 64, 40, 80, 0, NORM | ADDS, "in_proj of nano: more than a block of rows, which end inside a window" },
        { 3, 27, 112, 20, 0, NORM | ADDS, "the same of windows that are no multiple of the rows done side by side" },
        { 3, 43, 33, 17, 3, BIAS, "one row past a block; one lane past vectors; rows apart" },
        { 3, 50, 31, 29, 0, BIAS | NO_DX, "nobody wants dx" },
        { 3, 1, 24, 7, 5, BIAS, "the linear head" },
        { 1, 1, 1, 1, 0, NORM | BIAS, "the smallest: of one number nothing is left after a norm" },
        { 3, 45, 80, 40, 0, NORM | MORE | RESIDUAL | BRANCH, "out_proj: scans summed, dropped paths" },
        { 3, 71, 40, 23, 9, NORM | MORE | GATE | RESIDUAL | BRANCH, "the same of a gated block, whose rows lie apart" },
        { 1, 129, 18, 5, 2, MORE | GATE | BIAS, "a gate without a norm" },
        { 3, 47, 97, 31, 0, GELU | BIAS | RESIDUAL | BRANCH, "fc2: GELU on the way in; nothing is a multiple of anything" },
        { 3, 20, 21, 13, 1, NORM | GELU | GATE | ADDS, "all that can stand before a product" },
        { 3, 730, 3, 900, 0, BIAS | ADDS, "more blocks of rows than are in flight at once: 18" },
        { 1, 1100, 900, 3, 0, NORM | BIAS, "the same, deep" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        linear_size size = sizes[i], *z = &size;
        const int f = size.flags &= em_back_ops->n_y > 1 ? ~0 : ~MORE;          /* it is done where scans leave several sums */
        const size_t L = (size_t)z->L, k = (size_t)z->k, n = (size_t)z->n, normed = f & NORM ? k : 0;
        linear l = make_linear(z);

        ref_norm_linear_bwd(&l.want, &l.a, l.w, l.B);
        check_gradients(&(back_case){ run_linear, &l, z->B,
            { { "dx", f & NO_DX ? 0 : L * l.a.ldx, f & ADDS ? ADDED : SET, l.want.dx }, { "dgate", f & GATE ? L * l.a.ldg : 0, SET, l.want.dgate },
              { "dw", n * k, PARAMETER, l.want.dw }, { "dbias", f & BIAS ? n : 0, PARAMETER, l.want.dbias },
              { "norm's dweight", normed, PARAMETER, l.want.dweight }, { "norm's dbias", normed, PARAMETER, l.want.dshift } },
            { .k = z->k, .rows = L * ((k + 63) / 64 * 64) }, "norm_linear", z->reason });
        free_linear(&l);
    }
}

int backward_linear(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_loops_agree_with_differences),
        cmocka_unit_test(products_have_the_gradients_of_the_plain_loops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
