/* The consumer's side against a device that this program plays itself: it brings its own table of kinds, so
 * that it holds the producer's handle. */
#include "check.h"

#include "audio/sources.h"
#include "base/clock.h"

#include <math.h>
#include <pthread.h>

enum { RING = 1024 };

static struct { em_capture *capture; int rate_hz, n_channels, n_closed; } device;

static em_status fake_open(void **out, em_source_plan *plan, const em_source_cfg *cfg, em_err *err)
{
    (void)err;
    *out = &device;
    snprintf(plan->info.name, sizeof plan->info.name, "%s", cfg->name ? cfg->name : "fake");
    plan->info.rate_hz = device.rate_hz;
    plan->info.n_channels = device.n_channels;
    plan->info.is_live = true;
    plan->ring_frames = RING;
    return EM_OK;
}

static em_status fake_start(void *self, em_capture *capture, em_err *err)
{
    (void)self, (void)err;
    device.capture = capture;
    return EM_OK;
}

static void fake_stop(void *self)
{
    (void)self;
}

static void fake_close(void *self)
{
    (void)self;
    device.n_closed++;
}

static const em_source_ops fake_ops = { .open = fake_open, .start = fake_start, .stop = fake_stop, .close = fake_close };

em_status em_source_find(const em_source_ops **out, const char *kind, em_err *err)
{
    (void)kind, (void)err;
    *out = &fake_ops;
    return EM_OK;
}

em_status em_source_list_devices(em_device_visit *visit, void *ctx, em_err *err)
{
    (void)visit, (void)ctx, (void)err;
    return EM_OK;
}

static em_source *open_fake(int rate_hz, int n_channels)
{
    const em_source_cfg cfg = { .kind = "fake" };
    em_err err;
    em_source *s;

    device.rate_hz = rate_hz;
    device.n_channels = n_channels;
    CHECK_OK(em_source_open(&s, &cfg, &err));
    CHECK_OK(em_source_start(s, &err));
    if (rate_hz)
        em_capture_set_rate(device.capture, rate_hz);
    return s;
}

/* Frames numbered from first on. */
static void put_ramp(uint32_t first, uint32_t n)
{
    float x[2 * RING];

    for (uint32_t i = 0; i < n; i++)
        x[i] = (float)(first + i);
    em_capture_put(device.capture, x, n);
}

static int rate_of(const em_source *s)
{
    em_source_info info;

    em_source_get_info(s, &info);
    return info.rate_hz;
}

static void a_full_ring_is_a_gap_of_the_right_length_in_the_right_place(void **state)
{
    em_source *s = open_fake(48000, 1);
    em_source_counters c;
    float x[2 * RING];
    em_gap gap;

    (void)state;
    put_ramp(0, 1000);
    put_ramp(1000, 25);                     /* one too many: dropped whole */
    put_ramp(1025, 24);                     /* just fits                   */
    put_ramp(1049, 300);
    em_source_get_counters(s, &c);
    CHECK(c.captured == 1349 && c.taken == 0 && c.dropped == 325 && c.waiting == 1024, "%llu %llu %llu %llu",
          (unsigned long long)c.captured, (unsigned long long)c.taken, (unsigned long long)c.dropped, (unsigned long long)c.waiting);
    CHECK(em_source_take(s, x, 2 * RING, &gap) == 1000 && gap.n_frames == 0, "never across a gap");
    CHECK(x[999] == 999.0f, "%g", (double)x[999]);
    CHECK(em_source_take(s, x, 10, &gap) == 10 && gap.n_frames == 25 && gap.reason == EM_GAP_OVERRUN, "the gap comes once");
    CHECK(x[0] == 1025.0f, "%g", (double)x[0]);
    CHECK(em_source_take(s, x, RING, &gap) == 14 && gap.n_frames == 0, "and only once");
    CHECK(em_source_take(s, x, RING, &gap) == 0 && gap.n_frames == 0, "what is missing last waits for frames");
    put_ramp(1349, 1);
    CHECK(em_source_take(s, x, RING, &gap) == 1 && gap.n_frames == 300 && x[0] == 1349.0f, "and stands before them");
    em_source_get_counters(s, &c);
    CHECK(c.captured == 1350 && c.taken == 1025 && c.dropped == 325 && c.waiting == 0, "at the end");
    em_source_close(s);
}

