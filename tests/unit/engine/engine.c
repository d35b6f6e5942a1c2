/* The worker between a scripted source and a session whose answers are known: what it scores, when it skips, what
 * it counts, what it says at the end. */
#include "check.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"
#include "fakes.h"
#include "listener/listener.h"
#include "memory_sink.h"

#include <math.h>

enum { RATE = 32000, STEP = RATE };

typedef struct heard {
    em_sink sink;
    em_engine_result result;
    em_status status;
    em_err    err;
    int       n_runs, largest_batch;
} heard;

static em_engine_cfg usual(void)
{
    return (em_engine_cfg){ .max_batch = 2, .step_samples = STEP, .channel = 1, .start_ms = -1 };
}

static void hear(heard *h, const fake_script *script, em_engine_cfg cfg, const fake_session_cfg *fake)
{
    em_source *source = fake_source_new(script);
    em_sink *sink = &h->sink;
    em_outlet_cfg outlet = { .sinks = &sink, .n_sinks = 1, .is_queued = script->is_live, .n_classes = FAKE_CLASSES };
    em_err err;

    h->err.msg[0] = '\0';
    sink->n = 0;
    sink->n_classes = FAKE_CLASSES;
    cfg.session = fake_session_new(RATE, fake);
    CHECK_OK(em_outlet_new(&cfg.outlet, &outlet, &err));
    h->status = em_engine_run(&h->result, &cfg, source, &h->err);
    h->n_runs = fake_session_runs(cfg.session);
    h->largest_batch = fake_session_largest_batch(cfg.session);
    em_outlet_free(cfg.outlet);
    em_session_free(cfg.session);
    em_source_close(source);
}

static fake_script file_of(const fake_step *steps, int n)
{
    return (fake_script){ .name = "dog.wav", .rate_hz = RATE, .n_channels = 1, .steps = steps, .n_steps = n };
}

static fake_script device_of(const fake_step *steps, int n)
{
    return (fake_script){ .name = "mic", .rate_hz = RATE, .n_channels = 1, .is_live = true, .steps = steps, .n_steps = n };
}

static void hops_are_every_step_and_the_end(void **state)
{
    static const struct { uint64_t n; int n_hops; double last; const char *why; } cases[] = {
        { 1, 1, 1.0 / RATE, "one sample" },          { 2, 1, 2.0 / RATE, "two samples" },
        { STEP - 1, 1, (STEP - 1.0) / RATE, "a sample short of a step" },
        { STEP, 1, 1, "a step" },                    { STEP + 1, 2, (STEP + 1.0) / RATE, "a sample more than a step" },
        { 3 * STEP, 3, 3, "three steps" },           { 25 * RATE / 10, 3, 2.5, "two and a half" },
    };
    static heard h;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        fake_step step = { .n_frames = cases[i].n, .state = EM_SOURCE_UP };
        fake_script script = file_of(&step, 1);
        const memory_event *last, *stop;

        hear(&h, &script, usual(), NULL);
        CHECK(h.status == EM_OK, "%s: %s", cases[i].why, h.err.msg);
        CHECK(memory_count(&h.sink, EM_EVENT_SCORES) == cases[i].n_hops, "%s", cases[i].why);
        last = memory_nth(&h.sink, EM_EVENT_SCORES, cases[i].n_hops - 1);
        CHECK(fabs(last->e.time - cases[i].last) < 1e-9, "%s: %g", cases[i].why, last->e.time);
        CHECK(last->e.utc_ms == -1 && strcmp(last->source, "dog.wav") == 0, "%s", cases[i].why);
        stop = &h.sink.events[h.sink.n - 1];
        CHECK(stop->e.type == EM_EVENT_STOP && stop->e.u.stop.captured == cases[i].n && stop->e.u.stop.taken == cases[i].n &&
              stop->e.u.stop.skipped_hops == 0 && stop->e.u.stop.resets == 0, "%s", cases[i].why);
        CHECK(memory_count(&h.sink, EM_EVENT_SOURCE) == 0, "%s: files do not come and go", cases[i].why);
    }
}

static void no_samples_is_an_error_after_the_stop_record(void **state)
{
    fake_script script = file_of(NULL, 0);
    static heard h;
    (void)state;

    hear(&h, &script, usual(), NULL);
    CHECK(h.status == EM_EFORMAT && h.result.failed_at == EM_STAGE_INPUT, "status %d", h.status);
    CHECK(strstr(h.err.msg, "dog.wav"), "the sentence names the file: %s", h.err.msg);
    CHECK(memory_count(&h.sink, EM_EVENT_STOP) == 1, "one stop record");
}

