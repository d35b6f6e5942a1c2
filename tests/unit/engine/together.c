/* Several sources at once: each is heard as if it were alone, their windows share batches, and commands go to all of them. */
#include "check.h"

#include "engine/engine.h"
#include "fakes.h"
#include "memory_sink.h"

enum { RATE = 32000, N = 3, MANY = 32 };

typedef struct heard {
    em_sink        sink;
    em_engine_part parts[MANY];
    em_status      status;
    int            n_runs, largest_batch;
} heard;

static void hear(heard *h, const fake_script *scripts, const em_engine_cfg *cfgs, int n)
{
    em_sink *sink = &h->sink;
    em_outlet_cfg outlet = { .sinks = &sink, .n_sinks = 1, .n_classes = FAKE_CLASSES };
    em_session *session = fake_session_new(RATE, NULL);
    em_engine_cfg own[MANY];
    em_err err;

    sink->n = 0;
    sink->n_classes = FAKE_CLASSES;
    for (int i = 0; i < n; i++) {
        own[i] = cfgs[i];
        own[i].session = session;
        h->parts[i] = (em_engine_part){ .cfg = &own[i], .source = fake_source_new(&scripts[i]) };
    }
    CHECK_OK(em_outlet_new(&own[0].outlet, &outlet, &err));
    for (int i = 1; i < n; i++)
        own[i].outlet = own[0].outlet;
    h->status = em_engine_run_all(h->parts, n, &err);
    h->n_runs = fake_session_runs(session);
    h->largest_batch = fake_session_largest_batch(session);
    em_outlet_free(own[0].outlet);
    em_session_free(session);
    for (int i = 0; i < n; i++)
        em_source_close(h->parts[i].source);
}

static em_engine_cfg usual(int channel)
{
    return (em_engine_cfg){ .max_batch = 8, .step_samples = RATE, .channel = channel, .start_ms = -1 };
}

/* The next event of a source, or of one of its channels. */
static const memory_event *next_of(const em_sink *s, int *at, const char *source)
{
    while (*at < s->n) {
        const memory_event *m = &s->events[(*at)++];

        if (strncmp(m->source, source, strlen(source)) == 0)
            return m;
    }
    return NULL;
}

static void each_is_heard_as_if_alone(void **state)
{
    static const fake_step dog[] = { { .n_frames = 5 * RATE + 777, .state = EM_SOURCE_UP } };
    static const fake_step mic[] = {
        { .n_frames = 40000, .state = EM_SOURCE_UP }, { .state = EM_SOURCE_DOWN },
        { .n_frames = 30000, .n_gap = 100000, .state = EM_SOURCE_UP, .rate_hz = 16000 }, { .n_frames = 4096, .n_gap = 7, .state = EM_SOURCE_UP },
    };
    static const fake_step cat[] = { { .n_frames = 3 * 44100, .state = EM_SOURCE_UP }, { .n_frames = 4 * 44100 + 1, .state = EM_SOURCE_UP } };
    const fake_script scripts[N] = {
        { .name = "dog", .rate_hz = RATE, .n_channels = 1, .steps = dog, .n_steps = 1 },
        { .name = "mic", .rate_hz = 48000, .n_channels = 1, .steps = mic, .n_steps = 4 },
        { .name = "cat", .rate_hz = 44100, .n_channels = 2, .steps = cat, .n_steps = 2 },
    };
    const em_engine_cfg cfgs[N] = { usual(1), usual(1), usual(-1) };
    static heard alone, together;
    (void)state;

    hear(&together, scripts, cfgs, N);
    CHECK(together.status == EM_OK, "status %d", together.status);
    for (int i = 0; i < N; i++) {
        const memory_event *want, *got;
        int at_alone = 0, at_together = 0, n = 0;

        hear(&alone, &scripts[i], &cfgs[i], 1);
        while ((want = next_of(&alone.sink, &at_alone, scripts[i].name))) {
            got = next_of(&together.sink, &at_together, scripts[i].name);
            CHECK(got && got->e.type == want->e.type && got->e.time == want->e.time && strcmp(got->source, want->source) == 0, "%s: event %d",
                  scripts[i].name, n);
            CHECK(want->e.type != EM_EVENT_SCORES || memcmp(got->scores, want->scores, sizeof got->scores) == 0, "%s: event %d", scripts[i].name, n);
            CHECK(want->e.type != EM_EVENT_STOP || memcmp(&got->e.u.stop, &want->e.u.stop, sizeof got->e.u.stop) == 0, "%s", scripts[i].name);
            n++;
        }
        CHECK(!next_of(&together.sink, &at_together, scripts[i].name) && n > 3, "%s: %d events", scripts[i].name, n);
        CHECK(together.parts[i].result.frames.captured == alone.parts[0].result.frames.captured, "%s", scripts[i].name);
        CHECK(together.parts[i].result.n_hops == alone.parts[0].result.n_hops && !together.parts[i].err.code, "%s", scripts[i].name);
    }
}

