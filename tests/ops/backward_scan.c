/* backward_scan.c - the gradients of four selective scans, at sizes that sit at the edges of tiles, vectors and chunks: see
 * back.h. */
#include "ops/back.h"

#include "ops/reference.h"

#include <math.h>

/* Inputs of a scan, and its gradients in double. */
typedef struct scan { em_scan4 a; int B; float *u, *x_dbl, *dt_w, *dt_bias, *rate, *skip, *dy; ref_scan4_grads want; } scan;

typedef struct scan_size { int B, H, W, D, R, N; const char *reason; } scan_size;

static size_t tokens_of(const scan *s) { return (size_t)(s->B * s->a.H * s->a.W); }

static scan make_scan(const scan_size *z)
{
    const size_t K = EM_DIRECTIONS, D = (size_t)z->D, R = (size_t)z->R, N = (size_t)z->N, tokens = (size_t)(z->B * z->H * z->W);
    scan s = {
        .B = z->B, .u = numbers(tokens * D, 1), .x_dbl = numbers(tokens * K * (R + 2 * N), 1), .dt_w = numbers(K * R * D, 0.7 / sqrt(z->R)),
        .dt_bias = numbers(K * D, 1.2), .rate = numbers(K * N * D, 0.7), .skip = numbers(K * D, 1), .dy = numbers(tokens * D, 1),
        .want = { doubles(tokens * D), doubles(tokens * K * (R + 2 * N)), doubles(K * R * D), doubles(K * D), doubles(K * D), doubles(K * N * D) },
    };

    for (size_t i = 0; i < K * D; i++)
        s.dt_bias[i] -= 1.5f;
    for (size_t i = 0; i < K * N * D; i++)
        s.rate[i] = -expf(s.rate[i]) * 1.44269504f;
    s.a = (em_scan4){ .u = s.u, .x_dbl = s.x_dbl, .H = z->H, .W = z->W, .D = z->D, .R = z->R, .N = z->N, .dt_w = s.dt_w,
                      .dt_bias = s.dt_bias, .a = s.rate, .skip = s.skip, .dy = s.dy };
    return s;
}

static void free_scan(scan *s)
{
    free(s->u), free(s->x_dbl), free(s->dt_w), free(s->dt_bias), free(s->rate), free(s->skip), free(s->dy);
    free(s->want.du), free(s->want.dx_dbl), free(s->want.ddt_w), free(s->want.ddt_bias), free(s->want.dskip), free(s->want.da_log);
}

static double loss_of(const void *args)
{
    const scan *s = args;
    const size_t n = tokens_of(s) * (size_t)s->a.D;
    double *y = doubles(n), loss;

    ref_scan4(y, &s->a, s->B);
    loss = inner_product(y, s->dy, n);
    free(y);
    return loss;
}

static void the_scans_plain_loops_agree_with_differences(void **state)
{
    scan s = make_scan(&(scan_size){ 2, 3, 2, 2, 2, 2, "" });
    const size_t K = EM_DIRECTIONS, tokens = tokens_of(&s);

    (void)state;
    /* Steps are exact where the numbers have room for them. */
    for (size_t i = 0; i < K * 4; i++)
        s.rate[i] = -(float)(1 + i % 5) * 0.25f;
    ref_scan4_bwd(&s.want, &s.a, s.B);
    check_differences(loss_of, &s, (moved[]){
        { "du", s.u, s.want.du, tokens * 2, false }, { "dx_dbl", s.x_dbl, s.want.dx_dbl, tokens * K * 6, false },
        { "ddt_w", s.dt_w, s.want.ddt_w, K * 4, false }, { "ddt_bias", s.dt_bias, s.want.ddt_bias, K * 2, false },
        { "dskip", s.skip, s.want.dskip, K * 2, false }, { "da_log", s.rate, s.want.da_log, K * 4, true }, { 0 },
    });
    free_scan(&s);
}

