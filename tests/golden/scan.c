/* scan.c - the selective scan and its gradients against the official code, one direction at a time, on every instruction
 * set this CPU has. Tolerance: 1e-5 of the largest element of the official output, 5e-5 of a gradient. */
#include "golden/tensors.h"

#include "ops/cpu/ops_cpu.h"

#include <math.h>

static em_st *ops_st;

/* The golden scan has an input and a delta of its own for each direction; ours shares the input. So each direction
 * runs alone: its tokens lie along it, the dt projection is the identity, and the others have C = 0 and no skip. */
typedef struct scan_case { const char *tag; int B, C, N, L; } scan_case;

static const scan_case scans[] = { { "n1", 2, 12, 1, 35 }, { "n16", 2, 8, 16, 30 }, { "n4", 1, 10, 4, 64 }, { "long", 1, 4, 1, 1200 } };

enum { U, DELTA, A, B_, C_, SKIP, BIAS, INPUTS };

/* What is read of the file. */
typedef struct scan_numbers { float *x[INPUTS], *dx[INPUTS], *y, *dy; } scan_numbers;

/* One direction at work. */
typedef struct direction {
    const scan_case *c;
    int k;
    float *u, *x_dbl, *y, *dt_w, *bias, *a, *skip, *dy, *states, *du, *dx_dbl, *ddt_w, *dbias, *da_log, *dskip;
} direction;

/* Of window b, step l: the token; where the golden inputs have channel i; where x_dbl has what the direction reads. */
static size_t token_at(const direction *d, int b, int l) { return (size_t)(b * d->c->L + (d->k / 2 ? d->c->L - 1 - l : l)); }
static size_t channel_at(const direction *d, int b, int i, int l) { return (size_t)(((b * EM_DIRECTIONS + d->k) * d->c->C + i) * d->c->L + l); }
static size_t state_at(const direction *d, int b, int i, int l) { return (size_t)(((b * EM_DIRECTIONS + d->k) * d->c->N + i) * d->c->L + l); }
static size_t row_at(const direction *d, int b, int l)
{
    return (token_at(d, b, l) * EM_DIRECTIONS + (size_t)d->k) * (size_t)(d->c->C + 2 * d->c->N);
}

static float *zeros(size_t n)
{
    float *x = calloc(n, sizeof *x);

    assert_non_null(x);
    return x;
}

static direction make_direction(const scan_case *c, int k)
{
    const size_t B = (size_t)c->B, C = (size_t)c->C, N = (size_t)c->N, L = (size_t)c->L, K = EM_DIRECTIONS, tokens = B * L, wide = K * (C + 2 * N);

    return (direction){
        .c = c, .k = k, .u = zeros(tokens * C), .x_dbl = zeros(tokens * wide), .y = zeros(2 * tokens * C),
        .dt_w = zeros(K * C * C), .bias = zeros(K * C), .a = zeros(K * N * C), .skip = zeros(K * C), .dy = zeros(tokens * C),
        .states = zeros(B * K * (L + EM_SCAN_CHUNK) * N * C),
        .du = zeros(2 * tokens * C), .dx_dbl = zeros(tokens * wide), .ddt_w = zeros(K * C * C), .dbias = zeros(K * C), .da_log = zeros(K * N * C),
        .dskip = zeros(K * C),
    };
}

static void free_direction(direction *d)
{
    free(d->u), free(d->x_dbl), free(d->y), free(d->dt_w), free(d->bias), free(d->a), free(d->skip), free(d->dy), free(d->states);
    free(d->du), free(d->dx_dbl), free(d->ddt_w), free(d->dbias), free(d->da_log), free(d->dskip);
}

static void fill_params(direction *d, float *const x[INPUTS])
{
    const int C = d->c->C, N = d->c->N, k = d->k;

    for (int i = 0; i < C; i++) {
        d->dt_w[(k * C + i) * C + i] = 1.f;
        d->bias[k * C + i] = x[BIAS][k * C + i];
        d->skip[k * C + i] = x[SKIP][k * C + i];
        for (int j = 0; j < N; j++)
            d->a[(k * N + j) * C + i] = (float)((double)x[A][(k * C + i) * N + j] * 1.4426950408889634);
    }
}

