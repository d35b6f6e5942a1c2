/* learning.c - golden gradients and the golden training run on the GPU, through the learner as it trains; and HTS-AT's golden through a
 * session. */
#include "golden/learning.h"

#include "golden/tensors.h"
#include "gpu.h"

/* Gradients in fp16. mini_attn's smallest, of a norm before attention, is a seventh of the others and has their noise. */
static const struct { const char *name; double fp16; } models[] = {
    { "mini_p", 5e-2 }, { "mini_a", 5e-2 }, { "mini_gated", 5e-2 }, { "mini_v0", 5e-2 }, { "mini_kaldi", 5e-2 }, { "mini_attn", 1e-1 },
    { "mini_swin", 5e-2 },
};

static void gradients_in(em_precision precision, double logits, double slots)
{
    golden_learning t = { .ops = &em_ops_cuda, .logits = logits, .slots = slots };
    em_err err;

    CHECK_OK(em_ops_cuda.open(&t.dev, &(em_dev_cfg){ .precision = precision }, &err));
    for (size_t i = 0; i < (is_small() ? 1 : EM_COUNT(models)); i++) {
        t.gradients = precision == EM_PRECISION_FP32 ? 5e-5 : models[i].fp16;
        for (int of_slots = 0; of_slots < 2; of_slots++)
            golden_gradients(&t, models[i].name, of_slots);
    }
    golden_session(&t, "mini_swin");
    em_ops_cuda.close(t.dev);
}

static void gradients_in_fp32_are_the_official_ones(void **state) { (void)state; gradients_in(EM_PRECISION_FP32, 2e-5, 1e-4); }
static void gradients_in_fp16_are_near_them(void **state) { (void)state; gradients_in(EM_PRECISION_FP16, 3e-2, 5e-2); }

static void twenty_steps_in_fp32_are_the_official_ones(void **state)
{
    static const golden_run all = { .loss = 1e-5, .norm = 1e-4, .weights = 1e-4, .n_steps = GOLDEN_STEPS };
    golden_learning t = { .ops = &em_ops_cuda, .gradients = 5e-5 };
    em_err err;

    (void)state;
    CHECK_OK(em_ops_cuda.open(&t.dev, &(em_dev_cfg){ .precision = EM_PRECISION_FP32 }, &err));
    if (!is_small())
        golden_training(&t, &all);
    em_ops_cuda.close(t.dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_in_fp32_are_the_official_ones),
        cmocka_unit_test(gradients_in_fp16_are_near_them),
        cmocka_unit_test(twenty_steps_in_fp32_are_the_official_ones),
    };

    need_gpu();
    if (!golden_path("models/mini_p.safetensors"))
        SKIP_ALL("no golden models at hand");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
