/* learning.c - the way back through a whole model, against the official code's: see learning.h. */
#include "golden/learning.h"

#include "golden/tensors.h"
#include "mel/frontend.h"
#include "model/learner.h"
#include "model/session.h"

#include <math.h>

static em_status read_file(void *ctx, float *dst, const em_param *p, em_err *err)
{
    em_st *st = ctx;

    return em_st_read(st, em_st_find(st, p->name), dst, err);
}

/* HTS-AT's golden has no log-mel: our frontend's, of both windows. */
static float *make_frames(em_input in[2], em_st *io, const char *model, const em_config *cfg)
{
    const em_frontend_cfg how = em_frontend_htsat(cfg->sample_rate, cfg->n_mels);
    const size_t T = (size_t)em_config_sound_frames(cfg), mels = (size_t)cfg->n_mels;
    size_t n;
    float *wave = golden_read(io, &n, NULL, "%s.wave", model), *frames = malloc(2 * T * mels * sizeof *frames);
    em_frontend *f;
    em_err err;

    assert_non_null(frames);
    CHECK_OK(em_frontend_new(&f, &how, &err));
    for (size_t b = 0; b < 2; b++) {
        in[b] = (em_input){ .frames = frames + b * T * mels, .n_frames = (int)T };
        em_frontend_window(f, frames + b * T * mels, wave + b * n / 2, n / 2);
    }
    em_frontend_free(f);
    free(wave);
    return frames;
}

/* The golden log-mel as em_input wants it; Kaldi's is (x - mean) / (2 std) after padding: undone. */
static float *make_inputs(em_input in[2], em_st *io, const char *model, const em_config *cfg)
{
    const bool is_kaldi = cfg->frontend == EM_FRONTEND_KALDI;
    const em_st_tensor *t;
    float *frames;
    size_t n;
    int T;

    if (!golden_has(io, "%s.logmel", model))
        return make_frames(in, io, model, cfg);
    frames = golden_read(io, &n, &t, "%s.logmel", model);
    T = (int)t->shape[t->rank - 2];
    for (size_t i = 0; i < n && is_kaldi; i++)
        frames[i] = (float)((double)frames[i] * 2 * (double)cfg->std + (double)cfg->mean);
    for (int b = 0; b < 2; b++)
        in[b] = (em_input){ .frames = frames + (size_t)b * (size_t)(T * cfg->n_mels), .n_frames = is_kaldi && T > 998 ? 998 : T };
    return frames;
}

static void compare_logits(const golden_learning *t, const float *logits, em_st *io, const char *model)
{
    size_t n;
    float *want = golden_read(io, &n, NULL, "%s.logits", model);
    const double off = golden_difference(logits, want, n);

    CHECK(off <= t->logits, "%s: logits off by %.3g", model, off);
    free(want);
}

/* The worst share over all weights. */
static double compare_gradients(const golden_learning *t, em_learner *l, em_st *io, const char *model)
{
    const em_params *params = em_learner_params(l);
    double worst = 0;
    em_err err;
    int n_seen = 0;

    for (int i = 0; i < params->n; i++) {
        const em_param *p = &params->list[i];
        float *want, *got;
        double off;

        if (!golden_has(io, "%s.dw.%s", model, p->name))
            continue;
        want = golden_read(io, NULL, NULL, "%s.dw.%s", model, p->name);
        got = malloc(p->n * sizeof *got);
        assert_non_null(got);
        CHECK_OK(em_learner_get(l, em_learner_grads(l), p, got, &err));
        off = golden_difference(got, want, p->n) / golden_largest(want, p->n);
        CHECK(off <= t->gradients, "%s: gradient of %s off by %.3g of its largest, %.3g", model, p->name, off, golden_largest(want, p->n));
        worst = off > worst ? off : worst;
        n_seen++;
        free(got);
        free(want);
    }
    CHECK(n_seen >= params->n - 2, "%s: gradients of %d tensors of %d", model, n_seen, params->n);
    return worst;
}

static void compare_slots(const golden_learning *t, const float *slots, em_st *io, const char *model)
{
    size_t n;
    float *want = golden_read(io, &n, NULL, "%s.slots", model);
    const double off = golden_difference(slots, want, n);

    CHECK(off <= t->slots, "%s: slots off by %.3g", model, off);
    printf("%-12s %-20s slots of a session within %.2g\n", model, t->ops->describe(t->dev), off);
    free(want);
}

