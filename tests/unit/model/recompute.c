/* What lies inside blocks is not kept for the way back but made again: the same bits of every gradient and weight, in less memory. */
#include "passes.h"

#include "base/pool.h"
#include "model/learner.h"
#include "ops/cpu/ops_cpu.h"

static void compare(const passes_model *model)
{
    passes_how how = { .ops = &em_ops_cpu, .dev.n_threads = 1, .B = 3, .n_steps = 3 };
    passes want, got;
    em_config cfg;

    passes_config(&cfg, model);
    want = passes_run(&cfg, &how);
    how.recomputes = true;
    for (how.dev.n_threads = 1; how.dev.n_threads <= 3; how.dev.n_threads++) {
        got = passes_run(&cfg, &how);
        passes_compare(&got, &want, model->preset);
        CHECK(got.n_bytes < want.n_bytes, "%s: %zu bytes, and %zu where all is kept", model->preset, got.n_bytes, want.n_bytes);
        passes_free(&got);
    }
    passes_free(&want);
}

/* Every kind of block, embedding and downsampling, a gate or none, an MLP or none. */
static void no_bit_of_a_step_changes(void **state)
{
    static const passes_model models[] = {
        { "nano", 5, EM_BLOCK_SS2D, false, 8 },         { "nano", 1.25, EM_BLOCK_SS2D_ATTN, true, 16 },
        { "dass-small", 10, EM_BLOCK_SS2D, false, 8 },  { "htsat", 10.24, EM_BLOCK_SWIN, false, 8 },
        { "vmamba-v0-tiny", 10, EM_BLOCK_SS2D, true, 8 },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(models); i++)
        compare(&models[i]);
}

static size_t bytes_of(const em_config *cfg, em_dev *dev, bool recomputes)
{
    em_learner *l;
    em_err err;
    size_t n;

    CHECK_OK(em_learner_new(&l, cfg, &(em_learner_cfg){ .ops = &em_ops_cpu, .dev = dev, .max_batch = 1, .recomputes = recomputes }, &err));
    n = em_learner_bytes(l);
    em_learner_free(l);
    return n;
}

static void nano_needs_less_than_half(void **state)
{
    em_config cfg;
    em_dev *dev;
    em_err err;
    size_t kept, again;

    (void)state;
    CHECK_OK(em_config_preset(&cfg, "nano", &err));
    CHECK_OK(em_ops_cpu.open(&dev, &(em_dev_cfg){ .n_threads = 1 }, &err));
    kept = bytes_of(&cfg, dev, false);
    again = bytes_of(&cfg, dev, true);
    printf("activations and their gradients of a window: %.1f MB kept, %.1f MB made again\n", (double)kept / 1e6, (double)again / 1e6);
    CHECK(2 * again < kept, "%zu bytes, and %zu where all is kept", again, kept);
    em_ops_cpu.close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_bit_of_a_step_changes),
        cmocka_unit_test(nano_needs_less_than_half),
    };

    em_flush_denormals();                                   /* as the workers do: see base/pool.h */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
