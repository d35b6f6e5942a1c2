/* schedule.c - rates at the steps where they turn, and which parameters learn and decay. */
#include "check.h"

#include "train/groups.h"
#include "train/schedule.h"

#include <math.h>

static void htsat_rises_falls_and_jumps_as_it_did(void **state)
{
    static const double htsat[] = { .02, .05, .1 }, audio_mamba[] = { .05, .1, .2 };
    static const struct { long epoch; double htsat, audio_mamba; } rows[] = {
        { 0, .02, .05 }, { 1, .05, .1 }, { 2, .1, .2 }, { 3, .1, .2 }, { 10, .1, .2 }, { 11, .05, .1 }, { 20, .05, .1 }, { 21, .02, .05 },
        { 30, .02, .05 }, { 31, .03, .03 }, { 99, .03, .03 },
    };
    em_schedule s = { .kind = EM_SCHEDULE_HTSAT, .rate = 1e-3, .n_steps = 2500, .steps_per_epoch = 25, .factors = { .02, .05, .1 } };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        CHECK(em_schedule_htsat(htsat, rows[i].epoch) == rows[i].htsat, "HTS-AT, epoch %ld", rows[i].epoch);
        CHECK(em_schedule_htsat(audio_mamba, rows[i].epoch) == rows[i].audio_mamba, "Audio Mamba, epoch %ld", rows[i].epoch);
        CHECK(em_schedule_rate(&s, 25 * rows[i].epoch) == 1e-3 * rows[i].htsat, "first step of epoch %ld", rows[i].epoch);
        CHECK(em_schedule_rate(&s, 25 * rows[i].epoch + 24) == 1e-3 * rows[i].htsat, "last step of epoch %ld", rows[i].epoch);
    }
}

/* The curve of the golden training run: five steps up to 2e-3, cosine to 0 over the other fifteen. */
static void cosine_is_the_curve_of_the_golden_run(void **state)
{
    const em_schedule s = { .kind = EM_SCHEDULE_COSINE, .rate = 2e-3, .n_warmup = 5, .n_steps = 20 };

    (void)state;
    for (int step = 0; step < 20; step++) {
        double want = 2e-3 * (step < 5 ? (step + 1) / 5.0 : .5 * (1 + cos(acos(-1) * (step - 5) / 15)));

        CHECK(fabs(em_schedule_rate(&s, step) - want) < 1e-15, "step %d: %.17g, not %.17g", step, em_schedule_rate(&s, step), want);
    }
    CHECK(em_schedule_rate(&s, 5) == 2e-3 && em_schedule_rate(&s, 40) == em_schedule_rate(&s, 19), "peak and after the end");
}

static void cosine_ends_at_its_floor(void **state)
{
    const em_schedule s = { .kind = EM_SCHEDULE_COSINE, .rate = 1, .floor = .25, .n_steps = 1000 };

    (void)state;
    CHECK(em_schedule_rate(&s, 0) == 1 && fabs(em_schedule_rate(&s, 500) - .625) < 1e-12, "start and middle");
    CHECK(em_schedule_rate(&s, 999) > .25 && em_schedule_rate(&s, 999) < .2501, "end");
}

static void warm_up_is_a_tenth_of_the_run_at_most(void **state)
{
    em_schedule s = { .kind = EM_SCHEDULE_COSINE, .rate = 1, .n_warmup = 500, .n_steps = 900 }, fits = s, short_run = s;

    (void)state;
    CHECK(em_schedule_clamp(&s) && s.n_warmup == 90 && !em_schedule_clamp(&s), "cut once, to %ld", s.n_warmup);
    fits.n_steps = 5000;
    CHECK(!em_schedule_clamp(&fits) && fits.n_warmup == 500, "just fits");
    short_run.n_steps = 5;
    CHECK(em_schedule_clamp(&short_run) && short_run.n_warmup == 0 && em_schedule_rate(&short_run, 0) == 1, "too short for any");
    CHECK(em_schedule_rate(&s, 0) == 1.0 / 90 && em_schedule_rate(&s, 89) == 1 && em_schedule_rate(&s, 90) == 1, "the rise");
    s.kind = EM_SCHEDULE_CONSTANT;
    CHECK(em_schedule_rate(&s, 44) == .5 && em_schedule_rate(&s, 899) == 1, "constant behind it");
}

