/* A ramp through jackd's dummy driver. The driver runs at 640 kHz, which is twenty times the model's 32 kHz: half a
 * minute carries the frames of ten minutes. */
#include "check.h"
#include "peer.h"
#include "ramp.h"

#include "base/clock.h"

enum { RATE_HZ = 20 * 32000, PERIOD = 8192, LIMIT_S = 90 };
#define N_FRAMES (600ull * 32000)

static void ten_minutes_of_a_ramp_arrive_frame_by_frame(void **state)
{
    const char *globs[] = { "ramp:*" };
    em_source_cfg cfg = { .kind = "jack", .connect = globs, .n_connect = 1, .wait_lost_s = -1 };
    em_source_counters counters;
    ramp_player player;
    ramp_check check = { 0 };
    em_source *s;
    em_err err;
    uint64_t until = em_now_ns() + LIMIT_S * 1000000000ull;

    (void)state;
    peer_jackd(RATE_HZ, PERIOD);
    CHECK_OK(em_source_open(&s, &cfg, &err));
    CHECK_OK(em_source_start(s, &err));
    ramp_open(&player, "ramp");
    while (check.n_right + check.n_wrong < N_FRAMES && em_now_ns() < until) {
        CHECK(em_source_watch(s, NULL) != EM_SOURCE_DOWN, "the server stays");
        ramp_take(&check, s, 1, 0);
        em_source_get_counters(s, &counters);
        CHECK(counters.captured == counters.taken + counters.dropped + counters.waiting, "at every look");
        em_sleep_ms(5);
    }
    em_source_stop(s);
    ramp_take(&check, s, 1, 0);
    em_source_get_counters(s, &counters);
    print_message("%llu frames of the ramp, %llu wrong, %llu reported missing, %llu xruns\n",
                  (unsigned long long)check.n_right, (unsigned long long)check.n_wrong,
                  (unsigned long long)check.n_missing, (unsigned long long)counters.n_xruns);
    CHECK(check.n_right >= N_FRAMES, "%llu frames within %d s", (unsigned long long)check.n_right, LIMIT_S);
    CHECK(check.n_wrong == 0, "%llu wrong", (unsigned long long)check.n_wrong);
    CHECK(check.n_missing == 0 && counters.dropped == 0, "%llu missing, %llu dropped",
          (unsigned long long)check.n_missing, (unsigned long long)counters.dropped);
    CHECK(counters.waiting == 0 && counters.captured == counters.taken, "nothing is left");
    em_source_close(s);
    ramp_close(&player);
}

int main(void)
{
    const char *programs[] = { "jackd", "jack_lsp" };
    const struct CMUnitTest tests[] = { cmocka_unit_test(ten_minutes_of_a_ramp_arrive_frame_by_frame) };

    peer_begin(programs, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
