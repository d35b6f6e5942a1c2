/* fakes.c - a source that plays a script and a session that answers by formula: see fakes.h. */
#include "fakes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Frames that wait in the source beyond the script's own: a late run of the session lets them pile up. */
static uint64_t backlog;

/* ---- source ---- */

struct em_source {
    fake_script script;
    em_source_info info;
    int      i_step;
    uint64_t at, n_left;            /* samples given so far; of this step      */
    bool     is_gap_told;
    em_source_counters count;
};

static void begin_step(em_source *s)
{
    s->is_gap_told = false;
    s->n_left = s->i_step < s->script.n_steps ? s->script.steps[s->i_step].n_frames : 0;
}

em_source *fake_source_new(const fake_script *script)
{
    em_source *s = calloc(1, sizeof *s);

    s->script = *script;
    s->info = (em_source_info){ .rate_hz = script->rate_hz, .n_channels = script->n_channels, .is_live = script->is_live,
                                .n_frames = -1 };
    snprintf(s->info.name, sizeof s->info.name, "%s", script->name);
    begin_step(s);
    backlog = 0;
    return s;
}

float fake_sample(uint64_t i, int channel)
{
    return (float)(0.3 * sin(0.01 * (double)i * (1 + channel)));
}

static float sample(const em_source *s, uint64_t i, int channel)
{
    if (channel + 1 == s->script.dead_channel)
        return 0;
    return channel + 1 == s->script.full_channel ? 1 : fake_sample(i, channel);
}

void em_source_close(em_source *s)                              { free(s); }
em_status em_source_start(em_source *s, em_err *err)            { (void)s; (void)err; return EM_OK; }
void em_source_stop(em_source *s)                               { (void)s; }
void em_source_get_info(const em_source *s, em_source_info *out) { *out = s->info; }

em_source_state em_source_watch(em_source *s, em_err *err)
{
    em_source_state state = s->i_step < s->script.n_steps ? s->script.steps[s->i_step].state : EM_SOURCE_ENDED;

    if (err)
        *err = (em_err){ 0 };
    if (s->script.watched)
        s->script.watched(s->at);
    if ((state == EM_SOURCE_ENDED || state == EM_SOURCE_FAILED) && s->script.end_code)
        em_fail(err, s->script.end_code, "%s: broke off", s->info.name);
    return state;
}

size_t em_source_take(em_source *s, float *dst, size_t max, em_gap *gap)
{
    size_t n_channels = (size_t)s->info.n_channels, n;
    const fake_step *step;

    *gap = (em_gap){ 0, EM_GAP_OVERRUN };
    if (s->i_step >= s->script.n_steps)
        return 0;
    step = &s->script.steps[s->i_step];
    if (step->rate_hz)
        s->info.rate_hz = step->rate_hz;
    if (!s->is_gap_told) {
        gap->n_frames = step->n_gap;
        s->count.captured += step->n_gap;
        s->count.dropped += step->n_gap;
        s->at += step->n_gap;
        s->is_gap_told = true;
    }
    n = s->n_left < max ? (size_t)s->n_left : max;
    for (size_t i = 0; i < n * n_channels; i++)
        dst[i] = sample(s, s->at + i / n_channels, (int)(i % n_channels));
    s->at += n;
    s->n_left -= n;
    s->count.captured += n;
    s->count.taken += n;
    backlog -= backlog < n ? backlog : n;
    if (s->n_left == 0) {
        s->i_step++;
        begin_step(s);
    }
    return n;
}

void em_source_get_counters(const em_source *s, em_source_counters *out)
{
    *out = s->count;
    out->waiting = backlog;
    out->captured += backlog;
    out->n_latency = s->script.n_latency;
    out->n_bad_samples = s->script.n_bad;
}

/* ---- session ---- */

struct em_session {
    em_config cfg;
    fake_session_cfg fake;
    int n_runs, largest_batch, n_windows;
};

