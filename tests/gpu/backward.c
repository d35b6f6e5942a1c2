/* backward.c - the gradients of every operator of gpu/ on the GPU (ops/back.h), and the rest of a step, in both precisions. */
#include "gpu.h"
#include "ops/back.h"

static const op_setting settings[] = {
    { "fp32", { .precision = EM_PRECISION_FP32 }, 5e-5, true,  NULL, 0, 0 },
    { "fp32, once more", { .precision = EM_PRECISION_FP32 }, 5e-5, false, NULL, 0, 0 },
    { "fp16", { .precision = EM_PRECISION_FP16 }, 2e-2, true,  NULL, 0, 0 },
    { "fp16, once more", { .precision = EM_PRECISION_FP16 }, 2e-2, false, NULL, 0, 0 },
};
static op_target gpu = { &em_ops_cuda, settings, EM_COUNT(settings) };

int main(void)
{
    need_gpu();
    if (is_small())
        gpu = (op_target){ &em_ops_cuda, &settings[2], 1 };         /* fp16, as it runs */
    return check_backward(&gpu);
}
