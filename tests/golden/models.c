/* models.c - whole models against the official code (whole.h), on every instruction set this CPU has. */
#include "golden/whole.h"

#include "golden/tensors.h"
#include "ops/cpu/ops_cpu.h"

static void on_isa(const char *isa)
{
    golden_target target = { .ops = &em_ops_cpu, .stages = 2e-5, .slots = 2e-5, .scores = 2e-5 };
    em_err err;

    if (em_ops_cpu.open(&target.dev, &(em_dev_cfg){ .n_threads = 2, .isa = isa }, &err) != EM_OK) {
        printf("SKIPPED: %s\n", err.msg);
        return;
    }
    golden_whole_models(&target);
    em_ops_cpu.close(target.dev);
}

static void every_stage_of_every_model_on_avx512(void **state) { (void)state; on_isa("avx512"); }
static void every_stage_of_every_model_on_avx2(void **state)   { (void)state; on_isa("avx2"); }
static void every_stage_of_every_model_in_plain_c(void **state) { (void)state; on_isa("base"); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stage_of_every_model_on_avx512),
        cmocka_unit_test(every_stage_of_every_model_on_avx2),
        cmocka_unit_test(every_stage_of_every_model_in_plain_c),
    };

    if (!golden_path("models/mini_p.safetensors"))
        SKIP_ALL("no golden models at hand");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
