/* program.c - the program itself on a JACK server that is killed and started again five times while it tags: it is
 * back within 3 s each time, says so in its records, and at the end its counters add up. */
#include "check.h"
#include "peer.h"

#include "base/clock.h"

#include <jansson.h>
#include <signal.h>
#include <unistd.h>

enum { N_KILLS = 5 };
#define BACK_S 3.0              /* the promise, counted from the moment the server answers */

static char records[512], part[520];

static char *read_records(const char *path)
{
    static char text[1 << 20];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    if (f)
        fclose(f);
    text[n] = '\0';
    return text;
}

static int count(const char *what)
{
    int n = 0;

    for (const char *at = read_records(part); (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

/* Seconds until the records hold `what` n times; negative after limit_s. */
static double wait_for(const char *what, int n, double limit_s)
{
    const uint64_t begin = em_now_ns();
    double waited = 0;

    while (count(what) < n) {
        em_sleep_ms(20);
        waited = (double)(em_now_ns() - begin) / 1e9;
        if (waited > limit_s)
            return -1;
    }
    return waited;
}

static void check_stop_record(void)
{
    char *last = strstr(read_records(records), "{\"v\":1,\"type\":\"stop\"");
    json_t *stop = last ? json_loads(last, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    json_int_t captured, taken, dropped, waiting;

    CHECK(stop, "a stop record in %s", records);
    captured = json_integer_value(json_object_get(stop, "captured"));
    taken = json_integer_value(json_object_get(stop, "taken"));
    dropped = json_integer_value(json_object_get(stop, "dropped"));
    waiting = json_integer_value(json_object_get(stop, "waiting"));
    CHECK(captured > 0 && captured == taken + dropped + waiting, "%lld captured", (long long)captured);
    json_decref(stop);
}

static void a_killed_server_is_found_again_while_tagging(void **state)
{
    const char *argv[] = { "env", EM_PROGRAM, "--jack", "--jack-server", peer_jack_name(), "-m", EM_SOURCE_DIR "/config/models/nano.safetensors",
                           "-f", "jsonl", "--scores", "-o", records, NULL };
    pid_t server = peer_jackd(48000, 256), program;

    (void)state;
    program = peer_start(argv);
    CHECK(wait_for("\"type\":\"scores\"", 1, 20) >= 0, "no scores at first");
    for (int i = 1; i <= N_KILLS; i++) {
        const int n_scores = count("\"type\":\"scores\"");
        double back;

        peer_kill(server, SIGKILL);
        CHECK(wait_for("\"state\":\"down\"", i, 10) >= 0, "kill %d: not noticed", i);
        server = peer_jackd(48000, 256);
        back = wait_for("\"state\":\"up\"", i + 1, 15);
        CHECK(back >= 0 && back <= BACK_S, "kill %d: back after %g s", i, back);
        CHECK(wait_for("\"type\":\"scores\"", n_scores + 1, 20) >= 0, "kill %d: no scores after it", i);
        CHECK(kill(program, 0) == 0, "kill %d: the program ended", i);
    }
    CHECK(count("\"reason\":\"device\"") >= N_KILLS, "each outage is a gap");
    peer_kill(program, SIGINT);
    CHECK(access(records, R_OK) == 0, "ended cleanly: the file has its name");
    check_stop_record();
    peer_kill(server, SIGTERM);
}

int main(void)
{
    const char *programs[] = { "jackd", "jack_lsp" };
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_killed_server_is_found_again_while_tagging) };

    peer_begin(programs, EM_COUNT(programs));
    snprintf(records, sizeof records, "%s/records.jsonl", peer_folder());
    snprintf(part, sizeof part, "%s.part", records);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
