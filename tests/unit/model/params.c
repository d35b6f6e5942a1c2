/* The counts of the presets against the published ones, and what the list of tensors promises. */
#include "check.h"

#include "model/params.h"

#include <math.h>

static void presets_have_the_published_numbers_of_parameters(void **state)
{
    /* Head given: published with it. vmamba-*: the 1-channel token-semantic head of 527 classes (in millions, two
     * decimals); the s1l8 and v0 numbers of the authors follow from three channels and a linear head of 1000. */
    static const struct { const char *preset; double params, slack; } cases[] = {
        { "tiny", 40141807, 0 },        { "micro", 12344007, 0 },       { "nano", 5249015, 0 },
        { "dass-small", 29884463, 0 },  { "dass-medium", 48648239, 0 }, { "vmamba-v0-tiny", 24.55e6, 5e3 },
        { "vmamba-s2l5", 32.37e6, 5e3 }, { "vmamba-s1l8", 31.91e6, 5e3 }, { "htsat", 30241687 - 527 * 528, 0 },      /* less its unused head */
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_config cfg;
        em_err err;

        CHECK_OK(em_config_preset(&cfg, cases[i].preset, &err));
        cfg.n_classes = 527;
        CHECK(fabs(em_config_params(&cfg) - cases[i].params) <= cases[i].slack, "%s: %.0f", cases[i].preset, em_config_params(&cfg));
    }
}

/* As the authors count: three channels, a linear head of 1000, no bn0. */
static double as_published(const char *preset)
{
    em_config cfg;
    em_err err;
    double more;

    CHECK_OK(em_config_preset(&cfg, preset, &err));
    cfg.head = EM_HEAD_LINEAR;
    cfg.n_classes = 1000;
    more = cfg.embed == EM_EMBED_V1 ? 2.0 * 16 * cfg.dims[0] : 2.0 * 9 * (cfg.dims[0] / 2);
    return em_config_params(&cfg) + more - 2.0 * cfg.n_mels;
}

static void vmamba_presets_have_the_authors_counts(void **state)
{
    (void)state;
    CHECK(as_published("vmamba-v0-tiny") == 22893448, "%.0f", as_published("vmamba-v0-tiny"));
    CHECK(as_published("vmamba-s2l5") == 30705832, "%.0f", as_published("vmamba-s2l5"));
    CHECK(as_published("vmamba-s1l8") == 30249064, "%.0f", as_published("vmamba-s1l8"));
}

static void the_list_is_one_block_and_counts_like_the_configuration(void **state)
{
    static const char *const presets[] = { "tiny", "nano", "vmamba-v0-tiny", "dass-small", "htsat" };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(presets); i++) {
        em_config cfg;
        em_params params;
        em_err err;
        size_t at = 0;

        CHECK_OK(em_config_preset(&cfg, presets[i], &err));
        CHECK_OK(em_params_list(&params, &cfg, &err));
        for (int k = 0; k < params.n; k++) {
            size_t n = 1;

            for (int r = 0; r < params.list[k].rank; r++)
                n *= (size_t)params.list[k].shape[r];
            CHECK(params.list[k].offset == at && params.list[k].n == n, "%s %s", presets[i], params.list[k].name);
            CHECK(em_params_find(&params, params.list[k].name) == &params.list[k], "%s is there twice", params.list[k].name);
            at += n;
        }
        CHECK(params.n_total == at, "%s", presets[i]);
        CHECK((double)at - (cfg.frontend == EM_FRONTEND_HTSAT ? 128 : 0) == em_config_params(&cfg), "%s", presets[i]);
        CHECK(!em_params_find(&params, "bn0"), "%s", presets[i]);
        em_params_deinit(&params);
        em_params_deinit(&params);
    }
}

/* Two heads have a table of 450 numbers; what comes behind it begins with a quad, as everything does, and only there is a hole. */
static void tensors_begin_with_whole_quads(void **state)
{
    em_config cfg;
    em_params params;
    em_err err;
    size_t at = 0, n_holes = 0;
    double n_values = 0;

    (void)state;
    CHECK_OK(em_config_preset(&cfg, "htsat", &err));
    cfg.heads[0] = 2;
    CHECK_OK(em_params_list(&params, &cfg, &err));
    for (int k = 0; k < params.n; at = params.list[k].offset + params.list[k].n, n_values += (double)params.list[k].n, k++) {
        CHECK(params.list[k].offset % 4 == 0 && params.list[k].offset >= at && params.list[k].offset < at + 4, "%s", params.list[k].name);
        n_holes += params.list[k].offset != at;
    }
    CHECK(n_holes == 2 && params.n_total == at, "%zu holes", n_holes);
    CHECK(n_values - 128 == em_config_params(&cfg), "%.0f numbers", n_values);
    em_params_deinit(&params);
}

