/* step.c - two steps of training a small model of SS blocks and window attention, on the emulated GPU beside the CPU, fp32: what is
 * learned is the same. Branches of some windows are dropped, which the CPU leaves out and the GPU computes and multiplies by 0. Weights are
 * fresh ones: this runs everywhere. */
#include "check.h"

#include "base/pool.h"
#include "emu.h"
#include "model/learner.h"
#include "ops/cpu/ops_cpu.h"
#include "ops_cuda.h"

#include <math.h>

enum { B = 3, CLASSES = 5, MELS = 64, STEPS = 2 };

typedef struct school {
    const em_ops *ops;
    em_dev       *dev;
    em_learner   *l;
    em_adamw      adamw;
    em_adamw_range range;
    float         logits[STEPS][B * CLASSES];
} school;

static em_status fresh_weights(void *ctx, float *dst, const em_param *p, em_err *err)
{
    (void)err;
    em_param_fill(p, dst, ctx);
    return EM_OK;
}

/* Windows of a grid of 64 x 8 tokens: those of attention have 64, 16, 4 tokens and 1. */
static void small_config(em_config *cfg, em_block_kind block)
{
    em_err err;

    CHECK_OK(em_config_preset(cfg, "nano", &err));
    CHECK_OK(em_config_set_short_window(cfg, 1.25, &err));
    for (int i = 0; i < EM_STAGES; i++) {
        cfg->dims[i] = 8 << i;
        cfg->depths[i] = 1;
        cfg->heads[i] = 1 << i;
    }
    cfg->block = block;
    cfg->window = 8;
    cfg->n_classes = CLASSES;
}

static float *device_block(school *s, size_t n)
{
    float *p = s->ops->alloc(s->dev, n * sizeof *p);

    assert_non_null(p);
    return p;
}

static void enrol(school *s, const em_ops *ops, const em_config *cfg)
{
    em_rng rng = { 5 };
    const em_tensor_source from = { fresh_weights, &rng };
    double mean[MELS], var[MELS];
    float factors[B * 64];
    size_t n;
    em_err err;

    *s = (school){ .ops = ops };
    CHECK_OK(ops->open(&s->dev, &(em_dev_cfg){ .n_threads = 2, .precision = EM_PRECISION_FP32 }, &err));
    CHECK_OK(em_learner_new(&s->l, cfg, &(em_learner_cfg){ .ops = ops, .dev = s->dev, .max_batch = B, .drops_paths = true }, &err));
    CHECK_OK(em_learner_load(s->l, &from, &err));
    assert_true(em_learner_branches(s->l) <= 64);
    for (int i = 0; i < B * em_learner_branches(s->l); i++)
        factors[i] = i % 5 == 2 ? 0.f : 1.25f;
    CHECK_OK(em_learner_set_branches(s->l, factors, &err));
    for (int f = 0; f < MELS; f++) {
        mean[f] = -40;
        var[f] = 500;
    }
    CHECK_OK(em_learner_statistics(s->l, mean, var, &err));
    n = em_learner_params(s->l)->n_total;
    s->range = (em_adamw_range){ 0, n, 1e-2f, 0.05f };
    s->adamw = (em_adamw){ .w = em_learner_values(s->l), .m = device_block(s, n), .v = device_block(s, n), .g = em_learner_grads(s->l),
                           .ranges = &s->range, .n_ranges = 1, .beta1 = .9f, .beta2 = .999f, .eps = 1e-2f, .scale = 1 };
}

static void learn(school *s, const em_input in[B], int step)
{
    float dlogits[B * CLASSES];
    em_err err;

    CHECK_OK(em_learner_forward(s->l, in, s->logits[step], NULL, B, &err));
    for (int i = 0; i < B * CLASSES; i++)
        dlogits[i] = (float)sin((double)i) + 0.1f * s->logits[step][i];
    CHECK_OK(em_learner_backward(s->l, dlogits, NULL, B, NULL, NULL, &err));
    s->adamw.c1 = 1 - powf(.9f, (float)(step + 1));
    s->adamw.c2 = 1 - powf(.999f, (float)(step + 1));
    s->ops->adamw(s->dev, &s->adamw);
    CHECK_OK(em_learner_refresh(s->l, &err));
}

