/* cases_linear.c - norm_linear and mlp: see cases.h. */
#include "ops/cases_inside.h"

#include "ops/reference.h"

#include <math.h>

/* ---------------------------------------------------------------- norm_linear */

typedef struct linear_args { em_norm_linear a; const float *w; } linear_args;

static void run_linear(em_dev *dev, const void *args, float *y, int first, int n)
{
    const linear_args *l = args;
    em_norm_linear a = l->a;
    const size_t at = (size_t)(first * a.L), rows = (size_t)(n * a.L), size = rows * (size_t)a.w.n;
    const float *(*put_x)(em_dev *dev, const float *x, size_t n) = a.is_x_inner ? op_put_inner : op_put;
    float *result = a.is_y_inner ? op_room_inner(dev, size) : op_room(dev, size * sizeof *result);

    a.y = result;
    a.x = put_x(dev, a.x + at * a.ldx, rows * a.ldx);
    a.x_more[0] = a.x_more[0] ? put_x(dev, a.x_more[0] + at * a.ldx, rows * a.ldx) : NULL;
    a.gate = a.gate ? op_put_inner(dev, a.gate + at * a.ldg, rows * a.ldg) : NULL;
    a.residual = a.residual ? op_put(dev, a.residual + at * (size_t)a.w.n, size) : NULL;
    a.norm = op_put_norm(dev, a.norm, a.w.k);
    a.bias = op_put(dev, a.bias, (size_t)a.w.n);
    a.w = op_pack(dev, l->w, a.w.n, a.w.k);
    op_ops->norm_linear_fwd(dev, &a, n);
    if (a.is_y_inner)
        op_get_inner(dev, y, result, size);
    else
        op_get(dev, y, result, size);
}

/* MORE is done where scans leave several sums. */
enum { NORM = 1, MORE = 2, GATE = 4, BIAS = 8, RESIDUAL = 16, GELU = 32, X_INNER = 64, Y_INNER = 128 };

static const struct { int L, k, n, pad, flags; const char *reason; } linears[] = {
    { 1, 1, 1, 3, 0, "the smallest" },
    { 64, 40, 80, 3, NORM, "in_proj of nano: five vectors, so a panel of three" },
    { 63, 40, 17, 3, BIAS | GELU, "one lane past a vector" },
    { 257, 96, 384, 3, NORM | BIAS | GELU, "one row past a block; fc1 of tiny" },
    { 5, 97, 31, 3, NORM | BIAS | RESIDUAL, "nothing is a multiple of anything" },
    { 64, 192, 96, 3, NORM | MORE | RESIDUAL, "out_proj: scans summed, normed, added" },
    { 130, 112, 56, 0, NORM | MORE | RESIDUAL, "three vectors and a half, which takes two steps at once" },
    { 66, 30, 24, 3, BIAS | GELU, "one and a half; steps left over" },
    { 30, 48, 20, 3, NORM | MORE | GATE | RESIDUAL, "gated" },
    { 7, 7, 500, 3, GATE | BIAS, "few rows, many columns: cut by panels" },
    { 2, 300, 33, 3, RESIDUAL | GELU, "residual under the activation" },
    { 65, 96, 200, 0, NORM | Y_INNER, "rows normed on their way into a tile; one row past it" },
    { 33, 80, 40, 8, NORM | MORE | GATE | RESIDUAL | X_INNER, "the same of inner rows that lie apart" },
    { 70, 72, 130, 0, BIAS | GELU | X_INNER | Y_INNER, "inner rows read where they lie, a depth past a slab" },
    { 3, 2056, 24, 0, NORM | MORE | X_INNER, "deeper than rows are kept" },
    { 20, 1544, 50, 0, BIAS | RESIDUAL | GELU, "so deep that it is summed in two parts, with all that comes once" },
};

