/* scheduler.c - lanes in step: feed each listener, gather the hops that are due, of any schedulers, into one batch, score, hand out.
 * One thread; nothing is allocated after em_scheduler_new. */
#include "engine/scheduler.h"

#include "base/arena.h"
#include "base/clock.h"
#include "model/activation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct lane {
    em_listener *listener;
    em_hop       hop;
    int          stream;            /* of the session */
    float       *logits, *slots, *latent;
} lane;

struct em_scheduler {
    em_scheduler_cfg cfg;
    int        n_classes;
    uint64_t   step_frames;         /* a step at the source's rate, rounded up */
    size_t     second_frames;
    lane      *lanes;
    bool       is_due;              /* each lane has a hop that is to be scored */
    bool       is_scored;           /* and wanted                              */
    uint64_t   n_behind;            /* frames that wait behind the one it ends at */
    em_scheduler_counters count;
    uint64_t   mel_ns;              /* since the last hop that was scored      */
    uint64_t   begin_ns;            /* when the hop that is scored now began   */
    em_hop_times times;
};

em_frontend_cfg em_scheduler_frontend(const em_config *model)
{
    return em_frontend_usual(model->frontend == EM_FRONTEND_KALDI, model->sample_rate, model->n_mels);
}

em_status em_scheduler_new(em_scheduler **out, const em_scheduler_cfg *cfg, em_err *err)
{
    const em_config *model = em_session_config(cfg->session);
    size_t n_slots = (size_t)em_config_slots(model);
    em_scheduler *s = calloc(1, sizeof *s);
    em_listener_cfg ear = {
        .frontend = em_scheduler_frontend(model),
        .window_samples = em_config_window_samples(model), .step_samples = cfg->step_samples, .rate_hz = cfg->rate_hz,
        .has_levels = cfg->has_levels,
    };
    em_status status = EM_ENOMEM;

    *out = NULL;
    if (!s)
        return em_fail(err, EM_ENOMEM, "no memory for the scheduler");
    s->cfg = *cfg;
    s->n_classes = model->n_classes;
    s->lanes = calloc((size_t)cfg->n_lanes, sizeof *s->lanes);
    if (!s->lanes)
        goto no_memory;
    for (int i = 0; i < cfg->n_lanes; i++) {
        lane *l = &s->lanes[i];

        if ((status = em_listener_new(&l->listener, &ear, err)))
            goto failed;
        l->stream = em_session_join(cfg->session);
        l->logits = em_alloc((size_t)s->n_classes * sizeof *l->logits);
        l->slots = cfg->has_slots ? em_alloc(n_slots * (size_t)s->n_classes * sizeof *l->slots) : NULL;
        l->latent = cfg->has_latent ? em_alloc((size_t)model->dims[EM_STAGES - 1] * sizeof *l->latent) : NULL;
        if (!l->logits || (cfg->has_slots && !l->slots) || (cfg->has_latent && !l->latent))
            goto no_memory;
    }
    s->step_frames = ((uint64_t)cfg->step_samples * (uint64_t)cfg->rate_hz + (uint64_t)model->sample_rate - 1) /
                     (uint64_t)model->sample_rate;
    s->second_frames = (size_t)cfg->rate_hz;
    *out = s;
    return EM_OK;
no_memory:
    status = em_fail(err, EM_ENOMEM, "no memory for the scores");
failed:
    em_scheduler_free(s);
    return status;
}

void em_scheduler_free(em_scheduler *s)
{
    if (!s)
        return;
    for (int i = 0; s->lanes && i < s->cfg.n_lanes; i++) {
        em_listener_free(s->lanes[i].listener);
        em_session_leave(s->cfg.session, s->lanes[i].stream);
        free(s->lanes[i].logits);
        free(s->lanes[i].slots);
        free(s->lanes[i].latent);
    }
    free(s->lanes);
    free(s);
}

/* ---- which hop is next ---- */

/* Goes on to the next hop that is to be scored in every lane, over those that come too late. */
static void look(em_scheduler *s)
{
    s->is_due = false;
    for (;;) {
        bool is_late = s->cfg.may_skip && s->n_behind >= s->step_frames;
        uint64_t begin_ns = em_now_ns();
        int n_due = 0;

        for (int i = 0; i < s->cfg.n_lanes; i++)
            n_due += is_late ? em_listener_skip(s->lanes[i].listener) : em_listener_next(s->lanes[i].listener, &s->lanes[i].hop);
        assert(n_due == 0 || n_due == s->cfg.n_lanes);
        s->mel_ns += em_now_ns() - begin_ns;
        s->is_due = n_due > 0 && !is_late;
        if (n_due == 0 || s->is_due)
            return;
        s->count.n_skipped++;
    }
}

