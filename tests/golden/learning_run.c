/* learning_run.c - AdamW steps against the official code: see golden_training in learning.h. */
#include "golden/learning.h"

#include "golden/tensors.h"
#include "model/learner.h"
#include "train/groups.h"
#include "train/loss.h"
#include "train/schedule.h"

#include <jansson.h>
#include <math.h>

enum { BATCHES = 3, B = 4, CLASSES = 10, FRAMES = 1000, MELS = 64 };

typedef struct run {
    const golden_learning *t;
    const golden_run *how;
    em_st      *st;
    json_t     *log;
    em_learner *l;
    em_groups   groups;
    em_adamw    adamw;
    float      *logmel, *target;            /* [BATCHES][B][FRAMES][MELS], [BATCHES][B][CLASSES] */
    double      worst_loss, worst_norm;
} run;

static em_status read_start(void *ctx, float *dst, const em_param *p, em_err *err)
{
    em_st *st = ctx;
    char name[128];

    snprintf(name, sizeof name, "start.%s", p->name);
    return em_st_read(st, em_st_find(st, name), dst, err);
}

static void statistics(run *r, const float *x)
{
    double mean[MELS] = { 0 }, var[MELS] = { 0 };
    const double n = B * FRAMES;
    em_err err;

    for (int i = 0; i < B * FRAMES * MELS; i++)
        mean[i % MELS] += (double)x[i] / n;
    for (int i = 0; i < B * FRAMES * MELS; i++)
        var[i % MELS] += ((double)x[i] - mean[i % MELS]) * ((double)x[i] - mean[i % MELS]) / n;
    CHECK_OK(em_learner_statistics(r->l, mean, var, &err));
    CHECK_OK(em_learner_follow(r->l, mean, var, n, &err));
}

static void check_gradients(run *r)
{
    const em_params *params = em_learner_params(r->l);
    em_err err;

    for (int i = 0; i < params->n; i++) {
        const em_param *p = &params->list[i];
        float *want, *got;
        double off;

        if (!golden_has(r->st, "grad0.%s", p->name))
            continue;
        want = golden_read(r->st, NULL, NULL, "grad0.%s", p->name);
        got = malloc(p->n * sizeof *got);
        assert_non_null(got);
        CHECK_OK(em_learner_get(r->l, em_learner_grads(r->l), p, got, &err));
        off = golden_difference(got, want, p->n) / golden_largest(want, p->n);
        CHECK(off <= r->t->gradients, "first gradient of %s off by %.3g of its largest", p->name, off);
        free(got);
        free(want);
    }
}

static void step(run *r, int i)
{
    static const em_loss_cfg bce = { .kind = EM_LOSS_BCE };
    static const em_schedule schedule = { .kind = EM_SCHEDULE_COSINE, .rate = 2e-3, .n_warmup = 5, .n_steps = GOLDEN_STEPS };
    const float *x = r->logmel + (size_t)(i % BATCHES) * B * FRAMES * MELS;
    const size_t n = em_learner_params(r->l)->n_total;
    em_adamw_range ranges[256];
    float logits[B * CLASSES], dlogits[B * CLASSES];
    em_loss_batch batch = { .logits = logits, .target = r->target + (size_t)(i % BATCHES) * B * CLASSES, .B = B, .C = CLASSES, .B_global = B };
    em_input in[B];
    double loss, norm;
    em_err err;
    const json_t *want = json_array_get(r->log, (size_t)i);
    const double lr = json_real_value(json_object_get(want, "lr"));

    CHECK(fabs(em_schedule_rate(&schedule, i) - lr) < 1e-12, "step %d: rate %.17g, not %.17g", i, em_schedule_rate(&schedule, i), lr);
    for (int b = 0; b < B; b++)
        in[b] = (em_input){ .frames = x + (size_t)b * FRAMES * MELS, .n_frames = FRAMES };
    statistics(r, x);
    CHECK_OK(em_learner_forward(r->l, in, logits, NULL, B, &err));
    loss = em_loss(dlogits, &batch, &bce);
    r->t->ops->clear(r->t->dev, em_learner_grads(r->l), n);
    CHECK_OK(em_learner_backward(r->l, dlogits, NULL, B, NULL, NULL, &err));
    if (i == 0)
        check_gradients(r);
    norm = sqrt(r->t->ops->sum_squares(r->t->dev, em_learner_grads(r->l), n));
    r->worst_loss = fmax(r->worst_loss, fabs(loss - json_real_value(json_object_get(want, "loss"))));
    r->worst_norm = fmax(r->worst_norm, fabs(norm / json_real_value(json_object_get(want, "grad_norm")) - 1));
    CHECK(r->worst_loss <= r->how->loss, "step %d: loss off by %.3g", i, r->worst_loss);
    CHECK(r->worst_norm <= r->how->norm, "step %d: gradient norm off by a share of %.3g", i, r->worst_norm);

    em_groups_at(ranges, &r->groups, lr);
    r->adamw.ranges = ranges;
    r->adamw.scale = norm > 1 ? (float)(1 / norm) : 1.f;
    r->adamw.c1 = (float)(1 - pow(.9, i + 1));
    r->adamw.c2 = (float)(1 - pow(.999, i + 1));
    r->t->ops->adamw(r->t->dev, &r->adamw);
    CHECK_OK(em_learner_refresh(r->l, &err));
}