static void a_file_that_breaks_off_is_scored_up_to_there(void **state)
{
    fake_step step = { .n_frames = 2 * STEP + 100, .state = EM_SOURCE_UP };
    fake_script script = file_of(&step, 1);
    static heard h;
    (void)state;

    script.end_code = EM_EFORMAT;
    hear(&h, &script, usual(), NULL);
    CHECK(h.status == EM_EFORMAT && h.result.failed_at == EM_STAGE_INPUT, "status %d", h.status);
    CHECK(memory_count(&h.sink, EM_EVENT_SCORES) == 3, "%d hops", memory_count(&h.sink, EM_EVENT_SCORES));
    CHECK(memory_count(&h.sink, EM_EVENT_STOP) == 1, "one stop record");
}

static void blocks_never_change_a_score(void **state)
{
    enum { BLOCK = 777 };
    static heard whole, cut;
    static fake_step pieces[4 * STEP / BLOCK + 2];
    fake_step one = { .n_frames = 4 * STEP, .state = EM_SOURCE_UP };
    fake_script script = file_of(&one, 1);
    int n = 0;
    (void)state;

    hear(&whole, &script, usual(), NULL);
    for (uint64_t at = 0; at < 4 * STEP; at += BLOCK)
        pieces[n++] = (fake_step){ .n_frames = 4 * STEP - at < BLOCK ? 4 * STEP - at : BLOCK, .state = EM_SOURCE_UP };
    script = file_of(pieces, n);
    hear(&cut, &script, usual(), NULL);
    CHECK(whole.sink.n == cut.sink.n && whole.sink.n == 5, "%d and %d records", whole.sink.n, cut.sink.n);
    for (int i = 0; i < 4; i++)
        CHECK(memcmp(whole.sink.events[i].scores, cut.sink.events[i].scores, FAKE_CLASSES * sizeof(float)) == 0, "hop %d", i);
}

static void scores_are_the_sigmoid_of_the_logits(void **state)
{
    fake_step step = { .n_frames = STEP, .state = EM_SOURCE_UP };
    fake_script script = file_of(&step, 1);
    em_listener_cfg ear = { .frontend = em_frontend_htsat(RATE, 64), .window_samples = 10 * RATE, .step_samples = STEP, .rate_hz = RATE };
    static float x[STEP], want[FAKE_CLASSES];
    static heard h;
    em_listener *l;
    em_hop hop;
    em_err err;
    (void)state;

    hear(&h, &script, usual(), NULL);
    for (int i = 0; i < STEP; i++)
        x[i] = fake_sample((uint64_t)i, 0);
    CHECK_OK(em_listener_new(&l, &ear, &err));
    em_listener_push(l, x, STEP);
    CHECK(em_listener_next(l, &hop), "a hop is due");
    fake_logits(want, hop.frames, hop.n_frames, 64);
    for (int c = 0; c < FAKE_CLASSES; c++) {
        double p = 1 / (1 + exp(-(double)want[c]));

        CHECK(fabs((double)h.sink.events[0].scores[c] - p) < 1e-6, "class %d: %g, not %g", c,
              (double)h.sink.events[0].scores[c], p);
    }
    em_listener_free(l);
}

static void channels_are_picked_mixed_or_heard_each(void **state)
{
    fake_step step = { .n_frames = STEP, .state = EM_SOURCE_UP };
    fake_script script = file_of(&step, 1);
    static heard one, two, mix, each, wrong;
    em_engine_cfg cfg = usual();
    size_t row = FAKE_CLASSES * sizeof(float);
    (void)state;

    script.n_channels = 3;
    hear(&one, &script, cfg, NULL);
    cfg.channel = 2;
    hear(&two, &script, cfg, NULL);
    cfg.channel = 0;
    hear(&mix, &script, cfg, NULL);
    cfg.channel = -1;
    hear(&each, &script, cfg, NULL);
    cfg.channel = 4;
    hear(&wrong, &script, cfg, NULL);
    CHECK(memory_count(&each.sink, EM_EVENT_SCORES) == 3, "a record a channel");
    CHECK(strcmp(each.sink.events[0].source, "dog.wav:1") == 0 && strcmp(each.sink.events[2].source, "dog.wav:3") == 0, "names");
    CHECK(memcmp(each.sink.events[0].scores, one.sink.events[0].scores, row) == 0, "channel 1");
    CHECK(memcmp(each.sink.events[1].scores, two.sink.events[0].scores, row) == 0, "channel 2");
    CHECK(memcmp(one.sink.events[0].scores, two.sink.events[0].scores, row) != 0, "1 is not 2");
    CHECK(memcmp(one.sink.events[0].scores, mix.sink.events[0].scores, row) != 0, "1 is not the mean");
    CHECK(each.largest_batch == 2 && each.n_runs == 2, "three lanes in batches of two");
    CHECK(memory_count(&each.sink, EM_EVENT_STOP) == 1 && strcmp(each.sink.events[3].source, "dog.wav") == 0, "one stop record");
    CHECK(wrong.status == EM_EINVAL && strstr(wrong.err.msg, "3"), "a channel too many: %s", wrong.err.msg);
}

