/* Windows whose branches are dropped (drop path) are left out, both ways: the same bits as computing them and multiplying by 0, whatever
 * stands in the memory they leave alone. Weights are random: this runs everywhere. */
#include "check.h"

#include "base/pool.h"
#include "model/learner.h"
#include "model/model.h"
#include "ops/cpu/ops_cpu.h"

#include <math.h>
#include <stdbool.h>

enum { B = 7 };

/* ---------------------------------------------------------------- operators that leave nothing out */

#define COMPUTE_ALL(op, args)                                                                                       \
    static void op##_fwd(em_dev *dev, const args *a, int n) { args all = *a; all.kept = NULL; em_ops_cpu.op##_fwd(dev, &all, n); } \
    static void op##_bwd(em_dev *dev, const args *a, int n) { args all = *a; all.kept = NULL; em_ops_cpu.op##_bwd(dev, &all, n); }

COMPUTE_ALL(norm_linear, em_norm_linear)
COMPUTE_ALL(conv_silu_xproj, em_conv_silu_xproj)
COMPUTE_ALL(scan4, em_scan4)
COMPUTE_ALL(attention, em_attention)

static em_ops straightforward(void)
{
    em_ops ops = em_ops_cpu;

    ops.norm_linear_fwd = norm_linear_fwd, ops.norm_linear_bwd = norm_linear_bwd;
    ops.conv_silu_xproj_fwd = conv_silu_xproj_fwd, ops.conv_silu_xproj_bwd = conv_silu_xproj_bwd;
    ops.scan4_fwd = scan4_fwd, ops.scan4_bwd = scan4_bwd;
    ops.attention_fwd = attention_fwd, ops.attention_bwd = attention_bwd;
    return ops;
}

/* Memory full of NaN: what is read without having been written shows. */
static void *alloc_nan(em_dev *dev, size_t n_bytes)
{
    void *p = em_ops_cpu.alloc(dev, n_bytes);

    if (p)
        memset(p, 0xff, n_bytes);
    return p;
}

static em_ops leaving_out(void)
{
    em_ops ops = em_ops_cpu;

    ops.alloc = alloc_nan;
    return ops;
}

/* ---------------------------------------------------------------- one pass of a small model */

typedef struct answers { float *logits, *grads; size_t n_logits, n_grads; } answers;

static em_status random_weights(void *ctx, float *dst, const em_param *p, em_err *err)
{
    (void)ctx;
    (void)err;
    for (size_t i = 0; i < p->n; i++)
        dst[i] = (float)(0.3 * sin(0.7 * (double)i + (double)p->offset) + (strstr(p->name, "norm") ? 1 : 0));
    return EM_OK;
}

/* Of every branch some windows, alone and side by side, at the ends and between; the first branch keeps all, the second none. */
static void choose(float *factors, int n_branches)
{
    for (int k = 0; k < n_branches; k++)
        for (int b = 0; b < B; b++)
            factors[k * B + b] = k == 1 || (k > 1 && ((k + b) % 3 == 0 || (k * b) % 5 == 1)) ? 0.f : 1.25f;
}

static void give_windows(em_learner *l, em_input in[B], float *frames, int n_frames, int n_mels)
{
    double mean[512], var[512];
    em_err err;

    for (int i = 0; i < B * n_frames * n_mels; i++)
        frames[i] = (float)(-40 + 30 * sin(i * 0.37) + 10 * sin(i * 0.0011));
    for (int b = 0; b < B; b++)
        in[b] = (em_input){ .frames = frames + (size_t)b * (size_t)n_frames * (size_t)n_mels, .n_frames = n_frames };
    for (int f = 0; f < n_mels; f++) {
        mean[f] = -40;
        var[f] = 500;
    }
    CHECK_OK(em_learner_statistics(l, mean, var, &err));
}