static void what_is_missing_at_the_very_end_is_told_after_stop(void **state)
{
    em_source *s = open_fake(48000, 1);
    em_source_counters c;
    float x[RING];
    em_gap gap;
    em_err err;

    (void)state;
    put_ramp(0, RING);
    put_ramp(RING, 77);
    em_capture_lost(device.capture, EM_GAP_XRUN, 13);   /* no callback comes any more to give them their place */
    em_source_stop(s);
    em_source_get_counters(s, &c);
    CHECK(c.captured == RING + 90 && c.dropped == 90, "%llu", (unsigned long long)c.captured);
    CHECK(em_source_watch(s, &err) == EM_SOURCE_ENDED, "after stop");
    CHECK(em_source_take(s, x, RING, &gap) == RING && gap.n_frames == 0, "what waits can still be taken");
    CHECK(em_source_take(s, x, RING, &gap) == 0 && gap.n_frames == 90, "%llu", (unsigned long long)gap.n_frames);
    CHECK(em_source_take(s, x, RING, &gap) == 0 && gap.n_frames == 0, "once");
    em_source_close(s);
}

static void losses_of_the_device_stand_before_its_next_frames(void **state)
{
    em_source *s = open_fake(48000, 1);
    em_source_counters c;
    float x[RING];
    em_gap gap;

    (void)state;
    put_ramp(0, 10);
    em_capture_count_xrun(device.capture);
    em_capture_lost(device.capture, EM_GAP_XRUN, 100);
    em_capture_lost(device.capture, EM_GAP_XRUN, 20);
    put_ramp(130, 10);
    em_capture_put(device.capture, NULL, 64);       /* the sound system had nothing to give */
    put_ramp(204, 10);
    em_capture_lost(device.capture, EM_GAP_XRUN, 5);
    em_capture_lost(device.capture, EM_GAP_DEVICE, 50);
    put_ramp(269, 1);
    em_capture_lost(device.capture, EM_GAP_XRUN, 50);
    em_capture_lost(device.capture, EM_GAP_DEVICE, 5);
    put_ramp(325, 1);
    CHECK(em_source_take(s, x, RING, &gap) == 10 && gap.n_frames == 0, "before");
    CHECK(em_source_take(s, x, RING, &gap) == 10 && gap.n_frames == 120 && gap.reason == EM_GAP_XRUN && x[0] == 130.0f, "xrun");
    CHECK(em_source_take(s, x, RING, &gap) == 10 && gap.n_frames == 64 && gap.reason == EM_GAP_DEVICE && x[0] == 204.0f, "device");
    CHECK(em_source_take(s, x, RING, &gap) == 1 && gap.n_frames == 55 && gap.reason == EM_GAP_DEVICE && x[0] == 269.0f,
          "two that touch are one, named after the longer");
    CHECK(em_source_take(s, x, RING, &gap) == 1 && gap.n_frames == 55 && gap.reason == EM_GAP_XRUN && x[0] == 325.0f, "whichever is first");
    em_source_get_counters(s, &c);
    CHECK(c.captured == 326 && c.taken == 32 && c.dropped == 294 && c.n_xruns == 1, "counted once");
    em_source_close(s);
}

/* captured is the producer's word and the rest the ring's: a frame that gets into the ring, or out of its count, past the
 * producer breaks the sum. */
static void captured_is_counted_apart_from_the_ring(void **state)
{
    static const float x[7];
    em_source *s = open_fake(48000, 1);
    em_source_counters c;

    (void)state;
    put_ramp(0, 10);
    em_capture_lost(device.capture, EM_GAP_XRUN, 5);
    put_ramp(15, 10);
    em_source_get_counters(s, &c);
    CHECK(c.captured == 25 && c.captured == c.taken + c.dropped + c.waiting, "%llu", (unsigned long long)c.captured);
    assert_true(ringbuf_write(&device.capture->writer, x, 7));
    em_source_get_counters(s, &c);
    CHECK(c.captured == 25 && c.waiting == 27, "7 frames too many are seen: %llu", (unsigned long long)c.captured);
    ringbuf_skip(&device.capture->writer, EM_GAP_OVERRUN, 3);
    em_source_get_counters(s, &c);
    CHECK(c.captured == 25 && c.dropped == 8, "and 3 too many missing: %llu", (unsigned long long)c.captured);
    em_source_close(s);
}

