/* ladder.c - every version of bench/ladder on the emulated GPU, under the cases of the operator that it stands in for. */
#include "ops/cases.h"

#include "emu.h"
#include "ladder.h"
#include "ops_cuda.h"

static void prepare(const op_setting *s)
{
    emu_set_order(s->order);
    emu_set_size(s->n_sms);
}

/* A version may choose its sums by the size of the GPU: each setting stands alone. */
static const op_setting settings[] = {
    { "fp32, upwards, many SMs", { .precision = EM_PRECISION_FP32 }, 1e-5, true, prepare, 0, 132 },
    { "fp32, shuffled, one SM",  { .precision = EM_PRECISION_FP32 }, 1e-5, true, prepare, 2, 1 },
    { "fp16, downwards",         { .precision = EM_PRECISION_FP16 }, 2e-2, true, prepare, 1, 8 },
};

int main(void)
{
    int n_failed = 0;

    for (int i = 0; i < EM_SCAN_RUNGS; i++) {
        em_ops ops = em_ops_cuda;

        if (!em_scan_rungs[i].run)              /* the shipped one has operators.c */
            continue;
        printf("scan, %s: %s\n", em_scan_rungs[i].name, em_scan_rungs[i].idea);
        fflush(stdout);
        ops.scan4_fwd = em_scan_rungs[i].run;
        n_failed += check_scan(&(op_target){ &ops, settings, EM_COUNT(settings) });
    }
    return n_failed;
}