static void bad_schedules_are_refused_with_a_sentence(void **state)
{
    const em_schedule good = { .kind = EM_SCHEDULE_HTSAT, .rate = 1e-3, .n_steps = 10, .steps_per_epoch = 5 };
    em_schedule bad[5] = { good, good, good, good, good };
    em_schedule named = { .rate = 1e-3, .n_steps = 100, .steps_per_epoch = 5 };
    em_err err;

    (void)state;
    bad[0].rate = NAN;
    bad[1].floor = 1;
    bad[2].n_steps = 0;
    bad[3].n_warmup = -1;
    bad[4].steps_per_epoch = 0;
    CHECK_OK(em_schedule_check(&good, &err));
    for (size_t i = 0; i < EM_COUNT(bad); i++)
        CHECK(em_schedule_check(&bad[i], &err) == EM_EINVAL, "case %zu", i);
    CHECK(em_schedule_parse(&named, "linear", &err) == EM_EINVAL && strstr(err.msg, "constant, cosine, htsat, audio-mamba"), "%s", err.msg);
    CHECK_OK(em_schedule_parse(&named, "cosine", &err));
    CHECK(named.kind == EM_SCHEDULE_COSINE, "cosine");
    CHECK_OK(em_schedule_parse(&named, "audio-mamba", &err));
    CHECK(named.kind == EM_SCHEDULE_HTSAT && em_schedule_rate(&named, 0) == 1e-3 * .05 && em_schedule_rate(&named, 10) == 1e-3 * .2, "audio-mamba");
    CHECK_OK(em_schedule_parse(&named, "htsat", &err));
    CHECK(named.kind == EM_SCHEDULE_HTSAT && em_schedule_rate(&named, 0) == 1e-3 * .02 && em_schedule_rate(&named, 10) == 1e-3 * .1, "htsat");
}

static em_config model;
static em_params params;

static int make_params(void **state)
{
    em_err err;

    (void)state;
    return em_config_preset(&model, "nano", &err) || em_params_list(&params, &model, &err) ? -1 : 0;
}

static int drop_params(void **state)
{
    (void)state;
    em_params_deinit(&params);
    return 0;
}

/* The range that has all of the parameter, or NULL. */
static const em_adamw_range *range_of(const em_groups *g, const char *name)
{
    const em_param *p = em_params_find(&params, name);

    CHECK(p, "no parameter %s", name);
    for (int i = 0; i < g->n; i++)
        if (p->offset >= g->ranges[i].begin && p->offset + p->n <= g->ranges[i].begin + g->ranges[i].n)
            return &g->ranges[i];
    return NULL;
}

static void vectors_states_and_skips_do_not_decay(void **state)
{
    static const struct { const char *name; bool decays; } rows[] = {
        { "bn0.weight", false }, { "patch_embed.0.weight", true }, { "patch_embed.0.bias", false }, { "patch_embed.2.weight", false },
        { "layers.0.blocks.0.norm.weight", false }, { "layers.0.blocks.0.op.in_proj.weight", true },
        { "layers.1.blocks.1.op.conv2d.weight", true },
        { "layers.1.blocks.1.op.x_proj_weight", true }, { "layers.1.blocks.1.op.dt_projs_weight", true },
        { "layers.1.blocks.1.op.dt_projs_bias", false }, { "layers.1.blocks.1.op.A_logs", false }, { "layers.1.blocks.1.op.Ds", false },
        { "layers.2.blocks.0.mlp.fc1.weight", true }, { "layers.2.blocks.0.mlp.fc1.bias", false }, { "layers.0.downsample.1.weight", true },
        { "classifier.norm.weight", false }, { "tscam_conv.weight", true }, { "tscam_conv.bias", false },
    };
    const em_param table = { .name = "attn.0.0.attn.relative_position_bias_table", .rank = 2 };
    em_groups some, all;
    em_err err;

    (void)state;
    CHECK_OK(em_groups_init(&some, &params, &model, &(em_groups_cfg){ .decay = .05, .layer_decay = 1 }, &err));
    CHECK_OK(em_groups_init(&all, &params, &model, &(em_groups_cfg){ .decay = .05, .layer_decay = 1, .decays_all = true }, &err));
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        const em_adamw_range *r = range_of(&some, rows[i].name);

        CHECK(r && r->rate == 1 && r->decay == (rows[i].decays ? .05f : 0), "%s", rows[i].name);
        CHECK(range_of(&all, rows[i].name)->decay == .05f, "%s with all decaying", rows[i].name);
    }
    CHECK(!em_group_decays(&table), "%s", table.name);
    em_groups_deinit(&some);
    em_groups_deinit(&all);
}

static void ranges_hold_each_number_once_and_no_running_statistics(void **state)
{
    em_groups g;
    em_err err;
    size_t n = 0, end = 0;

    (void)state;
    CHECK_OK(em_groups_init(&g, &params, &model, &(em_groups_cfg){ .decay = .05, .layer_decay = .75 }, &err));
    for (int i = 0; i < g.n; i++) {
        CHECK(g.ranges[i].begin >= end && g.ranges[i].n > 0, "range %d", i);
        end = g.ranges[i].begin + g.ranges[i].n;
        n += g.ranges[i].n;
    }
    CHECK(end <= params.n_total && n == g.n_learning && n == params.n_total - 2 * (size_t)model.n_mels, "%zu of %zu", n, params.n_total);
    CHECK(!range_of(&g, "bn0.running_mean") && !range_of(&g, "bn0.running_var"), "running statistics");
    em_groups_deinit(&g);
}

