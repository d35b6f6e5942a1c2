/* JACK servers that are not there, come later, die and come back. */
#include "check.h"
#include "peer.h"

#include "base/clock.h"

#include <signal.h>

enum { N_KILLS = 5 };
#define BACK_S 3.0              /* the promise, counted from the moment the server answers */

static int n_alone;             /* threads before anything is opened */

static em_source_cfg jack_cfg(double wait_start_s, double wait_lost_s)
{
    return (em_source_cfg){ .kind = "jack", .wait_start_s = wait_start_s, .wait_lost_s = wait_lost_s };
}

static void no_server_is_one_sentence_and_none_is_started(void **state)
{
    const char *lsp[] = { "jack_lsp", NULL };
    em_source_cfg cfg = jack_cfg(0, -1);
    em_source *s = (em_source *)&cfg;
    em_err err;

    (void)state;
    CHECK(em_source_open(&s, &cfg, &err) == EM_EDEVICE, "%s", err.msg);
    CHECK(s == NULL, "*out");
    CHECK(strstr(err.msg, peer_jack_name()) && strstr(err.msg, "--jack-wait"), "%s", err.msg);
    CHECK(peer_run(lsp) != 0, "no server was started");
}

static void waiting_at_start_ends_when_it_was_told_to(void **state)
{
    em_source_cfg cfg = jack_cfg(1.0, -1);
    em_source_info info;
    em_source *s;
    em_err err;
    double waited_s;

    (void)state;
    CHECK_OK(em_source_open(&s, &cfg, &err));
    em_source_get_info(s, &info);
    CHECK(info.rate_hz == 0 && info.n_channels == 1 && info.is_live, "WAITING");
    CHECK_OK(em_source_start(s, &err));
    CHECK(em_source_watch(s, &err) == EM_SOURCE_WAITING, "at first");
    waited_s = peer_wait_state(s, EM_SOURCE_FAILED, 20);
    CHECK(waited_s > 0.5, "gave up after %g s", waited_s);
    em_source_watch(s, &err);
    CHECK(err.code == EM_EDEVICE && strstr(err.msg, peer_jack_name()), "%s", err.msg);
    em_source_close(s);
}

static void a_server_that_comes_later_is_taken(void **state)
{
    em_source_cfg cfg = jack_cfg(-1, -1);
    em_source_counters counters;
    em_source_info info;
    em_source *s;
    em_err err;
    double back_s;
    pid_t jackd;

    (void)state;
    CHECK_OK(em_source_open(&s, &cfg, &err));
    CHECK_OK(em_source_start(s, &err));
    CHECK(peer_wait_state(s, EM_SOURCE_UP, 0.5) < 0, "nothing is there");
    jackd = peer_jackd(44100, 256);
    back_s = peer_wait_state(s, EM_SOURCE_UP, 20);
    CHECK(back_s >= 0 && back_s <= BACK_S, "%g s", back_s);
    CHECK(peer_wait_state(s, EM_SOURCE_DOWN, 0.2) < 0, "it stays up");
    em_source_get_info(s, &info);
    CHECK(info.rate_hz == 44100, "%d Hz", info.rate_hz);
    em_source_get_counters(s, &counters);
    CHECK(counters.dropped == 0 && counters.n_reconnects == 0, "the stream begins here: nothing is missing");
    em_source_close(s);
    peer_kill(jackd, SIGTERM);
}

/* Frames missing while the server was away, as take reports them. */
static uint64_t take_gaps(em_source *s, double for_s)
{
    static float x[8192];
    uint64_t until = em_now_ns() + (uint64_t)(for_s * 1e9), n = 0;
    em_gap gap;

    while (em_now_ns() < until) {
        em_source_watch(s, NULL);
        while (em_source_take(s, x, 8192, &gap) > 0 || gap.n_frames > 0) {
            CHECK(gap.n_frames == 0 || gap.reason == EM_GAP_DEVICE, "reason %d", (int)gap.reason);
            n += gap.n_frames;
        }
        em_sleep_ms(5);
    }
    return n;
}

