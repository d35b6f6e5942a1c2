/* Events of a run: a session that hears its one class wherever there is sound, and what the worker tells of it. */
#include "check.h"

#include "base/clock.h"
#include "engine/engine.h"
#include "fakes.h"
#include "memory_sink.h"

#include <math.h>

enum { RATE = 32000, STEP = RATE };

static const double close_s = .33;          /* a slot, and a hair */

typedef struct heard {
    em_sink sink;
    em_engine_result result;
} heard;

static bool is_close(float a, float b)
{
    return fabsf(a - b) < 1e-6f;
}

static em_engine_cfg usual(const em_watch_rules *events)
{
    return (em_engine_cfg){ .max_batch = 2, .step_samples = STEP, .channel = 1, .start_ms = -1, .events = events };
}

static void hear(heard *h, const fake_script *script, em_engine_cfg cfg)
{
    const fake_session_cfg fake = { .hears = true };
    em_source *source = fake_source_new(script);
    em_sink *sink = &h->sink;
    em_outlet_cfg outlet = { .sinks = &sink, .n_sinks = 1, .is_queued = script->is_live, .n_classes = FAKE_CLASSES };
    em_err err;

    sink->n = 0;
    sink->n_classes = FAKE_CLASSES;
    cfg.session = fake_session_new(RATE, &fake);
    CHECK_OK(em_outlet_new(&cfg.outlet, &outlet, &err));
    CHECK_OK(em_engine_run(&h->result, &cfg, source, &err));
    em_outlet_free(cfg.outlet);
    em_session_free(cfg.session);
    em_source_close(source);
}

static fake_script script_of(const fake_step *steps, int n, bool is_live)
{
    return (fake_script){ .name = "dog.wav", .rate_hz = RATE, .n_channels = 1, .is_live = is_live, .steps = steps, .n_steps = n };
}

/* The i-th event: its OFFSET, whose ONSET came before. */
static const memory_event *event(const heard *h, int i, double onset, double offset)
{
    const memory_event *end = memory_nth(&h->sink, EM_EVENT_OFFSET, i), *begin = memory_nth(&h->sink, EM_EVENT_ONSET, i);

    CHECK(begin && end && begin < end, "event %d is told twice", i);
    CHECK(strcmp(begin->e.u.sound.id, end->e.u.sound.id) == 0, "%s, then %s", begin->e.u.sound.id, end->e.u.sound.id);
    CHECK(fabs(end->e.u.sound.onset - onset) < close_s && fabs(end->e.u.sound.offset - offset) < close_s, "%g-%g s, not %g-%g",
          end->e.u.sound.onset, end->e.u.sound.offset, onset, offset);
    CHECK(begin->e.time == begin->e.u.sound.onset && end->e.time == end->e.u.sound.offset, "each at its own time");
    CHECK(begin->e.u.sound.delay > 0 && begin->e.u.sound.delay < 3, "known after %g s", begin->e.u.sound.delay);
    return end;
}

static void a_sound_is_told_when_it_begins_and_ends(void **state)
{
    fake_step step = { .n_frames = 5 * STEP, .state = EM_SOURCE_UP };
    fake_script script = script_of(&step, 1, false);
    const em_watch_rules events = fake_events(RATE);
    static heard h;
    const memory_event *end;
    char id[EM_EVENT_ID_CHARS];
    (void)state;

    hear(&h, &script, usual(&events));
    end = event(&h, 0, 0, 5);
    CHECK(memory_count(&h.sink, EM_EVENT_OFFSET) == 1 && memory_count(&h.sink, EM_EVENT_RETRACT) == 0, "one event");
    CHECK(end->e.u.sound.i_class == FAKE_HEARD && strcmp(end->e.u.sound.label, "Dog") == 0, "%s", end->e.u.sound.label);
    CHECK(strcmp(end->source, "dog.wav") == 0 && end->e.utc_ms == -1, "of a file without a wall clock");
    CHECK(end->e.u.sound.dbfs > -20 && end->e.u.sound.dbfs < -10, "%g dBFS", (double)end->e.u.sound.dbfs);
    CHECK(end + 1 == memory_nth(&h.sink, EM_EVENT_STOP, 0), "the end of the stream ends it, before the stop record");
    CHECK(!memory_nth(&h.sink, EM_EVENT_SCORES, 0)->e.u.scores.slots, "slots are asked for, and not written unless wanted");
    CHECK(memory_nth(&h.sink, EM_EVENT_SCORES, 0)->e.u.scores.n_levels > 0, "and levels");
    memcpy(id, end->e.u.sound.id, sizeof id);
    hear(&h, &script, usual(&events));
    CHECK(strcmp(id, memory_nth(&h.sink, EM_EVENT_OFFSET, 0)->e.u.sound.id) == 0, "a file's events have the same ids in every run");
}

