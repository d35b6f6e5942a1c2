/* program.c - the program itself on JACK. A server that is killed and started again five times while it tags: it is back
 * within 3 s each time, says so in its records, and at the end its counters add up. A program that is stopped for a
 * while, so that the server goes on without it: what it missed is told to the frame. */
#include "check.h"
#include "peer.h"

#include "base/clock.h"

#include <jansson.h>
#include <signal.h>
#include <unistd.h>

enum { N_KILLS = 5, N_STOPS = 6, STOP_MS = 300 };
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

static json_t *stop_record(void)
{
    char *last = strstr(read_records(records), "{\"v\":1,\"type\":\"stop\"");
    json_t *stop = last ? json_loads(last, JSON_DISABLE_EOF_CHECK, NULL) : NULL;

    CHECK(stop, "a stop record in %s", records);
    return stop;
}

static void check_stop_record(void)
{
    json_t *stop = stop_record();
    json_int_t captured, taken, dropped, waiting;

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

/* Frames of all gaps with that reason in the finished records. */
static json_int_t count_gaps(const char *reason)
{
    json_int_t n = 0;

    for (const char *at = read_records(records); (at = strstr(at, "{\"v\":1,\"type\":\"gap\"")); at++) {
        json_t *gap = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);

        CHECK(gap, "%.100s", at);
        if (strcmp(json_string_value(json_object_get(gap, "reason")), reason) == 0)
            n += json_integer_value(json_object_get(gap, "frames"));
        json_decref(gap);
    }
    return n;
}

/* An asynchronous server does not wait for a client: it goes on, and its clock with it. */
static void what_a_stopped_program_missed_is_a_gap(void **state)
{
    const char *jackd[] = { "jackd", "-r", "-t", "5000", "-n", peer_jack_name(), "-d", "dummy", "-r", "48000", "-p", "1024", NULL };
    const char *lsp[] = { "jack_lsp", NULL };
    const char *argv[] = { "env", EM_PROGRAM, "--jack", "--jack-server", peer_jack_name(), "-m", EM_SOURCE_DIR "/config/models/nano.safetensors",
                           "-f", "jsonl", "--scores", "-o", records, NULL };
    pid_t server = peer_start(jackd), program;
    double elapsed_s, time_s;
    json_int_t n_dropped, n_told;
    uint64_t from_ns;
    json_t *stop;

    (void)state;
    while (peer_run(lsp) != 0)
        em_sleep_ms(20);
    program = peer_start(argv);
    CHECK(wait_for("\"type\":\"scores\"", 1, 20) >= 0, "no scores at first");
    from_ns = em_now_ns();
    for (int i = 0; i < N_STOPS; i++) {
        kill(program, SIGSTOP);
        em_sleep_ms(STOP_MS);
        kill(program, SIGCONT);
        em_sleep_ms(400);
    }
    em_sleep_ms(600);
    elapsed_s = (double)(em_now_ns() - from_ns) * 1e-9;
    peer_kill(program, SIGINT);
    check_stop_record();
    stop = stop_record();
    n_dropped = json_integer_value(json_object_get(stop, "dropped"));
    time_s = json_number_value(json_object_get(stop, "time"));
    json_decref(stop);
    n_told = count_gaps("xrun");
    /* What is missing just before the end has no frame behind it that would bring it out. */
    CHECK(n_told <= n_dropped && n_told + 8 * 1024 >= n_dropped, "%lld dropped, %lld told", (long long)n_dropped, (long long)n_told);
    CHECK(n_dropped % 1024 == 0 && n_dropped > N_STOPS * (STOP_MS - 50) * 48ll, "whole periods: %lld", (long long)n_dropped);
    /* The first scores come a second of stream after its start, and are written some time later. */
    CHECK(time_s > elapsed_s + 0.7 && time_s < elapsed_s + 2.5, "%g s of stream in %g s and a second", time_s, elapsed_s);
    peer_kill(server, SIGTERM);
}

int main(void)
{
    const char *programs[] = { "jackd", "jack_lsp" };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_server_is_found_again_while_tagging),
        cmocka_unit_test(what_a_stopped_program_missed_is_a_gap),
    };

    peer_begin(programs, EM_COUNT(programs));
    snprintf(records, sizeof records, "%s/records.jsonl", peer_folder());
    snprintf(part, sizeof part, "%s.part", records);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