static void a_killed_server_is_back_within_three_seconds(void **state)
{
    em_source_cfg cfg = jack_cfg(0, -1);
    em_source_counters counters;
    int n_threads, n_fds, rate_hz;
    uint64_t n_missing, died_ns;
    em_source_info info;
    double back_s, away_s;
    em_source *s;
    em_err err;
    pid_t jackd = peer_jackd(48000, 512);

    (void)state;
    CHECK_OK(em_source_open(&s, &cfg, &err));
    CHECK_OK(em_source_start(s, &err));
    CHECK(peer_wait_state(s, EM_SOURCE_UP, 10) >= 0, "up");
    take_gaps(s, 0.3);
    n_threads = peer_count_threads();
    n_fds = peer_count_fds();
    for (int i = 0; i < N_KILLS; i++) {
        peer_kill(jackd, SIGKILL);
        died_ns = em_now_ns();
        CHECK(peer_wait_state(s, EM_SOURCE_DOWN, 2.0) >= 0, "kill %d is noticed", i);
        take_gaps(s, 0.3);
        rate_hz = i % 2 ? 48000 : 96000;
        jackd = peer_jackd(rate_hz, 512);
        back_s = peer_wait_state(s, EM_SOURCE_UP, 20);
        away_s = (double)(em_now_ns() - died_ns) * 1e-9;
        CHECK(back_s >= 0 && back_s <= BACK_S, "kill %d: back after %g s", i, back_s);
        n_missing = take_gaps(s, 0.4);
        em_source_get_info(s, &info);
        CHECK(info.rate_hz == rate_hz, "kill %d: %d Hz", i, info.rate_hz);
        em_source_get_counters(s, &counters);
        CHECK(counters.n_reconnects == (uint64_t)i + 1, "kill %d: %llu", i, (unsigned long long)counters.n_reconnects);
        CHECK(counters.captured == counters.taken + counters.dropped + counters.waiting, "kill %d", i);
        CHECK(counters.taken > 0 && counters.dropped > 0, "kill %d", i);
        /* peer_wait_state may have taken the gap's own call; then the counter alone knows it. */
        CHECK(n_missing <= counters.dropped, "kill %d", i);
        CHECK((double)counters.dropped / 96000 <= 1.5 * (i + 1) + away_s * (i + 1), "kill %d: %llu frames for %g s", i,
              (unsigned long long)counters.dropped, away_s);
        CHECK(peer_count_threads() == n_threads, "kill %d: %d threads were %d", i, peer_count_threads(), n_threads);
        CHECK(peer_count_fds() == n_fds, "kill %d: %d fds were %d", i, peer_count_fds(), n_fds);
    }
    em_source_close(s);
    CHECK(peer_count_threads() == n_alone, "%d threads are left", peer_count_threads());
    peer_kill(jackd, SIGTERM);
}

static void the_outage_is_as_long_as_the_clock_says(void **state)
{
    em_source_cfg cfg = jack_cfg(0, -1);
    em_source_counters before, after;
    uint64_t from_ns;
    double elapsed_s, counted_s;
    em_source *s;
    em_err err;
    pid_t jackd = peer_jackd(48000, 512);

    (void)state;
    CHECK_OK(em_source_open(&s, &cfg, &err));
    CHECK_OK(em_source_start(s, &err));
    CHECK(peer_wait_state(s, EM_SOURCE_UP, 10) >= 0, "up");
    take_gaps(s, 0.3);
    em_source_get_counters(s, &before);
    from_ns = em_now_ns();
    peer_kill(jackd, SIGKILL);
    take_gaps(s, 1.5);
    jackd = peer_jackd(48000, 512);
    CHECK(peer_wait_state(s, EM_SOURCE_UP, 20) >= 0, "back");
    take_gaps(s, 0.5);
    em_source_get_counters(s, &after);
    elapsed_s = (double)(em_now_ns() - from_ns) * 1e-9;
    counted_s = (double)(after.captured - before.captured) / 48000;
    CHECK(after.dropped - before.dropped > 48000, "an outage of more than a second");
    /* Frames that come and frames that are missing add up to the time that has passed; a machine that is busy may
     * see either end a little late. */
    CHECK(counted_s > elapsed_s - 0.25 && counted_s < elapsed_s + 0.25, "%g s counted in %g s", counted_s, elapsed_s);
    em_source_close(s);
    peer_kill(jackd, SIGTERM);
}

static void a_lost_server_fails_when_the_wait_is_over(void **state)
{
    em_source_cfg cfg = jack_cfg(0, 1.0);
    em_source *s;
    em_err err;
    pid_t jackd = peer_jackd(48000, 512);

    (void)state;
    CHECK_OK(em_source_open(&s, &cfg, &err));
    CHECK_OK(em_source_start(s, &err));
    CHECK(peer_wait_state(s, EM_SOURCE_UP, 10) >= 0, "up");
    peer_kill(jackd, SIGKILL);
    CHECK(peer_wait_state(s, EM_SOURCE_FAILED, 20) >= 0, "lost for good");
    CHECK(em_source_watch(s, &err) == EM_SOURCE_FAILED, "and stays so");
    CHECK(err.code == EM_EDEVICE && strstr(err.msg, "lost"), "%s", err.msg);
    em_source_close(s);
}

int main(void)
{
    const char *programs[] = { "jackd", "jack_lsp" };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_server_is_one_sentence_and_none_is_started),
        cmocka_unit_test(waiting_at_start_ends_when_it_was_told_to),
        cmocka_unit_test(a_server_that_comes_later_is_taken),
        cmocka_unit_test(a_killed_server_is_back_within_three_seconds),
        cmocka_unit_test(the_outage_is_as_long_as_the_clock_says),
        cmocka_unit_test(a_lost_server_fails_when_the_wait_is_over),
    };

    n_alone = peer_count_threads_alone();
    peer_begin(programs, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