static void a_gap_is_silence_between_two_events(void **state)
{
    fake_step steps[] = { { .n_frames = 4 * STEP, .state = EM_SOURCE_UP }, { .n_frames = 4 * STEP, .n_gap = 5 * STEP, .state = EM_SOURCE_UP } };
    fake_script script = script_of(steps, 2, true);
    const em_watch_rules events = fake_events(RATE);
    const memory_event *end;
    char id[EM_EVENT_ID_CHARS];
    static heard h;
    (void)state;

    hear(&h, &script, usual(&events));
    event(&h, 0, 0, 4);
    end = event(&h, 1, 9, 13);
    CHECK(memory_count(&h.sink, EM_EVENT_OFFSET) == 2, "two events");
    CHECK(end->e.utc_ms > 0, "a device knows the wall clock");
    memcpy(id, end->e.u.sound.id, sizeof id);
    em_sleep_ms(2);
    hear(&h, &script, usual(&events));
    CHECK(strcmp(id, memory_nth(&h.sink, EM_EVENT_OFFSET, 1)->e.u.sound.id) != 0, "no two runs of a device share an id");
}

static void channels_have_events_of_their_own(void **state)
{
    fake_step step = { .n_frames = 3 * STEP, .state = EM_SOURCE_UP };
    fake_script script = script_of(&step, 1, false);
    const em_watch_rules events = fake_events(RATE);
    em_engine_cfg cfg = usual(&events);
    static heard h;
    (void)state;

    script.n_channels = 3;
    script.dead_channel = 2;
    cfg.channel = -1;
    hear(&h, &script, cfg);
    CHECK(memory_count(&h.sink, EM_EVENT_OFFSET) == 2, "%d events", memory_count(&h.sink, EM_EVENT_OFFSET));
    CHECK(strcmp(memory_nth(&h.sink, EM_EVENT_OFFSET, 0)->source, "dog.wav:1") == 0, "the first channel");
    CHECK(strcmp(memory_nth(&h.sink, EM_EVENT_OFFSET, 1)->source, "dog.wav:3") == 0, "the third channel");
    CHECK(strcmp(memory_nth(&h.sink, EM_EVENT_ONSET, 0)->e.u.sound.id, memory_nth(&h.sink, EM_EVENT_ONSET, 1)->e.u.sound.id) != 0,
          "two sounds have two ids");
}

/* Whoever waits for the end of an event gets it, also from a run that is stopped. */
static void a_stop_ends_events(void **state)
{
    fake_step steps[] = { { .n_frames = 4 * STEP, .state = EM_SOURCE_UP }, { .n_frames = 10 * STEP, .state = EM_SOURCE_UP } };
    fake_script script = script_of(steps, 2, false);
    const em_watch_rules events = fake_events(RATE);
    em_engine_cfg cfg = usual(&events);
    static atomic_bool stop;
    static heard h;
    (void)state;

    cfg.stop = &stop;
    h.sink.stop = &stop;
    h.sink.stop_after = 5;              /* four hops and an onset */
    hear(&h, &script, cfg);
    CHECK(h.result.was_stopped, "stopped");
    event(&h, 0, 0, h.result.seconds - fmod(h.result.seconds, 1));
    CHECK(h.sink.events[h.sink.n - 1].e.type == EM_EVENT_STOP, "then the stop record");
}

