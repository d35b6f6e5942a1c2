/* What may change in a JACK graph while we listen: buffer size, freewheel, ports; and what we say about ours. */
#include "check.h"
#include "peer.h"
#include "ramp.h"

#include "base/clock.h"

#include <jack/metadata.h>
#include <jack/uuid.h>
#include <signal.h>

static em_source *open_source(const em_source_cfg *cfg)
{
    em_source *s;
    em_err err;

    CHECK_OK(em_source_open(&s, cfg, &err));
    CHECK_OK(em_source_start(s, &err));
    return s;
}

static void listen_for(ramp_check *c, em_source *s, double seconds)
{
    uint64_t until = em_now_ns() + (uint64_t)(seconds * 1e9);

    while (em_now_ns() < until) {
        em_source_watch(s, NULL);
        ramp_take(c, s, 1, 0);
        em_sleep_ms(2);
    }
}

static bool are_connected(jack_client_t *client, const char *output, const char *input)
{
    jack_port_t *port = jack_port_by_name(client, input);

    return port && jack_port_connected_to(port, output);
}

static bool wait_connected(jack_client_t *client, const char *output, const char *input, double limit_s)
{
    uint64_t until = em_now_ns() + (uint64_t)(limit_s * 1e9);

    while (!are_connected(client, output, input)) {
        if (em_now_ns() > until)
            return false;
        em_sleep_ms(5);
    }
    return true;
}

/* A change of the driver's mode may cost whole cycles in the server; none must reach us torn or unreported by us. */
static void buffer_size_changes_harm_no_frame(void **state)
{
    static const jack_nframes_t sizes[] = { 16, 8192, 64, 4096, 1024, 17, 128, 2048, 16, 512 };
    const char *globs[] = { "ramp:out" };
    em_source_cfg cfg = { .kind = "jack", .connect = globs, .n_connect = 1, .wait_lost_s = -1 };
    pid_t jackd = peer_jackd(48000, 256);
    em_source_counters counters;
    ramp_check check = { 0 };
    ramp_player player;
    em_source *s = open_source(&cfg);

    (void)state;
    ramp_open(&player, "ramp");
    listen_for(&check, s, 0.3);
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        uint64_t n_before = check.n_right;

        CHECK(jack_set_buffer_size(player.client, sizes[i]) == 0, "size %u", sizes[i]);
        listen_for(&check, s, 0.5);
        CHECK(check.n_right > n_before, "size %u: it goes on", sizes[i]);
        CHECK(check.n_wrong == 0, "size %u: %llu wrong", sizes[i], (unsigned long long)check.n_wrong);
    }
    em_source_get_counters(s, &counters);
    CHECK(counters.n_reconnects == 0 && counters.dropped == 0, "%llu dropped", (unsigned long long)counters.dropped);
    em_source_close(s);
    ramp_close(&player);
    peer_kill(jackd, SIGTERM);
}

static void freewheeling_miscounts_no_frame(void **state)
{
    const char *globs[] = { "ramp:out" };
    em_source_cfg cfg = { .kind = "jack", .connect = globs, .n_connect = 1, .wait_lost_s = -1 };
    pid_t jackd = peer_jackd(48000, 1024);
    em_source_counters counters;
    ramp_check check = { 0 };
    ramp_player player;
    em_source *s = open_source(&cfg);

    (void)state;
    ramp_open(&player, "ramp");
    listen_for(&check, s, 0.3);
    for (int i = 0; i < 5; i++) {
        CHECK(jack_set_freewheel(player.client, 1) == 0, "on %d", i);
        /* Once nobody takes, so that the ring overruns for certain. */
        if (i == 2)
            em_sleep_ms(500);
        listen_for(&check, s, 0.3);
        CHECK(jack_set_freewheel(player.client, 0) == 0, "off %d", i);
        listen_for(&check, s, 0.3);
        CHECK(check.n_wrong == 0, "round %d: %llu wrong", i, (unsigned long long)check.n_wrong);
    }
    em_source_stop(s);
    ramp_take(&check, s, 1, 0);
    em_source_get_counters(s, &counters);
    print_message("%llu frames, %llu dropped, %llu xruns\n", (unsigned long long)counters.captured,
                  (unsigned long long)counters.dropped, (unsigned long long)counters.n_xruns);
    CHECK(check.n_wrong == 0 && check.n_missing == counters.dropped, "lost is reported");
    CHECK(counters.captured == counters.taken + counters.dropped && counters.waiting == 0, "each is counted once");
    CHECK(counters.dropped > 0, "the overrun did happen");
    em_source_close(s);
    ramp_close(&player);
    peer_kill(jackd, SIGTERM);
}

