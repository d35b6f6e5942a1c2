/* gradients.c - the way back through whole models against the official code: every weight's gradient from golden dlogits.
 * Tolerance: 5e-5 of the largest element of that gradient. */
#include "golden/learning.h"

#include "ops/cpu/ops_cpu.h"

static const char *const models[] = { "mini_p", "mini_a", "mini_gated", "mini_v0", "mini_kaldi", "mini_attn", "mini_swin" };

static const em_dev_cfg devices[] = {
    { .n_threads = 1, .isa = "avx512" }, { .n_threads = 2, .isa = "avx512" }, { .n_threads = 1, .isa = "avx2" }, { .n_threads = 2, .isa = "avx2" },
    { .n_threads = 1, .isa = "base" },
};

static void gradients_are_the_official_ones(void **state)
{
    (void)state;
    for (size_t d = 0; d < EM_COUNT(devices); d++) {
        em_dev *dev;
        em_err err;

        if (em_ops_cpu.open(&dev, &devices[d], &err) != EM_OK) {
            printf("SKIPPED: %s\n", err.msg);
            continue;
        }
        for (size_t i = 0; i < EM_COUNT(models); i++)
            for (int of_slots = 0; of_slots < 2; of_slots++)
                golden_gradients(&(golden_learning){ .ops = &em_ops_cpu, .dev = dev, .logits = 2e-5, .gradients = 5e-5 }, models[i], of_slots);
        em_ops_cpu.close(dev);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(gradients_are_the_official_ones) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
