/* whole.c - whole models against the official code: see whole.h. */
#include "golden/whole.h"

#include "golden/tensors.h"
#include "model/session.h"

#include <math.h>

typedef struct golden_case { const char *model, *io, *prefix; int B; double window_s; const char *reason; } golden_case;

static const golden_case cases[] = {
    { "mini_p",     "mini_p",     "mini_p.",     2, 0,  "the presets' flags" },
    { "mini_a",     "mini_a",     "mini_a.",     2, 0,  "N 16, 4x4 embed, merging, stretch" },
    { "mini_gated", "mini_gated", "mini_gated.", 2, 0,  "gate, N 4, 2x2 downsample, exact" },
    { "mini_v0",    "mini_v0",    "mini_v0.",    2, 0,  "gate, N 16, no MLP" },
    { "mini_kaldi", "mini_kaldi", "mini_kaldi.", 2, 0,  "plain grid, linear head; its log-mel is already normalised" },
    { "nano",       "nano",       "nano.",       2, 0,  "the preset itself" },
    { "mini_attn",  "mini_attn",  "mini_attn.",  2, 0,  "attention after every SS block" },
};

/* Which output of which call is a golden stage. */
typedef struct watch { const golden_target *target; em_st *io; const char *prefix; int B, n_seen; } watch;

static void compare(watch *w, const float *at, const char *name)
{
    const em_st_tensor *t;
    size_t n;
    float *want, *got;
    double most;
    em_err err;

    if (!golden_has(w->io, "%s%s", w->prefix, name))
        return;
    want = golden_read(w->io, &n, &t, "%s%s", w->prefix, name);
    got = malloc(n * sizeof *got);
    assert_non_null(got);
    CHECK_OK(w->target->ops->download(w->target->dev, got, at, n, &err));
    most = golden_difference(got, want, n) / golden_largest(want, n);
    CHECK(most <= w->target->stages, "%s%s: off by %.3g of its largest", w->prefix, name, most);
    free(got);
    free(want);
    w->n_seen++;
}

static void see(void *ctx, const em_call *call)
{
    watch *w = ctx;
    char name[32];
    size_t n;
    const float *x = em_call_result(call, &n);

    if (strcmp(call->label, "image") == 0) {
        compare(w, x, "image");
    } else if (strcmp(call->label, "embed") == 0) {
        const em_st_tensor *t;
        float *want;

        if (!golden_has(w->io, "%sembed", w->prefix))
            return;
        want = golden_read(w->io, NULL, &t, "%sembed", w->prefix);
        if (t->n == n * (size_t)w->B && t->shape[t->rank - 1] == call->a.conv.w.n)      /* the second of two */
            compare(w, x, "embed");
        free(want);
    } else if (strcmp(call->label, "downsample") == 0) {
        snprintf(name, sizeof name, "stage%d", call->stage);
        compare(w, x, name);
    } else if (strcmp(call->label, "tokens") == 0) {
        compare(w, x, "latent");
        compare(w, call->a.tokens.x, "stage3");
    }
}

/* The log-mel as em_input wants it: raw frames of each window. */
static void make_inputs(em_input *in, float *frames, size_t n, const em_st_tensor *t, const em_config *cfg, int B)
{
    const int T = (int)t->shape[t->rank - 2];

    /* The Kaldi golden is (x - mean) / (2 std) after padding: undone here, so that the model's own map is tested. */
    if (cfg->frontend == EM_FRONTEND_KALDI)
        for (size_t i = 0; i < n; i++)
            frames[i] = (float)((double)frames[i] * 2 * (double)cfg->std + (double)cfg->mean);
    for (int b = 0; b < B; b++)
        in[b] = (em_input){ .frames = frames + (size_t)b * (size_t)(T * cfg->n_mels),
                             .n_frames = cfg->frontend == EM_FRONTEND_KALDI && T > 998 ? 998 : T };
}

static void run_case(const golden_case *c, const golden_target *target)
{
    char name[64];
    em_st *io;
    em_err err;
    em_model *model;
    em_session *session;
    em_output out[2];
    em_input in[2];
    const em_st_tensor *t;
    float *frames, *want, *slots;
    size_t n, classes, rows;
    watch w = { .target = target, .prefix = c->prefix, .B = c->B };

    snprintf(name, sizeof name, "models/%s.safetensors", c->model);
    if (!golden_path(name)) {
        printf("SKIPPED: %s is not at hand\n", name);
        return;
    }
    CHECK_OK(em_model_open(&model, golden_path(name), target->ops, target->dev, &err));
    snprintf(name, sizeof name, "models/%s.io.safetensors", c->io);
    w.io = io = golden_open(name);
    assert_non_null(io);
    CHECK_OK(em_session_new(&session, model, &(em_session_cfg){ .max_batch = c->B, .window_s = c->window_s }, &err));
    classes = (size_t)em_model_config(model)->n_classes;
    rows = (size_t)em_config_slots(em_session_config(session)) * classes;
    slots = malloc((rows + classes) * 2 * sizeof *slots);
    assert_non_null(slots);
    for (int b = 0; b < c->B; b++)
        out[b] = (em_output){ .slots = slots + (size_t)b * rows, .logits = slots + 2 * rows + (size_t)b * classes };
    frames = golden_read(io, &n, &t, "%slogmel", c->prefix);
    make_inputs(in, frames, n, t, em_model_config(model), c->B);

    CHECK_OK(em_session_watch(session, in, out, c->B, see, &w, &err));
    CHECK_OK(em_session_run(session, in, out, c->B, &err));              /* as it is run: a recorded graph, where there are any */
    want = golden_read(io, &n, NULL, "%slogits", c->prefix);
    CHECK(golden_difference(out[0].logits, want, n) <= target->scores,
          "%s logits off by %.3g (%s)", c->model, golden_difference(out[0].logits, want, n), c->reason);
    printf("%-12s logits within %.2g, %d stages", c->model, golden_difference(out[0].logits, want, n), w.n_seen);
    free(want);
    if (golden_has(io, "%sslots", c->prefix)) {             /* the official linear head has none */
        want = golden_read(io, &n, NULL, "%sslots", c->prefix);
        CHECK(golden_difference(slots, want, n) <= target->slots, "%s slots off by %.3g", c->model, golden_difference(slots, want, n));
        printf(", slots within %.2g", golden_difference(slots, want, n));
        free(want);
    }
    printf("\n");

    free(frames);
    free(slots);
    em_session_free(session);
    em_model_free(model);
    em_st_close(io);
}

void golden_whole_models(const golden_target *target)
{
    printf("%s\n", target->ops->describe(target->dev));
    for (size_t i = 0; i < EM_COUNT(cases); i++)
        if ((!target->without || strcmp(cases[i].model, target->without) != 0) && (!target->only || strcmp(cases[i].model, target->only) == 0))
            run_case(&cases[i], target);
}