static void ports_are_connected_as_asked(void **state)
{
    const char *globs[] = { "b*:out", "a:*" };
    em_source_cfg cfg = { .kind = "jack", .jack_name = "ears", .jack_channels = 2, .connect = globs, .n_connect = 2,
                          .wait_lost_s = -1 };
    pid_t jackd = peer_jackd(48000, 256);
    ramp_player a, b1, late;
    em_source *s;

    (void)state;
    ramp_open(&a, "a");
    ramp_open(&b1, "b1");
    s = open_source(&cfg);
    CHECK(wait_connected(a.client, "b1:out", "ears:in_1", 5), "the first that fits feeds in_1");
    CHECK(wait_connected(a.client, "a:out", "ears:in_2", 5), "the second in_2");
    CHECK(!are_connected(a.client, "system:capture_1", "ears:in_1"), "no physical port unless asked");

    jack_disconnect(a.client, "a:out", "ears:in_2");
    ramp_open(&late, "b2");
    CHECK(wait_connected(a.client, "b2:out", "ears:in_2", 5), "one that comes later, too");
    em_sleep_ms(100);
    CHECK(!are_connected(a.client, "a:out", "ears:in_1") && !are_connected(a.client, "a:out", "ears:in_2"),
          "what a person has taken apart stays apart");
    em_source_close(s);

    cfg = (em_source_cfg){ .kind = "jack", .jack_name = "ears", .jack_channels = 2, .wait_lost_s = -1 };
    s = open_source(&cfg);
    CHECK(wait_connected(a.client, "system:capture_1", "ears:in_1", 5), "physical by default");
    CHECK(wait_connected(a.client, "system:capture_2", "ears:in_2", 5), "in order");
    em_source_close(s);

    cfg.no_connect = true;
    s = open_source(&cfg);
    em_sleep_ms(200);
    CHECK(jack_port_by_name(a.client, "ears:in_2") != NULL, "no_connect");
    CHECK(!are_connected(a.client, "system:capture_1", "ears:in_1"), "no_connect");
    em_source_close(s);
    ramp_close(&a);
    ramp_close(&b1);
    ramp_close(&late);
    peer_kill(jackd, SIGTERM);
}

static bool property_is(jack_uuid_t uuid, const char *key, const char *want)
{
    char *value = NULL, *type = NULL;
    bool is_so = jack_get_property(uuid, key, &value, &type) == 0 && strcmp(value, want) == 0;

    jack_free(value);
    jack_free(type);
    return is_so;
}

