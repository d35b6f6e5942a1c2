/* backward.c - the gradients of every operator against the plain loops in double, at sizes that sit at the edges of tiles,
 * vectors and chunks; on each instruction set, and with the same bits for 1, 2 and 3 threads. The loops themselves stand
 * against differences of the forward loops.
 *
 * An operator is a back_case: what runs it forward and backward, and the list of its gradients. Those of parameters begin
 * at some numbers and must have grown; those of activations begin as NaN, must be set, and must not know their neighbours
 * in the batch. */
#include "check.h"

#include "base/arena.h"
#include "base/pool.h"
#include "base/rng.h"
#include "ops/cpu/ops_cpu.h"
#include "ops/reference.h"

#include <math.h>

static em_rng rng = { 23 };

static float *numbers(size_t n, double scale)
{
    float *x = em_alloc(n * sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(scale * em_rng_normal(&rng));
    return x;
}

static double *doubles(size_t n)
{
    double *x = calloc(n, sizeof *x);

    assert_non_null(x);
    return x;
}

/* ---------------------------------------------------------------- every setting */

/* n numbers: of one window for an activation, in all for a parameter. */
typedef struct gradient { const char *name; size_t n; bool is_parameter; const double *want; } gradient;

enum { MOST_GRADIENTS = 8 };

typedef struct back_case {
    /* Runs windows [first, first + B) forward and backward; grads[i] is where the gradient i goes. */
    void    (*run)(em_dev *dev, const void *args, float *const *grads, int first, int B);
    const void *args;
    int      B;
    gradient gradients[MOST_GRADIENTS];                     /* ends with one of no name */
    em_needs needs;
    const char *name, *reason;
} back_case;

static size_t size_of(const gradient *g, int B) { return g->is_parameter ? g->n : g->n * (size_t)B; }

/* What a parameter's gradient was before. */
static float before(size_t i) { return (float)(i % 7) * 0.5f; }

static void make_room(float **grads, const back_case *c, int B)
{
    for (int i = 0; c->gradients[i].name; i++) {
        const size_t n = size_of(&c->gradients[i], B);

        grads[i] = em_alloc(n * sizeof **grads);
        assert_non_null(grads[i]);
        for (size_t j = 0; j < n; j++)
            grads[i][j] = c->gradients[i].is_parameter ? before(j) : NAN;
    }
}

static void check_numbers(const back_case *c, const gradient *g, const float *got, const char *setting)
{
    const size_t n = size_of(g, c->B);
    double off = 0, top = 0;

    for (size_t j = 0; j < n; j++) {
        const double begin = g->is_parameter ? (double)before(j) : 0, was = (double)got[j] - begin;

        top = fmax(top, fabs(g->want[j]));
        off = fmax(off, isnan(was) ? INFINITY : fabs(was - g->want[j]));
    }
    CHECK(off <= 5e-5 * top, "%s, %s on %s: off by %.3g of the largest (%s)", c->name, g->name, setting, off / top, c->reason);
}

/* `first` keeps what the first number of threads of an instruction set answers. */
static void under(const back_case *c, const char *isa, int n_threads, float **first)
{
    float *grads[MOST_GRADIENTS] = { 0 }, *alone[MOST_GRADIENTS] = { 0 };
    const int one = c->B - 1;
    char setting[64];
    em_needs needs = c->needs;
    em_dev *dev;
    em_err err;

    needs.max_batch = c->B;
    needs.trains = true;
    snprintf(setting, sizeof setting, "%s, %d threads", isa, n_threads);
    if (em_ops_cpu.open(&dev, &(em_dev_cfg){ .n_threads = n_threads, .isa = isa }, &err) == EM_EUNSUPPORTED)
        return;                                             /* another CPU's: the golden test says so */
    CHECK(dev, "%s cannot be opened: %s", setting, err.msg);
    CHECK_OK(em_ops_cpu.reserve(dev, &needs, &err));
    make_room(grads, c, c->B);
    make_room(alone, c, 1);
    c->run(dev, c->args, grads, 0, c->B);
    c->run(dev, c->args, alone, one, 1);
    em_ops_cpu.close(dev);
    for (int i = 0; c->gradients[i].name; i++) {
        const gradient *g = &c->gradients[i];
        const size_t n = size_of(g, c->B) * sizeof **grads;

        check_numbers(c, g, grads[i], setting);
        CHECK(g->is_parameter || memcmp(alone[i], grads[i] + (size_t)one * g->n, g->n * sizeof **grads) == 0,
              "%s, %s on %s: its neighbours change it (%s)", c->name, g->name, setting, c->reason);
        CHECK(!first[i] || memcmp(first[i], grads[i], n) == 0, "%s, %s on %s: has other bits (%s)", c->name, g->name, setting, c->reason);
        free(alone[i]);
        if (first[i])
            free(grads[i]);
        else
            first[i] = grads[i];
    }
}

static void everywhere(const back_case *c)
{
    static const char *const isas[] = { "avx512", "avx2", "base" };

    for (size_t i = 0; i < EM_COUNT(isas); i++) {
        float *first[MOST_GRADIENTS] = { 0 };

        for (int n_threads = 1; n_threads <= 3; n_threads++)
            under(c, isas[i], n_threads, first);
        for (int j = 0; j < MOST_GRADIENTS; j++)
            free(first[j]);
    }
}

/* ---------------------------------------------------------------- differences */

/* Of the loss by *x, from steps e and e/2, which leaves an error of the fourth order. */
static double difference(double (*loss_of)(const void *args), const void *args, float *x)
{
    const float was = *x;
    double slope[2];

    for (int i = 0; i < 2; i++) {
        const float e = i ? 0x1p-7f : 0x1p-6f, above = was + e, below = was - e;
        double up;

        *x = above;
        up = loss_of(args);
        *x = below;
        slope[i] = (up - loss_of(args)) / ((double)above - (double)below);
    }
    *x = was;
    return (4 * slope[1] - slope[0]) / 3;
}

static void check_differences(double (*loss_of)(const void *args), const void *args, const char *name, float *x, const double *want, size_t n,
                              bool is_rate)
{
    double off = 0, top = 0;

    for (size_t i = 0; i < n; i++) {
        const double by = is_rate ? (double)x[i] : 1;       /* da_log = da * a */

        top = fmax(top, fabs(want[i]));
        off = fmax(off, fabs(difference(loss_of, args, &x[i]) * by - want[i]));
    }
    CHECK(off <= 1e-6 * top, "%s: off by %.3g of the largest", name, off / top);
}

/* ---------------------------------------------------------------- scan4 */

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

/* sum of dy * y */
static double scan_loss(const void *args)
{
    const scan *s = args;
    const size_t n = tokens_of(s) * (size_t)s->a.D;
    double *y = doubles(n), sum = 0;

    ref_scan4(y, &s->a, s->B);
    for (size_t i = 0; i < n; i++)
        sum += y[i] * (double)s->dy[i];
    free(y);
    return sum;
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
    check_differences(scan_loss, &s, "du", s.u, s.want.du, tokens * 2, false);
    check_differences(scan_loss, &s, "dx_dbl", s.x_dbl, s.want.dx_dbl, tokens * K * 6, false);
    check_differences(scan_loss, &s, "ddt_w", s.dt_w, s.want.ddt_w, K * 4, false);
    check_differences(scan_loss, &s, "ddt_bias", s.dt_bias, s.want.ddt_bias, K * 2, false);
    check_differences(scan_loss, &s, "dskip", s.skip, s.want.dskip, K * 2, false);
    check_differences(scan_loss, &s, "da_log", s.rate, s.want.da_log, K * 4, true);
    free_scan(&s);
}

static void run_scan(em_dev *dev, const void *args, float *const *grads, int first, int B)
{
    const scan *s = args;
    em_scan4 a = s->a;
    const size_t L = (size_t)(a.H * a.W), at = (size_t)first * L, D = (size_t)a.D, n = (size_t)B * L * D;
    const size_t wide = (size_t)(EM_DIRECTIONS * (a.R + 2 * a.N)), chunks = (L + EM_SCAN_CHUNK - 1) / EM_SCAN_CHUNK;
    float *rest = em_alloc(3 * n * sizeof *rest);
    float *states = em_alloc((size_t)(B * EM_DIRECTIONS) * chunks * (size_t)a.N * D * sizeof *states);

    assert_true(rest && states);
    a.u += at * D, a.dy += at * D, a.x_dbl += at * wide;
    a.y[0] = rest, a.y[1] = rest + n;
    a.states = states;
    a.du[0] = grads[0], a.du[1] = rest + 2 * n;
    a.dx_dbl = grads[1], a.ddt_w = grads[2], a.ddt_bias = grads[3], a.dskip = grads[4], a.da_log = grads[5];
    em_ops_cpu.scan4_fwd(dev, &a, B);
    em_ops_cpu.scan4_bwd(dev, &a, B);
    for (size_t i = 0; i < n; i++)
        grads[0][i] += a.du[1][i];
    free(rest);
    free(states);
}

static void scans_have_the_gradients_of_the_plain_loops(void **state)
{
    static const scan_size sizes[] = {
        { 3, 8, 8, 80, 3, 1, "nano" }, { 1, 64, 32, 16, 1, 1, "many chunks" }, { 3, 5, 7, 33, 2, 16, "odd, sixteen states" },
        { 1, 1, 1, 1, 1, 1, "one token of one channel" }, { 3, 3, 1, 48, 48, 4, "three tokens, a deep projection" },
        { 3, 8, 4, 40, 20, 1, "one chunk" }, { 1, 3, 11, 31, 5, 2, "one token more than a chunk, one lane less than vectors" },
        { 1, 6, 9, 12, 7, 8, "eight states" }, { 35, 2, 3, 9, 4, 1, "more windows than sums are kept of" }, { 1, 2, 5, 3, 1, 256, "most states" },
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
        everywhere(&(back_case){ run_scan, &s, z->B,
            { { "du", L * D, false, s.want.du }, { "dx_dbl", L * K * (R + 2 * N), false, s.want.dx_dbl }, { "ddt_w", K * R * D, true, s.want.ddt_w },
              { "ddt_bias", K * D, true, s.want.ddt_bias }, { "dskip", K * D, true, s.want.dskip }, { "da_log", K * N * D, true, s.want.da_log } },
            { .k = 1, .n = z->N, .d = z->D, .r = z->R, .recurrences = 4 * z->D * z->N }, "scan4", z->reason });
        free_scan(&s);
    }
}

/* ---------------------------------------------------------------- attention */

typedef struct window_size { int B, H, W, C, heads, side, shift, table_side; const char *reason; } window_size;

/* Inputs of an attention, and its gradients in double. */
typedef struct attention { em_attention a; int B; size_t n, n_table; float *qkv, *table, *dy; double *dqkv, *dtable; } attention;

static attention make_attention(const window_size *z)
{
    const size_t n = (size_t)(z->H * z->W * z->C), span = (size_t)(2 * z->table_side - 1), n_table = span * span * (size_t)z->heads, B = (size_t)z->B;
    attention s = { .B = z->B, .n = n, .n_table = n_table, .qkv = numbers(B * 3 * n, 1), .table = numbers(n_table, 1), .dy = numbers(B * n, 1),
                    .dqkv = doubles(B * 3 * n), .dtable = doubles(n_table) };

    s.a = (em_attention){ .qkv = s.qkv, .H = z->H, .W = z->W, .C = z->C, .heads = z->heads, .side = z->side, .shift = z->shift,
                          .table_side = z->table_side, .table = s.table, .dy = s.dy };
    ref_attention_bwd(s.dqkv, s.dtable, &s.a, z->B);
    return s;
}

static void free_attention(attention *s)
{
    free(s->qkv), free(s->table), free(s->dy), free(s->dqkv), free(s->dtable);
}

static double attention_loss(const void *args)
{
    const attention *s = args;
    const size_t n = (size_t)s->B * s->n;
    double *y = doubles(n), sum = 0;

    ref_attention(y, &s->a, s->B);
    for (size_t i = 0; i < n; i++)
        sum += y[i] * (double)s->dy[i];
    free(y);
    return sum;
}

static void attentions_plain_loops_agree_with_differences(void **state)
{
    attention s = make_attention(&(window_size){ 2, 4, 6, 4, 2, 2, 1, 3, "" });

    (void)state;
    check_differences(attention_loss, &s, "dqkv", s.qkv, s.dqkv, 2 * 3 * s.n, false);
    check_differences(attention_loss, &s, "dtable", s.table, s.dtable, s.n_table, false);
    free_attention(&s);
}

static void run_attention(em_dev *dev, const void *args, float *const *grads, int first, int B)
{
    const attention *s = args;
    em_attention a = s->a;

    a.qkv += (size_t)first * 3 * s->n;
    a.dy += (size_t)first * s->n;
    a.dqkv = grads[0];
    a.dtable = grads[1];
    em_ops_cpu.attention_bwd(dev, &a, B);
}

static void attention_has_the_gradients_of_the_plain_loops(void **state)
{
    static const window_size sizes[] = {
        { 3, 16, 24, 96, 4, 8, 0, 8, "HTS-AT's heads of 24" }, { 3, 16, 24, 96, 4, 8, 4, 8, "rolled: four regions in the last window" },
        { 2, 8, 8, 64, 32, 8, 0, 8, "one window, heads of two" }, { 3, 8, 4, 34, 2, 4, 0, 8, "windows smaller than the table's, odd heads" },
        { 2, 6, 9, 15, 3, 3, 1, 3, "nine tokens, a shift that is not half" }, { 1, 1, 1, 8, 1, 1, 0, 2, "one token" },
        { 18, 2, 4, 33, 1, 2, 1, 2, "more windows than runs, one head past two vectors" }, { 1, 12, 12, 40, 1, 12, 0, 12, "nine vectors of queries" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        const window_size *z = &sizes[i];
        attention s = make_attention(z);

        everywhere(&(back_case){ run_attention, &s, z->B, { { "dqkv", 3 * s.n, false, s.dqkv }, { "dtable", s.n_table, true, s.dtable } },
            { .k = 1, .side = z->side, .head_width = z->C / z->heads }, "attention", z->reason });
        free_attention(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scans_plain_loops_agree_with_differences),
        cmocka_unit_test(scans_have_the_gradients_of_the_plain_loops),
        cmocka_unit_test(attentions_plain_loops_agree_with_differences),
        cmocka_unit_test(attention_has_the_gradients_of_the_plain_loops),
    };

    em_flush_denormals();                                   /* as the workers do: see base/pool.h */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
