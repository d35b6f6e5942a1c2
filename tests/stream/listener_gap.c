/* listener_gap.c - hops that are skipped and gaps that are passed over change no bit of the hops behind them, and cost next
 * to nothing. */
#include "check.h"

#include "base/clock.h"
#include "stream/hops.h"

#include <math.h>

static void skipping_forgets_hops_and_nothing_else(void **state)
{
    const em_listener_cfg cfg = htsat(RATE, 3200);
    const size_t n = 12 * RATE;
    float *x = noise(n), *window = x + n - WINDOW, *want;
    em_listener *l;
    em_frontend *f;
    em_hop hop;
    em_err err;
    size_t done = 0;
    int n_skipped = 0;

    (void)state;
    CHECK_OK(em_listener_new(&l, &cfg, &err));
    CHECK_OK(em_frontend_new(&f, &cfg.frontend, &err));
    want = malloc(1001 * 64 * sizeof *want);
    assert_non_null(want);
    while (done < n) {
        done += em_listener_push(l, x + done, n - done);
        if (done < n)
            while (em_listener_skip(l))
                n_skipped++;
    }
    assert_int_equal(n_skipped, 119);
    assert_true(em_listener_next(l, &hop));
    assert_int_equal(hop.end_sample, n);
    em_frontend_window(f, want, window, WINDOW);
    assert_memory_equal(hop.frames, want, 1001 * 64 * sizeof *want);
    em_frontend_free(f);
    em_listener_free(l);
    free(want);
    free(x);
}

/* An hour of gap between two sounds: hops go on, each with its own new frames only; skipped, they cost none. */
static void an_hour_of_silence_costs_its_hops_and_no_more(void **state)
{
    const em_listener_cfg cfg = htsat(RATE, RATE);
    const size_t hour = (size_t)3600 * RATE;
    float *x = noise(RATE);
    em_listener *l;
    em_hop hop;
    em_err err;
    size_t done = 0;
    uint64_t before;
    int n_hops = 0;

    (void)state;
    CHECK_OK(em_listener_new(&l, &cfg, &err));
    assert_int_equal(em_listener_push(l, x, RATE), RATE);
    assert_true(em_listener_next(l, &hop));
    while (done < hour) {
        size_t n = em_listener_push_silence(l, hour - done);

        CHECK(n == RATE, "hop %d took %zu samples", n_hops, n);
        done += n;
        before = em_listener_computed(l);
        if (done <= hour / 2) {
            assert_true(em_listener_next(l, &hop));
            CHECK(em_listener_computed(l) - before == 104, "hop %d", n_hops);
        } else {
            assert_true(em_listener_skip(l));
            CHECK(em_listener_computed(l) == before, "hop %d", n_hops);
        }
        n_hops++;
    }
    assert_int_equal(n_hops, 3600);
    CHECK(em_listener_warnings(l) == 0, "a gap is not a silent input");
    for (int i = 0; i < hop.n_frames * 64; i++)
        CHECK(hop.frames[i] == -100.f, "frame %d", i / 64);
    CHECK(em_listener_seconds(l) == 3601.0, "%g s", em_listener_seconds(l));
    em_listener_free(l);
    free(x);
}

/* Sound, a gap, sound: the hops in the sound and in the gap's last second. *n_passed: hops that were passed over. */
static int hear_around_a_gap(seen *out, const em_listener_cfg *cfg, size_t n_gap, size_t chunk, bool may_pass, uint64_t *n_passed, double *seconds)
{
    const size_t n = 2 * (size_t)cfg->rate_hz + 7, frame_bytes = (size_t)cfg->frontend.n_mels * sizeof(float);
    float *x = noise(n);
    const double sound_s = 2 + (double)n_gap / cfg->rate_hz;      /* it begins again */
    int n_out = 0;
    em_listener *l;
    em_err err;

    *n_passed = 0;
    CHECK_OK(em_listener_new(&l, cfg, &err));
    for (size_t done = 0; done < n; n_out = drain_hops(l, out, n_out, frame_bytes))
        done += em_listener_push(l, x + done, n - done);
    for (size_t done = 0; done < n_gap;) {
        uint64_t n_hops = 0;

        if (may_pass && n_gap - done > (size_t)cfg->rate_hz)
            done += em_listener_pass_silence(l, n_gap - done - (size_t)cfg->rate_hz, &n_hops);
        *n_passed += n_hops;
        done += em_listener_push_silence(l, n_gap - done < chunk ? n_gap - done : chunk);
        n_out = drain_hops_from(l, sound_s - 1, out, n_out, frame_bytes);
    }
    for (size_t done = 0; done < n; n_out = drain_hops(l, out, n_out, frame_bytes))
        done += em_listener_push(l, x + done, n - done);
    *seconds = em_listener_seconds(l);
    em_listener_finish(l);
    n_out = drain_hops(l, out, n_out, frame_bytes);
    em_listener_free(l);
    free(x);
    return n_out;
}