void golden_session(const golden_learning *t, const char *model)
{
    char name[64];
    em_model *m;
    em_session *session;
    em_input in[2];
    em_output out[2];
    em_err err;
    em_st *io;
    float *frames, *logits, *slots;
    size_t classes, rows;

    snprintf(name, sizeof name, "models/%s.safetensors", model);
    if (!golden_path(name)) {
        printf("SKIPPED: %s is not at hand\n", model);
        return;
    }
    CHECK_OK(em_model_open(&m, golden_path(name), t->ops, t->dev, &err));
    CHECK_OK(em_session_new(&session, m, &(em_session_cfg){ .max_batch = 2 }, &err));
    snprintf(name, sizeof name, "models/%s.io.safetensors", model);
    io = golden_open(name);
    assert_non_null(io);
    frames = make_inputs(in, io, model, em_model_config(m));
    classes = (size_t)em_model_config(m)->n_classes;
    rows = (size_t)em_config_slots(em_session_config(session)) * classes;
    logits = malloc(2 * classes * sizeof *logits);
    slots = malloc(2 * rows * sizeof *slots);
    assert_true(logits && slots);
    for (size_t b = 0; b < 2; b++)
        out[b] = (em_output){ .logits = logits + b * classes, .slots = slots + b * rows };
    for (int i = 0; i < 2; i++) {                           /* the second time a recorded graph, where there are any */
        CHECK_OK(em_session_run(session, in, out, 2, &err));
        compare_logits(t, logits, io, model);
        compare_slots(t, slots, io, model);
    }
    free(frames);
    free(logits);
    free(slots);
    em_st_close(io);
    em_session_free(session);
    em_model_free(m);
}

static em_learner *open_learner(const golden_learning *t, const char *model, bool learns_slots)
{
    const em_tensor_source from = { read_file, NULL };
    em_tensor_source source = from;
    char name[64];
    em_config cfg;
    em_card card = { 0 };
    em_learner *l;
    em_err err;
    em_st *st;

    snprintf(name, sizeof name, "models/%s.safetensors", model);
    source.ctx = st = golden_open(name);
    if (!st)
        return NULL;
    CHECK_OK(em_config_parse(&cfg, &card, em_st_metadata(st, "earmark"), name, &err));
    CHECK_OK(em_learner_new(&l, &cfg, &(em_learner_cfg){ .ops = t->ops, .dev = t->dev, .max_batch = 2, .learns_slots = learns_slots }, &err));
    CHECK_OK(em_learner_load(l, &source, &err));
    CHECK_OK(em_learner_statistics(l, NULL, NULL, &err));
    em_card_deinit(&card);
    em_st_close(st);
    return l;
}

/* A clip's logit is the mean of its slots': what comes back from it is a share for each of them. In place of dlogits, which become 0. */
static float *share_out(float *dlogits, const em_config *cfg)
{
    const int S = em_config_slots(cfg), n = cfg->n_classes;
    float *dslots = malloc((size_t)(2 * S * n) * sizeof *dslots);

    assert_non_null(dslots);
    for (int i = 0; i < 2 * S * n; i++)
        dslots[i] = dlogits[i / (S * n) * n + i % n] / (float)S;
    memset(dlogits, 0, (size_t)(2 * n) * sizeof *dlogits);
    return dslots;
}

void golden_gradients(const golden_learning *t, const char *model, bool of_slots)
{
    char name[64];
    em_learner *l = open_learner(t, model, of_slots);
    em_input in[2];
    em_err err;
    em_st *io;
    float *frames, *logits, *dlogits, *dslots = NULL;
    size_t n;

    if (!l) {
        printf("SKIPPED: %s is not at hand\n", model);
        return;
    }
    snprintf(name, sizeof name, "models/%s.io.safetensors", model);
    io = golden_open(name);
    assert_non_null(io);
    frames = make_inputs(in, io, model, em_learner_config(l));
    dlogits = golden_read(io, &n, NULL, "%s.dlogits", model);
    logits = malloc(n * sizeof *logits);
    assert_non_null(logits);
    CHECK_OK(em_learner_forward(l, in, logits, NULL, 2, &err));
    compare_logits(t, logits, io, model);
    if (of_slots)
        dslots = share_out(dlogits, em_learner_config(l));
    CHECK_OK(em_learner_backward(l, dlogits, dslots, 2, NULL, NULL, &err));
    printf("%-12s %-20s worst gradient within %.2g of its largest\n", model, t->ops->describe(t->dev), compare_gradients(t, l, io, model));
    free(frames);
    free(logits);
    free(dlogits);
    free(dslots);
    em_st_close(io);
    em_learner_free(l);
}
