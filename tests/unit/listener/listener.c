/* What a listener says about its input beside the frames: level, warnings, refusals. */
#include "check.h"

#include "listener/listener.h"
#include "listener/stats.h"

#include <math.h>

enum { RATE = 32000, WINDOW = 320000 };

static em_listener_cfg htsat(int rate_hz, int step)
{
    return (em_listener_cfg){ .frontend = em_frontend_htsat(RATE, 64), .window_samples = WINDOW, .step_samples = step, .rate_hz = rate_hz };
}

static void the_level_is_that_of_the_last_step(void **state)
{
    const em_listener_cfg cfg = htsat(RATE, RATE);
    static float x[RATE];
    em_listener *l;
    em_hop hop;
    em_err err;

    (void)state;
    CHECK_OK(em_listener_new(&l, &cfg, &err));
    assert_int_equal(em_listener_push(l, x, RATE), RATE);
    assert_true(em_listener_next(l, &hop));
    CHECK(hop.rms_dbfs == -INFINITY && hop.peak_dbfs == -INFINITY, "silence: %g, %g", (double)hop.rms_dbfs, (double)hop.peak_dbfs);
    for (int i = 0; i < RATE; i++)
        x[i] = i % 2 ? 0.5f : -0.5f;
    assert_int_equal(em_listener_push(l, x, RATE), RATE);
    assert_true(em_listener_next(l, &hop));
    CHECK(fabsf(hop.rms_dbfs + 6.0206f) < 1e-3f && fabsf(hop.peak_dbfs + 6.0206f) < 1e-3f, "half: %g, %g", (double)hop.rms_dbfs,
          (double)hop.peak_dbfs);
    em_listener_push_silence(l, RATE);
    assert_true(em_listener_next(l, &hop));
    CHECK(hop.rms_dbfs == -INFINITY, "gap: %g", (double)hop.rms_dbfs);
    em_listener_free(l);
}

static void impossible_settings_are_refused(void **state)
{
    const em_listener_cfg good = htsat(RATE, RATE);
    em_listener_cfg bad[9];
    em_listener *l;
    em_err err;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(bad); i++)
        bad[i] = good;
    bad[0].step_samples = 0;
    bad[1].step_samples = 321;
    bad[2].step_samples = -320;
    bad[3].frontend.hop = 0;
    bad[4].window_samples = -1;
    bad[5].window_samples = 512;
    bad[6].rate_hz = 999;
    bad[7].rate_hz = 768001;
    bad[8].frontend.n_mels = 0;
    for (size_t i = 0; i < EM_COUNT(bad); i++)
        CHECK(em_listener_new(&l, &bad[i], &err) == EM_EINVAL && !l && err.msg[0], "case %zu", i);

    CHECK_OK(em_listener_new(&l, &good, &err));
    CHECK(em_listener_set_rate(l, 0, &err) == EM_EINVAL, "a rate of 0");
    CHECK(em_listener_push(l, (float[1]){ 0.5f }, 1) == 1, "goes on at the old rate");
    em_listener_free(l);
    em_listener_free(NULL);
}

/* Pushes samples of sound (or a gap) at rate_hz; *out is the newest hop, if one fell due. */
static void push_sound(em_listener *l, bool is_gap, size_t n, em_hop *out)
{
    static const float x[4800] = { 0.5f, -0.5f };

    while (n > 0) {
        size_t most = n < EM_COUNT(x) ? n : EM_COUNT(x);

        n -= is_gap ? em_listener_push_silence(l, n) : em_listener_push(l, x, most);
        while (em_listener_next(l, out))
            ;
    }
}

static void filled_counts_sound_and_no_gap(void **state)
{
    static const int rates[] = { RATE, 48000, 44100, 8000 };

    (void)state;
    for (size_t r = 0; r < EM_COUNT(rates); r++) {
        const em_listener_cfg cfg = htsat(rates[r], RATE);
        const size_t second = (size_t)rates[r], late = second / 2;      /* a resampler gives the last samples later */
        const double exact = 1.5 / WINDOW;
        em_listener *l;
        em_hop hop = { 0 };
        em_err err;

        CHECK_OK(em_listener_new(&l, &cfg, &err));
        push_sound(l, false, 2 * second, &hop);
        push_sound(l, true, 3 * second, &hop);
        push_sound(l, false, late, &hop);
        CHECK(hop.time_s == 5 && fabs(hop.filled - 0.2) < exact, "%d Hz: %g at %g s", rates[r], hop.filled, hop.time_s);
        push_sound(l, false, 5 * second, &hop);
        CHECK(hop.time_s == 10 && fabs(hop.filled - 0.7) < exact, "%d Hz: %g at %g s", rates[r], hop.filled, hop.time_s);
        push_sound(l, false, 3 * second, &hop);
        CHECK(hop.time_s == 13 && fabs(hop.filled - 0.8) < exact, "half out of the window: %g at %g s", hop.filled, hop.time_s);
        push_sound(l, false, 2 * second, &hop);
        CHECK(hop.time_s == 15 && hop.filled == 1, "out of the window: %g at %g s", hop.filled, hop.time_s);
        push_sound(l, true, 12 * second, &hop);
        CHECK(hop.time_s == 27 && hop.filled < 0.06, "an outage longer than a window: %g at %g s", hop.filled, hop.time_s);
        em_listener_free(l);
    }
}

