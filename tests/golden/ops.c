/* ops.c - operators, modules and blocks against the official code, on every instruction set this CPU has.
 * Tolerance: 1e-5 of the largest element of the official output; 5e-5 for a gradient, of its own largest. The scan alone has a file
 * of its own. */
#include "golden/bench.h"

static em_st *ops_st, *blocks_st;

static void forward(em_dev *dev, em_st *st, const golden_module *m)
{
    golden_bench g;

    bench_open(&g, dev, st, m, false);
    CHECK(bench_result_off(&g) <= 1e-5, "%s: off by %.3g of the largest", m->tag, bench_result_off(&g));
    bench_close(&g);
}

/* As a plan that trains runs it, which has other calls, and back. */
static void both_ways(em_dev *dev, em_st *st, const golden_module *m)
{
    golden_bench g;

    bench_open(&g, dev, st, m, true);
    CHECK(bench_result_off(&g) <= 1e-5, "%s while it learns: off by %.3g of the largest", m->tag, bench_result_off(&g));
    bench_back(&g);
    CHECK(bench_dx_off(&g) <= 5e-5, "%s: dx off by %.3g of the largest", m->tag, bench_dx_off(&g));
    for (int i = 0; i < g.params.n; i++) {
        const double off = bench_gradient_off(&g, &g.params.list[i]);

        CHECK(off <= 5e-5, "%s: gradient of %s off by %.3g of its largest", m->tag, g.params.list[i].name, off);
    }
    bench_close(&g);
}

static void modules_equal_the_official_ones(void **state)
{
    (void)state;
    bench_everywhere(forward, ops_st, golden_operators, golden_n_operators);
}

static void blocks_equal_the_official_ones(void **state)
{
    (void)state;
    bench_everywhere(forward, blocks_st, golden_blocks, golden_n_blocks);
}

static void modules_have_the_official_gradients(void **state)
{
    (void)state;
    bench_everywhere(both_ways, ops_st, golden_operators, golden_n_operators);
}

static void blocks_have_the_official_gradients(void **state)
{
    (void)state;
    bench_everywhere(both_ways, blocks_st, golden_blocks, golden_n_blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_equal_the_official_ones),
        cmocka_unit_test(blocks_equal_the_official_ones),
        cmocka_unit_test(modules_have_the_official_gradients),
        cmocka_unit_test(blocks_have_the_official_gradients),
    };

    ops_st = golden_open("ops.safetensors");
    blocks_st = golden_open("blocks.safetensors");
    if (!ops_st || !blocks_st)
        SKIP_ALL("no golden operators at hand");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
