/* How a run ends: at the source's end or before it, when it is told to stop, and when an output fails; what is said then. */
#include "check.h"

#include "hearing.h"

/* What came before is scored. */
static void a_file_that_is_empty_or_breaks_off_is_an_error_after_the_stop_record(void **state)
{
    static const struct { int n_frames, n_hops; em_status end_code; } cases[] = { { 0, 0, EM_OK }, { 2 * STEP + 100, 3, EM_EFORMAT } };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        fake_step step = { .n_frames = (size_t)cases[i].n_frames, .state = EM_SOURCE_UP };
        fake_script script = file_of(&step, cases[i].n_frames > 0);
        static heard h;

        script.end_code = cases[i].end_code;
        hear(&h, &script, usual(), NULL);
        CHECK(h.status == EM_EFORMAT && h.result.failed_at == EM_STAGE_INPUT, "case %zu: status %d", i, h.status);
        CHECK(strstr(h.err.msg, "dog.wav"), "case %zu: the sentence names the file: %s", i, h.err.msg);
        CHECK(memory_count(&h.sink, EM_EVENT_SCORES) == cases[i].n_hops, "case %zu: %d hops", i, memory_count(&h.sink, EM_EVENT_SCORES));
        CHECK(memory_count(&h.sink, EM_EVENT_STOP) == 1, "case %zu: one stop record", i);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_empty_or_breaks_off_is_an_error_after_the_stop_record),
        cmocka_unit_test(duration_ends_the_run_to_the_sample),
        cmocka_unit_test(a_stop_ends_without_a_last_window),
        cmocka_unit_test(a_summary_of_a_part_is_none),
        cmocka_unit_test(a_stop_behind_the_end_is_none),
        cmocka_unit_test(nobody_reading_is_no_failure),
        cmocka_unit_test(a_failing_file_output_ends_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
