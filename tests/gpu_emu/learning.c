/* learning.c - golden gradients on the emulated GPU, through the learner as it trains; and HTS-AT's golden through a session. */
#include "golden/learning.h"

#include "emu.h"
#include "golden/tensors.h"
#include "ops_cuda.h"

/* All flags between them; the others take their time in vain. */
static const char *const models[] = { "mini_p", "mini_gated", "mini_v0", "mini_attn", "mini_swin" };

static golden_learning open_gpu(em_precision precision, double logits, double gradients, double slots)
{
    golden_learning t = { .ops = &em_ops_cuda, .logits = logits, .gradients = gradients, .slots = slots };
    em_err err;

    CHECK_OK(em_ops_cuda.open(&t.dev, &(em_dev_cfg){ .precision = precision }, &err));
    return t;
}

static void gradients_in_fp32_are_the_official_ones(void **state)
{
    const golden_learning t = open_gpu(EM_PRECISION_FP32, 2e-5, 5e-5, 1e-4);
    const bool is_small = getenv("EM_TEST_SMALL") != NULL;          /* one of them: sanitizers take their time */

    (void)state;
    for (size_t i = 0; i < (is_small ? 1 : EM_COUNT(models)); i++)
        golden_gradients(&t, models[i], i == 1);
    golden_session(&t, "mini_swin");
    em_ops_cuda.close(t.dev);
}

static void gradients_in_fp16_are_near_them(void **state)
{
    const golden_learning t = open_gpu(EM_PRECISION_FP16, 3e-2, 5e-2, 5e-2);

    (void)state;
    golden_gradients(&t, "mini_p", true);
    golden_gradients(&t, "mini_swin", true);
    golden_session(&t, "mini_swin");
    em_ops_cuda.close(t.dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_in_fp32_are_the_official_ones),
        cmocka_unit_test(gradients_in_fp16_are_near_them),
    };

    if (!golden_path("models/mini_p.safetensors"))
        SKIP_ALL("no golden models at hand");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
