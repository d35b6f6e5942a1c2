/* kernels.c - what the operators take from an instruction set for granted, on each of them: packed weights, rows that do not
 * know their neighbours, and GELU and SiLU of any number. */
#include "ops/cases.h"

#include "base/rng.h"
#include "ops/cpu/device.h"
#include "ops/cpu/ops_cpu.h"

#include <math.h>
#include <string.h>

enum { MOST = 64 * 640, ROWS = 9 };

static const char *const isas[] = { "avx512", "avx2", "base" };
static float w[MOST], turned[MOST], packed[2 * MOST], other[2 * MOST], back[MOST];

static void fill(float *x, size_t n)
{
    em_rng rng = { 7 };

    for (size_t i = 0; i < n; i++)
        x[i] = (float)em_rng_normal(&rng);
}

/* Calls check with the kernels of every instruction set that this CPU has. */
static void on_each(void (*check)(const em_kernels *k))
{
    for (size_t i = 0; i < EM_COUNT(isas); i++) {
        const em_dev_cfg cfg = { .n_threads = 1, .isa = isas[i] };
        em_dev *dev;

        if (em_ops_cpu.open(&dev, &cfg, NULL) != EM_OK)
            continue;
        check(dev->k);
        em_ops_cpu.close(dev);
    }
}

static void check_packed(const em_kernels *k)
{
    static const int sizes[][2] = { { 1, 1 }, { 3, 50 }, { 5, 7 }, { 20, 80 }, { 40, 9 }, { 56, 112 }, { 37, 6 }, { 64, 640 }, { 67, 41 } };

    fill(w, MOST);
    for (size_t s = 0; s < EM_COUNT(sizes); s++) {
        const int n = sizes[s][0], m = sizes[s][1];
        const size_t bytes = (size_t)n * (size_t)m * sizeof *w;

        for (int i = 0; i < n; i++)
            for (int j = 0; j < m; j++)
                turned[j * n + i] = w[i * m + j];
        k->gemm_pack(packed, w, n, m);
        k->gemm_unpack(back, packed, n, m);
        CHECK(memcmp(back, w, bytes) == 0, "%s: %d x %d: not what was packed", k->name, n, m);
        k->gemm_pack(packed, turned, m, n);
        k->gemm_pack_back(other, w, n, m);
        CHECK(memcmp(packed, other, k->gemm_floats(m, n) * sizeof *packed) == 0, "%s: %d x %d: packed for the way back, not the transpose",
              k->name, n, m);
    }
}

static void weights_are_packed_and_unpacked(void **state)
{
    (void)state;
    on_each(check_packed);
}

static void check_rows(const em_kernels *k)
{
    static const int widths[] = { 5, 40, 96, 131 };
    static float x[ROWS * 131], together[ROWS * 131], alone[ROWS * 131], weight[131], bias[131];

    fill(x, EM_COUNT(x));
    fill(weight, EM_COUNT(weight));
    fill(bias, EM_COUNT(bias));
    for (size_t i = 0; i < EM_COUNT(widths); i++)
        for (int is_gelu = 0; is_gelu < 2; is_gelu++) {
            const size_t n = (size_t)widths[i];
            em_rows r = { .x = x, .ldx = n, .ldd = n, .norm = { .weight = weight, .bias = bias }, .act = is_gelu ? EM_ACT_GELU : EM_ACT_NONE,
                          .n = widths[i], .rows = ROWS };

            k->prep_rows(together, &r);
            r.rows = 1;
            for (size_t row = 0; row < ROWS; row++) {
                r.x = x + row * n;
                k->prep_rows(alone + row * n, &r);
            }
            CHECK(memcmp(together, alone, ROWS * n * sizeof *alone) == 0, "%s: rows of %zu%s: other bits alone", k->name, n, is_gelu ? ", GELU" : "");
        }
}

static void a_normed_row_has_the_same_bits_alone(void **state)
{
    (void)state;
    on_each(check_rows);
}

/* Every 1/4096 of [-20, 20], and far out. */
enum { N_STEPS = 40 * 4096 + 1, N_NUMBERS = N_STEPS + 4 };

static double gelu(double x) { return x / 2 * erfc(-x / sqrt(2)); }

static double silu(double x) { return x / (1 + exp(-x)); }

static void check_numbers(const em_kernels *k)
{
    static float x[N_NUMBERS], ones[N_NUMBERS], y[N_NUMBERS];
    em_rows r = { .x = x, .act = EM_ACT_GELU, .n = N_NUMBERS, .rows = 1 };

    for (int i = 0; i < N_NUMBERS; i++) {
        x[i] = i < N_STEPS ? (float)(i - N_STEPS / 2) / 4096 : (i % 2 ? 1.f : -1.f) * (i % 4 < 2 ? 1e3f : 1e8f);
        ones[i] = 1.f;
    }
    k->prep_rows(y, &r);
    for (int i = 0; i < N_NUMBERS; i++)
        CHECK(fabs(y[i] - gelu(x[i])) <= 1.8e-7 * fmax(1, fabs(x[i])), "%s: GELU of %.9g is %.9g, not %.9g", k->name, x[i], y[i], gelu(x[i]));
    CHECK(y[N_STEPS / 2] == 0.f, "%s: GELU of 0 is %g", k->name, y[N_STEPS / 2]);

    r = (em_rows){ .x = ones, .gate = x, .act = EM_ACT_NONE, .n = N_NUMBERS, .rows = 1 };
    k->prep_rows(y, &r);
    for (int i = 0; i < N_NUMBERS; i++)
        CHECK(fabs(y[i] - silu(x[i])) <= 3.5e-7 * fmax(1, fabs(x[i])), "%s: SiLU of %.9g is %.9g, not %.9g", k->name, x[i], y[i], silu(x[i]));
}

static void activations_are_right_everywhere(void **state)
{
    (void)state;
    on_each(check_numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_packed_and_unpacked),
        cmocka_unit_test(a_normed_row_has_the_same_bits_alone),
        cmocka_unit_test(activations_are_right_everywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