static void fill_tokens(direction *d, float *const x[INPUTS], const float *dy)
{
    const int C = d->c->C, N = d->c->N;

    for (int b = 0; b < d->c->B; b++)
        for (int l = 0; l < d->c->L; l++) {
            float *row = d->x_dbl + row_at(d, b, l);

            for (int i = 0; i < C; i++) {
                d->u[token_at(d, b, l) * (size_t)C + (size_t)i] = x[U][channel_at(d, b, i, l)];
                d->dy[token_at(d, b, l) * (size_t)C + (size_t)i] = dy[channel_at(d, b, i, l)];
                row[i] = x[DELTA][channel_at(d, b, i, l)];
            }
            for (int j = 0; j < N; j++) {
                row[C + j] = x[B_][state_at(d, b, j, l)];
                row[C + N + j] = x[C_][state_at(d, b, j, l)];
            }
        }
}

static void run_direction(em_dev *dev, const direction *d)
{
    const size_t size = (size_t)(d->c->B * d->c->L * d->c->C);
    const em_scan4 scan = {
        .y = { d->y, d->y + size }, .u = d->u, .x_dbl = d->x_dbl, .H = d->k % 2 ? d->c->L : 1, .W = d->k % 2 ? 1 : d->c->L,
        .D = d->c->C, .R = d->c->C, .N = d->c->N, .dt_w = d->dt_w, .dt_bias = d->bias, .a = d->a, .skip = d->skip,
        .states = d->states, .dy = d->dy, .du = { d->du, d->du + size }, .dx_dbl = d->dx_dbl, .ddt_w = d->ddt_w, .ddt_bias = d->dbias,
        .dskip = d->dskip, .da_log = d->da_log,
    };

    em_ops_cpu.scan4_fwd(dev, &scan, d->c->B);
    em_ops_cpu.scan4_bwd(dev, &scan, d->c->B);
    for (size_t i = 0; i < size; i++) {
        d->y[i] += d->y[size + i];
        d->du[i] += d->du[size + i];
    }
}

/* How far the worst number is off, beside the largest of all directions. */
typedef struct gap { double off, top; } gap;

static void meet(gap *g, float got, float want) { g->off = fmax(g->off, fabs((double)got - (double)want)); }

static void check_gap(const direction *d, const char *what, const gap *g, double tolerance)
{
    CHECK(g->off <= tolerance * g->top, "scan.%s, direction %d, %s: off by %.3g of the largest", d->c->tag, d->k, what, g->off / g->top);
}

/* Largest of golden numbers of some n a channel or state and window. */
static gap gap_of(const scan_case *c, const float *want, int n)
{
    return (gap){ 0, golden_largest(want, (size_t)(c->B * EM_DIRECTIONS * n * c->L)) };
}

static void check_tokens(const direction *d, const scan_numbers *g)
{
    const int C = d->c->C, N = d->c->N;
    gap y = gap_of(d->c, g->y, C), du = gap_of(d->c, g->dx[U], C), ddelta = gap_of(d->c, g->dx[DELTA], C);
    gap db = gap_of(d->c, g->dx[B_], N), dc = gap_of(d->c, g->dx[C_], N);

    for (int b = 0; b < d->c->B; b++)
        for (int l = 0; l < d->c->L; l++) {
            const float *row = d->dx_dbl + row_at(d, b, l);

            for (int i = 0; i < C; i++) {
                meet(&y, d->y[token_at(d, b, l) * (size_t)C + (size_t)i], g->y[channel_at(d, b, i, l)]);
                meet(&du, d->du[token_at(d, b, l) * (size_t)C + (size_t)i], g->dx[U][channel_at(d, b, i, l)]);
                meet(&ddelta, row[i], g->dx[DELTA][channel_at(d, b, i, l)]);
            }
            for (int j = 0; j < N; j++) {
                meet(&db, row[C + j], g->dx[B_][state_at(d, b, j, l)]);
                meet(&dc, row[C + N + j], g->dx[C_][state_at(d, b, j, l)]);
            }
        }
    check_gap(d, "y", &y, 1e-5);
    check_gap(d, "du", &du, 5e-5);
    check_gap(d, "ddelta", &ddelta, 5e-5);
    check_gap(d, "dB", &db, 5e-5);
    check_gap(d, "dC", &dc, 5e-5);
}

