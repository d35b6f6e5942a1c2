/* stream.c - what libearmark tells is the same bytes however its sound comes: cut anywhere, as floats or integers, beside another
 * thread's listener of the same model; and its scores are the scheduler's, which are the program's. */
#include "check.h"

#include "base/pool.h"
#include "engine/scheduler.h"
#include "ops/cpu/ops_cpu.h"
#include "transcript.h"

#include <math.h>
#include <pthread.h>
#include <sndfile.h>

enum { RATE = 32000, SECONDS = 14, N = SECONDS * RATE + 1234, SHORT = 11 * RATE / 10 };

/* A small one with random weights, which tells hundreds of events of whatever it hears. */
static const char *const model_path = EM_SOURCE_DIR "/tests/golden/data/models/mini_p.safetensors";
static float   wave[N];             /* of the demo clip */
static int16_t integers[N];
static earmark_model *model;
static earmark_error error;

static int open_all(void **state)
{
    SF_INFO info = { 0 };
    SNDFILE *file = sf_open(EM_SOURCE_DIR "/config/demo/demo.flac", SFM_READ, &info);
    const bool is_there = file && info.samplerate == RATE && info.channels == 1 && sf_readf_short(file, integers, N) == N;

    (void)state;
    for (size_t i = 0; i < N; i++)
        wave[i] = (float)integers[i] / 32768;
    sf_close(file);
    return is_there && !earmark_model_open(&model, model_path, NULL, &error) ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    earmark_model_close(model);
    return 0;
}

static const sound whole = { .floats = wave, .n_frames = N, .n_channels = 1 };

static void hear(transcript *t, const earmark_listener_options *o, const sound *s, size_t chunk)
{
    CHECK(transcript_of(t, model, o, s, chunk, &error), "chunks of %zu: %s", chunk, error.message);
}

static void same(const transcript *a, const transcript *b, const char *what, size_t chunk)
{
    CHECK(a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0, "%s, chunks of %zu: %zu bytes told, %zu before, or others", what, chunk, b->n, a->n);
}

static void no_cut_and_no_format_changes_a_bit(void **state)
{
    static const size_t chunks[] = { 7, 441, 1024, 1025, 31999, 32000, 32001 };
    const sound as_integers = { .integers = integers, .n_frames = N, .n_channels = 1 };
    transcript first, t;
    (void)state;

    hear(&first, NULL, &whole, N);
    CHECK(first.n_hops == SECONDS + 1 && fabs(first.last_s - (double)N / RATE) < 1e-9, "%d hops to %g s", first.n_hops, first.last_s);
    CHECK(first.n_onsets >= 100 && first.n_offsets >= 100, "%d onsets, %d offsets", first.n_onsets, first.n_offsets);
    for (size_t i = 0; i < EM_COUNT(chunks); i++) {
        hear(&t, NULL, &whole, chunks[i]);
        same(&first, &t, "floats", chunks[i]);
        free(t.bytes);
        if (i % 3)
            continue;
        hear(&t, NULL, &as_integers, chunks[i]);
        same(&first, &t, "integers", chunks[i]);
        free(t.bytes);
    }
    free(first.bytes);
}

static void a_frame_at_a_time_is_the_same(void **state)
{
    const sound begin = { .floats = wave + RATE, .n_frames = 2 * RATE + 5, .n_channels = 1 };
    transcript a, b;
    (void)state;

    hear(&a, NULL, &begin, begin.n_frames);
    hear(&b, NULL, &begin, 1);
    same(&a, &b, "floats", 1);
    free(a.bytes);
    free(b.bytes);
}

