/* operators.c - every operator of the CPU (cases.c), on each instruction set and with 1, 2 and 3 threads. */
#include "ops/cases.h"

#include "ops/cpu/ops_cpu.h"

#define ISA(i) { i ", 1 thread", { 1, i, 0 }, 1e-5, true, NULL, 0, 0 }, { i ", 2 threads", { 2, i, 0 }, 1e-5, false, NULL, 0, 0 }, \
               { i ", 3 threads", { 3, i, 0 }, 1e-5, false, NULL, 0, 0 }

static const op_setting settings[] = { ISA("avx512"), ISA("avx2"), ISA("base") };
static const op_target cpu = { &em_ops_cpu, settings, EM_COUNT(settings) };

static void norm_linear_equals_the_plain_loops(void **state)    { (void)state; check_operators(&cpu, OP_NORM_LINEAR); }
static void mlp_equals_the_plain_loops(void **state)            { (void)state; check_operators(&cpu, OP_MLP); }
static void conv_equals_the_plain_loops(void **state)           { (void)state; check_operators(&cpu, OP_CONV); }
static void depthwise_conv_equals_the_plain_loops(void **state) { (void)state; check_operators(&cpu, OP_DEPTHWISE); }
static void scan_equals_the_plain_loops(void **state)           { (void)state; check_operators(&cpu, OP_SCAN); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norm_linear_equals_the_plain_loops),
        cmocka_unit_test(mlp_equals_the_plain_loops),
        cmocka_unit_test(conv_equals_the_plain_loops),
        cmocka_unit_test(depthwise_conv_equals_the_plain_loops),
        cmocka_unit_test(scan_equals_the_plain_loops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