/* Whatever came in one block with it: where the run ends does not depend on how the stream is cut. */
static void an_awaited_onset_ends_the_run_at_its_hop(void **state)
{
    static const uint64_t blocks[] = { 10 * STEP, STEP / 2, 4097 };
    static const bool awaited[] = { false, true }, others[] = { true, false };
    em_watch_rules events = fake_events(RATE);
    static heard h;
    (void)state;

    for (size_t k = 0; k < EM_COUNT(blocks); k++) {
        fake_step steps[40];
        const int n = blocks[k] < 10 * STEP ? 40 : 1;
        fake_script script = script_of(steps, n, false);

        for (int i = 0; i < n; i++)
            steps[i] = (fake_step){ .n_frames = blocks[k], .state = EM_SOURCE_UP };
        events.awaited = awaited;
        hear(&h, &script, usual(&events));
        CHECK(h.result.has_met && is_close((float)h.result.seconds, 2) && !h.result.was_stopped, "blocks of %d: ended at %g s", (int)blocks[k],
              h.result.seconds);
        CHECK(memory_count(&h.sink, EM_EVENT_SCORES) == 2 && memory_count(&h.sink, EM_EVENT_ONSET) == 1 &&
              memory_count(&h.sink, EM_EVENT_OFFSET) == 1, "two hops, and the event has its end");
        CHECK(h.sink.events[h.sink.n - 1].e.type == EM_EVENT_STOP && is_close((float)h.sink.events[h.sink.n - 1].e.time, 2), "then the stop record");
        events.awaited = others;
        hear(&h, &script, usual(&events));
        CHECK(!h.result.has_met && h.result.seconds > 4, "another class ends nothing: %g s", h.result.seconds);
    }
}

/* At each hop; of a class that stays quiet once. */
static void why_is_told_of_those_asked_for(void **state)
{
    fake_step step = { .n_frames = 5 * STEP, .state = EM_SOURCE_UP };
    fake_script script = script_of(&step, 1, false);
    static const int asked[] = { 0, 1 };
    em_watch_rules events = fake_events(RATE);
    const memory_event *first, *last;
    static heard h;
    (void)state;

    events.explained = asked;
    events.n_explained = 2;
    hear(&h, &script, usual(&events));
    CHECK(memory_count(&h.sink, EM_EVENT_EXPLAIN) == 6, "%d: five of the one that sounds, one of the other", memory_count(&h.sink, EM_EVENT_EXPLAIN));
    first = memory_nth(&h.sink, EM_EVENT_EXPLAIN, 0);
    CHECK(strcmp(first->e.u.explain.label, "Cat") == 0 && strcmp(first->e.u.explain.verdict, "quiet") == 0 && first->e.time == 1, "%s: %s at %g s",
          first->e.u.explain.label, first->e.u.explain.verdict, first->e.time);
    first = memory_nth(&h.sink, EM_EVENT_EXPLAIN, 1);
    last = memory_nth(&h.sink, EM_EVENT_EXPLAIN, 5);
    CHECK(strcmp(first->e.u.explain.label, "Dog") == 0 && first->e.time == 1 && last->e.time == 5, "at %g and %g s", first->e.time, last->e.time);
    CHECK(strcmp(first->e.u.explain.verdict, "short") == 0 || strcmp(first->e.u.explain.verdict, "told") == 0, "%s", first->e.u.explain.verdict);
    CHECK(strcmp(last->e.u.explain.verdict, "told") == 0 && last->e.u.explain.peak > .9f && is_close(last->e.u.explain.on, .5f) &&
          is_close(last->e.u.explain.off, .35f), "%s", last->e.u.explain.verdict);
    CHECK(last > memory_nth(&h.sink, EM_EVENT_ONSET, 0), "behind what it explains");
}

static void without_rules_or_with_a_summary_there_are_none(void **state)
{
    fake_step step = { .n_frames = 5 * STEP, .state = EM_SOURCE_UP };
    fake_script script = script_of(&step, 1, false);
    const em_watch_rules events = fake_events(RATE);
    em_engine_cfg cfg = usual(NULL);
    static heard h;
    (void)state;

    hear(&h, &script, cfg);
    CHECK(memory_count(&h.sink, EM_EVENT_SCORES) == 5 && h.sink.n == 6, "%d records without rules", h.sink.n);
    CHECK(memory_nth(&h.sink, EM_EVENT_SCORES, 0)->e.u.scores.n_levels == 0, "nor levels, which only events need");
    cfg = usual(&events);
    cfg.has_summary = true;
    hear(&h, &script, cfg);
    CHECK(h.sink.n == 2 && h.sink.events[0].e.type == EM_EVENT_SUMMARY, "%d records with a summary", h.sink.n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_is_told_when_it_begins_and_ends),
        cmocka_unit_test(a_gap_is_silence_between_two_events),
        cmocka_unit_test(channels_have_events_of_their_own),
        cmocka_unit_test(a_stop_ends_events),
        cmocka_unit_test(an_awaited_onset_ends_the_run_at_its_hop),
        cmocka_unit_test(why_is_told_of_those_asked_for),
        cmocka_unit_test(without_rules_or_with_a_summary_there_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