bool em_scheduler_is_due(const em_scheduler *s)
{
    return s->is_due;
}

/* Of n frames of gap to come, those that only move the clock. Behind them more than a step is left, so every hop in them
 * is late, as it would be if they were pushed. */
static size_t pass_silence(em_scheduler *s, size_t n)
{
    size_t passed = 0;
    uint64_t n_hops = 0;

    if (!s->cfg.may_skip || n <= s->step_frames)
        return 0;
    for (int i = 0; i < s->cfg.n_lanes; i++)
        passed = em_listener_pass_silence(s->lanes[i].listener, n - (size_t)s->step_frames, &n_hops);
    s->count.n_skipped += n_hops;
    return passed;
}

void em_scheduler_feed(em_scheduler *s, const float *const *lanes, size_t n, size_t *done, uint64_t n_waiting)
{
    while (*done < n && !s->is_due) {
        size_t taken = 0, most = n - *done;
        uint64_t begin_ns = em_now_ns();

        if (!lanes) {
            *done += pass_silence(s, n - *done);
            most = n - *done < s->second_frames ? n - *done : s->second_frames;
        }
        for (int i = 0; i < s->cfg.n_lanes; i++) {
            em_listener *l = s->lanes[i].listener;
            size_t t = lanes ? em_listener_push(l, lanes[i] + *done, most) : em_listener_push_silence(l, most);

            assert(i == 0 || t == taken);
            taken = t;
        }
        *done += taken;
        s->mel_ns += em_now_ns() - begin_ns;
        s->n_behind = n_waiting + (n - *done);
        look(s);
    }
}

void em_scheduler_end(em_scheduler *s)
{
    for (int i = 0; i < s->cfg.n_lanes; i++)
        em_listener_finish(s->lanes[i].listener);
    s->n_behind = 0;
    look(s);
}

em_status em_scheduler_set_rate(em_scheduler *s, int rate_hz, em_err *err)
{
    int model_hz = em_session_config(s->cfg.session)->sample_rate;

    for (int i = 0; i < s->cfg.n_lanes; i++) {
        em_status status = em_listener_set_rate(s->lanes[i].listener, rate_hz, err);

        if (status)
            return status;
    }
    s->step_frames = ((uint64_t)s->cfg.step_samples * (uint64_t)rate_hz + (uint64_t)model_hz - 1) / (uint64_t)model_hz;
    s->second_frames = (size_t)rate_hz;
    s->n_behind = 0;
    look(s);
    return EM_OK;
}

/* ---- scores ---- */

/* Whether any lane wants its hop scored. All of them are asked: they may count. */
static bool is_wanted(em_scheduler *s)
{
    bool is_one = !s->cfg.want;

    for (int i = 0; i < s->cfg.n_lanes && s->cfg.want; i++)
        is_one |= s->cfg.want(s->cfg.ctx, i, &s->lanes[i].hop);
    return is_one;
}

/* A hop that nobody wants goes on with no score. */
static void leave_out(em_scheduler *s, lane *l)
{
    const em_config *model = em_session_config(s->cfg.session);

    memset(l->logits, 0, (size_t)s->n_classes * sizeof *l->logits);
    if (l->slots)
        memset(l->slots, 0, (size_t)em_config_slots(model) * (size_t)s->n_classes * sizeof *l->slots);
    if (l->latent)
        memset(l->latent, 0, (size_t)model->dims[EM_STAGES - 1] * sizeof *l->latent);
    l->hop.frames = NULL;
}

static em_input input_of(const lane *l)
{
    return (em_input){ .frames = l->hop.frames, .n_frames = l->hop.n_frames, .stream = l->stream, .end = l->hop.end_frame,
                       .inner_first = l->hop.inner_first, .inner_end = l->hop.inner_end };
}

static em_output output_of(const lane *l)
{
    return (em_output){ l->logits, l->slots, l->latent };
}