void norm_linear_equals_the_plain_loops(void **state)
{
    (void)state;
    for (size_t i = 0; i < EM_COUNT(linears); i++) {
        const int L = linears[i].L, k = linears[i].k, n = linears[i].n, f = linears[i].flags & (op_ops->n_y > 1 ? ~0 : ~MORE);
        const size_t rows = (size_t)(B * L), ld = (size_t)(k + linears[i].pad);
        float *x = op_numbers(rows * ld, 2), *more = op_numbers(rows * ld, 1), *gate = op_numbers(rows * ld, 1);
        float *residual = op_numbers(rows * (size_t)n, 1);
        float *w = op_numbers((size_t)(n * k), 1 / sqrt(k)), *bias = op_numbers((size_t)n, 1);
        float *scale = op_numbers((size_t)k, 1), *shift = op_numbers((size_t)k, 1);
        double *want = malloc(rows * (size_t)n * sizeof *want);
        const linear_args args = { {
            .x = x, .ldx = ld, .ldg = ld, .x_more = { f & MORE ? more : NULL }, .gate = f & GATE ? gate : NULL,
            .norm = f & NORM ? (em_norm){ .weight = scale, .bias = shift } : (em_norm){ 0 }, .w = { .n = n, .k = k }, .bias = f & BIAS ? bias : NULL,
            .residual = f & RESIDUAL ? residual : NULL, .act = f & GELU ? EM_ACT_GELU : EM_ACT_NONE, .L = L,
            .is_x_inner = f & X_INNER, .is_y_inner = f & Y_INNER }, w };

        ref_norm_linear(want, &args.a, w, B);
        op_everywhere(&(op_case){ run_linear, &args, (size_t)(L * n), want, { .k = k, .rows = op_rows(L, k) }, "norm_linear", linears[i].reason });
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

    float *x = op_room(dev, (size_t)n * window * sizeof *x);

    op_upload(dev, x, m->a.x + (size_t)first * window, (size_t)n * window * sizeof *x);
    a.x = x;
    a.norm = op_put_norm(dev, a.norm, a.w1.k);
    a.bias1 = op_put(dev, a.bias1, (size_t)a.w1.n);
    a.bias2 = op_put(dev, a.bias2, (size_t)a.w2.n);
    a.w1 = op_pack(dev, m->w1, a.w1.n, a.w1.k);
    a.w2 = op_pack(dev, m->w2, a.w2.n, a.w2.k);
    op_ops->mlp_fwd(dev, &a, n);
    op_get(dev, y, x, (size_t)n * window);
}

void mlp_equals_the_plain_loops(void **state)
{
    static const struct { int L, d, hidden; const char *reason; } cases[] = {
        { 1, 8, 32, "one row" }, { 1025, 40, 160, "nano's first stage, one row past" }, { 63, 33, 70, "odd" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const int L = cases[i].L, d = cases[i].d, hidden = cases[i].hidden;
        const size_t n = (size_t)(B * L * d);
        float *x = op_numbers(n, 2), *w1 = op_numbers((size_t)(d * hidden), 0.2), *w2 = op_numbers((size_t)(d * hidden), 0.1);
        float *b1 = op_numbers((size_t)hidden, 1), *b2 = op_numbers((size_t)d, 1);
        float *scale = op_numbers((size_t)d, 1), *shift = op_numbers((size_t)d, 1);
        double *want = malloc(n * sizeof *want);
        const mlp_args args = { {
            .x = x, .norm = { .weight = scale, .bias = shift }, .w1 = { .n = hidden, .k = d }, .w2 = { .n = d, .k = hidden },
            .bias1 = b1, .bias2 = b2, .L = L }, w1, w2 };

        ref_mlp(want, &args.a, w1, w2, B);
        op_everywhere(&(op_case){ run_mlp, &args, (size_t)(L * d), want,
            { .k = d + hidden, .rows = op_rows(L, d > hidden ? d : hidden), .hidden = (size_t)(L * hidden) }, "mlp", cases[i].reason });
        free(x), free(w1), free(w2), free(b1), free(b2), free(scale), free(shift), free(want);
    }
}
