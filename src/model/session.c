/* session.c - plan and activations of one model for up to max_batch windows: see session.h. */
#include "model/session.h"

#include "base/clock.h"
#include "model/model_inside.h"
#include "model/plan.h"

#include <stdlib.h>

enum { MOST_GRAPHS = 13 };              /* 1, 2, 4 … 4096 */

struct em_session {
    const em_model *model;
    em_config       cfg;                /* the model's, over the session's window            */
    int             max_batch;
    em_session_other *other;
    void           *other_ctx;
    em_plan         plan;
    void           *block;              /* activations, on the device                        */
    em_mailbox      mailbox;
    em_outputs      out;
    em_graph       *graphs[MOST_GRAPHS];        /* one a bucket; none where the device records nothing */
    int             buckets[MOST_GRAPHS], n_graphs;
    uint64_t        begin_ns, head_ns, end_ns;  /* of the last run; head_ns: when its layers were done */
};

static em_status open_mailbox(em_session *s, int n_streams, em_err *err)
{
    const em_config *cfg = &s->cfg;
    const em_mailbox_cfg how = {
        .ops = s->model->ops, .dev = s->model->dev, .max_batch = s->max_batch, .n_mels = cfg->n_mels,
        .n_streams = em_config_sound_frames(cfg) <= cfg->n_frames ? n_streams : 0,
        .window = (size_t)em_config_sound_frames(cfg) * (size_t)cfg->n_mels, .classes = (size_t)cfg->n_classes,
        .slots = (size_t)em_config_slots(cfg) * (size_t)cfg->n_classes, .latent = (size_t)cfg->dims[EM_STAGES - 1],
    };

    return em_mailbox_open(&s->mailbox, &how, err);
}

static em_status build(em_session *s, em_err *err)
{
    const em_ops *ops = s->model->ops;
    const em_weights *w = &s->model->weights;
    const em_mailbox *m = &s->mailbox;
    em_builder b = { .ops = ops, .dev = s->model->dev, .cfg = &s->cfg, .strips = m->strips, .needs.max_batch = s->max_batch };
    em_status status;

    em_plan_build(&b, w, m->frames, m->n_frames);           /* measures */
    status = ops->reserve(b.dev, &b.needs, err);
    if (status != EM_OK)
        return status;
    s->block = ops->alloc(b.dev, b.arena.high);
    if (!s->block)
        return em_fail(err, EM_ENOMEM, "no memory for %zu MB of activations: a shorter --window or fewer streams need less", b.arena.high >> 20);
    b.arena = (em_arena){ .base = s->block, .size = b.arena.high };
    b.plan = &s->plan;
    s->out = em_plan_build(&b, w, m->frames, m->n_frames);
    return b.status == EM_OK ? EM_OK : em_fail(err, b.status, "no memory for the plan");
}

/* What a graph records: every call, answers down. What goes up is as long as what is new, so it goes by itself. */
typedef struct pass { const em_session *s; int n; em_plan_observer *seen; void *ctx; } pass;

static void run_pass(void *ctx)
{
    const pass *p = ctx;
    const em_session *s = p->s;

    em_plan_run(&s->plan, s->model->ops, s->model->dev, p->n, p->seen, p->ctx);
    em_mailbox_fetch(&s->mailbox, &s->out, p->n);
}

static em_status record(em_session *s, em_err *err)
{
    em_status status = EM_OK;

    for (int n = 1; status == EM_OK; n = 2 * n < s->max_batch ? 2 * n : s->max_batch) {
        pass p = { .s = s, .n = n };

        status = s->model->ops->capture(s->model->dev, &s->graphs[s->n_graphs], run_pass, &p, err);
        if (!s->graphs[s->n_graphs])
            break;
        s->buckets[s->n_graphs++] = n;
        if (n == s->max_batch)
            break;
    }
    return status;
}

static em_status make(em_session *s, int n_streams, em_err *err)
{
    em_status status = open_mailbox(s, n_streams, err);

    if (status == EM_OK)
        status = build(s, err);
    return status == EM_OK ? record(s, err) : status;
}

static void unmake(em_session *s)
{
    for (int i = 0; i < s->n_graphs; i++)
        s->model->ops->forget(s->model->dev, s->graphs[i]);
    s->n_graphs = 0;
    em_plan_deinit(&s->plan);
    em_mailbox_close(&s->mailbox);
    if (s->block)
        s->model->ops->release(s->model->dev, s->block);
    s->block = NULL;
}

