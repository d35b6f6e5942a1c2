/* Commands of the queue, as one source obeys them: what a pause does to sound and events, where marks stand, new thresholds and rules while
 * a sound goes on, and what is not meant for it. The session hears its one class wherever there is sound. */
#include "check.h"

#include "engine/engine.h"
#include "fakes.h"
#include "memory_sink.h"

#include <math.h>

enum { RATE = 32000, STEP = RATE, SECONDS = 30, MOST = 8 };

typedef struct due { int second; em_control_command command; } due;      /* put before that second of sound is taken */

static struct {
    em_control *control;
    due         list[MOST];
    int         n, n_obeyed[EM_CONTROL_QUIT + 1];
    em_sink     sink;
    em_engine_result result;
} run;

static void at(int second, em_control_command command)
{
    run.list[run.n++] = (due){ second, command };
}

/* Between two rounds of the worker. */
static void give(uint64_t frame)
{
    for (int i = 0; i < run.n; i++)
        if (run.list[i].second >= 0 && frame >= (uint64_t)run.list[i].second * RATE) {
            CHECK(em_control_put(run.control, &run.list[i].command), "command %d", i);
            run.list[i].second = -1;
        }
}

static void obeyed(void *ctx, const em_control_command *c)
{
    (void)ctx;
    run.n_obeyed[c->type]++;
}

static void hear(const em_watch_rules *events, int channel)
{
    static fake_step steps[SECONDS * 10];
    fake_script script = { .name = "mic", .rate_hz = RATE, .n_channels = 2, .steps = steps, .n_steps = SECONDS * 10, .watched = give };
    const fake_session_cfg fake = { .hears = true };
    em_source *source;
    em_sink *sink = &run.sink;
    em_outlet_cfg outlet = { .sinks = &sink, .n_sinks = 1, .n_classes = FAKE_CLASSES };
    em_engine_cfg cfg = { .max_batch = 2, .step_samples = STEP, .channel = channel, .start_ms = -1, .events = events, .control = run.control,
                          .command = obeyed };
    em_err err;

    for (int i = 0; i < SECONDS * 10; i++)
        steps[i] = (fake_step){ .n_frames = RATE / 10, .state = EM_SOURCE_UP };
    source = fake_source_new(&script);
    run.sink.n = 0;
    run.sink.n_classes = FAKE_CLASSES;
    cfg.session = fake_session_new(RATE, &fake);
    CHECK_OK(em_outlet_new(&cfg.outlet, &outlet, &err));
    CHECK_OK(em_engine_run(&run.result, &cfg, source, &err));
    em_outlet_free(cfg.outlet);
    em_session_free(cfg.session);
    em_source_close(source);
}

static int begin(void **state)
{
    (void)state;
    memset(&run, 0, sizeof run);
    return (run.control = em_control_new()) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    em_control_free(run.control);
    return 0;
}

static em_control_command listen(em_control_switch sw, const char *source)
{
    em_control_command c = { .type = EM_CONTROL_LISTEN, .sw = sw };

    snprintf(c.source, sizeof c.source, "%s", source);
    return c;
}

static void check_whole(int n_lanes)
{
    const em_source_counters *f = &run.result.frames;

    CHECK(f->captured == f->taken + f->dropped + f->waiting && f->taken == (uint64_t)SECONDS * RATE,
          "%llu frames taken", (unsigned long long)f->taken);
    CHECK(memory_count(&run.sink, EM_EVENT_SCORES) == SECONDS * n_lanes, "%d hops", memory_count(&run.sink, EM_EVENT_SCORES));
    CHECK(memory_count(&run.sink, EM_EVENT_GAP) == 0 && run.result.skipped_hops == 0, "no gap");
    CHECK(run.result.seconds == SECONDS, "%g s", run.result.seconds);
}

static void a_pause_is_silence_and_time_goes_on(void **state)
{
    const em_watch_rules events = fake_events(RATE);
    const memory_event *off, *first, *second;
    (void)state;

    at(5, listen(EM_SWITCH_OFF, ""));
    at(7, listen(EM_SWITCH_OFF, "mic"));                        /* it is off already */
    at(20, listen(EM_SWITCH_OTHER, ""));
    hear(&events, 1);
    check_whole(1);
    off = memory_nth(&run.sink, EM_EVENT_LISTENING, 0);
    CHECK(memory_count(&run.sink, EM_EVENT_LISTENING) == 2 && !off->e.u.listening.is_on && fabs(off->e.time - 5) < .2, "off, told once");
    CHECK(memory_nth(&run.sink, EM_EVENT_LISTENING, 1)->e.u.listening.is_on, "then on");
    first = memory_nth(&run.sink, EM_EVENT_OFFSET, 0);
    second = memory_nth(&run.sink, EM_EVENT_OFFSET, 1);
    CHECK(first && second && memory_count(&run.sink, EM_EVENT_RETRACT) == 0, "two events");
    CHECK(fabs(first->e.u.sound.offset - 5) < .5 && fabs(second->e.u.sound.onset - 20) < .5,
          "%g and %g s", first->e.u.sound.offset, second->e.u.sound.onset);
    CHECK(memory_nth(&run.sink, EM_EVENT_SCORES, 17)->e.u.scores.is_gated && memory_nth(&run.sink, EM_EVENT_SCORES, 17)->scores[FAKE_HEARD] == 0,
          "a window of nothing else is not looked at");
    CHECK(!memory_nth(&run.sink, EM_EVENT_SCORES, 28)->e.u.scores.is_gated, "and later ones are again");
}