/* While a whole step waits, hops are left out; the newest window is scored; each is counted. */
static void late_hops_of_a_device_are_skipped_and_counted(void **state)
{
    static fake_step steps[80];
    fake_script script = device_of(steps, 80);
    fake_session_cfg slow = { .slow_every = 3, .late_frames = 5 * STEP / 2 };
    const memory_event *third, *fourth;
    static heard h;
    (void)state;

    for (int i = 0; i < 80; i++)
        steps[i] = (fake_step){ .n_frames = STEP / 8, .state = EM_SOURCE_UP };
    hear(&h, &script, usual(), &slow);
    CHECK(h.status == EM_OK, "%s", h.err.msg);
    third = memory_nth(&h.sink, EM_EVENT_SCORES, 2);
    fourth = memory_nth(&h.sink, EM_EVENT_SCORES, 3);
    CHECK(third && third->e.time == 3, "the third run is the late one");
    CHECK(fourth && fourth->e.time == 5, "2.5 steps behind: hop 4 is left out, then %g", fourth ? fourth->e.time : -1);
    CHECK(h.result.skipped_hops > 0 && h.result.n_hops + (int64_t)h.result.skipped_hops == 10, "%lld scored, %llu skipped",
          (long long)h.result.n_hops, (unsigned long long)h.result.skipped_hops);
    CHECK(memory_nth(&h.sink, EM_EVENT_STOP, 0)->e.u.stop.skipped_hops == h.result.skipped_hops, "the record says so");
}

static void files_wait_and_skip_nothing(void **state)
{
    fake_step step = { .n_frames = 10 * STEP, .state = EM_SOURCE_UP };
    fake_script script = file_of(&step, 1);
    fake_session_cfg slow = { .slow_every = 1, .late_frames = 5 * STEP };
    static heard h;
    (void)state;

    hear(&h, &script, usual(), &slow);
    CHECK(h.result.n_hops == 10 && h.result.skipped_hops == 0, "%lld hops", (long long)h.result.n_hops);
}

static void a_gap_is_silence_of_the_same_length_and_told(void **state)
{
    fake_step steps[] = { { .n_frames = STEP, .state = EM_SOURCE_UP },
                          { .n_frames = STEP, .n_gap = STEP / 2, .state = EM_SOURCE_UP } };
    fake_script script = device_of(steps, 2);
    const memory_event *gap, *stop;
    static heard h;
    (void)state;

    hear(&h, &script, usual(), NULL);
    gap = memory_nth(&h.sink, EM_EVENT_GAP, 0);
    stop = memory_nth(&h.sink, EM_EVENT_STOP, 0);
    CHECK(gap && gap->e.u.gap.n_frames == STEP / 2 && gap->e.time == 1, "a gap record");
    CHECK(stop && stop->e.time == 2.5 && stop->e.u.stop.dropped == STEP / 2, "time goes on: %g", stop ? stop->e.time : -1);
    CHECK(stop->e.u.stop.captured == stop->e.u.stop.taken + stop->e.u.stop.dropped + stop->e.u.stop.waiting, "each frame once");
}