/* A process that is stopped in the middle of a callback holds nobody up. */
static void a_callback_that_never_ends_is_not_waited_for(void **state)
{
    em_source *s = open_fake(48000, 1);
    uint64_t from_ns = em_now_ns();
    em_source_counters c;

    (void)state;
    put_ramp(0, 10);
    atomic_fetch_add(&device.capture->shared->n_begun, 1);
    em_source_get_counters(s, &c);
    CHECK(c.captured == 10 && c.waiting == 10, "%llu", (unsigned long long)c.captured);
    CHECK(em_now_ns() - from_ns < 2000000000u, "%g s", (double)(em_now_ns() - from_ns) * 1e-9);
    em_source_close(s);
}

static void frames_of_two_rates_never_come_together(void **state)
{
    em_source *s = open_fake(0, 1);
    float x[2 * RING];
    em_gap gap;

    (void)state;
    CHECK(rate_of(s) == 0, "not there yet");
    em_capture_set_rate(device.capture, 48000);
    put_ramp(0, 10);
    em_capture_set_rate(device.capture, 48000);
    put_ramp(10, 10);
    put_ramp(0, RING);                              /* dropped at the old rate */
    em_capture_set_rate(device.capture, 44100);
    put_ramp(20, 10);
    CHECK(em_source_take(s, x, RING, &gap) == 0 && rate_of(s) == 48000, "it came: %d", rate_of(s));
    CHECK(em_source_take(s, x, RING, &gap) == 20 && rate_of(s) == 48000, "the same rate is no change");
    CHECK(em_source_take(s, x, RING, &gap) == 0 && gap.n_frames == RING && rate_of(s) == 48000, "the gap has the old rate");
    CHECK(em_source_take(s, x, RING, &gap) == 0 && gap.n_frames == 0 && rate_of(s) == 44100, "%d", rate_of(s));
    CHECK(em_source_take(s, x, RING, &gap) == 10 && rate_of(s) == 44100 && x[0] == 20.0f, "then its frames");
    em_source_close(s);
}

/* A device that comes and goes while nobody takes: more changes than the mark queue holds. */
static void a_flapping_rate_never_labels_frames_wrong(void **state)
{
    em_source *s = open_fake(8000, 1);
    em_source_counters c;
    float x[RING];
    em_gap gap;
    uint64_t n_missing = 0;

    (void)state;
    for (int i = 0; i < 3 * RINGBUF_MARKS; i++) {
        const float rate = i % 2 ? 8000.0f : 16000.0f;

        em_capture_set_rate(device.capture, (int)rate);
        em_capture_put(device.capture, &rate, 1);
    }
    for (int idle = 0; idle < 3;) {
        size_t n = em_source_take(s, x, RING, &gap);

        for (size_t i = 0; i < n; i++)
            CHECK((int)x[i] == rate_of(s), "a frame of %g Hz under %d", (double)x[i], rate_of(s));
        n_missing += gap.n_frames;
        idle = n ? 0 : idle + 1;
    }
    em_source_stop(s);
    em_source_take(s, x, RING, &gap);
    n_missing += gap.n_frames;
    em_source_get_counters(s, &c);
    CHECK(c.captured == 3 * RINGBUF_MARKS && c.waiting == 0 && c.dropped == n_missing && n_missing > 0, "%llu missing, %llu dropped",
          (unsigned long long)n_missing, (unsigned long long)c.dropped);
    em_source_close(s);
}