typedef struct batch {              /* windows that go through the session together */
    em_input  in[EM_SCHEDULER_MOST_BATCH];
    em_output out[EM_SCHEDULER_MOST_BATCH];
    em_scheduler *whose[EM_SCHEDULER_MOST_BATCH];
    int n;
} batch;

/* What it took is told to each whose windows were in it, by their share. */
static em_status run_batch(batch *b, em_err *err)
{
    em_session *session = b->n ? b->whose[0]->cfg.session : NULL;
    em_status status = b->n ? em_session_run(session, b->in, b->out, b->n, err) : EM_OK;
    float backbone_s, head_s;

    if (status || b->n == 0)
        return status;
    em_session_times(session, &backbone_s, &head_s);
    for (int i = 0; i < b->n; i++) {
        b->whose[i]->count.backbone_s += backbone_s / (float)b->n;
        b->whose[i]->count.head_s += head_s / (float)b->n;
        if (b->n > b->whose[i]->count.largest_batch)
            b->whose[i]->count.largest_batch = b->n;
    }
    b->n = 0;
    return EM_OK;
}

static em_status add_hops(batch *b, em_scheduler *s, em_err *err)
{
    const int most = s->cfg.max_batch < EM_SCHEDULER_MOST_BATCH ? s->cfg.max_batch : EM_SCHEDULER_MOST_BATCH;

    s->is_scored = is_wanted(s);
    if (s->is_scored) {
        s->begin_ns = em_now_ns() - s->mel_ns;
        s->count.mel_s = (float)s->mel_ns * 1e-9f;
        s->count.backbone_s = s->count.head_s = 0;
        s->mel_ns = 0;
        s->count.n_hops++;
    }
    for (int i = 0; i < s->cfg.n_lanes; i++) {
        lane *l = &s->lanes[i];
        em_status status = b->n == most ? run_batch(b, err) : EM_OK;

        if (status)
            return status;
        if (!s->is_scored) {
            leave_out(s, l);
            continue;
        }
        b->in[b->n] = input_of(l);
        b->out[b->n] = output_of(l);
        b->whose[b->n++] = s;
    }
    return EM_OK;
}

static em_status hand_out(em_scheduler *s, em_err *err)
{
    em_status status = EM_OK;

    for (int i = 0; i < s->cfg.n_lanes && !status; i++) {
        lane *l = &s->lanes[i];
        em_scores_row row = { .lane = i, .hop = &l->hop, .scores = l->logits, .slots = l->slots, .latent = l->latent };
        em_output out = output_of(l);

        if (s->is_scored)
            s->count.n_resets += !em_activate_output(&out, em_session_config(s->cfg.session));
        status = s->cfg.take(s->cfg.ctx, &row, err);
    }
    if (s->is_scored && !status)
        em_hop_times_add(&s->times, em_now_ns() - s->begin_ns);
    return status;
}

em_status em_scheduler_score(em_scheduler *const *all, int n, em_err *err)
{
    batch b;
    em_status status = EM_OK;

    b.n = 0;
    for (int i = 0; i < n && !status; i++)
        if (all[i] && all[i]->is_due)
            status = add_hops(&b, all[i], err);
    if (!status)
        status = run_batch(&b, err);
    for (int i = 0; i < n && !status; i++)
        if (all[i] && all[i]->is_due && !(status = hand_out(all[i], err)))
            look(all[i]);
    return status;
}

em_status em_scheduler_push(em_scheduler *s, const float *const *lanes, size_t n, uint64_t n_waiting, em_err *err)
{
    em_status status = EM_OK;

    for (size_t done = 0; !status && (done < n || s->is_due);) {
        em_scheduler_feed(s, lanes, n, &done, n_waiting);
        status = em_scheduler_score(&s, 1, err);
    }
    return status;
}

em_status em_scheduler_finish(em_scheduler *s, em_err *err)
{
    em_status status = EM_OK;

    em_scheduler_end(s);
    while (!status && s->is_due)
        status = em_scheduler_score(&s, 1, err);
    return status;
}

void em_scheduler_get_counters(const em_scheduler *s, em_scheduler_counters *out)
{
    *out = s->count;
}

const em_hop_times *em_scheduler_hop_times(const em_scheduler *s)
{
    return &s->times;
}

unsigned em_scheduler_warnings(em_scheduler *s, int i)
{
    return em_listener_warnings(s->lanes[i].listener);
}