/* Nobody waits for the silence of an outage, and the hops in it are counted all the same. */
static void a_night_of_outage_costs_nothing(void **state)
{
    enum { SECOND = 48000 };
    const uint64_t night = 8 * 3600;
    fake_step steps[] = { { .n_frames = 2 * SECOND, .state = EM_SOURCE_UP },
                          { .n_frames = 7 * SECOND / 2, .n_gap = night * SECOND, .state = EM_SOURCE_UP } };
    fake_script script = device_of(steps, 2);
    uint64_t from_ns;
    static heard h;
    (void)state;

    script.rate_hz = SECOND;
    from_ns = em_now_ns();
    hear(&h, &script, usual(), NULL);
    CHECK(em_now_ns() - from_ns < 2000000000u, "%g s", (double)(em_now_ns() - from_ns) * 1e-9);
    CHECK(h.result.seconds == (double)night + 5.5, "%g s", h.result.seconds);
    CHECK((uint64_t)h.result.n_hops + h.result.skipped_hops == night + 6, "%lld hops, %llu skipped", (long long)h.result.n_hops,
          (unsigned long long)h.result.skipped_hops);
    CHECK(h.result.skipped_hops >= night - 1, "%llu skipped", (unsigned long long)h.result.skipped_hops);
    CHECK(memory_nth(&h.sink, EM_EVENT_SCORES, (int)h.result.n_hops - 1)->e.u.scores.filled == 0.35, "the last window");
}

static void a_device_that_goes_and_comes_is_told(void **state)
{
    fake_step steps[] = { { .n_frames = 0, .state = EM_SOURCE_WAITING },  { .n_frames = STEP, .state = EM_SOURCE_UP, .rate_hz = RATE },
                          { .n_frames = 0, .state = EM_SOURCE_DOWN },     { .n_frames = STEP, .state = EM_SOURCE_UP },
                          { .n_frames = 0, .state = EM_SOURCE_FAILED } };
    fake_script script = device_of(steps, 5);
    static const bool want[] = { false, true, false, true, false };
    static heard h;
    (void)state;

    script.rate_hz = 0;
    script.end_code = EM_EDEVICE;
    hear(&h, &script, usual(), NULL);
    CHECK(h.status == EM_EDEVICE && h.result.failed_at == EM_STAGE_INPUT, "lost for good: %d", h.status);
    CHECK(memory_count(&h.sink, EM_EVENT_SOURCE) == 5, "%d records", memory_count(&h.sink, EM_EVENT_SOURCE));
    for (int i = 0; i < 5; i++)
        CHECK(memory_nth(&h.sink, EM_EVENT_SOURCE, i)->e.u.source_state.is_up == want[i], "record %d", i);
    CHECK(memory_nth(&h.sink, EM_EVENT_SCORES, 0)->e.utc_ms > 0, "a device knows the wall clock");
}

static void a_return_is_told_behind_its_gap_and_with_its_own_time(void **state)
{
    fake_step steps[] = { { .n_frames = STEP, .state = EM_SOURCE_UP }, { .n_frames = STEP / 2, .state = EM_SOURCE_DOWN },
                          { .n_frames = 0, .state = EM_SOURCE_DOWN },
                          { .n_frames = STEP, .n_gap = 3 * STEP, .state = EM_SOURCE_UP } };
    fake_script script = device_of(steps, 4);
    const memory_event *first, *down, *gap, *up;
    static heard h;
    (void)state;

    hear(&h, &script, usual(), NULL);
    first = memory_nth(&h.sink, EM_EVENT_SOURCE, 0);
    down = memory_nth(&h.sink, EM_EVENT_SOURCE, 1);
    up = memory_nth(&h.sink, EM_EVENT_SOURCE, 2);
    gap = memory_nth(&h.sink, EM_EVENT_GAP, 0);
    CHECK(first && first->e.u.source_state.is_up && first->e.time == 0 && first->e.utc_ms > 0, "the first knows the wall clock, too");
    CHECK(down && !down->e.u.source_state.is_up && down->e.time == 1.5, "down behind the last sound: %g", down ? down->e.time : -1);
    CHECK(gap && gap->e.time == 1.5 && gap > down, "then the gap: %g", gap ? gap->e.time : -1);
    CHECK(up && up->e.u.source_state.is_up && up > gap && up->e.time == 4.5, "up at the time of return: %g", up ? up->e.time : -1);
    CHECK(memory_count(&h.sink, EM_EVENT_SOURCE) == 3, "and no other");
}