static void a_channel_is_paused_alone(void **state)
{
    const em_watch_rules events = fake_events(RATE);
    (void)state;

    at(5, listen(EM_SWITCH_OFF, "mic:2"));
    at(6, listen(EM_SWITCH_OFF, "somebody"));
    hear(&events, -1);
    check_whole(2);
    CHECK(memory_count(&run.sink, EM_EVENT_LISTENING) == 1 && strcmp(memory_nth(&run.sink, EM_EVENT_LISTENING, 0)->source, "mic:2") == 0,
          "one of them");
    for (int i = 0; i < 2; i++) {
        const memory_event *e = memory_nth(&run.sink, EM_EVENT_OFFSET, i);

        CHECK(e && fabs(e->e.u.sound.offset - (strcmp(e->source, "mic:1") == 0 ? SECONDS : 5)) < .5, "%s ends at %g", e->source, e->e.u.sound.offset);
    }
}

static void marks_stand_at_the_newest_sound(void **state)
{
    em_control_command mark = { .type = EM_CONTROL_MARK, .text = "the bell" }, clip = { .type = EM_CONTROL_CLIP }, other = mark;
    const memory_event *e;
    (void)state;

    snprintf(other.source, sizeof other.source, "somebody");
    at(8, mark);
    at(8, other);
    at(9, clip);                                                /* there is no tape: no clip, no mark */
    at(10, mark);
    hear(NULL, 1);
    e = memory_nth(&run.sink, EM_EVENT_MARK, 0);
    CHECK(memory_count(&run.sink, EM_EVENT_MARK) == 2 && fabs(e->e.time - 8) < .2 && strcmp(e->source, "mic") == 0, "two marks");
    CHECK(strcmp(e->e.u.mark.text, "the bell") == 0 && !e->e.u.mark.has_clip, "'%s'", e->e.u.mark.text);
    CHECK(strcmp(e->e.u.mark.id, memory_nth(&run.sink, EM_EVENT_MARK, 1)->e.u.mark.id) < 0, "ids sort by time");
    CHECK(run.n_obeyed[EM_CONTROL_MARK] == 3 && run.n_obeyed[EM_CONTROL_CLIP] == 1, "the program sees all of them");
}

/* What is open goes on, under another threshold and other rules; it ends when nobody is told of it any more. */
static void rules_change_while_a_sound_goes_on(void **state)
{
    em_watch_rules events = fake_events(RATE), same = events, deaf = events;
    static em_sound_cfg sounds[FAKE_CLASSES];
    em_control_command threshold = { .type = EM_CONTROL_THRESHOLD, .i_class = FAKE_HEARD, .threshold = .25f };
    const memory_event *onset, *offset;
    (void)state;

    memcpy(sounds, events.detector.classes, (size_t)events.detector.n_classes * sizeof *sounds);
    for (int c = 0; c < events.detector.n_classes; c++)
        sounds[c].is_told = false;
    deaf.detector.classes = sounds;
    at(8, threshold);
    at(12, (em_control_command){ .type = EM_CONTROL_RULES, .rules = &same });
    at(20, (em_control_command){ .type = EM_CONTROL_RULES, .rules = &deaf });
    at(24, (em_control_command){ .type = EM_CONTROL_RULES, .rules = &events });
    hear(&events, 1);
    check_whole(1);
    CHECK(memory_count(&run.sink, EM_EVENT_ONSET) == 2 && memory_count(&run.sink, EM_EVENT_OFFSET) == 2, "%d onsets, %d offsets",
          memory_count(&run.sink, EM_EVENT_ONSET), memory_count(&run.sink, EM_EVENT_OFFSET));
    onset = memory_nth(&run.sink, EM_EVENT_ONSET, 0);
    offset = memory_nth(&run.sink, EM_EVENT_OFFSET, 0);
    CHECK(strcmp(onset->e.u.sound.id, offset->e.u.sound.id) == 0 && fabs(offset->e.u.sound.offset - 20) < 1.1,
          "the first to %g s", offset->e.u.sound.offset);
    CHECK(onset->e.u.sound.onset < .5 && offset->e.u.sound.onset < .5, "from the beginning");
    CHECK(run.n_obeyed[EM_CONTROL_RULES] == 3, "told that they are in use");
}

static void a_threshold_holds_from_then_on(void **state)
{
    em_watch_rules events = fake_events(RATE);
    em_control_command high = { .type = EM_CONTROL_THRESHOLD, .i_class = FAKE_HEARD, .threshold = .75f };
    em_control_command unknown = { .type = EM_CONTROL_THRESHOLD, .i_class = -1 };
    (void)state;

    snprintf(unknown.text, sizeof unknown.text, "no such group");
    unknown.threshold = .5f;
    at(1, high);
    at(2, unknown);
    hear(&events, 1);
    CHECK(memory_count(&run.sink, EM_EVENT_ONSET) > 0, "it is heard");
    for (int i = 0; i < memory_count(&run.sink, EM_EVENT_ONSET); i++)
        CHECK(memory_nth(&run.sink, EM_EVENT_ONSET, i)->e.u.sound.threshold == .75f, "onset %d: threshold %g", i,
              (double)memory_nth(&run.sink, EM_EVENT_ONSET, i)->e.u.sound.threshold);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pause_is_silence_and_time_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(a_channel_is_paused_alone, begin, end),
        cmocka_unit_test_setup_teardown(marks_stand_at_the_newest_sound, begin, end),
        cmocka_unit_test_setup_teardown(rules_change_while_a_sound_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(a_threshold_holds_from_then_on, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