static void the_largest_allowed_model_does_not_overflow(void **state)
{
    em_config cfg;
    em_params params;
    em_err err;
    (void)state;

    CHECK_OK(em_config_preset(&cfg, "nano", &err));
    for (int i = 0; i < EM_STAGES; i++) {
        cfg.dims[i] = 512 << i;
        cfg.depths[i] = 128;
    }
    cfg.d_state = 256;
    cfg.ssm_ratio = 4;
    cfg.mlp_ratio = 8;
    cfg.n_mels = 512;
    cfg.has_gate = cfg.has_conv_bias = true;
    cfg.n_classes = 10000;
    CHECK_OK(em_config_check(&cfg, "largest", &err));
    CHECK_OK(em_params_list(&params, &cfg, &err));
    CHECK((double)params.n_total == em_config_params(&cfg) + 1024 && params.n_total > (size_t)1 << 36, "%zu", params.n_total);
    em_params_deinit(&params);
}

static void fresh_values_keep_to_the_published_initialisation(void **state)
{
    static const struct { const char *name; double least, most; } cases[] = {
        { "layers.0.blocks.0.norm.weight", 1, 1 },      { "layers.0.blocks.0.norm.bias", 0, 0 },
        { "layers.0.blocks.0.op.Ds", 1, 1 },            { "patch_embed.0.weight", -1.0 / 3, 1.0 / 3 },
        { "patch_embed.0.bias", -1.0 / 3, 1.0 / 3 },    { "tscam_conv.weight", -.02282178, .02282178 },     /* 320 * 6 */
        { "bn0.running_mean", 0, 0 },                   { "bn0.running_var", 1, 1 },
        { "layers.0.blocks.0.op.x_proj_weight", -.1118035, .1118035 },                                      /* 80 */
        { "layers.0.blocks.0.op.dt_projs_weight", -.5773503, .5773503 },                                    /* 3  */
        { "layers.0.blocks.0.op.dt_projs_bias", -6.907256, -2.252168 },                                     /* t .001 to .1 */
        { "layers.0.blocks.0.op.in_proj.weight", -.12, .12 }, { "layers.3.blocks.1.op.A_logs", 0, 0 },
    };
    em_config cfg;
    em_params params;
    em_err err;
    (void)state;

    CHECK_OK(em_config_preset(&cfg, "nano", &err));
    CHECK_OK(em_params_list(&params, &cfg, &err));
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const em_param *p = em_params_find(&params, cases[i].name);
        em_rng rng = { 7 };
        double least = 1e9, most = -1e9;
        float *x;

        CHECK(p, "%s", cases[i].name);
        x = malloc(p->n * sizeof *x);
        em_param_fill(p, x, &rng);
        for (size_t k = 0; k < p->n; k++) {
            least = fmin(least, x[k]);
            most = fmax(most, x[k]);
        }
        CHECK(least >= cases[i].least && most <= cases[i].most, "%s: %g to %g", p->name, least, most);
        CHECK(cases[i].least == cases[i].most || most - least > .5 * (cases[i].most - cases[i].least), "%s: %g to %g", p->name, least, most);
        free(x);
    }
    em_params_deinit(&params);
}

static void a_logs_are_the_logarithms_of_the_state_numbers(void **state)
{
    em_param p = { .rank = 2, .shape = { 3, 16 }, .n = 48, .init = EM_INIT_ALOG };
    em_rng rng = { 1 };
    float x[48];
    (void)state;

    em_param_fill(&p, x, &rng);
    for (int i = 0; i < 48; i++)
        CHECK(x[i] == (float)log(i % 16 + 1), "%d", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_have_the_published_numbers_of_parameters),
        cmocka_unit_test(vmamba_presets_have_the_authors_counts),
        cmocka_unit_test(the_list_is_one_block_and_counts_like_the_configuration),
        cmocka_unit_test(tensors_begin_with_whole_quads),
        cmocka_unit_test(the_largest_allowed_model_does_not_overflow),
        cmocka_unit_test(fresh_values_keep_to_the_published_initialisation),
        cmocka_unit_test(a_logs_are_the_logarithms_of_the_state_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
