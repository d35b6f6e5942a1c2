/* operators.c - every operator of gpu/ on the emulated GPU (ops/cases.c): both precisions, threads in several orders, and
 * multiprocessors enough for small tiles or for large ones, which must not change a bit. */
#include "ops/cases.h"

#include "emu.h"
#include "ops_cuda.h"

static void prepare(const op_setting *s)
{
    emu_set_order(s->order);
    emu_set_size(s->n_sms);
}

static const op_setting settings[] = {
    { "fp32, upwards, many SMs",  { 0, NULL, EM_PRECISION_FP32 }, 1e-5, true,  prepare, 0, 132 },
    { "fp32, downwards, one SM",  { 0, NULL, EM_PRECISION_FP32 }, 1e-5, false, prepare, 1, 1 },
    { "fp32, shuffled",           { 0, NULL, EM_PRECISION_FP32 }, 1e-5, false, prepare, 2, 8 },
    { "fp16, upwards, many SMs",  { 0, NULL, EM_PRECISION_FP16 }, 2e-2, true,  prepare, 0, 132 },
    { "fp16, downwards, one SM",  { 0, NULL, EM_PRECISION_FP16 }, 2e-2, false, prepare, 1, 1 },
    { "fp16, shuffled",           { 0, NULL, EM_PRECISION_FP16 }, 2e-2, false, prepare, 2, 8 },
};
static const op_target gpu = { &em_ops_cuda, settings, EM_COUNT(settings) };

static void norm_linear_equals_the_plain_loops(void **state)    { (void)state; check_operators(&gpu, OP_NORM_LINEAR); }
static void mlp_equals_the_plain_loops(void **state)            { (void)state; check_operators(&gpu, OP_MLP); }
static void conv_equals_the_plain_loops(void **state)           { (void)state; check_operators(&gpu, OP_CONV); }
static void depthwise_conv_equals_the_plain_loops(void **state) { (void)state; check_operators(&gpu, OP_DEPTHWISE); }
static void scan_equals_the_plain_loops(void **state)           { (void)state; check_operators(&gpu, OP_SCAN); }

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