/* The script gives ten seconds of sound at once: the wall clock stands still, and the record says by how much. */
static void clocks_that_come_apart_are_told_and_followed(void **state)
{
    static fake_step steps[100];
    fake_script script = device_of(steps, 100);
    static heard h;
    int64_t now_ms;
    int n_syncs = 0;
    (void)state;

    for (int i = 0; i < 100; i++)
        steps[i] = (fake_step){ .n_frames = STEP / 10, .state = EM_SOURCE_UP };
    hear(&h, &script, usual(), NULL);
    now_ms = em_wall_ms();
    for (int i = 0; i < h.sink.n; i++) {
        const em_event *e = &h.sink.events[i].e;

        if (e->type == EM_EVENT_SYNC) {
            n_syncs++;
            CHECK(e->u.sync.drift_s < -0.5 && strcmp(h.sink.events[i].source, "mic") == 0, "%g s", e->u.sync.drift_s);
            CHECK(llabs(e->utc_ms - now_ms) < 1000, "%lld ms from now", (long long)(e->utc_ms - now_ms));
        }
    }
    CHECK(n_syncs >= 5, "%d records", n_syncs);
    CHECK(llabs(memory_nth(&h.sink, EM_EVENT_STOP, 0)->e.utc_ms - now_ms) < 2500, "the end is now, too");
}

static void latency_makes_events_earlier(void **state)
{
    fake_step step = { .n_frames = STEP, .state = EM_SOURCE_UP };
    fake_script script = device_of(&step, 1);
    static heard h;
    int64_t early_ms;
    (void)state;

    script.n_latency = 20 * RATE;
    hear(&h, &script, usual(), NULL);
    early_ms = em_wall_ms() - memory_nth(&h.sink, EM_EVENT_STOP, 0)->e.utc_ms;
    /* A second of sound that comes at once ends nearly a second ahead of the clock. */
    CHECK(early_ms >= 19000 && early_ms < 21000, "%lld ms", (long long)early_ms);
}

static void a_device_that_is_there_is_not_told_as_missing(void **state)
{
    fake_step steps[] = { { .n_frames = 0, .state = EM_SOURCE_WAITING }, { .n_frames = STEP, .state = EM_SOURCE_UP } };
    fake_script script = device_of(steps, 2);
    static heard h;
    (void)state;

    hear(&h, &script, usual(), NULL);
    CHECK(memory_count(&h.sink, EM_EVENT_SOURCE) == 1 && h.sink.events[0].e.u.source_state.is_up, "up, and nothing else");
}

static char told[4096];             /* what em_log said */

static void keep_line(void *ctx, em_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    snprintf(told + strlen(told), sizeof told - strlen(told), "%s\n", line);
}

static void warnings_name_the_channel(void **state)
{
    fake_step step = { .n_frames = 61 * STEP, .state = EM_SOURCE_UP };
    fake_script script = file_of(&step, 1);
    em_engine_cfg cfg = usual();
    static heard h;
    (void)state;

    script.n_channels = 3;
    script.dead_channel = 2;
    script.full_channel = 3;
    cfg.channel = -1;
    told[0] = '\0';
    em_log_set(keep_line, NULL, EM_LOG_WARNING);
    hear(&h, &script, cfg, NULL);
    em_log_set(NULL, NULL, EM_LOG_WARNING);
    CHECK(strstr(told, "dog.wav:2: nothing but digital silence"), "%s", told);
    CHECK(strstr(told, "dog.wav:3: clips"), "%s", told);
    CHECK(!strstr(told, "dog.wav:1") && !strstr(told, "dog.wav: "), "and no other: %s", told);
}

static void bad_numbers_stay_finite_and_are_counted(void **state)
{
    fake_step step = { .n_frames = 4 * STEP, .state = EM_SOURCE_UP };
    fake_script script = file_of(&step, 1);
    fake_session_cfg bad = { .nan_every = 2 };
    static heard h;
    (void)state;

    script.n_bad = 5;
    hear(&h, &script, usual(), &bad);
    for (int i = 0; i < 4; i++)
        for (int c = 0; c < FAKE_CLASSES; c++) {
            float p = h.sink.events[i].scores[c];

            CHECK(p >= 0 && p <= 1, "hop %d class %d: %g", i, c, (double)p);
            CHECK(i % 2 == 0 ? p > 0 : p == 0, "hop %d class %d: a bad row is zero, the next is well", i, c);
        }
    CHECK(h.result.resets == 2 + 5, "%llu resets", (unsigned long long)h.result.resets);
}