static void check_params(const direction *d, const scan_numbers *g)
{
    const int C = d->c->C, N = d->c->N, k = d->k;
    const size_t n = (size_t)(EM_DIRECTIONS * C);
    gap da = { 0, golden_largest(g->dx[A], n * (size_t)N) };
    gap dskip = { 0, golden_largest(g->dx[SKIP], n) }, dbias = { 0, golden_largest(g->dx[BIAS], n) };

    for (int i = 0; i < C; i++) {
        meet(&dskip, d->dskip[k * C + i], g->dx[SKIP][k * C + i]);
        meet(&dbias, d->dbias[k * C + i], g->dx[BIAS][k * C + i]);
        for (int j = 0; j < N; j++)
            meet(&da, d->da_log[(k * N + j) * C + i] / g->x[A][(k * C + i) * N + j], g->dx[A][(k * C + i) * N + j]);
    }
    check_gap(d, "dA", &da, 5e-5);
    check_gap(d, "dD", &dskip, 5e-5);
    check_gap(d, "dbias", &dbias, 5e-5);
}

static scan_numbers read_scan(const scan_case *c)
{
    scan_numbers g = { .y = golden_read(ops_st, NULL, NULL, "scan.%s.y", c->tag), .dy = golden_read(ops_st, NULL, NULL, "scan.%s.dy", c->tag) };

    for (int j = 0; j < INPUTS; j++) {
        g.x[j] = golden_read(ops_st, NULL, NULL, "scan.%s.x%d", c->tag, j);
        g.dx[j] = golden_read(ops_st, NULL, NULL, "scan.%s.dx%d", c->tag, j);
    }
    return g;
}

static void free_scan(scan_numbers *g)
{
    free(g->y), free(g->dy);
    for (int j = 0; j < INPUTS; j++)
        free(g->x[j]), free(g->dx[j]);
}

static void each_scan(em_dev *dev)
{
    for (size_t i = 0; i < EM_COUNT(scans); i++) {
        const scan_case *c = &scans[i];
        scan_numbers g = read_scan(c);
        em_err err;

        CHECK_OK(em_ops_cpu.reserve(dev, &(em_needs){ .k = 64, .n = c->N, .d = c->C, .r = c->C, .trains = true, .max_batch = c->B }, &err));
        for (int k = 0; k < EM_DIRECTIONS; k++) {
            direction d = make_direction(c, k);

            fill_params(&d, g.x);
            fill_tokens(&d, g.x, g.dy);
            run_direction(dev, &d);
            check_tokens(&d, &g);
            check_params(&d, &g);
            free_direction(&d);
        }
        free_scan(&g);
    }
}

/* ---------------------------------------------------------------- on each instruction set, with 1 and 2 threads */

static void scans_and_their_gradients_equal_the_official_ones(void **state)
{
    static const char *const isas[] = { "avx512", "avx2", "base" };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(isas); i++)
        for (int n_threads = 1; n_threads <= 2; n_threads++) {
            em_dev *dev;
            em_err err;

            if (em_ops_cpu.open(&dev, &(em_dev_cfg){ .n_threads = n_threads, .isa = isas[i] }, &err) != EM_OK) {
                printf("SKIPPED: %s\n", err.msg);
                continue;
            }
            each_scan(dev);
            em_ops_cpu.close(dev);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scans_and_their_gradients_equal_the_official_ones),
    };

    ops_st = golden_open("ops.safetensors");
    if (!ops_st)
        SKIP_ALL("no golden operators at hand");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