static void ports_have_names_for_people_and_leave_none_behind(void **state)
{
    em_source_cfg cfg = { .kind = "jack", .jack_channels = 2, .wait_lost_s = -1 };
    pid_t jackd = peer_jackd(48000, 256);
    ramp_player other;
    jack_uuid_t uuids[2], client;
    char *text;
    em_source *s;

    (void)state;
    ramp_open(&other, "other");
    s = open_source(&cfg);
    CHECK(peer_wait_state(s, EM_SOURCE_UP, 5) >= 0, "up");
    for (int i = 0; i < 2; i++) {
        const char *port = i ? "earmark:in_2" : "earmark:in_1";
        uint64_t until = em_now_ns() + 5000000000ull;

        CHECK(jack_port_by_name(other.client, port) != NULL, "%s", port);
        uuids[i] = jack_port_uuid(jack_port_by_name(other.client, port));
        while (!property_is(uuids[i], JACK_METADATA_PRETTY_NAME, i ? "Ear 2" : "Ear 1") && em_now_ns() < until)
            em_sleep_ms(10);
        CHECK(property_is(uuids[i], JACK_METADATA_PRETTY_NAME, i ? "Ear 2" : "Ear 1"), "%s", port);
        CHECK(property_is(uuids[i], JACK_METADATA_ORDER, i ? "1" : "0"), "%s", port);
    }
    text = jack_get_uuid_for_client_name(other.client, "earmark");
    CHECK(text && jack_uuid_parse(text, &client) == 0, "the client");
    jack_free(text);
    CHECK(property_is(client, JACK_METADATA_ICON_NAME, "earmark"), "icon");
    em_source_close(s);
    CHECK(!property_is(client, JACK_METADATA_ICON_NAME, "earmark"), "icon");
    for (int i = 0; i < 2; i++)
        CHECK(!property_is(uuids[i], JACK_METADATA_PRETTY_NAME, i ? "Ear 2" : "Ear 1"), "port %d", i);
    ramp_close(&other);
    peer_kill(jackd, SIGTERM);
}

static void old_by_a_tenth(jack_latency_callback_mode_t mode, void *arg)
{
    ramp_player *p = arg;
    jack_latency_range_t range = { 4800, 4800 };

    if (mode == JackCaptureLatency)
        jack_port_set_latency_range(p->out, mode, &range);
}

/* What we hear was in the air before: by the port's latency, which is that of a period's first frame. */
static void the_latency_of_what_we_hear_is_known(void **state)
{
    const char *globs[] = { "ramp:out" };
    em_source_cfg cfg = { .kind = "jack", .connect = globs, .n_connect = 1, .wait_lost_s = -1 };
    pid_t jackd = peer_jackd(48000, 256);
    em_source_counters counters = { 0 };
    ramp_check check = { 0 };
    ramp_player player;
    em_source *s;

    (void)state;
    ramp_open(&player, "ramp");
    jack_deactivate(player.client);
    assert_int_equal(jack_set_latency_callback(player.client, old_by_a_tenth, &player), 0);
    assert_int_equal(jack_activate(player.client), 0);
    s = open_source(&cfg);
    for (int i = 0; i < 50 && counters.n_latency == 0; i++) {
        listen_for(&check, s, 0.1);
        em_source_get_counters(s, &counters);
    }
    CHECK(counters.n_latency == 4800 - 256, "%u frames", counters.n_latency);
    em_source_close(s);
    ramp_close(&player);
    peer_kill(jackd, SIGTERM);
}

static void bad_requests_are_refused(void **state)
{
    char name[80];
    em_source_cfg cfg = { .kind = "jack", .jack_name = name };
    em_source *s;
    em_err err;

    (void)state;
    memset(name, 'x', 64);
    name[64] = '\0';
    CHECK(em_source_open(&s, &cfg, &err) == EM_EINVAL && strstr(err.msg, "63"), "%s", err.msg);
    cfg = (em_source_cfg){ .kind = "jack", .jack_channels = 65 };
    CHECK(em_source_open(&s, &cfg, &err) == EM_EINVAL && strstr(err.msg, "64"), "%s", err.msg);
}

int main(void)
{
    const char *programs[] = { "jackd", "jack_lsp" };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_size_changes_harm_no_frame),
        cmocka_unit_test(freewheeling_miscounts_no_frame),
        cmocka_unit_test(ports_are_connected_as_asked),
        cmocka_unit_test(ports_have_names_for_people_and_leave_none_behind),
        cmocka_unit_test(the_latency_of_what_we_hear_is_known),
        cmocka_unit_test(bad_requests_are_refused),
    };

    peer_begin(programs, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
