/* training.c - twenty AdamW steps against the official code: loss and gradient norm of each, first gradients, weights at the end.
 *
 * Tolerances: loss 1e-5, first gradients 5e-5 of their largest, weights 1e-4 (running statistics: relative 1e-5). */
#include "golden/learning.h"

#include "ops/cpu/ops_cpu.h"

static void twenty_steps_are_the_official_ones(void **state)
{
    static const golden_run all = { .loss = 1e-5, .norm = 1e-4, .weights = 1e-4, .n_steps = GOLDEN_STEPS };
    golden_learning t = { .ops = &em_ops_cpu, .gradients = 5e-5 };
    em_err err;

    (void)state;
    CHECK_OK(em_ops_cpu.open(&t.dev, &(em_dev_cfg){ .n_threads = 2 }, &err));
    golden_training(&t, &all);
    em_ops_cpu.close(t.dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(twenty_steps_are_the_official_ones) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