static double check_end(run *r)
{
    const em_params *params = em_learner_params(r->l);
    double worst = 0;
    em_err err;

    for (int i = 0; i < params->n; i++) {
        const em_param *p = &params->list[i];
        const bool is_running = strstr(p->name, "running_") != NULL;
        float *want = golden_read(r->st, NULL, NULL, "end.%s", p->name), *got = malloc(p->n * sizeof *got);
        double off;

        assert_non_null(got);
        CHECK_OK(em_learner_get(r->l, em_learner_values(r->l), p, got, &err));
        off = golden_difference(got, want, p->n) / (is_running ? golden_largest(want, p->n) : 1);
        CHECK(off <= (is_running ? .1 : 1) * r->how->weights, "%s at the end off by %.3g", p->name, off);
        worst = off > worst ? off : worst;
        free(got);
        free(want);
    }
    return worst;
}

static void open_run(run *r)
{
    static const em_groups_cfg decays = { .decay = .05, .layer_decay = 1 };
    const em_tensor_source from = { read_start, r->st };
    em_card card = { 0 };
    em_config cfg;
    em_err err;
    size_t n;

    CHECK_OK(em_config_parse(&cfg, &card, em_st_metadata(r->st, "earmark"), "train", &err));
    em_card_deinit(&card);
    CHECK_OK(em_learner_new(&r->l, &cfg, &(em_learner_cfg){ .ops = r->t->ops, .dev = r->t->dev, .max_batch = B }, &err));
    CHECK_OK(em_learner_load(r->l, &from, &err));
    CHECK_OK(em_groups_init(&r->groups, em_learner_params(r->l), &cfg, &decays, &err));
    assert_true(r->groups.n <= 256);
    n = em_learner_params(r->l)->n_total;
    r->adamw = (em_adamw){
        .w = em_learner_values(r->l), .g = em_learner_grads(r->l), .m = r->t->ops->alloc(r->t->dev, n * sizeof(float)),
        .v = r->t->ops->alloc(r->t->dev, n * sizeof(float)), .n_ranges = r->groups.n, .beta1 = .9f, .beta2 = .999f, .eps = 1e-8f,
    };
    assert_true(r->adamw.m && r->adamw.v);
}

static void close_run(run *r)
{
    r->t->ops->release(r->t->dev, r->adamw.m);
    r->t->ops->release(r->t->dev, r->adamw.v);
    em_groups_deinit(&r->groups);
    em_learner_free(r->l);
}

void golden_training(const golden_learning *t, const golden_run *how)
{
    json_error_t error;
    json_t *root = json_load_file(EM_SHARED_DIR "/golden/train.json", 0, &error);
    run r = { .t = t, .how = how, .st = golden_open("train.safetensors") };

    if (!r.st || !root) {
        printf("SKIPPED: golden/train.safetensors and train.json are not at hand\n");
        exit(77);
    }
    r.log = json_object_get(root, "log");
    assert_int_equal(json_array_size(r.log), GOLDEN_STEPS);
    r.logmel = golden_read(r.st, NULL, NULL, "logmel");
    r.target = golden_read(r.st, NULL, NULL, "target");
    open_run(&r);
    for (int i = 0; i < how->n_steps; i++)
        step(&r, i);
    printf("%d steps: losses within %.2g, gradient norms within %.2g of theirs\n", how->n_steps, r.worst_loss, r.worst_norm);
    if (how->n_steps == GOLDEN_STEPS)
        printf("weights at the end within %.2g\n", check_end(&r));
    close_run(&r);
    free(r.logmel);
    free(r.target);
    json_decref(root);
    em_st_close(r.st);
}