static void windows_share_batches(void **state)
{
    static const fake_step step[] = { { .n_frames = 4 * RATE, .state = EM_SOURCE_UP } };
    static char names[MANY][8];
    static heard h;
    fake_script scripts[MANY];
    em_engine_cfg cfgs[MANY];
    (void)state;

    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "s%02d", i);
        scripts[i] = (fake_script){ .name = names[i], .rate_hz = RATE, .n_channels = 1, .steps = step, .n_steps = 1 };
        cfgs[i] = usual(1);
        cfgs[i].max_batch = MANY;
    }
    hear(&h, scripts, cfgs, MANY);
    CHECK(h.status == EM_OK && h.largest_batch == MANY && h.n_runs == 4, "%d runs, of %d at the most", h.n_runs, h.largest_batch);
    CHECK(h.parts[MANY - 1].result.largest_batch == MANY, "and says so: %d", h.parts[MANY - 1].result.largest_batch);
    for (int i = 0; i < MANY; i++)
        cfgs[i].max_batch = MANY - 1;
    hear(&h, scripts, cfgs, MANY);
    CHECK(h.largest_batch == MANY - 1 && h.n_runs == 8, "%d runs, of %d at the most", h.n_runs, h.largest_batch);
    CHECK(memory_count(&h.sink, EM_EVENT_SCORES) == 4 * MANY, "and each is told");
}

static void who_is_lost_stops_nobody(void **state)
{
    static const fake_step some[] = { { .n_frames = 2 * RATE, .state = EM_SOURCE_UP }, { .state = EM_SOURCE_FAILED } };
    static const fake_step more[] = { { .n_frames = 10 * RATE, .state = EM_SOURCE_UP } };
    const fake_script scripts[N] = {
        { .name = "mic", .rate_hz = RATE, .n_channels = 1, .is_live = true, .steps = some, .n_steps = 2, .end_code = EM_EDEVICE },
        { .name = "dog", .rate_hz = RATE, .n_channels = 1, .steps = more, .n_steps = 1 },
        { .name = "cat", .rate_hz = RATE, .n_channels = 1, .steps = NULL, .n_steps = 0 },
    };
    const em_engine_cfg cfgs[N] = { usual(1), usual(1), usual(1) };
    static heard h;
    (void)state;

    hear(&h, scripts, cfgs, N);
    CHECK(h.status == EM_OK, "status %d", h.status);
    CHECK(h.parts[0].err.code == EM_EDEVICE && h.parts[0].is_over, "the lost one: %d", h.parts[0].err.code);
    CHECK(h.parts[1].err.code == EM_OK && h.parts[1].result.n_hops == 10, "who goes on: %lld", (long long)h.parts[1].result.n_hops);
    CHECK(h.parts[2].err.code == EM_EFORMAT && strstr(h.parts[2].err.msg, "cat"), "who has nothing: %s", h.parts[2].err.msg);
    CHECK(memory_count(&h.sink, EM_EVENT_STOP) == N, "a record each");
    CHECK(strcmp(h.sink.events[h.sink.n - 1].source, "dog") == 0, "at its own end");
}

