/* The synthetic source, and what the feed thread under files and pipes promises: order, back-pressure, stop. */
#include "check.h"
#include "taking.h"

#include "audio/source.h"
#include "base/clock.h"

#include <math.h>

static taken run(const char *name, size_t chunk)
{
    const em_source_cfg cfg = { .kind = "synth", .name = name };
    taken t;
    em_err err;

    CHECK_OK(take_all(&t, &cfg, chunk, 0.0, &err));
    CHECK(t.err.code == EM_OK, "%s: %s", name, t.err.msg);
    return t;
}

static void a_ramp_comes_whole_and_in_order_past_its_wrap(void **state)
{
    taken t = run("ramp:263:32000:2", 40000);       /* 2^23 frames are 262.1 s */

    (void)state;
    assert_int_equal(t.n, 263 * 32000);
    assert_int_equal(t.info.n_frames, t.n);
    for (size_t n = 0; n < t.n; n++)
        CHECK(t.frames[2 * n] * 8388608.0f == (float)(n % 8388608) && t.frames[2 * n + 1] * 8388608.0f == (float)((n + 65536) % 8388608),
              "frame %zu", n);
    free(t.frames);
}

static void a_consumer_that_sleeps_holds_the_producer_up(void **state)
{
    const em_source_cfg cfg = { .kind = "synth", .name = "ramp:20" };
    taken t;
    em_err err;

    (void)state;
    CHECK_OK(take_all(&t, &cfg, 10000, 2.0, &err));
    CHECK(t.n == 20 * 32000 && t.n_missing == 0 && t.counters.dropped == 0, "%zu", t.n);
    free(t.frames);
}

static void the_same_name_gives_the_same_bits(void **state)
{
    static const char *const names[] = { "noise:7:3", "noise:0:1:8000:64", "sine:440:2.5:44100", "sine:0.5:1", "silence:1:1000",
                                         "ramp:0.001" };
    static const size_t chunks[] = { 1000, 4097, 100000 };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(names); i++) {
        taken want = run(names[i], 4096);

        for (size_t c = 0; c < EM_COUNT(chunks); c++) {
            taken got = run(names[i], chunks[c]);

            CHECK(got.n == want.n && memcmp(got.frames, want.frames, got.n * (size_t)got.info.n_channels * sizeof(float)) == 0,
                  "%s in chunks of %zu", names[i], chunks[c]);
            free(got.frames);
        }
        free(want.frames);
    }
}

static void voices_sound_as_they_are_named(void **state)
{
    taken sine = run("sine:1000:1:32000", 4096), noise = run("noise:1:4", 4096), silence = run("silence:1:1000:3", 4096);
    double sum = 0.0, square = 0.0;

    (void)state;
    for (size_t n = 0; n < sine.n; n++)
        CHECK(fabs((double)sine.frames[n] - 0.5 * sin(6.283185307179586 * (double)(n % 32) / 32.0)) < 1e-6, "frame %zu", n);
    for (size_t n = 0; n < noise.n; n++) {
        sum += (double)noise.frames[n];
        square += (double)noise.frames[n] * (double)noise.frames[n];
        CHECK(noise.frames[n] >= -0.5f && noise.frames[n] < 0.5f, "frame %zu", n);
    }
    CHECK(fabs(sum / (double)noise.n) < 0.005 && fabs(square / (double)noise.n - 1.0 / 12.0) < 0.002, "%g %g", sum, square);
    CHECK(silence.n == 1000 && silence.info.n_channels == 3 && silence.frames[2999] == 0.0f, "%zu", silence.n);
    free(sine.frames);
    free(noise.frames);
    free(silence.frames);
}

static void no_seconds_end_at_once(void **state)
{
    taken t = run("ramp:0", 4096);

    (void)state;
    assert_int_equal(t.n, 0);
    assert_int_equal(t.info.n_frames, 0);
    free(t.frames);
}

static void names_that_mean_nothing_are_refused(void **state)
{
    static const char *const names[] = {
        "", "sin", "sine", "sine:", "sine:x", "sine:-1", "sine:nan", "noise", "noise:1e99", "silence:-1", "silence:1:999",
        "silence:1:768001", "silence:1:8000:0", "silence:1:8000:65", "silence:1:8000:1:1", "sine:1:1:8000:1:1", "ramp:inf",
        "ramp:1s", "ramp:1:2:3:4:5:6:7:8:9",
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(names); i++) {
        const em_source_cfg cfg = { .kind = "synth", .name = names[i] };
        em_source *s;
        em_err err = { EM_OK, "" };

        CHECK(em_source_open(&s, &cfg, &err) == EM_EINVAL && s == NULL && strstr(err.msg, "sine:HZ"), "\"%s\": %s", names[i], err.msg);
    }
}

/* An endless source whose ring is full, one that is paced, and one that drops: all end when told to. */
static void stop_never_hangs(void **state)
{
    const em_source_cfg cfgs[] = {
        { .kind = "synth", .name = "silence" },
        { .kind = "synth", .name = "silence", .is_paced = true },
        { .kind = "synth", .name = "silence::1000:64", .is_live = true },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cfgs); i++) {
        uint64_t start;
        em_source *s;
        em_err err;

        CHECK_OK(em_source_open(&s, &cfgs[i], &err));
        CHECK_OK(em_source_start(s, &err));
        em_sleep_ms(30.0);
        start = em_now_ns();
        em_source_stop(s);
        CHECK(em_now_ns() - start < 2000000000u, "row %zu", i);
        assert_int_equal(em_source_watch(s, &err), EM_SOURCE_ENDED);
        em_source_close(s);
    }
}

/* A machine under load may be late, so only "not early" is promised. */
static void a_paced_source_is_never_early(void **state)
{
    const em_source_cfg cfg = { .kind = "synth", .name = "ramp:0.3:48000", .is_paced = true };
    const uint64_t start = em_now_ns();
    taken t;
    em_err err;

    (void)state;
    CHECK_OK(take_all(&t, &cfg, 4096, 0.0, &err));
    CHECK(em_now_ns() - start >= 300000000u && t.n == 14400, "%zu frames", t.n);
    free(t.frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ramp_comes_whole_and_in_order_past_its_wrap),
        cmocka_unit_test(a_consumer_that_sleeps_holds_the_producer_up),
        cmocka_unit_test(the_same_name_gives_the_same_bits),
        cmocka_unit_test(voices_sound_as_they_are_named),
        cmocka_unit_test(no_seconds_end_at_once),
        cmocka_unit_test(names_that_mean_nothing_are_refused),
        cmocka_unit_test(stop_never_hangs),
        cmocka_unit_test(a_paced_source_is_never_early),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
