/* cases_scan.c - the scan: see cases.h. */
#include "ops/cases_inside.h"

#include "ops/reference.h"

#include <math.h>

static void run_scan(em_dev *dev, const void *args, float *y, int first, int n)
{
    em_scan4 a = *(const em_scan4 *)args;
    const size_t L = (size_t)(a.H * a.W), tokens = (size_t)n * L, size = tokens * (size_t)a.D, wide = (size_t)(4 * (a.R + 2 * a.N)), D = (size_t)a.D;
    float *sum = malloc(size * sizeof *sum);

    assert_non_null(sum);
    a.u = op_put_inner(dev, a.u + (size_t)first * L * D, size);
    a.x_dbl = op_put(dev, a.x_dbl + (size_t)first * L * wide, tokens * wide);
    a.dt_w = op_put(dev, a.dt_w, 4 * (size_t)a.R * D);
    a.dt_bias = op_put(dev, a.dt_bias, 4 * D);
    a.a = op_put(dev, a.a, 4 * (size_t)a.N * D);
    a.skip = op_put(dev, a.skip, 4 * D);
    for (int i = 0; i < op_ops->n_y; i++)
        a.y[i] = op_room_inner(dev, size);
    op_ops->scan4_fwd(dev, &a, n);
    op_get_inner(dev, y, a.y[0], size);
    for (int i = 1; i < op_ops->n_y; i++) {
        op_get_inner(dev, sum, a.y[i], size);
        for (size_t j = 0; j < size; j++)
            y[j] += sum[j];
    }
    free(sum);
}

void scan_equals_the_plain_loops(void **state)
{
    static const struct { int H, W, D, R, N; const char *reason; } cases[] = {
        { 8, 8, 80, 3, 1, "nano" }, { 64, 64, 16, 1, 1, "the longest of a 10 s window" }, { 5, 7, 33, 2, 16, "odd, sixteen states" },
        { 1, 1, 1, 1, 1, "one token" }, { 3, 1, 48, 48, 4, "three steps of a group of four" }, { 6, 9, 12, 5, 8, "eight states" },
        { 8, 256, 8, 1, 1, "wide: an 80 s window's third stage" }, { 3, 3, 16, 1, 1, "one token more than a chunk" },
        { 4, 5, 200, 3, 1, "seven tiles of 32 channels, of which the middle one is cut" }, { 2, 7, 20, 1, 4, "one tile, cut" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const int H = cases[i].H, W = cases[i].W, D = cases[i].D, R = cases[i].R, N = cases[i].N;
        const size_t tokens = (size_t)(B * H * W), window = (size_t)(H * W * D);
        float *u = op_numbers(tokens * (size_t)D, 1), *x_dbl = op_numbers(tokens * (size_t)(4 * (R + 2 * N)), 1);
        float *dt_w = op_numbers((size_t)(4 * R * D), 0.7 / sqrt(R)), *bias = op_numbers((size_t)(4 * D), 1.2);
        float *a = op_numbers((size_t)(4 * N * D), 0.7), *skip = op_numbers((size_t)(4 * D), 1);
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
        op_everywhere(&(op_case){ run_scan, &args, window, want, { .k = 1, .n = N, .recurrences = 4 * D * N }, "scan4", cases[i].reason });
        free(u), free(x_dbl), free(dt_w), free(bias), free(a), free(skip), free(want);
    }
}
