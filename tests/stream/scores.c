/* scores.c - sound to scores, whole: the golden waves through listener and session against the official answers
 * (logits within 2e-5, slots within 1e-3), and the scheduler's scores, which must be the same bits for every cut of
 * the stream and every number of threads. Logits, because a probability near 0 or 1 hides their last digits. */
#include "golden/tensors.h"

#include "engine/scheduler.h"
#include "ops/cpu/ops_cpu.h"

#include <math.h>

enum { MOST_HOPS = 16, SECONDS = 12 };

typedef struct golden_case { const char *model, *io, *prefix; double window_s; const char *reason; } golden_case;

static const golden_case cases[] = {
    { "mini_p",     "mini_p",     "mini_p.",     0,  "the presets' flags" },
    { "mini_a",     "mini_a",     "mini_a.",     0,  "stretch" },
    { "mini_gated", "mini_gated", "mini_gated.", 0,  "exact: 327,360 samples" },
    { "mini_v0",    "mini_v0",    "mini_v0.",    0,  "gate, N 16, no MLP" },
    { "mini_kaldi", "mini_kaldi", "mini_kaldi.", 0,  "the Kaldi fbank at 16 kHz" },
    { "nano",       "nano",       "nano.",       0,  "the preset itself" },
    { "mini_p",     "mini_p_20s", "",            20, "a window of 20 s" },
};

/* A model at work, and room for one window's answers. */
typedef struct tagger {
    em_dev     *dev;
    em_model   *model;
    em_session *session;
    size_t      n_classes, n_rows;      /* n_rows: numbers of all slots */
    float      *logits, *slots;
} tagger;

static const char *path_of(const char *model)
{
    char name[64];

    snprintf(name, sizeof name, "models/%s.safetensors", model);
    return golden_path(name);
}

static void start(tagger *t, const char *model, double window_s, int n_threads)
{
    em_err err;

    CHECK_OK(em_ops_cpu.open(&t->dev, &(em_dev_cfg){ .n_threads = n_threads }, &err));
    CHECK_OK(em_model_open(&t->model, path_of(model), &em_ops_cpu, t->dev, &err));
    CHECK_OK(em_session_new(&t->session, t->model, &(em_session_cfg){ .max_batch = 1, .window_s = window_s }, &err));
    t->n_classes = (size_t)em_model_config(t->model)->n_classes;
    t->n_rows = (size_t)em_config_slots(em_session_config(t->session)) * t->n_classes;
    t->logits = calloc(t->n_classes, sizeof *t->logits);
    t->slots = calloc(t->n_rows, sizeof *t->slots);
    assert_true(t->logits && t->slots);
}

static void stop(tagger *t)
{
    free(t->logits);
    free(t->slots);
    em_session_free(t->session);
    em_model_free(t->model);
    em_ops_cpu.close(t->dev);
}

/* The one window of n samples, by the listener's frames. */
static void hear(tagger *t, const float *wave, size_t n, const char *name)
{
    const em_config *cfg = em_session_config(t->session);
    const em_listener_cfg how = { .frontend = em_scheduler_frontend(cfg), .window_samples = em_config_window_samples(cfg),
                                  .step_samples = em_config_window_samples(cfg), .rate_hz = cfg->sample_rate };
    em_output out = { .logits = t->logits, .slots = t->slots };
    em_listener *ear;
    em_hop hop;
    em_err err;

    CHECK(n == (size_t)em_config_window_samples(cfg), "%s: a wave of %zu samples", name, n);
    CHECK_OK(em_listener_new(&ear, &how, &err));
    CHECK(em_listener_push(ear, wave, n) == n, "%s", name);
    em_listener_finish(ear);
    CHECK(em_listener_next(ear, &hop), "%s: no hop", name);
    CHECK(hop.n_frames == em_config_sound_frames(cfg), "%s: %d frames", name, hop.n_frames);
    CHECK_OK(em_session_run(t->session, &(em_input){ .frames = hop.frames, .n_frames = hop.n_frames }, &out, 1, &err));
    CHECK(!em_listener_next(ear, &hop), "%s: a second hop", name);
    em_listener_free(ear);
}

/* What a scheduler hands out, in order. */
typedef struct record {
    float   *scores, *slots;            /* [MOST_HOPS][n_classes], [MOST_HOPS][n_rows]; slots NULL: not kept */
    int64_t  ends[MOST_HOPS];
    size_t   n_classes, n_rows;
    int      n;
} record;