static void duration_ends_the_run_to_the_sample(void **state)
{
    fake_step step = { .n_frames = 10 * STEP, .state = EM_SOURCE_UP };
    fake_script script = file_of(&step, 1);
    em_engine_cfg cfg = usual();
    static heard h;
    (void)state;

    cfg.duration_s = 2.25;
    hear(&h, &script, cfg, NULL);
    CHECK(h.result.frames.taken == STEP * 9 / 4, "%llu frames", (unsigned long long)h.result.frames.taken);
    CHECK(h.result.n_hops == 3 && h.result.seconds == 2.25, "%lld hops", (long long)h.result.n_hops);
}

static void a_summary_stands_in_place_of_scores(void **state)
{
    fake_step step = { .n_frames = 3 * STEP, .state = EM_SOURCE_UP };
    fake_script script = file_of(&step, 1);
    em_engine_cfg cfg = usual();
    static heard h, plain;
    (void)state;

    hear(&plain, &script, cfg, NULL);
    cfg.has_summary = true;
    hear(&h, &script, cfg, NULL);
    CHECK(h.sink.n == 2 && h.sink.events[0].e.type == EM_EVENT_SUMMARY, "%d records", h.sink.n);
    CHECK(h.sink.events[0].e.u.summary.n_windows == 3 && h.sink.events[0].e.u.summary.duration == 3, "windows and length");
    for (int c = 0; c < FAKE_CLASSES; c++) {
        float most = 0;

        for (int i = 0; i < 3; i++)
            most = fmaxf(most, plain.sink.events[i].scores[c]);
        CHECK(h.sink.events[0].scores[c] == most, "class %d", c);
    }
}

static void start_time_gives_files_a_wall_clock(void **state)
{
    fake_step step = { .n_frames = STEP, .state = EM_SOURCE_UP };
    fake_script script = file_of(&step, 1);
    em_engine_cfg cfg = usual();
    static heard h;
    (void)state;

    cfg.start_ms = 1000000;
    hear(&h, &script, cfg, NULL);
    CHECK(h.sink.events[0].e.utc_ms == 1001000, "%lld", (long long)h.sink.events[0].e.utc_ms);
}

static void stop_at_once(void *ctx, const char *source, double done_s, double total_s)
{
    (void)source;
    (void)total_s;
    if (ctx && done_s > 0)
        atomic_store((atomic_bool *)ctx, true);
}

static void a_stop_ends_without_a_last_window(void **state)
{
    fake_step steps[] = { { .n_frames = 3 * STEP / 2, .state = EM_SOURCE_UP }, { .n_frames = 10 * STEP, .state = EM_SOURCE_UP } };
    fake_script script = file_of(steps, 2);
    em_engine_cfg cfg = usual();
    static atomic_bool stop;
    static heard h;
    (void)state;

    cfg.stop = &stop;
    h.sink.stop = &stop;
    h.sink.stop_after = 1;
    hear(&h, &script, cfg, NULL);
    CHECK(h.status == EM_OK && h.sink.n == 2 && h.sink.events[1].e.type == EM_EVENT_STOP, "one hop, then the stop record: %d", h.sink.n);
    CHECK(h.result.seconds > 1, "behind the hop some sound was heard: %g", h.result.seconds);
}

/* What is stopped before its end has no summary, unless its end is whenever it is stopped. */
static void a_summary_of_a_part_is_none(void **state)
{
    static const struct { bool needs_end, is_stopped; int n_summaries; } cases[] = {
        { true, true, 0 }, { true, false, 1 }, { false, true, 1 }, { false, false, 1 },
    };
    fake_step steps[] = { { .n_frames = 3 * STEP / 2, .state = EM_SOURCE_UP }, { .n_frames = 10 * STEP, .state = EM_SOURCE_UP } };
    fake_script script = file_of(steps, 2);
    static atomic_bool stop;
    static heard h;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_engine_cfg cfg = usual();

        cfg.has_summary = true;
        cfg.needs_end = cases[i].needs_end;
        cfg.stop = &stop;
        cfg.progress = stop_at_once;
        cfg.progress_ctx = cases[i].is_stopped ? &stop : NULL;
        atomic_store(&stop, false);
        hear(&h, &script, cfg, NULL);
        CHECK(h.status == EM_OK && h.result.was_stopped == cases[i].is_stopped, "case %zu: %s", i, h.err.msg);
        CHECK(memory_count(&h.sink, EM_EVENT_SUMMARY) == cases[i].n_summaries, "case %zu: %d summaries", i,
              memory_count(&h.sink, EM_EVENT_SUMMARY));
        CHECK(memory_count(&h.sink, EM_EVENT_STOP) == 1, "case %zu: a stop record", i);
    }
}

