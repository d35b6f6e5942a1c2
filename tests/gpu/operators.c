/* operators.c - every operator of gpu/ on the GPU (ops/cases.c), in both precisions. */
#include "gpu.h"
#include "ops/cases.h"

static const op_setting settings[] = {
    { "fp32", { .precision = EM_PRECISION_FP32 }, 1e-5, true,  NULL, 0, 0 },
    { "fp32, once more", { .precision = EM_PRECISION_FP32 }, 1e-5, false, NULL, 0, 0 },
    { "fp16", { .precision = EM_PRECISION_FP16 }, 2e-2, true,  NULL, 0, 0 },
    { "fp16, once more", { .precision = EM_PRECISION_FP16 }, 2e-2, false, NULL, 0, 0 },
};
static const op_target gpu = { &em_ops_cuda, settings, EM_COUNT(settings) };

int main(void)
{
    need_gpu();
    return check_operators(&gpu);
}
