/* Checkpoints that no model can be made of: the sentence names what is missing or wrong, and nothing is written. */
#include "checkpoint.h"
#include "imported.h"

#include <unistd.h>

/* Tables of relative positions that say no window, or not the window of the first stage; heads that do not divide. */
static void tables_of_positions_that_say_nothing_are_refused(void **state)
{
    static const struct { const char *table; int rows, heads; const char *refusal; } cases[] = {
        { "layers.0.blocks.0.", 196, 4, "layers.0.blocks.0.attn.relative_position_bias_table" }, { "layers.0.blocks.0.", 224, 4, "layers.0" },
        { "layers.2.blocks.0.", 169, 16, "layers.2.blocks.0.attn.relative_position_bias_table" }, { "layers.1.blocks.0.", 225, 7, "heads" },
        { "layers.2.blocks.1.", 225, 8, "layers.2.blocks.1.attn.relative_position_bias_table" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        checkpoint c = checkpoint_make("htsat", 527);
        char name[96];
        tensor *t;
        em_err err;
        log l;

        snprintf(name, sizeof name, "%sattn.relative_position_bias_table", cases[i].table);
        t = checkpoint_find(&c, name);
        t->shape[0] = cases[i].rows, t->shape[1] = cases[i].heads;
        t->n = (size_t)(cases[i].rows * cases[i].heads);
        checkpoint_write(&c, in_path);
        CHECK(run(&l, false, NULL, &err) != EM_OK && strstr(err.msg, cases[i].refusal), "%zu: %s", i, err.msg);
        checkpoint_discard(&c);
    }
}

static void what_is_missing_or_wrong_is_named_and_nothing_is_written(void **state)
{
    static const struct { const char *why, *preset; int n_classes; const char *gone, *word; em_status want; } cases[] = {
        { "a tensor for tagging", "dass-small", 527, "layers.1.blocks.0.op.Ds", "layers.1.blocks.0.op.Ds", EM_EFORMAT },
        { "bn0 for tagging", "nano", 527, "bn0.running_var", "bn0.running_var", EM_EFORMAT },
        { "a block", "dass-small", 527, "layers.2.blocks.0.op.in_proj.weight", "layers.2.blocks.0.op.in_proj.weight", EM_EFORMAT },
        { "a gap in the blocks", "dass-small", 10, "layers.2.blocks.1.op.in_proj.weight", "layers.2.blocks.1", EM_EFORMAT },
        { "the embed", "dass-small", 527, "patch_embed.0.weight", "patch embed", EM_EFORMAT },
        { "half of the embed", "dass-small", 527, "patch_embed.5.weight", "patch_embed.0.weight", EM_EFORMAT },
        { "the downsample", "dass-small", 527, "layers.0.downsample.1.weight", "layers.0.downsample", EM_EFORMAT },
        { "A_logs", "dass-small", 10, "layers.0.blocks.0.op.A_logs", "A_logs", EM_EFORMAT },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        checkpoint c = checkpoint_make(cases[i].preset, cases[i].n_classes);
        em_err err;
        log l;

        checkpoint_take_out(&c, cases[i].gone);
        checkpoint_write(&c, in_path);
        CHECK(run(&l, false, NULL, &err) == cases[i].want, "%s: %s", cases[i].why, err.msg);
        CHECK(strstr(err.msg, cases[i].word) && strstr(err.msg, in_path), "%s: %s", cases[i].why, err.msg);
        CHECK(access(out_path, F_OK), "%s: nothing is written", cases[i].why);
        checkpoint_discard(&c);
    }
}

static void a_wrong_shape_is_named_with_both_shapes(void **state)
{
    checkpoint c = checkpoint_make("dass-small", 527);
    tensor *t = checkpoint_find(&c, "layers.1.blocks.0.mlp.fc1.weight");      /* 64 x 16 */
    em_err err;
    log l;
    (void)state;

    t->shape[0] = 16;
    t->shape[1] = 64;
    checkpoint_write(&c, in_path);
    CHECK(run(&l, false, NULL, &err) == EM_ESHAPE && strstr(err.msg, "16x64") && strstr(err.msg, "64x16"), "%s", err.msg);
    checkpoint_discard(&c);
}

static void a_checkpoint_without_one_known_tensor_is_an_error(void **state)
{
    checkpoint c = checkpoint_make("nano", 527);
    em_err err;
    log l;
    (void)state;

    checkpoint_respell(&c, "", "encoder.", true);
    checkpoint_write(&c, in_path);
    CHECK(run(&l, false, NULL, &err) == EM_EFORMAT && strstr(err.msg, "encoder."), "%s", err.msg);
    CHECK(access(out_path, F_OK) && l.n[0] == 0, "nothing is written");
    checkpoint_discard(&c);
    c = (checkpoint){ 0 };
    checkpoint_write(&c, in_path);
    CHECK(run(&l, false, NULL, &err) == EM_EFORMAT, "%s", err.msg);
}

static void what_cannot_be_imported_says_why(void **state)
{
    const em_import_cfg cfg = { 0 };
    checkpoint c, twice;
    em_err err;
    log l;
    (void)state;

    twice = checkpoint_make("nano", 527);
    strcpy(checkpoint_find(&twice, "bn0.bias")->name, "module.bn0.weight");
    checkpoint_write(&twice, in_path);
    CHECK(run(&l, false, NULL, &err) == EM_EFORMAT && strstr(err.msg, "module.bn0.weight"), "%s", err.msg);
    checkpoint_discard(&twice);

    c = checkpoint_make("nano", 527);
    checkpoint_write(&c, in_path);
    CHECK(em_import(NULL, in_path, in_path, &cfg, &err) == EM_EINVAL && strstr(err.msg, "overwritten"), "%s", err.msg);
    CHECK_OK(em_import(NULL, in_path, out_path, &cfg, &err));
    CHECK(em_import(NULL, out_path, in_path, &cfg, &err) == EM_EINVAL && strstr(err.msg, "already"), "%s", err.msg);
    CHECK(em_import(NULL, "/nowhere.safetensors", out_path, &cfg, &err) == EM_EIO && strstr(err.msg, "nowhere"), "%s", err.msg);
    checkpoint_discard(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_positions_that_say_nothing_are_refused),
        cmocka_unit_test(what_is_missing_or_wrong_is_named_and_nothing_is_written),
        cmocka_unit_test(a_wrong_shape_is_named_with_both_shapes),
        cmocka_unit_test(a_checkpoint_without_one_known_tensor_is_an_error),
        cmocka_unit_test(what_cannot_be_imported_says_why),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