/* ---- commands ---- */

static em_control *control;
static em_watch_rules louder;
static int n_obeyed[EM_CONTROL_QUIT + 1];

static void obeyed(void *ctx, const em_control_command *c)
{
    (void)ctx;
    n_obeyed[c->type]++;
}

/* After four seconds of one of them. */
static void give(uint64_t frame)
{
    const em_control_command commands[] = {
        { .type = EM_CONTROL_RULES, .rules = &louder }, { .type = EM_CONTROL_RELOAD }, { .type = EM_CONTROL_MARK, .source = "b" },
        { .type = EM_CONTROL_LISTEN, .sw = EM_SWITCH_ON }, { .type = EM_CONTROL_QUIT },
    };

    for (size_t i = 0; frame == 4 * RATE && n_obeyed[EM_CONTROL_QUIT] == 0 && i < EM_COUNT(commands); i++)
        CHECK(em_control_put(control, &commands[i]), "command %d", (int)i);
}

static void check_gated(const em_sink *s, const char *source, bool is_before, bool is_behind)
{
    const memory_event *m;
    int at = 0, n = 0;

    while ((m = next_of(s, &at, source)))
        if (m->e.type == EM_EVENT_SCORES) {
            CHECK(m->e.u.scores.is_gated == (m->e.time > 4.5 ? is_behind : is_before), "%s at %g s", source, m->e.time);
            n++;
        }
    CHECK(n == 10, "%s: %d hops", source, n);
}

static void each_obeys_and_the_program_once(void **state)
{
    static fake_step steps[100];
    static heard h;
    const em_watch_rules events = fake_events(RATE);
    fake_script scripts[N];
    em_engine_cfg cfgs[N];
    (void)state;

    control = em_control_new();
    louder = events;
    louder.has_gate = true;
    louder.gate_dbfs = -3;
    for (size_t i = 0; i < EM_COUNT(steps); i++)
        steps[i] = (fake_step){ .n_frames = RATE / 10, .state = EM_SOURCE_UP };
    for (int i = 0; i < N; i++) {
        scripts[i] = (fake_script){ .name = (const char *[]){ "a", "b", "c" }[i], .rate_hz = RATE, .n_channels = 1, .steps = steps, .n_steps = 100 };
        cfgs[i] = usual(1);
        cfgs[i].events = &events;
        cfgs[i].control = control;
        cfgs[i].command = obeyed;
    }
    scripts[N - 1].watched = give;
    cfgs[1].has_own_gate = cfgs[2].has_own_gate = true;
    cfgs[2].own_gate_dbfs = -4;
    hear(&h, scripts, cfgs, N);
    CHECK(h.status == EM_OK, "status %d", h.status);
    check_gated(&h.sink, "a", false, true);             /* as the rules say      */
    check_gated(&h.sink, "b", false, false);            /* none, whatever they say */
    check_gated(&h.sink, "c", true, true);              /* its own, likewise     */
    CHECK(memory_count(&h.sink, EM_EVENT_MARK) == 1 && strcmp(memory_nth(&h.sink, EM_EVENT_MARK, 0)->source, "b") == 0, "the one that is meant");
    for (int type = 0; type <= EM_CONTROL_QUIT; type++)
        CHECK(n_obeyed[type] == (type != EM_CONTROL_CLIP && type != EM_CONTROL_THRESHOLD), "command %d: %d times", type, n_obeyed[type]);
    em_control_free(control);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_heard_as_if_alone),
        cmocka_unit_test(windows_share_batches),
        cmocka_unit_test(who_is_lost_stops_nobody),
        cmocka_unit_test(each_obeys_and_the_program_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