/* A stop that comes when all was heard cuts off nothing. */
static void a_stop_behind_the_end_is_none(void **state)
{
    fake_step step = { .n_frames = STEP, .state = EM_SOURCE_UP };
    fake_script script = file_of(&step, 1);
    em_engine_cfg cfg = usual();
    static atomic_bool stop;
    static heard h;
    (void)state;

    cfg.duration_s = 1;
    cfg.stop = &stop;
    h.sink.stop = &stop;
    h.sink.stop_after = 2;              /* the stop record */
    hear(&h, &script, cfg, NULL);
    CHECK(atomic_load(&stop) && !h.result.was_stopped, "it came too late");
}

static void nobody_reading_is_no_failure(void **state)
{
    fake_step step = { .n_frames = 10 * STEP, .state = EM_SOURCE_UP };
    fake_script script = file_of(&step, 1);
    static heard h;
    (void)state;

    h.sink.gone_after = 3;
    hear(&h, &script, usual(), NULL);
    CHECK(h.status == EM_ECANCELED && h.sink.n == 3 && h.n_runs == 4, "status %d after %d records", h.status, h.sink.n);
}

static void a_failing_file_output_ends_the_run(void **state)
{
    fake_step step = { .n_frames = 10 * STEP, .state = EM_SOURCE_UP };
    fake_script script = file_of(&step, 1);
    static heard h;
    (void)state;

    h.sink.broken_until = 1;
    hear(&h, &script, usual(), NULL);
    CHECK(h.status == EM_EIO && h.result.failed_at == EM_STAGE_OUTPUT && h.n_runs == 1, "status %d", h.status);
}

static void a_device_comes_back_with_another_rate(void **state)
{
    fake_step steps[] = { { .n_frames = 2 * STEP, .state = EM_SOURCE_UP },
                          { .n_frames = 48000, .state = EM_SOURCE_UP, .rate_hz = 48000 } };
    fake_script script = device_of(steps, 2);
    static heard h;
    (void)state;

    hear(&h, &script, usual(), NULL);
    CHECK(h.status == EM_OK, "%s", h.err.msg);
    CHECK(h.result.seconds == 3 && h.result.n_hops == 3, "%g s, %lld hops", h.result.seconds, (long long)h.result.n_hops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hops_are_every_step_and_the_end),
        cmocka_unit_test(no_samples_is_an_error_after_the_stop_record),
        cmocka_unit_test(a_file_that_breaks_off_is_scored_up_to_there),
        cmocka_unit_test(blocks_never_change_a_score),
        cmocka_unit_test(scores_are_the_sigmoid_of_the_logits),
        cmocka_unit_test(channels_are_picked_mixed_or_heard_each),
        cmocka_unit_test(late_hops_of_a_device_are_skipped_and_counted),
        cmocka_unit_test(files_wait_and_skip_nothing),
        cmocka_unit_test(a_gap_is_silence_of_the_same_length_and_told),
        cmocka_unit_test(a_night_of_outage_costs_nothing),
        cmocka_unit_test(a_device_that_goes_and_comes_is_told),
        cmocka_unit_test(a_return_is_told_behind_its_gap_and_with_its_own_time),
        cmocka_unit_test(clocks_that_come_apart_are_told_and_followed),
        cmocka_unit_test(latency_makes_events_earlier),
        cmocka_unit_test(a_device_that_is_there_is_not_told_as_missing),
        cmocka_unit_test(warnings_name_the_channel),
        cmocka_unit_test(bad_numbers_stay_finite_and_are_counted),
        cmocka_unit_test(duration_ends_the_run_to_the_sample),
        cmocka_unit_test(a_summary_stands_in_place_of_scores),
        cmocka_unit_test(start_time_gives_files_a_wall_clock),
        cmocka_unit_test(a_stop_ends_without_a_last_window),
        cmocka_unit_test(a_summary_of_a_part_is_none),
        cmocka_unit_test(a_stop_behind_the_end_is_none),
        cmocka_unit_test(nobody_reading_is_no_failure),
        cmocka_unit_test(a_failing_file_output_ends_the_run),
        cmocka_unit_test(a_device_comes_back_with_another_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
