/* operators.c - every operator of gpu/ on the GPU (ops/cases.c), in both precisions. */
#include "gpu.h"
#include "ops/cases.h"

static const op_setting settings[] = {
    { "fp32", { 0, NULL, EM_PRECISION_FP32 }, 1e-5, true,  NULL, 0, 0 },
    { "fp32, once more", { 0, NULL, EM_PRECISION_FP32 }, 1e-5, false, NULL, 0, 0 },
    { "fp16", { 0, NULL, EM_PRECISION_FP16 }, 2e-2, true,  NULL, 0, 0 },
    { "fp16, once more", { 0, NULL, EM_PRECISION_FP16 }, 2e-2, false, NULL, 0, 0 },
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

    need_gpu();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