static em_status keep(void *ctx, const em_scores_row *row, em_err *err)
{
    record *r = ctx;

    if (r->n == MOST_HOPS)
        return em_fail(err, EM_EINVAL, "more than %d hops", MOST_HOPS);
    r->ends[r->n] = row->hop->end_sample;
    memcpy(r->scores + (size_t)r->n * r->n_classes, row->scores, r->n_classes * sizeof(float));
    if (r->slots)
        memcpy(r->slots + (size_t)r->n * r->n_rows, row->slots, r->n_rows * sizeof(float));
    r->n++;
    return EM_OK;
}

static void stream(record *r, tagger *t, const float *wave, size_t n, size_t chunk, int step_samples)
{
    const em_scheduler_cfg how = { .session = t->session, .max_batch = 1, .n_lanes = 1, .step_samples = step_samples, .has_slots = true,
                                   .rate_hz = em_session_config(t->session)->sample_rate, .take = keep, .ctx = r };
    em_scheduler *s;
    em_err err;

    *r = (record){ .n_classes = t->n_classes, .n_rows = t->n_rows };
    r->scores = calloc(MOST_HOPS * r->n_classes, sizeof *r->scores);
    r->slots = calloc(MOST_HOPS * r->n_rows, sizeof *r->slots);
    assert_true(r->scores && r->slots);
    CHECK_OK(em_scheduler_new(&s, &how, &err));
    for (size_t i = 0; i < n; i += chunk) {
        const float *lane = wave + i;

        CHECK_OK(em_scheduler_push(s, &lane, n - i < chunk ? n - i : chunk, 0, &err));
    }
    CHECK_OK(em_scheduler_finish(s, &err));
    em_scheduler_free(s);
}

static void forget(record *r)
{
    free(r->scores);
    free(r->slots);
}

static void same_as_probabilities(const float *got, const float *logits, size_t n, const char *name, const char *what)
{
    for (size_t i = 0; i < n; i++)
        CHECK(got[i] == (float)(1 / (1 + exp(-(double)logits[i]))), "%s: %s %zu of the scheduler is %.9g, its logit %.9g", name, what, i,
              (double)got[i], (double)logits[i]);
}

static void run_case(const golden_case *c)
{
    char name[64];
    em_st *io;
    tagger t;
    size_t n, n_logits, n_slots = 0, B;
    float *wave, *logits, *slots = NULL;
    double worst = 0, worst_slot = 0;

    snprintf(name, sizeof name, "models/%s.io.safetensors", c->io);
    if (!path_of(c->model) || !golden_path(name)) {
        printf("SKIPPED: %s (%s): its files are not at hand\n", c->io, c->reason);
        return;
    }
    io = golden_open(name);
    start(&t, c->model, c->window_s, 2);
    wave = golden_read(io, &n, NULL, "%swave", c->prefix);
    logits = golden_read(io, &n_logits, NULL, "%slogits", c->prefix);
    if (golden_has(io, "%sslots", c->prefix))               /* the official linear head has none */
        slots = golden_read(io, &n_slots, NULL, "%sslots", c->prefix);
    B = n_logits / t.n_classes;
    CHECK(B >= 1 && B * t.n_classes == n_logits && (!slots || n_slots == B * t.n_rows), "%s: shapes", c->io);
    for (size_t b = 0; b < B; b++) {
        const float *one = wave + b * (n / B);
        record r;

        hear(&t, one, n / B, c->io);
        worst = fmax(worst, golden_difference(t.logits, logits + b * t.n_classes, t.n_classes));
        if (slots)
            worst_slot = fmax(worst_slot, golden_difference(t.slots, slots + b * t.n_rows, t.n_rows));
        stream(&r, &t, one, n / B, 4096, (int)(n / B));
        CHECK(r.n == 1, "%s: %d hops", c->io, r.n);
        same_as_probabilities(r.scores, t.logits, t.n_classes, c->io, "score");
        same_as_probabilities(r.slots, t.slots, t.n_rows, c->io, "slot");
        forget(&r);
    }
    CHECK(worst <= 2e-5, "%s: logits from wave off by %.3g (%s)", c->io, worst, c->reason);
    CHECK(worst_slot <= 1e-3, "%s: slots from wave off by %.3g (%s)", c->io, worst_slot, c->reason);
    printf("%-12s %zu waves: logits within %.2g, slots within %.2g\n", c->io, B, worst, worst_slot);
    free(wave);
    free(logits);
    free(slots);
    stop(&t);
    em_st_close(io);
}

static void waves_to_logits_as_the_official_code_has_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++)
        run_case(&cases[i]);
}