static answers pass(const em_config *cfg, const em_ops *ops, int n_threads)
{
    const int n_frames = em_config_sound_frames(cfg);
    const size_t n_logits = (size_t)(B * cfg->n_classes);
    float *frames = malloc((size_t)(B * n_frames * cfg->n_mels) * sizeof *frames), *factors, *dlogits = malloc(n_logits * sizeof *dlogits);
    answers a = { .logits = malloc(n_logits * sizeof(float)), .n_logits = n_logits };
    const em_tensor_source from = { random_weights, NULL };
    em_input in[B];
    em_learner *l;
    em_dev *dev;
    em_err err;

    CHECK_OK(ops->open(&dev, &(em_dev_cfg){ .n_threads = n_threads }, &err));
    CHECK_OK(em_learner_new(&l, cfg, &(em_learner_cfg){ .ops = ops, .dev = dev, .max_batch = B, .drops_paths = true }, &err));
    CHECK_OK(em_learner_load(l, &from, &err));
    factors = malloc((size_t)(B * em_learner_branches(l)) * sizeof *factors);
    assert_true(frames && factors && dlogits && a.logits);
    choose(factors, em_learner_branches(l));
    CHECK_OK(em_learner_set_branches(l, factors, &err));
    give_windows(l, in, frames, n_frames, cfg->n_mels);
    CHECK_OK(em_learner_forward(l, in, a.logits, NULL, B, &err));
    for (size_t i = 0; i < n_logits; i++)
        dlogits[i] = (float)sin((double)i);
    CHECK_OK(em_learner_backward(l, dlogits, NULL, B, NULL, NULL, &err));
    a.n_grads = em_learner_params(l)->n_total;
    a.grads = malloc(a.n_grads * sizeof *a.grads);
    assert_non_null(a.grads);
    memcpy(a.grads, em_learner_grads(l), a.n_grads * sizeof *a.grads);
    em_learner_free(l);
    ops->close(dev);
    free(frames), free(factors), free(dlogits);
    return a;
}

/* ---------------------------------------------------------------- the same */

/* A sum of nothing may be 0 or -0. */
static void check_equal(const float *got, const float *want, size_t n, const char *what, const char *preset)
{
    size_t n_zeros = 0;

    for (size_t i = 0; i < n; i++) {
        CHECK(got[i] == want[i], "%s of %s: number %zu is %.9g, not %.9g", what, preset, i, (double)got[i], (double)want[i]);
        n_zeros += want[i] == 0.f;
    }
    CHECK(2 * n_zeros < n, "%s of %s: mostly zeros prove nothing", what, preset);
}

static void check_model(em_config *cfg, int dim, const char *preset)
{
    const em_ops plain = straightforward(), ops = leaving_out();
    answers want, got;

    for (int i = 0; i < EM_STAGES; i++) {
        cfg->dims[i] = dim << i;
        cfg->depths[i] = 1;
        cfg->heads[i] = 1 << i;
    }
    cfg->window = 8;
    cfg->n_classes = 5;
    want = pass(cfg, &plain, 1);
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        got = pass(cfg, &ops, n_threads);
        check_equal(got.logits, want.logits, got.n_logits, "logits", preset);
        check_equal(got.grads, want.grads, got.n_grads, "gradients", preset);
        free(got.logits), free(got.grads);
    }
    free(want.logits), free(want.grads);
}

/* Windows of 4096 to 64 tokens; of an eighth of them, several in a block of rows; and those where rows are so wide that they are packed. */
static void dropped_windows_are_left_out(void **state)
{
    static const struct { const char *preset; double seconds; em_block_kind block; bool has_gate; int dim; } models[] = {
        { "nano", 10, EM_BLOCK_SS2D, false, 8 }, { "nano", 1.25, EM_BLOCK_SS2D_ATTN, true, 16 }, { "htsat", 10.24, EM_BLOCK_SWIN, false, 8 },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(models); i++) {
        em_config cfg;
        em_err err;

        CHECK_OK(em_config_preset(&cfg, models[i].preset, &err));
        if (cfg.fit == EM_FIT_PAD)
            CHECK_OK(em_config_set_short_window(&cfg, models[i].seconds, &err));
        cfg.block = models[i].block;
        cfg.has_gate = models[i].has_gate;
        check_model(&cfg, models[i].dim, models[i].preset);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(dropped_windows_are_left_out) };

    em_flush_denormals();                                   /* as the workers do: see base/pool.h */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
