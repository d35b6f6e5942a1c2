/* training.c - the golden run on the emulated GPU: whole steps, forward, backward and AdamW, each on the weights that the one before it
 * left. All twenty are for a GPU (tests/gpu): one takes some 15 seconds here. */
#include "golden/learning.h"

#include "emu.h"
#include "ops_cuda.h"

enum { STEPS = 6 };                     /* the whole warm-up, and one at the full rate */

static void steps_in_fp32_are_the_official_ones(void **state)
{
    static const golden_run first = { .loss = 1e-5, .norm = 1e-4, .n_steps = STEPS };
    golden_learning t = { .ops = &em_ops_cuda, .gradients = 5e-5 };
    em_err err;

    (void)state;
    CHECK_OK(em_ops_cuda.open(&t.dev, &(em_dev_cfg){ .precision = EM_PRECISION_FP32 }, &err));
    golden_training(&t, &first);
    em_ops_cuda.close(t.dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(steps_in_fp32_are_the_official_ones) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
