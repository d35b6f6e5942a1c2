/* The worker at a device, which cannot wait: late hops, gaps, a device that goes and comes, and the wall clock. */
#include "check.h"

#include "base/clock.h"
#include "hearing.h"

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
        cmocka_unit_test(late_hops_of_a_device_are_skipped_and_counted),
        cmocka_unit_test(files_wait_and_skip_nothing),
        cmocka_unit_test(a_gap_is_silence_of_the_same_length_and_told),
        cmocka_unit_test(a_night_of_outage_costs_nothing),
        cmocka_unit_test(a_device_that_goes_and_comes_is_told),
        cmocka_unit_test(a_return_is_told_behind_its_gap_and_with_its_own_time),
        cmocka_unit_test(clocks_that_come_apart_are_told_and_followed),
        cmocka_unit_test(latency_makes_events_earlier),
        cmocka_unit_test(a_device_that_is_there_is_not_told_as_missing),
        cmocka_unit_test(a_device_comes_back_with_another_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
