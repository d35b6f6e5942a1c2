/* logmel.c - log-mel of whole batches on the GPU (gpu_emu/spectra.c): a plain sum's, and the same bits at every place of a slab, which is
 * what cuFFT is trusted with. */
#include "gpu.h"
#include "gpu_emu/spectra.h"

static void windows_have_their_frames_wherever_they_lie(void **state)
{
    static const spectra_target cases[] = {
        { &em_ops_cuda, 1024, 320, 320000, 37, 1 << 16 },           /* as trained: 37 windows of 10 s over nine slabs and a part */
        { &em_ops_cuda, 1024, 320, 5137, 300, 1000 },
        { &em_ops_cuda, 1024, 80, 513, 3, 17 },
    };
    em_err err;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++)
        CHECK_OK(check_spectra(&cases[i], &err));
}

/* A machine may have a GPU and no cuFFT. */
static void need_cufft(void)
{
    em_err err;

    if (check_spectra(&(spectra_target){ &em_ops_cuda, 128, 64, 65, 1, 2 }, &err) == EM_EUNSUPPORTED)
        SKIP_ALL("%s", err.msg);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(windows_have_their_frames_wherever_they_lie) };

    need_gpu();
    need_cufft();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