em_watch_rules fake_events(int sample_rate)
{
    static const char *const labels[] = { "Cat", "Dog" };
    static const int classes[] = { FAKE_HEARD - 1, FAKE_HEARD };
    static em_sound_cfg sounds[2];
    em_watch_rules rules = { .detector = em_detector_default(), .classes = classes, .n_scores = FAKE_CLASSES };

    sounds[0] = sounds[1] = em_sound_default(0);
    rules.detector.rate_hz = sample_rate;
    rules.detector.window_samples = 10 * sample_rate;
    rules.detector.n_slots = 32;
    rules.detector.slot_s = .32;
    rules.detector.labels = labels;
    rules.detector.classes = sounds;
    rules.detector.n_classes = 2;
    return rules;
}

em_session *fake_session_new(int sample_rate, const fake_session_cfg *fake)
{
    em_session *s = calloc(1, sizeof *s);
    em_err err;

    if (em_config_preset(&s->cfg, "nano", &err))
        abort();
    s->cfg.sample_rate = sample_rate;
    s->cfg.n_classes = FAKE_CLASSES;
    if (fake)
        s->fake = *fake;
    return s;
}

void fake_logits(float *out, const float *frames, int n_frames, int n_mels)
{
    for (int c = 0; c < FAKE_CLASSES; c++) {
        double sum = 0;

        for (int t = 0; t < n_frames; t++)
            sum += (double)frames[t * n_mels + 3 * c] * (1 + t % (c + 2));
        out[c] = (float)(sum / n_frames / 50);
    }
}

/* As a model would that knows one class and knows it well. */
static void hear(em_output *out, const em_config *cfg, const float *frames, int n_frames)
{
    const int n_slots = em_config_slots(cfg), per_slot = cfg->n_frames / n_slots;
    const float sure = 6;

    for (int c = 0; c < FAKE_CLASSES; c++)
        out->logits[c] = -sure;
    for (int s = 0; s < n_slots; s++) {
        bool is_loud = false;

        for (int t = s * per_slot; t < (s + 1) * per_slot && t < n_frames; t++)
            is_loud |= frames[t * cfg->n_mels] > -60;
        if (is_loud)
            out->logits[FAKE_HEARD] = sure;
        for (int c = 0; out->slots && c < FAKE_CLASSES; c++)
            out->slots[s * FAKE_CLASSES + c] = is_loud && c == FAKE_HEARD ? sure : -sure;
    }
}

em_status em_session_run(em_session *s, const em_input *in, em_output *out, int B, em_err *err)
{
    (void)err;
    s->n_runs++;
    s->largest_batch = B > s->largest_batch ? B : s->largest_batch;
    for (int b = 0; b < B; b++) {
        fake_logits(out[b].logits, in[b].frames, in[b].n_frames, s->cfg.n_mels);
        for (int i = 0; out[b].slots && i < em_config_slots(&s->cfg) * FAKE_CLASSES; i++)
            out[b].slots[i] = (float)i / 100;
        for (int i = 0; out[b].latent && i < s->cfg.dims[EM_STAGES - 1]; i++)
            out[b].latent[i] = (float)i;
        s->n_windows++;
        if (s->fake.nan_every && s->n_windows % s->fake.nan_every == 0)
            out[b].logits[0] = NAN;
        if (s->fake.hears)
            hear(&out[b], &s->cfg, in[b].frames, in[b].n_frames);
    }
    if (s->fake.slow_every && s->n_runs % s->fake.slow_every == 0)
        backlog += s->fake.late_frames;
    return EM_OK;
}

void em_session_times(const em_session *s, float *backbone_s, float *head_s)
{
    (void)s;
    *backbone_s = *head_s = 0;
}

int em_session_join(em_session *s)                         { (void)s; return 0; }
void em_session_leave(em_session *s, int stream)            { (void)s; (void)stream; }
void em_session_free(em_session *s)                         { free(s); }
const em_config *em_session_config(const em_session *s)     { return &s->cfg; }
int fake_session_runs(const em_session *s)                  { return s->n_runs; }
int fake_session_largest_batch(const em_session *s)         { return s->largest_batch; }
