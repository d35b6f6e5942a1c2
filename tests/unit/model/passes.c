/* passes.c - see passes.h. */
#include "passes.h"

#include "model/learner.h"
#include "model/model.h"

#include <math.h>

void passes_config(em_config *cfg, const passes_model *model)
{
    em_err err;

    CHECK_OK(em_config_preset(cfg, model->preset, &err));
    if (cfg->fit == EM_FIT_PAD)
        CHECK_OK(em_config_set_short_window(cfg, model->seconds, &err));
    cfg->block = model->block;
    cfg->has_gate = model->has_gate;
    for (int i = 0; i < EM_STAGES; i++) {
        cfg->dims[i] = model->dim << i;
        cfg->depths[i] = 1;
        cfg->heads[i] = 1 << i;
    }
    cfg->window = 8;
    cfg->n_classes = 5;
}

static em_status random_weights(void *ctx, float *dst, const em_param *p, em_err *err)
{
    (void)ctx;
    (void)err;
    for (size_t i = 0; i < p->n; i++)
        dst[i] = (float)(0.3 * sin(0.7 * (double)i + (double)p->offset) + (strstr(p->name, "norm") ? 1 : 0));
    return EM_OK;
}

static void drop(em_learner *l, int B, int turn)
{
    const int n_branches = em_learner_branches(l);
    float *factors = malloc((size_t)(B * n_branches) * sizeof *factors);
    em_err err;

    assert_non_null(factors);
    for (int k = 0; k < n_branches; k++)
        for (int b = 0; b < B; b++)
            factors[k * B + b] = k == 1 || (k > 1 && ((k + b + turn) % 3 == 0 || (k * b) % 5 == 1)) ? 0.f : 1.25f;
    CHECK_OK(em_learner_set_branches(l, factors, &err));
    free(factors);
}

static void give_windows(em_learner *l, em_input *in, int B, float *frames)
{
    const em_config *cfg = em_learner_config(l);
    const int n_frames = em_config_sound_frames(cfg), n_mels = cfg->n_mels;
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

static void both_ways(em_learner *l, const em_input *in, int n, float *logits)
{
    const size_t n_logits = (size_t)(n * em_learner_config(l)->n_classes);
    float *dlogits = malloc(n_logits * sizeof *dlogits);
    em_err err;

    assert_non_null(dlogits);
    CHECK_OK(em_learner_forward(l, in, logits, NULL, n, &err));
    for (size_t i = 0; i < n_logits; i++)
        dlogits[i] = (float)sin((double)i);
    CHECK_OK(em_learner_backward(l, dlogits, NULL, n, NULL, NULL, &err));
    free(dlogits);
}

static void learn(em_learner *l, const passes_how *how, em_dev *dev, const em_input *in, float *logits)
{
    const size_t n = em_learner_params(l)->n_total;
    const em_adamw_range all = { 0, n, 1e-3f, .05f };
    em_adamw a = { .w = em_learner_values(l), .g = em_learner_grads(l), .m = how->ops->alloc(dev, n * sizeof(float)),
                   .v = how->ops->alloc(dev, n * sizeof(float)), .ranges = &all, .n_ranges = 1, .beta1 = .9f, .beta2 = .999f, .eps = 1e-8f,
                   .scale = 1 };
    em_err err;

    assert_true(a.m && a.v);
    how->ops->clear(dev, a.m, n);
    how->ops->clear(dev, a.v, n);
    for (int i = 0; i < how->n_steps; i++) {
        how->ops->clear(dev, em_learner_grads(l), n);
        for (int part = 0; part < 2; part++) {
            drop(l, how->B, 2 * i + part);
            both_ways(l, in, how->B - part, logits);
        }
        a.c1 = (float)(1 - pow(.9, i + 1));
        a.c2 = (float)(1 - pow(.999, i + 1));
        how->ops->adamw(dev, &a);
        CHECK_OK(em_learner_refresh(l, &err));
    }
    how->ops->release(dev, a.m);
    how->ops->release(dev, a.v);
}

static float *copy_of(const passes_how *how, em_dev *dev, const float *block, size_t n)
{
    float *x = malloc(n * sizeof *x);
    em_err err;

    assert_non_null(x);
    CHECK_OK(how->ops->download(dev, x, block, n, &err));
    return x;
}

passes passes_run(const em_config *cfg, const passes_how *how)
{
    const int B = how->B;
    const em_tensor_source from = { random_weights, NULL };
    float *frames = malloc((size_t)(B * em_config_sound_frames(cfg) * cfg->n_mels) * sizeof *frames);
    em_input *in = malloc((size_t)B * sizeof *in);
    passes p = { .n_logits = (size_t)((how->n_steps ? B - 1 : B) * cfg->n_classes) };
    em_learner_cfg learner = { .ops = how->ops, .max_batch = B, .drops_paths = true, .recomputes = how->recomputes };
    em_learner *l;
    em_err err;

    p.logits = malloc((size_t)(B * cfg->n_classes) * sizeof *p.logits);
    assert_true(frames && in && p.logits);
    CHECK_OK(how->ops->open(&learner.dev, &how->dev, &err));
    CHECK_OK(em_learner_new(&l, cfg, &learner, &err));
    CHECK_OK(em_learner_load(l, &from, &err));
    give_windows(l, in, B, frames);
    if (how->n_steps == 0) {
        drop(l, B, 0);
        both_ways(l, in, B, p.logits);
    }
    learn(l, how, learner.dev, in, p.logits);
    p.n = em_learner_params(l)->n_total;
    p.n_bytes = em_learner_bytes(l);
    p.grads = copy_of(how, learner.dev, em_learner_grads(l), p.n);
    p.values = copy_of(how, learner.dev, em_learner_values(l), p.n);
    em_learner_free(l);
    how->ops->close(learner.dev);
    free(frames);
    free(in);
    return p;
}

void passes_free(passes *p)
{
    free(p->logits);
    free(p->grads);
    free(p->values);
    *p = (passes){ 0 };
}

static void compare(const float *got, const float *want, size_t n, const char *what, const char *name)
{
    size_t n_zeros = 0;

    for (size_t i = 0; i < n; i++) {
        CHECK(got[i] == want[i], "%s of %s: number %zu is %.9g, not %.9g", what, name, i, (double)got[i], (double)want[i]);
        n_zeros += want[i] == 0.f;
    }
    CHECK(2 * n_zeros < n, "%s of %s: mostly zeros prove nothing", what, name);
}

void passes_compare(const passes *got, const passes *want, const char *name)
{
    assert_true(got->n_logits == want->n_logits && got->n == want->n);
    compare(got->logits, want->logits, got->n_logits, "logits", name);
    compare(got->grads, want->grads, got->n, "gradients", name);
    compare(got->values, want->values, got->n, "weights", name);
}
