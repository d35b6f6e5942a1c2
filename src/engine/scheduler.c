/* scheduler.c - lanes in step: feed each listener, gather the hops that are due into one batch, score, hand out.
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
    float       *logits, *slots, *latent;
} lane;

struct em_scheduler {
    em_scheduler_cfg cfg;
    int        n_classes;
    uint64_t   step_frames;         /* a step at the source's rate, rounded up */
    size_t     second_frames;
    lane      *lanes;
    em_input  *in;                  /* [n_lanes] */
    em_output *out;
    em_scheduler_counters count;
    uint64_t   mel_ns;              /* since the last hop that was scored      */
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
    };
    em_status status = EM_ENOMEM;

    *out = NULL;
    if (!s)
        return em_fail(err, EM_ENOMEM, "no memory for the scheduler");
    s->cfg = *cfg;
    s->n_classes = model->n_classes;
    s->lanes = calloc((size_t)cfg->n_lanes, sizeof *s->lanes);
    s->in = calloc((size_t)cfg->n_lanes, sizeof *s->in);
    s->out = calloc((size_t)cfg->n_lanes, sizeof *s->out);
    if (!s->lanes || !s->in || !s->out)
        goto no_memory;
    for (int i = 0; i < cfg->n_lanes; i++) {
        lane *l = &s->lanes[i];

        if ((status = em_listener_new(&l->listener, &ear, err)))
            goto failed;
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
        free(s->lanes[i].logits);
        free(s->lanes[i].slots);
        free(s->lanes[i].latent);
    }
    free(s->lanes);
    free(s->in);
    free(s->out);
    free(s);
}

static em_status hand_out(em_scheduler *s, int i, em_err *err)
{
    lane *l = &s->lanes[i];
    em_scores_row row = { .lane = i, .hop = &l->hop, .scores = l->logits, .slots = l->slots, .latent = l->latent };

    s->count.n_resets += !em_activate_output(&s->out[i], em_session_config(s->cfg.session));
    return s->cfg.take(s->cfg.ctx, &row, err);
}

static bool is_wanted(em_scheduler *s)
{
    bool is_one = !s->cfg.want;

    for (int i = 0; i < s->cfg.n_lanes && s->cfg.want; i++)
        is_one |= s->cfg.want(s->cfg.ctx, i, &s->lanes[i].hop);
    return is_one;
}

/* Hops that nobody wants go on with no score. */
static em_status pass_hops(em_scheduler *s, em_err *err)
{
    const em_config *model = em_session_config(s->cfg.session);
    em_status status = EM_OK;

    for (int i = 0; i < s->cfg.n_lanes && !status; i++) {
        lane *l = &s->lanes[i];
        const em_scores_row row = { .lane = i, .hop = &l->hop, .scores = l->logits, .slots = l->slots, .latent = l->latent };

        memset(l->logits, 0, (size_t)s->n_classes * sizeof *l->logits);
        if (l->slots)
            memset(l->slots, 0, (size_t)em_config_slots(model) * (size_t)s->n_classes * sizeof *l->slots);
        if (l->latent)
            memset(l->latent, 0, (size_t)model->dims[EM_STAGES - 1] * sizeof *l->latent);
        l->hop.frames = NULL;
        status = s->cfg.take(s->cfg.ctx, &row, err);
    }
    return status;
}

static em_status run_batch(em_scheduler *s, int i, int n, em_err *err)
{
    em_status status = em_session_run(s->cfg.session, s->in + i, s->out + i, n, err);
    float backbone_s, head_s;

    em_session_times(s->cfg.session, &backbone_s, &head_s);
    s->count.backbone_s += backbone_s;
    s->count.head_s += head_s;
    return status;
}

static em_status score_hops(em_scheduler *s, em_err *err)
{
    const uint64_t begin_ns = em_now_ns() - s->mel_ns;
    int n = s->cfg.n_lanes;
    em_status status;

    s->count.mel_s = (float)s->mel_ns * 1e-9f;
    s->count.backbone_s = s->count.head_s = 0;
    s->mel_ns = 0;
    for (int i = 0; i < n; i++) {
        lane *l = &s->lanes[i];

        s->in[i] = (em_input){ l->hop.frames, l->hop.n_frames };
        s->out[i] = (em_output){ l->logits, l->slots, l->latent };
    }
    for (int i = 0; i < n; i += s->cfg.max_batch) {
        int batch = n - i < s->cfg.max_batch ? n - i : s->cfg.max_batch;

        if ((status = run_batch(s, i, batch, err)))
            return status;
    }
    s->count.n_hops++;
    for (int i = 0; i < n; i++)
        if ((status = hand_out(s, i, err)))
            return status;
    em_hop_times_add(&s->times, em_now_ns() - begin_ns);
    return EM_OK;
}

/* The hops that are due in every lane. n_behind: frames that wait behind the one they end at. */
static em_status due_hops(em_scheduler *s, uint64_t n_behind, em_err *err)
{
    for (;;) {
        bool is_late = s->cfg.may_skip && n_behind >= s->step_frames;
        uint64_t begin_ns = em_now_ns();
        int n_due = 0;
        em_status status;

        for (int i = 0; i < s->cfg.n_lanes; i++)
            n_due += is_late ? em_listener_skip(s->lanes[i].listener) : em_listener_next(s->lanes[i].listener, &s->lanes[i].hop);
        assert(n_due == 0 || n_due == s->cfg.n_lanes);
        s->mel_ns += em_now_ns() - begin_ns;
        if (n_due == 0)
            return EM_OK;
        if (is_late)
            s->count.n_skipped++;
        else if ((status = is_wanted(s) ? score_hops(s, err) : pass_hops(s, err)))
            return status;
    }
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

em_status em_scheduler_push(em_scheduler *s, const float *const *lanes, size_t n, uint64_t n_waiting, em_err *err)
{
    size_t done = 0;

    while (done < n) {
        size_t taken = 0, most = n - done;
        uint64_t begin_ns = em_now_ns();
        em_status status;

        if (!lanes) {
            done += pass_silence(s, n - done);
            most = n - done < s->second_frames ? n - done : s->second_frames;
        }
        for (int i = 0; i < s->cfg.n_lanes; i++) {
            em_listener *l = s->lanes[i].listener;
            size_t t = lanes ? em_listener_push(l, lanes[i] + done, most) : em_listener_push_silence(l, most);

            assert(i == 0 || t == taken);
            taken = t;
        }
        done += taken;
        s->mel_ns += em_now_ns() - begin_ns;
        if ((status = due_hops(s, n_waiting + (n - done), err)))
            return status;
    }
    return EM_OK;
}

em_status em_scheduler_finish(em_scheduler *s, em_err *err)
{
    for (int i = 0; i < s->cfg.n_lanes; i++)
        em_listener_finish(s->lanes[i].listener);
    return due_hops(s, 0, err);
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
    return due_hops(s, 0, err);
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
