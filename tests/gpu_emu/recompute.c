/* recompute.c - on the emulated GPU, too, no bit of a step depends on whether what lies inside blocks is kept or made again. */
#include "../unit/model/passes.h"

#include "ops_cuda.h"

static void compare(const passes_model *model, em_precision precision, int n_steps)
{
    passes_how how = { .ops = &em_ops_cuda, .dev.precision = precision, .B = 2, .n_steps = n_steps };
    passes want, got;
    em_config cfg;

    passes_config(&cfg, model);
    want = passes_run(&cfg, &how);
    how.recomputes = true;
    got = passes_run(&cfg, &how);
    passes_compare(&got, &want, model->preset);
    CHECK(got.n_bytes < want.n_bytes, "%s: %zu bytes, and %zu where all is kept", model->preset, got.n_bytes, want.n_bytes);
    passes_free(&got);
    passes_free(&want);
}

static void no_bit_of_two_steps_changes_in_fp32(void **state)
{
    (void)state;
    compare(&(passes_model){ "nano", 1.25, EM_BLOCK_SS2D, false, 8 }, EM_PRECISION_FP32, 2);
}

static void no_bit_of_a_gated_step_changes_in_fp16(void **state)
{
    (void)state;
    compare(&(passes_model){ "vmamba-v0-tiny", 1.25, EM_BLOCK_SS2D, true, 8 }, EM_PRECISION_FP16, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_bit_of_two_steps_changes_in_fp32),
        cmocka_unit_test(no_bit_of_a_gated_step_changes_in_fp16),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