static void equal_neighbours_are_one_range(void **state)
{
    em_groups g;
    em_err err;

    (void)state;
    CHECK_OK(em_groups_init(&g, &params, &model, &(em_groups_cfg){ .decay = .05, .layer_decay = 1, .decays_all = true }, &err));
    CHECK(g.n == 2, "before and behind the running statistics: %d", g.n);
    em_groups_deinit(&g);
}

/* nano: 2,2,2,2 blocks. */
static void deeper_layers_learn_faster_by_the_factor(void **state)
{
    static const struct { const char *name; int after; } rows[] = {
        { "tscam_conv.weight", 0 }, { "classifier.norm.bias", 0 }, { "layers.3.blocks.1.op.in_proj.weight", 1 },
        { "layers.3.blocks.0.norm.bias", 2 },
        { "layers.2.downsample.1.weight", 3 }, { "layers.2.blocks.1.mlp.fc2.bias", 3 }, { "layers.0.blocks.1.op.Ds", 7 },
        { "layers.0.blocks.0.op.A_logs", 8 }, { "patch_embed.5.weight", 9 }, { "bn0.bias", 9 },
    };
    const em_param attention = { .name = "attn.2.1.attn.qkv.weight", .rank = 2 };
    em_adamw_range at[512];
    em_groups g;
    em_err err;

    (void)state;
    CHECK_OK(em_groups_init(&g, &params, &model, &(em_groups_cfg){ .decay = .05, .layer_decay = .5 }, &err));
    for (size_t i = 0; i < EM_COUNT(rows); i++)
        CHECK(range_of(&g, rows[i].name)->rate == ldexpf(1, -rows[i].after), "%s: %g", rows[i].name,
              (double)range_of(&g, rows[i].name)->rate);
    CHECK(em_group_layers_after(&attention, &model) == 3, "window attention stands with its block");
    CHECK((size_t)g.n <= EM_COUNT(at), "%d ranges", g.n);
    em_groups_at(at, &g, 1e-3);
    for (int i = 0; i < g.n; i++)
        CHECK(at[i].rate == (float)(1e-3 * (double)g.ranges[i].rate) && at[i].begin == g.ranges[i].begin &&
              at[i].decay == g.ranges[i].decay, "range %d", i);
    em_groups_deinit(&g);
}

static void a_frozen_backbone_leaves_the_head_alone_to_learn(void **state)
{
    em_groups g;
    em_err err;
    size_t n = 0;

    (void)state;
    CHECK_OK(em_groups_init(&g, &params, &model, &(em_groups_cfg){ .decay = .05, .layer_decay = .5, .is_frozen = true }, &err));
    CHECK(range_of(&g, "tscam_conv.weight") && range_of(&g, "classifier.norm.weight") && !range_of(&g, "bn0.weight") &&
          !range_of(&g, "layers.3.blocks.1.norm.weight"), "head only");
    for (int i = 0; i < params.n; i++)
        if (em_group_is_head(&params.list[i]))
            n += params.list[i].n;
    CHECK(g.n_learning == n, "%zu, not %zu", g.n_learning, n);
    em_groups_deinit(&g);
    CHECK(em_groups_init(&g, &params, &model, &(em_groups_cfg){ .decay = .05, .layer_decay = 0 }, &err) == EM_EINVAL, "factor 0");
    CHECK(em_groups_init(&g, &params, &model, &(em_groups_cfg){ .decay = -1, .layer_decay = 1 }, &err) == EM_EINVAL, "decay -1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(htsat_rises_falls_and_jumps_as_it_did),
        cmocka_unit_test(cosine_is_the_curve_of_the_golden_run),
        cmocka_unit_test(cosine_ends_at_its_floor),
        cmocka_unit_test(warm_up_is_a_tenth_of_the_run_at_most),
        cmocka_unit_test(bad_schedules_are_refused_with_a_sentence),
        cmocka_unit_test(vectors_states_and_skips_do_not_decay),
        cmocka_unit_test(ranges_hold_each_number_once_and_no_running_statistics),
        cmocka_unit_test(equal_neighbours_are_one_range),
        cmocka_unit_test(deeper_layers_learn_faster_by_the_factor),
        cmocka_unit_test(a_frozen_backbone_leaves_the_head_alone_to_learn),
    };

    return cmocka_run_group_tests(tests, make_params, drop_params);
}
