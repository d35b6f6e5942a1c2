/* The worker between a scripted source and a session whose answers are known: when it scores, what the scores are, which
 * channels it hears, and what it says of numbers and channels that are bad. */
#include "check.h"

#include "base/log.h"
#include "hearing.h"
#include "listener/listener.h"

#include <math.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hops_are_every_step_and_the_end),
        cmocka_unit_test(blocks_never_change_a_score),
        cmocka_unit_test(scores_are_the_sigmoid_of_the_logits),
        cmocka_unit_test(channels_are_picked_mixed_or_heard_each),
        cmocka_unit_test(warnings_name_the_channel),
        cmocka_unit_test(bad_numbers_stay_finite_and_are_counted),
        cmocka_unit_test(a_summary_stands_in_place_of_scores),
        cmocka_unit_test(start_time_gives_files_a_wall_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