static void bad_samples_become_zero_and_are_counted(void **state)
{
    const float in[8] = { 1.0f, NAN, -INFINITY, INFINITY, -NAN, 3.4e38f, 1e-42f, -0.5f };
    const float want[8] = { 1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 3.4e38f, 1e-42f, -0.5f };
    em_source *s = open_fake(48000, 2);
    em_source_counters c;
    float x[8];
    em_gap gap;

    (void)state;
    em_capture_put(device.capture, in, 4);
    assert_int_equal(em_source_take(s, x, 4, &gap), 4);
    assert_memory_equal(x, want, sizeof want);
    em_source_get_counters(s, &c);
    assert_int_equal(c.n_bad_samples, 4);
    em_source_close(s);
}

static void ports_are_interleaved_also_around_the_end_of_the_ring(void **state)
{
    static float a[700], b[700], x[3 * 700];
    const float *const ports[3] = { a, NULL, b };
    em_source *s = open_fake(48000, 3);
    em_gap gap;

    (void)state;
    for (int i = 0; i < 700; i++) {
        a[i] = (float)i;
        b[i] = -(float)i;
    }
    for (int round = 0; round < 5; round++) {
        size_t n = 0;

        em_capture_put_planar(device.capture, ports, 700);
        n = em_source_take(s, x, 700, &gap);
        CHECK(n == 700 && gap.n_frames == 0, "round %d: %zu", round, n);
        for (int i = 0; i < 700; i++)
            CHECK(x[3 * i] == a[i] && x[3 * i + 1] == 0.0f && x[3 * i + 2] == b[i], "round %d, frame %d", round, i);
    }
    em_capture_put_planar(device.capture, ports, 700);
    em_capture_put_planar(device.capture, ports, 700);
    em_capture_put_planar(device.capture, ports, 1);
    CHECK(em_source_take(s, x, 700, &gap) == 700 && em_source_take(s, x, 700, &gap) == 1 && gap.n_frames == 700, "dropped whole");
    em_source_close(s);
}

/* ---- two threads ---- */

enum { BLOCK = 37, N_BLOCKS = 60000, WRAP = 1 << 23 };

static _Atomic int is_done;

static void *play(void *arg)
{
    float x[BLOCK];

    (void)arg;
    for (uint32_t i = 0; i < N_BLOCKS; i++) {
        for (uint32_t k = 0; k < BLOCK; k++)
            x[k] = (float)((i * BLOCK + k) % WRAP);
        em_capture_put(device.capture, x, BLOCK);
        if (i % 16 == 0)
            em_sleep_ms(0.05);
    }
    atomic_store(&is_done, 1);
    return NULL;
}

static void a_slow_consumer_loses_exactly_what_is_counted(void **state)
{
    em_source *s = open_fake(48000, 1);
    uint64_t n = 0, n_missing = 0, n_calls, n_frames, n_looks = 0;
    em_source_counters c, before = { 0 };
    pthread_t producer;
    bool was_done = false;

    (void)state;
    assert_int_equal(pthread_create(&producer, NULL, play, NULL), 0);
    do {
        float x[500];
        em_gap gap;
        size_t n_new;

        was_done = atomic_load(&is_done);
        if (was_done)
            em_source_stop(s);
        em_capture_heartbeat(device.capture, &n_calls, &n_frames);
        em_source_get_counters(s, &c);
        CHECK(c.captured == c.taken + c.dropped + c.waiting, "look %llu", (unsigned long long)n_looks);
        CHECK(c.captured % BLOCK == 0 && c.captured >= before.captured, "half a block: %llu", (unsigned long long)c.captured);
        CHECK(c.captured >= n_frames, "%llu captured, %llu put before", (unsigned long long)c.captured, (unsigned long long)n_frames);
        em_capture_heartbeat(device.capture, &n_calls, &n_frames);
        CHECK(c.captured <= n_frames + BLOCK, "%llu captured, %llu put since", (unsigned long long)c.captured, (unsigned long long)n_frames);
        before = c;
        n_looks++;
        n_new = em_source_take(s, x, 1 + n_looks * 7919 % 500, &gap);
        n += gap.n_frames;
        n_missing += gap.n_frames;
        for (size_t i = 0; i < n_new; i++, n++)
            CHECK((uint64_t)x[i] == n % WRAP, "frame %llu came as %g", (unsigned long long)n, (double)x[i]);
        if (n_looks % 64 == 0)
            em_sleep_ms(1.0);
        if (n_new > 0 || gap.n_frames > 0)
            was_done = false;
    } while (!was_done);
    pthread_join(producer, NULL);
    em_source_get_counters(s, &c);
    CHECK(n == (uint64_t)N_BLOCKS * BLOCK && c.captured == n && c.waiting == 0, "%llu", (unsigned long long)n);
    CHECK(n_missing == c.dropped && n_missing > 0 && c.taken > 0, "%llu missing, %llu dropped", (unsigned long long)n_missing,
          (unsigned long long)c.dropped);
    em_source_close(s);
}

