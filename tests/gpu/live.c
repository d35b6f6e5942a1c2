/* live.c - windows that follow one another on the GPU (gpu_emu/follow.c), in both precisions. */
#include "gpu.h"
#include "gpu_emu/follow.h"

static void windows_follow_one_another(void **state)
{
    (void)state;
    if (!is_small())
        check_follow(&(follow_target){ &em_ops_cuda, EM_PRECISION_FP32, NULL, NULL, 3 });
    check_follow(&(follow_target){ &em_ops_cuda, EM_PRECISION_FP16, NULL, NULL, is_small() ? 1 : 3 });
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(windows_follow_one_another) };

    need_gpu();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