static void scores_are_the_same_bits_for_every_chunk_and_thread_count(void **state)
{
    static const size_t chunks[] = { 65536, 1, 7, 320, 4096 };
    const size_t n = SECONDS * 32000 + 77;                  /* a last hop off the step */
    em_st *io = golden_open("models/mini_p.io.safetensors");
    float *waves = golden_read(io, NULL, NULL, "mini_p.wave");      /* 2 x 10 s, one after the other */
    record first = { 0 };

    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        tagger t;

        start(&t, "mini_p", 0, threads);
        for (size_t i = 0; i < EM_COUNT(chunks); i++) {
            record r;

            stream(&r, &t, waves, n, chunks[i], 32000);
            CHECK(r.n == SECONDS + 1, "%d threads, chunks of %zu: %d hops", threads, chunks[i], r.n);
            if (!first.scores) {
                first = r;
                continue;
            }
            CHECK(!memcmp(r.ends, first.ends, sizeof r.ends), "%d threads, chunks of %zu: hops end elsewhere", threads, chunks[i]);
            for (int h = 0; h < r.n; h++) {
                CHECK(!memcmp(r.scores + (size_t)h * r.n_classes, first.scores + (size_t)h * r.n_classes, r.n_classes * sizeof(float)),
                      "%d threads, chunks of %zu: other scores at hop %d", threads, chunks[i], h);
                CHECK(!memcmp(r.slots + (size_t)h * r.n_rows, first.slots + (size_t)h * r.n_rows, r.n_rows * sizeof(float)),
                      "%d threads, chunks of %zu: other slots at hop %d", threads, chunks[i], h);
            }
            forget(&r);
        }
        stop(&t);
    }
    forget(&first);
    free(waves);
    em_st_close(io);
}

static void windows_of_10_to_160_s_are_heard(void **state)
{
    static const double windows[] = { 10, 11.25, 20, 40, 80, 160 };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(windows); i++) {
        char name[32];
        size_t n;
        float *wave;
        tagger t;

        snprintf(name, sizeof name, "%g s", windows[i]);
        start(&t, "mini_p", windows[i], 2);
        CHECK(em_config_slots(em_session_config(t.session)) == (int)(32 * windows[i] / 10), "%s: %d slots", name,
              em_config_slots(em_session_config(t.session)));
        n = (size_t)em_config_window_samples(em_session_config(t.session));
        CHECK(n == (size_t)(32000 * windows[i]), "%s: %zu samples", name, n);
        wave = calloc(n, sizeof *wave);
        assert_non_null(wave);
        for (size_t k = 0; k < n; k++)
            wave[k] = (float)(0.3 * sin((double)k * (0.01 + (double)k * 1e-8)));
        hear(&t, wave, n, name);
        for (size_t k = 0; k < t.n_classes; k++)
            CHECK(isfinite(t.logits[k]), "%s: class %zu", name, k);
        for (size_t k = 0; k < t.n_rows; k++)
            CHECK(isfinite(t.slots[k]), "%s: slot value %zu", name, k);
        free(wave);
        stop(&t);
    }
}

static void other_windows_are_refused_in_a_sentence(void **state)
{
    static const double windows[] = { 9, 161, 10.3 };
    em_dev *dev;
    em_model *model;
    em_err err;

    (void)state;
    CHECK_OK(em_ops_cpu.open(&dev, &(em_dev_cfg){ .n_threads = 1 }, &err));
    CHECK_OK(em_model_open(&model, path_of("mini_p"), &em_ops_cpu, dev, &err));
    for (size_t i = 0; i < EM_COUNT(windows); i++) {
        em_session *session;
        char want[128];

        snprintf(want, sizeof want, "a window of %g s: this model takes multiples of 1.25 s from 10 to 160 s", windows[i]);
        CHECK(em_session_new(&session, model, &(em_session_cfg){ .max_batch = 1, .window_s = windows[i] }, &err) == EM_EINVAL, "%g s", windows[i]);
        CHECK(!session && !strcmp(err.msg, want), "%g s: %s", windows[i], err.msg);
    }
    em_model_free(model);
    em_ops_cpu.close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waves_to_logits_as_the_official_code_has_them),
        cmocka_unit_test(scores_are_the_same_bits_for_every_chunk_and_thread_count),
        cmocka_unit_test(windows_of_10_to_160_s_are_heard),
        cmocka_unit_test(other_windows_are_refused_in_a_sentence),
    };

    if (!path_of("mini_p"))
        SKIP_ALL("no golden models at hand");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
