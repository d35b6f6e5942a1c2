/* JACK's store of names hangs (as it does after a program was killed inside it): we listen all the same. */
#include "check.h"
#include "peer.h"

#include "base/clock.h"

#include <jack/metadata.h>
#include <signal.h>

static _Atomic bool is_released;
static _Atomic int  n_calls;

/* These stand in for JACK's own: the linker takes the program's first. */
int jack_set_property(jack_client_t *client, jack_uuid_t subject, const char *key, const char *value, const char *type)
{
    (void)client;
    (void)subject;
    (void)key;
    (void)value;
    (void)type;
    n_calls++;
    while (!is_released)
        em_sleep_ms(5);
    return 0;
}

int jack_remove_properties(jack_client_t *client, jack_uuid_t subject)
{
    (void)client;
    (void)subject;
    n_calls++;
    return 0;
}

static void a_store_that_hangs_costs_only_the_names(void **state)
{
    em_source_cfg cfg = { .kind = "jack", .wait_lost_s = -1 };
    pid_t jackd = peer_jackd(48000, 512);
    em_source *s;
    em_err err;

    (void)state;
    for (int i = 0; i < 3; i++) {
        CHECK_OK(em_source_open(&s, &cfg, &err));
        CHECK_OK(em_source_start(s, &err));
        CHECK(peer_wait_state(s, EM_SOURCE_UP, 5) >= 0, "round %d: up", i);
        CHECK(peer_wait_state(s, EM_SOURCE_DOWN, 0.3) < 0, "round %d: it stays", i);
        CHECK(n_calls == 1, "round %d: not tried again", i);
        if (i == 1) {
            peer_kill(jackd, SIGKILL);
            CHECK(peer_wait_state(s, EM_SOURCE_DOWN, 2) >= 0, "a killed server is noticed as ever");
            jackd = peer_jackd(48000, 512);
            CHECK(peer_wait_state(s, EM_SOURCE_UP, 3) >= 0, "and back");
        }
        em_source_close(s);
    }
    is_released = true;
    em_sleep_ms(100);
    peer_kill(jackd, SIGTERM);
}

int main(void)
{
    const char *programs[] = { "jackd", "jack_lsp" };
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_store_that_hangs_costs_only_the_names) };

    peer_begin(programs, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