/* Of two channels at 44.1 kHz, whose resampler lets several short hops fall due at once. */
static void short_hops_of_a_mean_are_all_told(void **state)
{
    static const size_t chunks[] = { 3, 100, SHORT };
    static float pairs[2 * SHORT];
    const sound s = { .floats = pairs, .n_frames = SHORT, .n_channels = 2 };
    earmark_listener_options o;
    transcript first = { 0 };
    (void)state;

    for (size_t i = 0; i < SHORT; i++) {
        pairs[2 * i] = wave[RATE + i];
        pairs[2 * i + 1] = i % 7 ? -wave[i] / 3 : NAN;
    }
    earmark_listener_options_init(&o, sizeof o);
    o.rate_hz = 44100;
    o.channels = 2;
    o.channel = 0;
    o.step_s = .02;
    for (size_t i = 0; i < EM_COUNT(chunks); i++) {
        transcript t;

        hear(&t, &o, &s, chunks[i]);
        CHECK(t.n_hops == (int)ceil(SHORT / 44100. / .02), "%d hops of %g s", t.n_hops, o.step_s);
        if (i == 0) {
            first = t;
            continue;
        }
        same(&first, &t, "pairs", chunks[i]);
        free(t.bytes);
    }
    free(first.bytes);
}

/* ---- beside the scheduler ---- */

typedef struct expected { transcript scores, slots; size_t n_scores, n_slots; } expected;      /* n_: bytes of one hop */

static em_status keep(void *ctx, const em_scores_row *row, em_err *err)
{
    expected *e = ctx;
    (void)err;

    transcript_add(&e->scores, row->scores, e->n_scores);
    transcript_add(&e->slots, row->slots, e->n_slots);
    return EM_OK;
}

static void schedule(expected *e)
{
    em_scheduler_cfg how = { .max_batch = 1, .n_lanes = 1, .step_samples = RATE, .rate_hz = RATE, .has_slots = true,
                             .has_levels = true, .take = keep, .ctx = e };
    const float *lane = wave;
    uint64_t before;
    em_scheduler *s;
    em_model *m;
    em_dev *dev;
    em_err err;

    CHECK_OK(em_ops_cpu.open(&dev, &(em_dev_cfg){ .n_threads = 1 }, &err));
    CHECK_OK(em_model_open(&m, model_path, &em_ops_cpu, dev, &err));
    CHECK_OK(em_session_new(&how.session, m, &(em_session_cfg){ .max_batch = 1 }, &err));
    e->n_scores = (size_t)em_model_config(m)->n_classes * sizeof(float);
    e->n_slots = (size_t)em_config_slots(em_session_config(how.session)) * e->n_scores;
    CHECK_OK(em_scheduler_new(&s, &how, &err));
    before = em_flush_denormals();                          /* as the engine's worker does */
    CHECK_OK(em_scheduler_push(s, &lane, N, 0, &err));
    CHECK_OK(em_scheduler_finish(s, &err));
    em_restore_denormals(before);
    em_scheduler_free(s);
    em_session_free(how.session);
    em_model_free(m);
    em_ops_cpu.close(dev);
}

static void scores_are_those_of_the_scheduler(void **state)
{
    expected e = { 0 };
    earmark_listener *l;
    size_t i = 0, n = 0;
    int is_done = 0;
    (void)state;

    schedule(&e);
    CHECK(!earmark_listener_new(&l, model, NULL, &error), "%s", error.message);
    while (!is_done) {
        const earmark_scores *s;
        size_t taken = 0;

        if (i < N)
            CHECK(!earmark_push_float(l, wave + i, N - i, &taken, &error), "%s", error.message);
        else
            CHECK(!earmark_finish(l, &is_done, &error), "%s", error.message);
        i += taken;
        if (!(s = earmark_next_scores(l)))
            continue;
        CHECK((n + 1) * e.n_scores <= e.scores.n, "more hops than the scheduler's");
        CHECK(!memcmp(s->scores, e.scores.bytes + n * e.n_scores, e.n_scores), "other scores at %g s", s->time_s);
        CHECK(!memcmp(s->slots, e.slots.bytes + n * e.n_slots, e.n_slots), "other slots at %g s", s->time_s);
        n++;
    }
    CHECK(n * e.n_scores == e.scores.n, "%zu hops", n);
    earmark_listener_free(l);
    free(e.scores.bytes);
    free(e.slots.bytes);
}

/* ---- threads ---- */