/* More stretches than are remembered: the share stays right while all of them are inside. */
static void many_small_gaps_are_all_counted(void **state)
{
    const em_listener_cfg cfg = htsat(RATE, RATE);
    em_listener *l;
    em_hop hop = { 0 };
    em_err err;

    (void)state;
    CHECK_OK(em_listener_new(&l, &cfg, &err));
    for (int i = 0; i < 500; i++) {
        push_sound(l, false, RATE / 100, &hop);
        push_sound(l, true, RATE / 100, &hop);
    }
    CHECK(hop.time_s == 10 && hop.filled == 0.5, "%g at %g s", hop.filled, hop.time_s);
    push_sound(l, false, 20 * RATE, &hop);
    CHECK(hop.time_s == 30 && hop.filled == 1, "%g at %g s", hop.filled, hop.time_s);
    em_listener_free(l);
}

static unsigned push_seconds(em_listener *l, const float *second, size_t n, int n_seconds, int *n_told)
{
    unsigned all = 0;
    em_hop hop;

    for (int s = 0; s < n_seconds; s++) {
        unsigned told;

        for (size_t done = 0; done < n;) {
            done += second ? em_listener_push(l, second + done, n - done) : em_listener_push_silence(l, n - done);
            while (em_listener_next(l, &hop))
                ;
        }
        told = em_listener_warnings(l);
        *n_told += told != 0;
        all |= told;
    }
    return all;
}

static void warnings_come_once_and_again_after_it_was_over(void **state)
{
    const em_listener_cfg cfg = htsat(8000, RATE);
    static float zeros[8000], full[8000], blip[8000], fine[8000];
    em_listener *l;
    em_err err;
    unsigned told;

    (void)state;
    for (int i = 0; i < 8000; i++) {
        full[i] = i % 100 == 0 ? 1.f : 0.1f;
        fine[i] = i % 102 == 0 ? 1.f : 0.1f;
    }
    blip[4000] = 1e-6f;                             /* one sample, zeros before and after: the input lives */
    CHECK_OK(em_listener_new(&l, &cfg, &err));
    for (int round = 0; round < 2; round++) {
        int n = 0;

        told = push_seconds(l, zeros, 8000, 59, &n);
        CHECK(told == 0, "round %d: 59 s of silence", round);
        told = push_seconds(l, zeros, 8000, 30, &n);
        CHECK(told == EM_WARN_SILENCE && n == 1, "round %d: silence told %d times", round, n);
        told = push_seconds(l, full, 8000, 4, &n);
        CHECK(told == 0, "round %d: 4 s of clipping", round);
        told = push_seconds(l, full, 8000, 20, &n);
        CHECK(told == EM_WARN_CLIPPING && n == 2, "round %d: clipping told %d times", round, n - 1);
        told = push_seconds(l, blip, 8000, 1, &n);
        CHECK(told == 0, "round %d", round);
    }
    em_listener_free(l);
    CHECK_OK(em_listener_new(&l, &cfg, &err));
    for (int round = 0; round < 3; round++) {
        int n = 0;

        told = push_seconds(l, fine, 8000, 10, &n) | push_seconds(l, zeros, 8000, 40, &n) | push_seconds(l, blip, 8000, 1, &n) |
               push_seconds(l, zeros, 8000, 40, &n) | push_seconds(l, NULL, 8000, 90, &n);
        CHECK(told == 0, "round %d: %u, though nothing lasted long enough", round, told);
    }
    em_listener_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_level_is_that_of_the_last_step),
        cmocka_unit_test(filled_counts_sound_and_no_gap),
        cmocka_unit_test(many_small_gaps_are_all_counted),
        cmocka_unit_test(impossible_settings_are_refused),
        cmocka_unit_test(warnings_come_once_and_again_after_it_was_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