/* Passing over a gap gives the bits that pushing it gives, whatever its length, the rate and the chunks. */
static void a_gap_that_is_passed_over_changes_no_bit(void **state)
{
    static const int rates[] = { 32000, 48000, 44100, 8000, 11025, 44101 }, steps[] = { 32000, 3200, 320 * 7, 60 * 32000 };
    static const double gaps_s[] = { 0.5, 10.9, 11.0, 11.1, 37.77, 300.001 };

    (void)state;
    for (size_t r = 0; r < EM_COUNT(rates); r++)
        for (size_t g = 0; g < EM_COUNT(gaps_s); g++) {
            const em_listener_cfg cfg = htsat(rates[r], steps[(r + g) % EM_COUNT(steps)]);
            const size_t n_gap = (size_t)(gaps_s[g] * rates[r]) + g;
            static seen want[MOST_HOPS], got[MOST_HOPS];
            uint64_t n_passed;
            double want_s, got_s;
            const int n_want = hear_around_a_gap(want, &cfg, n_gap, 1000, false, &n_passed, &want_s);
            const int n_got = hear_around_a_gap(got, &cfg, n_gap, 4097, true, &n_passed, &got_s);

            CHECK(n_got == n_want && got_s == want_s, "%d Hz, %g s: %d hops, not %d", rates[r], gaps_s[g], n_got, n_want);
            CHECK(gaps_s[g] < 30 || cfg.step_samples > 30 * RATE || n_passed * (size_t)cfg.step_samples > 20 * RATE, "%d Hz, %g s: %d passed",
                  rates[r], gaps_s[g], (int)n_passed);
            for (int i = 0; i < n_got; i++)
                CHECK(got[i].hop.end_sample == want[i].hop.end_sample && got[i].hop.filled == want[i].hop.filled &&
                      got[i].hop.rms_dbfs == want[i].hop.rms_dbfs && got[i].hop.peak_dbfs == want[i].hop.peak_dbfs &&
                      memcmp(got[i].frames, want[i].frames, (size_t)want[i].hop.n_frames * 64 * sizeof(float)) == 0,
                      "%d Hz, %g s of gap, hop %d", rates[r], gaps_s[g], i);
            forget(got, n_got);
            forget(want, n_want);
        }
}

/* A day of gap: as many hops as steps, and no work. */
static void a_day_of_gap_is_passed_over_at_once(void **state)
{
    const em_listener_cfg cfg = htsat(48000, RATE);
    const size_t day = (size_t)86400 * 48000;
    static seen got[MOST_HOPS];
    uint64_t n_passed, from_ns = em_now_ns();
    double seconds;
    int n = hear_around_a_gap(got, &cfg, day, 48000, true, &n_passed, &seconds);

    (void)state;
    CHECK(n_passed >= 86400 - 13 && n_passed < 86400, "%llu hops", (unsigned long long)n_passed);
    CHECK(fabs(seconds - 86404 - 14.0 / 48000) < 1e-6, "%g s", seconds);
    CHECK(em_now_ns() - from_ns < 3000000000u, "it took %g s", (double)(em_now_ns() - from_ns) * 1e-9);
    forget(got, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(skipping_forgets_hops_and_nothing_else),
        cmocka_unit_test(an_hour_of_silence_costs_its_hops_and_no_more),
        cmocka_unit_test(a_gap_that_is_passed_over_changes_no_bit),
        cmocka_unit_test(a_day_of_gap_is_passed_over_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