static void run_scan(em_dev *dev, const void *args, float *const *grads, int first, int B)
{
    const scan *s = args;
    em_scan4 a = s->a;
    const size_t L = (size_t)(a.H * a.W), at = (size_t)first * L, D = (size_t)a.D, n = (size_t)B * L * D;
    const size_t wide = (size_t)(EM_DIRECTIONS * (a.R + 2 * a.N)), chunks = (L + EM_SCAN_CHUNK - 1) / EM_SCAN_CHUNK;
    const size_t K = EM_DIRECTIONS, R = (size_t)a.R, N = (size_t)a.N;
    float *sum;
    em_err err;

    a.u = lay_inner(dev, a.u + at * D, n), a.dy = lay(dev, a.dy + at * D, n), a.x_dbl = lay(dev, a.x_dbl + at * wide, n / D * wide);
    a.dt_w = lay(dev, a.dt_w, K * R * D), a.dt_bias = lay(dev, a.dt_bias, K * D), a.a = lay(dev, a.a, K * N * D), a.skip = lay(dev, a.skip, K * D);
    a.states = lay_room(dev, (size_t)B * K * chunks * N * D * sizeof(float));
    for (int i = 0; i < em_back_ops->n_y; i++)
        a.y[i] = lay_room(dev, n * sizeof(float));
    for (int i = 0; i < em_back_ops->n_du; i++)
        a.du[i] = lay_room(dev, n * sizeof(float));
    a.dx_dbl = grads[1], a.ddt_w = grads[2], a.ddt_bias = grads[3], a.dskip = grads[4], a.da_log = grads[5];
    em_back_ops->scan4_fwd(dev, &a, B);
    em_back_ops->scan4_bwd(dev, &a, B);
    sum = numbers(n, 0);
    for (int i = 0; i < em_back_ops->n_du; i++) {         /* what conv_silu_xproj's way back does */
        float *du = fetch(dev, a.du[i], n);

        for (size_t j = 0; j < n; j++)
            sum[j] += du[j];
        free(du);
    }
    CHECK_OK(em_back_ops->upload(dev, grads[0], sum, n, &err));
    free(sum);
}

static void scans_have_the_gradients_of_the_plain_loops(void **state)
{
    static const scan_size sizes[] = {
        { 3, 8, 8, 80, 3, 1, "nano" }, { 1, 64, 32, 16, 1, 1, "many chunks" }, { 3, 5, 7, 33, 2, 16, "odd, sixteen states" },
        { 1, 1, 1, 1, 1, 1, "one token of one channel" }, { 3, 3, 1, 48, 48, 4, "three tokens, a deep projection" },
        { 3, 8, 4, 40, 20, 1, "one chunk" }, { 1, 3, 11, 31, 5, 2, "one token more than a chunk, one lane less than vectors" },
        { 1, 6, 9, 12, 7, 8, "eight states" }, { 2, 13, 21, 37, 6, 4, "four states, tiles of channels with an edge, several rounds of chunks" },
        { 35, 2, 3, 9, 4, 1, "more windows than sums are kept of" }, { 1, 2, 5, 3, 1, 256, "most states" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        const scan_size *z = &sizes[i];
        const size_t K = EM_DIRECTIONS, D = (size_t)z->D, R = (size_t)z->R, N = (size_t)z->N, L = (size_t)(z->H * z->W);
        scan s = make_scan(z);

        s.dt_bias[0] = 25;                                  /* softplus is the identity there */
        s.dt_bias[D - 1] = -40;                             /* and nothing here               */
        s.rate[0] = -200;                                   /* a state that forgets at once   */
        ref_scan4_bwd(&s.want, &s.a, z->B);
        check_gradients(&(back_case){ run_scan, &s, z->B,
            { { "du", L * D, SET, s.want.du }, { "dx_dbl", L * K * (R + 2 * N), SET, s.want.dx_dbl },
              { "ddt_w", K * R * D, PARAMETER, s.want.ddt_w }, { "ddt_bias", K * D, PARAMETER, s.want.ddt_bias },
              { "dskip", K * D, PARAMETER, s.want.dskip }, { "da_log", K * N * D, PARAMETER, s.want.da_log } },
            { .k = 1, .n = z->N, .d = z->D, .r = z->R, .recurrences = 4 * z->D * z->N }, "scan4", z->reason });
        free_scan(&s);
    }
}

int backward_scan(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scans_plain_loops_agree_with_differences),
        cmocka_unit_test(scans_have_the_gradients_of_the_plain_loops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