typedef struct job { sound s; size_t chunk; transcript t; earmark_error error; int is_well; } job;

static void *work(void *arg)
{
    job *j = arg;

    j->is_well = transcript_of(&j->t, model, NULL, &j->s, j->chunk, &j->error);
    return NULL;
}

static void listeners_of_several_threads_do_not_meet(void **state)
{
    job alone[3], jobs[3];
    pthread_t threads[3];
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        alone[i] = jobs[i] = (job){ .s = { .floats = wave + i * RATE * 2, .n_frames = 5 * RATE, .n_channels = 1 }, .chunk = 500 + 333 * i };
        work(&alone[i]);
        CHECK(alone[i].is_well, "%s", alone[i].error.message);
    }
    for (size_t i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, work, &jobs[i]) == 0, "a thread");
    for (size_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        CHECK(jobs[i].is_well, "%s", jobs[i].error.message);
        same(&alone[i].t, &jobs[i].t, "a thread", jobs[i].chunk);
        free(alone[i].t.bytes);
        free(jobs[i].t.bytes);
    }
}

/* ---- the rest of a listener's life ---- */

static void the_callers_floating_point_stays_as_it_was(void **state)
{
    volatile float tiny = 0x1p-126f;
    earmark_listener *l;
    size_t taken;
    (void)state;

    CHECK(!earmark_listener_new(&l, model, NULL, NULL), "a listener");
    CHECK(!earmark_push_float(l, wave, 100, &taken, NULL) && taken == 100, "%zu taken", taken);
    tiny /= 4;
    CHECK(tiny > 0, "denormals of this thread are gone");
    earmark_listener_free(l);
}

static void a_gap_is_silence_that_is_not_sound(void **state)
{
    const earmark_scores *s;
    earmark_listener *l;
    size_t taken;
    (void)state;

    CHECK(!earmark_listener_new(&l, model, NULL, &error), "%s", error.message);
    CHECK(!earmark_push_float(l, wave, RATE / 2, &taken, &error) && taken == RATE / 2 && !earmark_next_scores(l), "half a second");
    CHECK(!earmark_push_gap(l, 10 * RATE, &taken, &error) && taken == RATE / 2, "%zu of the gap, up to the hop", taken);
    s = earmark_next_scores(l);
    CHECK(s && s->time_s == 1 && fabs(s->filled - .05) < 1e-9, "at %g s %g is sound", s ? s->time_s : -1, s ? s->filled : -1);
    CHECK(!earmark_next_scores(l), "once");
    earmark_listener_free(l);
}

static void nothing_comes_behind_the_end(void **state)
{
    earmark_listener *l;
    int is_done = 0;
    size_t taken;
    (void)state;

    CHECK(!earmark_listener_new(&l, model, NULL, &error), "%s", error.message);
    CHECK(!earmark_push_float(l, wave, RATE / 2, &taken, &error), "%s", error.message);
    CHECK(!earmark_finish(l, &is_done, &error) && !is_done && earmark_next_scores(l), "the last hop");
    CHECK(!earmark_finish(l, &is_done, &error) && is_done && !earmark_next_scores(l), "then the end");
    CHECK(!earmark_finish(l, &is_done, &error) && is_done, "which stays one");
    CHECK(earmark_push_float(l, wave, 1, &taken, &error) == EARMARK_EINVAL && taken == 0 && error.status == EARMARK_EINVAL &&
          strcmp(error.message, "stream: its end was told, and nothing comes behind it") == 0, "%s", error.message);
    earmark_listener_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_of_several_threads_do_not_meet),
        cmocka_unit_test(the_callers_floating_point_stays_as_it_was),
        cmocka_unit_test(no_cut_and_no_format_changes_a_bit),
        cmocka_unit_test(a_frame_at_a_time_is_the_same),
        cmocka_unit_test(short_hops_of_a_mean_are_all_told),
        cmocka_unit_test(scores_are_those_of_the_scheduler),
        cmocka_unit_test(a_gap_is_silence_that_is_not_sound),
        cmocka_unit_test(nothing_comes_behind_the_end),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
