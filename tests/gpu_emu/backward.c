/* backward.c - the gradients of every operator of gpu/ on the emulated GPU (ops/back.h), and the rest of a step: both precisions, threads
 * in several orders, and multiprocessors enough for small tiles or for large ones, which must not change a bit. */
#include "ops/back.h"

#include "emu.h"
#include "ops_cuda.h"

static void prepare(const op_setting *s)
{
    emu_set_order(s->order);
    emu_set_size(s->n_sms);
}

static const op_setting settings[] = {
    { "fp32, upwards, many SMs",  { .precision = EM_PRECISION_FP32 }, 5e-5, true,  prepare, 0, 132 },
    { "fp32, downwards, one SM",  { .precision = EM_PRECISION_FP32 }, 5e-5, false, prepare, 1, 1 },
    { "fp16, upwards, one SM",    { .precision = EM_PRECISION_FP16 }, 2e-2, true,  prepare, 0, 1 },
    { "fp16, shuffled, many SMs", { .precision = EM_PRECISION_FP16 }, 2e-2, false, prepare, 2, 132 },
};
static const op_target gpu = { &em_ops_cuda, settings, EM_COUNT(settings) };

int main(void)
{
    return check_backward(&gpu);
}