/* After a failure: EM_OK if another device has taken over. Streams that have joined have nothing to gain there. */
static em_status move(em_session *s, em_status status, em_err *err)
{
    const em_err why = err ? *err : (em_err){ .code = status };
    const bool is_of_device = status == EM_EDEVICE || status == EM_ENOMEM || status == EM_EUNSUPPORTED;
    const em_model *model;

    if (!is_of_device || !s->model->ops->has_own_memory || !s->other || !(model = s->other(s->other_ctx, &why)))
        return status;
    unmake(s);
    s->model = model;
    if ((status = make(s, 0, err)))
        unmake(s);
    return status;
}

em_status em_session_new(em_session **out, const em_model *model, const em_session_cfg *cfg, em_err *err)
{
    em_status status = EM_OK;
    em_session *s;

    *out = NULL;
    if (cfg->max_batch < 1 || cfg->max_batch > 4096)
        return em_fail(err, EM_EINVAL, "a batch of %d windows: must be 1 to 4096", cfg->max_batch);
    if (model->cfg.n_classes == 0)
        return em_fail(err, EM_EUNSUPPORTED, "this model knows no sounds (its labels are empty): it serves training, not tagging");
    s = calloc(1, sizeof *s);
    if (!s)
        return em_fail(err, EM_ENOMEM, "no memory for a session");
    s->model = model;
    s->cfg = model->cfg;
    s->max_batch = cfg->max_batch;
    s->other = cfg->other;
    s->other_ctx = cfg->other_ctx;
    if (cfg->window_s > 0)
        status = (cfg->may_be_short ? em_config_set_short_window : em_config_set_window)(&s->cfg, cfg->window_s, err);
    if (status == EM_OK && (status = make(s, cfg->max_streams, err)))
        status = move(s, status, err);
    if (status != EM_OK) {
        em_session_free(s);
        return status;
    }
    *out = s;
    return EM_OK;
}

void em_session_free(em_session *s)
{
    if (!s)
        return;
    unmake(s);
    free(s);
}

const em_config *em_session_config(const em_session *s) { return &s->cfg; }

int em_session_join(em_session *s) { return em_mailbox_join(&s->mailbox); }
void em_session_leave(em_session *s, int stream) { em_mailbox_leave(&s->mailbox, stream); }

static em_status check_batch(const em_session *s, int B, em_err *err)
{
    if (!s->block)
        return em_fail(err, EM_ENOMEM, "the session lost its device");
    return B < 1 || B > s->max_batch ? em_fail(err, EM_EINVAL, "%d windows in a session for %d", B, s->max_batch) : EM_OK;
}

em_status em_session_watch(em_session *s, const em_input *in, em_output *out, int B, em_plan_observer *seen, void *ctx, em_err *err)
{
    em_status status = check_batch(s, B, err);
    pass p = { s, B, seen, ctx };

    if (status)
        return status;
    em_mailbox_put(&s->mailbox, in, B, B);
    em_mailbox_send(&s->mailbox);
    run_pass(&p);
    return em_mailbox_take(&s->mailbox, &s->out, out, B, err);
}

/* The head is what comes behind the last stage. */
static void note_stage(void *ctx, const em_call *call)
{
    em_session *s = ctx;

    if (call->stage >= 0)
        s->head_ns = em_now_ns();
}

void em_session_times(const em_session *s, float *backbone_s, float *head_s)
{
    const uint64_t head_ns = s->n_graphs ? s->end_ns : s->head_ns;

    *backbone_s = (float)(head_ns - s->begin_ns) * 1e-9f;
    *head_s = (float)(s->end_ns - head_ns) * 1e-9f;
}

static em_status run(em_session *s, const em_input *in, em_output *out, int B, em_err *err)
{
    em_status status = check_batch(s, B, err);
    int i = 0;

    if (s->n_graphs == 0)
        return em_session_watch(s, in, out, B, note_stage, s, err);
    if (status)
        return status;
    while (s->buckets[i] < B)
        i++;
    em_mailbox_put(&s->mailbox, in, B, s->buckets[i]);
    em_mailbox_send(&s->mailbox);
    s->model->ops->replay(s->model->dev, s->graphs[i]);
    return em_mailbox_take(&s->mailbox, &s->out, out, B, err);
}

em_status em_session_run(em_session *s, const em_input *in, em_output *out, int B, em_err *err)
{
    em_status status;

    s->begin_ns = s->head_ns = em_now_ns();
    status = run(s, in, out, B, err);
    if (status && (status = move(s, status, err)) == EM_OK)
        status = run(s, in, out, B, err);
    s->end_ns = em_now_ns();
    return status;
}