static void a_ring_full_of_nonsense_fails_the_source(void **state)
{
    em_source *s = open_fake(48000, 1);
    float x[RING];
    em_gap gap;
    em_err err;

    (void)state;
    put_ramp(0, 5);
    atomic_store(&device.capture->writer.ring->w.value, 1u << 31);
    assert_int_equal(em_source_take(s, x, RING, &gap), 0);
    assert_int_equal(em_source_watch(s, &err), EM_SOURCE_FAILED);
    CHECK(strstr(err.msg, "fake"), "%s", err.msg);
    em_source_close(s);
}

static void the_last_word_of_a_producer_reaches_watch(void **state)
{
    em_source *s = open_fake(48000, 1);
    em_err said = { EM_EDEVICE, "gone for good" }, err;
    float x[RING];
    em_gap gap;

    (void)state;
    assert_int_equal(em_source_watch(s, &err), EM_SOURCE_WAITING);
    em_capture_set_state(device.capture, EM_SOURCE_UP);
    assert_int_equal(em_source_watch(s, &err), EM_SOURCE_UP);
    assert_int_equal(err.code, EM_OK);
    put_ramp(0, 3);
    em_capture_finish(device.capture, EM_SOURCE_FAILED, &said);
    assert_int_equal(em_source_watch(s, &err), EM_SOURCE_FAILED);
    assert_string_equal(err.msg, "gone for good");
    assert_int_equal(em_source_take(s, x, RING, &gap), 3);
    em_source_stop(s);
    assert_int_equal(em_source_watch(s, &err), EM_SOURCE_FAILED);
    em_source_close(s);
}

static void life_in_the_wrong_order_is_refused_or_harmless(void **state)
{
    const em_source_cfg cfg = { .kind = "fake", .name = "a\x1b[31mb" };
    const int n_closed = device.n_closed;
    em_source_info info;
    em_source *s;
    em_err err;

    (void)state;
    em_source_close(NULL);
    device.rate_hz = 48000;
    device.n_channels = 1;
    CHECK_OK(em_source_open(&s, &cfg, &err));
    em_source_get_info(s, &info);
    assert_string_equal(info.name, "a?[31mb");
    em_source_stop(s);
    CHECK_OK(em_source_start(s, &err));
    assert_int_equal(em_source_start(s, &err), EM_EINVAL);
    em_source_stop(s);
    em_source_stop(s);
    em_source_close(s);
    device.n_channels = 65;
    assert_int_equal(em_source_open(&s, &cfg, &err), EM_EINVAL);
    assert_null(s);
    assert_int_equal(device.n_closed, n_closed + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_ring_is_a_gap_of_the_right_length_in_the_right_place),
        cmocka_unit_test(what_is_missing_at_the_very_end_is_told_after_stop),
        cmocka_unit_test(losses_of_the_device_stand_before_its_next_frames),
        cmocka_unit_test(captured_is_counted_apart_from_the_ring),
        cmocka_unit_test(a_callback_that_never_ends_is_not_waited_for),
        cmocka_unit_test(frames_of_two_rates_never_come_together),
        cmocka_unit_test(a_flapping_rate_never_labels_frames_wrong),
        cmocka_unit_test(bad_samples_become_zero_and_are_counted),
        cmocka_unit_test(ports_are_interleaved_also_around_the_end_of_the_ring),
        cmocka_unit_test(a_slow_consumer_loses_exactly_what_is_counted),
        cmocka_unit_test(a_ring_full_of_nonsense_fails_the_source),
        cmocka_unit_test(the_last_word_of_a_producer_reaches_watch),
        cmocka_unit_test(life_in_the_wrong_order_is_refused_or_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
