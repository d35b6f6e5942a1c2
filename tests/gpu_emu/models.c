/* models.c - whole golden models on the emulated GPU through the session as it runs live: staging, recorded graphs, replay. */
#include "golden/whole.h"

#include "emu.h"
#include "golden/tensors.h"
#include "ops_cuda.h"

/* The largest model is left to real hardware (tests/gpu); the small ones have all its flags. EM_TEST_SMALL: one of them. */
static void in(em_precision precision, double stages, double slots, double scores)
{
    golden_target target = { .ops = &em_ops_cuda, .stages = stages, .slots = slots, .scores = scores, .without = "nano",
                             .only = getenv("EM_TEST_SMALL") ? "mini_p" : NULL };
    em_err err;

    CHECK_OK(em_ops_cuda.open(&target.dev, &(em_dev_cfg){ .precision = precision }, &err));
    golden_whole_models(&target);
    em_ops_cuda.close(target.dev);
}

static void every_stage_of_every_model_in_fp32(void **state) { (void)state; in(EM_PRECISION_FP32, 2e-5, 2e-5, 2e-5); }
static void every_stage_of_every_model_in_fp16(void **state) { (void)state; in(EM_PRECISION_FP16, 5e-2, 5e-2, 3e-2); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stage_of_every_model_in_fp32),
        cmocka_unit_test(every_stage_of_every_model_in_fp16),
    };

    if (!golden_path("models/mini_p.safetensors"))
        SKIP_ALL("no golden models at hand");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