static void leave(school *s)
{
    s->ops->release(s->dev, s->adamw.m);
    s->ops->release(s->dev, s->adamw.v);
    em_learner_free(s->l);
    s->ops->close(s->dev);
}

/* Every tensor of a block, within a share of its largest. */
static void compare(const school *cpu, const school *gpu, const float *of_cpu, const float *of_gpu, double tolerance, const char *what)
{
    const em_params *params = em_learner_params(cpu->l);
    double worst = 0;

    for (int i = 0; i < params->n; i++) {
        const em_param *p = &params->list[i];
        float *want = malloc(p->n * sizeof *want), *got = malloc(p->n * sizeof *got);
        double off = 0, top = 0;
        em_err err;

        assert_true(want && got);
        CHECK_OK(em_learner_get(cpu->l, of_cpu, p, want, &err));
        CHECK_OK(em_learner_get(gpu->l, of_gpu, &em_learner_params(gpu->l)->list[i], got, &err));
        for (size_t j = 0; j < p->n; j++) {
            off = fmax(off, isnan(got[j]) ? INFINITY : fabs((double)got[j] - (double)want[j]));
            top = fmax(top, fabs((double)want[j]));
        }
        CHECK(off <= tolerance * top, "%s of %s: off by %.3g of %.3g", what, p->name, off, top);
        worst = fmax(worst, top > 0 ? off / top : 0);
        free(want);
        free(got);
    }
    printf("%-12s within %.2g of the largest\n", what, worst);
}

static void learn_beside(em_block_kind block)
{
    static float frames[B][128 * MELS];
    school cpu, gpu;
    em_input in[B];
    em_config cfg;

    small_config(&cfg, block);
    for (int b = 0; b < B; b++) {
        for (int i = 0; i < 128 * MELS; i++)
            frames[b][i] = (float)(-40 + 30 * sin(i * 0.37 + b) + 10 * sin(i * 0.0011));
        in[b] = (em_input){ .frames = frames[b], .n_frames = em_config_sound_frames(&cfg) };
    }
    enrol(&cpu, &em_ops_cpu, &cfg);
    enrol(&gpu, &em_ops_cuda, &cfg);
    for (int step = 0; step < STEPS; step++) {
        learn(&cpu, in, step);
        learn(&gpu, in, step);
        for (int i = 0; i < B * CLASSES; i++)
            CHECK(fabs((double)cpu.logits[step][i] - (double)gpu.logits[step][i]) <= 2e-5, "step %d, logit %d: %.7g, not %.7g", step, i,
                  (double)gpu.logits[step][i], (double)cpu.logits[step][i]);
        compare(&cpu, &gpu, em_learner_grads(cpu.l), em_learner_grads(gpu.l), 5e-5, "gradients");
    }
    CHECK(memcmp(cpu.logits[0], cpu.logits[1], sizeof cpu.logits[0]) != 0, "nothing was learned");
    compare(&cpu, &gpu, em_learner_values(cpu.l), em_learner_values(gpu.l), 5e-5, "weights");
    leave(&cpu);
    leave(&gpu);
}

static void blocks_in_turn_learn_what_they_learn_on_the_cpu(void **state) { (void)state; learn_beside(EM_BLOCK_SS2D_ATTN); }
static void attention_alone_learns_what_it_learns_on_the_cpu(void **state) { (void)state; learn_beside(EM_BLOCK_SWIN); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_in_turn_learn_what_they_learn_on_the_cpu),
        cmocka_unit_test(attention_alone_learns_what_it_learns_on_the_cpu),
    };

    em_flush_denormals();                                   /* as the workers do: see base/pool.h */
    emu_set_order(2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
