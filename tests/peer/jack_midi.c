/* jack_midi.c - events as notes on a real server: a client of the test's own plays the demo clip into the program, and another one takes
 * down what comes out of its port midi_out (one client for both would be a loop). A bark is a note with its velocity, and an off;
 * SIGTERM while it sounds ends it, and so does what comes after a server that was killed. */
#include "check.h"
#include "peer.h"

#include "base/clock.h"

#include <jack/jack.h>
#include <jack/midiport.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <sndfile.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RATE = 32000, SECONDS = 20, MOST = 1024, BARK = 36, CHANNEL = 10 };
#define OFF_S 25.0                  /* of sound from a bark to where it is over: it lies a window back by then */

static float clip[RATE * SECONDS];

typedef struct player {
    jack_client_t   *client, *listener;
    jack_port_t     *out, *in;
    _Atomic uint32_t at;            /* frame that is played next; from the end on silence   */
    _Atomic int      n;             /* messages so far                                      */
    unsigned char    messages[MOST][3];
} player;

static int play(jack_nframes_t n, void *arg)
{
    player *p = arg;
    float *x = jack_port_get_buffer(p->out, n);
    uint32_t at = atomic_load(&p->at);

    for (jack_nframes_t i = 0; i < n; i++)
        x[i] = at < RATE * SECONDS ? clip[at++] : 0;
    atomic_store(&p->at, at);
    return 0;
}

static int take_down(jack_nframes_t n, void *arg)
{
    player *p = arg;
    void *midi = jack_port_get_buffer(p->in, n);
    jack_midi_event_t e;

    for (uint32_t i = 0; jack_midi_event_get(&e, midi, i) == 0; i++) {
        const int k = atomic_load(&p->n);

        if (e.size == 3 && k < MOST) {
            memcpy(p->messages[k], e.buffer, 3);
            atomic_store(&p->n, k + 1);
        }
    }
    return 0;
}

static void open_player(player *p)
{
    memset(p, 0, sizeof *p);
    atomic_store(&p->at, RATE * SECONDS);
    p->client = jack_client_open("player", JackNoStartServer, NULL);
    p->listener = jack_client_open("listener", JackNoStartServer, NULL);
    assert_non_null(p->client);
    assert_non_null(p->listener);
    p->out = jack_port_register(p->client, "out", JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput, 0);
    p->in = jack_port_register(p->listener, "notes", JACK_DEFAULT_MIDI_TYPE, JackPortIsInput, 0);
    assert_int_equal(jack_set_process_callback(p->client, play, p), 0);
    assert_int_equal(jack_set_process_callback(p->listener, take_down, p), 0);
    assert_int_equal(jack_activate(p->client), 0);
    assert_int_equal(jack_activate(p->listener), 0);
}

static void close_player(player *p)
{
    jack_client_close(p->client);
    jack_client_close(p->listener);
}

/* As a patch bay that remembers: also after the program's client was made anew, because the machine was too slow for it. */
static bool keep_connected(player *p)
{
    if (jack_port_connected(p->out) && jack_port_connected(p->in))
        return true;
    jack_connect(p->listener, "earmark:midi_out", "listener:notes");
    jack_connect(p->client, "player:out", "earmark:in_1");
    return false;
}

/* Waits for the program's ports, and connects them. */
static void connect_player(player *p)
{
    const uint64_t until = em_now_ns() + 15000000000ull;

    while (!keep_connected(p)) {
        CHECK(em_now_ns() < until, "the program's ports are not there, or not to be connected");
        em_sleep_ms(20);
    }
}

static int count(const player *p, int from, int status, int data)
{
    int n = 0;

    for (int i = from; i < atomic_load(&p->n); i++)
        n += p->messages[i][0] == (status | (CHANNEL - 1)) && p->messages[i][1] == data;
    return n;
}

/* Seconds until it was there n times since message `from`; negative: it was not. */
static double wait_for(player *p, int from, int status, int data, int n, double limit_s)
{
    const uint64_t begin = em_now_ns();
    double waited = 0;

    while (count(p, from, status, data) < n && waited <= limit_s) {
        em_sleep_ms(20);
        keep_connected(p);
        waited = (double)(em_now_ns() - begin) / 1e9;
    }
    return waited <= limit_s ? waited : -1;
}

static pid_t start_program(const char *records)
{
    const char *argv[] = { "env", EM_PROGRAM, "--jack", "--jack-server", peer_jack_name(), "--no-connect", "--midi", "--midi-map",
                           "Bark=note 36 channel 10", "--watch", "Bark", "-f", "jsonl", "-o", records, NULL };

    return peer_start(argv);
}

/* The first record of that type and label; NULL. The caller ends it. */
static json_t *find_record(const char *path, const char *type, const char *label)
{
    FILE *f = fopen(path, "r");
    json_t *found = NULL;
    char line[4096];

    while (f && !found && fgets(line, sizeof line, f)) {
        json_t *r = json_loads(line, 0, NULL);

        if (r && !strcmp(json_string_value(json_object_get(r, "type")), type) && !strcmp(json_string_value(json_object_get(r, "label")), label))
            found = json_incref(r);
        json_decref(r);
    }
    if (f)
        fclose(f);
    return found;
}

/* Waits until the program has told `text` n times: it writes PATH.part. */
static void wait_until_told(const char *path, const char *text, int n)
{
    const uint64_t until = em_now_ns() + 20000000000ull;
    char part[300], line[4096];

    snprintf(part, sizeof part, "%s.part", path);
    for (int n_told = 0; n_told < n;) {
        FILE *f = fopen(part, "r");

        n_told = 0;
        while (f && fgets(line, sizeof line, f))
            n_told += strstr(line, text) != NULL;
        if (f)
            fclose(f);
        CHECK(em_now_ns() < until, "%s is told %d times, not %d", text, n_told, n);
        em_sleep_ms(50);
    }
}

/* What the program told, and said, when a note is missing. */
static void show_records(const char *path)
{
    char command[700];

    snprintf(command, sizeof command, "cat %s.part %s/env.log | cut -c 1-200 | tail -n 20", path, peer_folder());
    if (system(command) != 0)
        print_message("%s cannot be shown\n", path);
}

static void bark(player *p, const char *path)
{
    const int n = atomic_load(&p->n);
    double waited = -1;

    /* On a machine that is busy with other things a server loses sound, and a bark with it. */
    for (int i = 0; i < 3 && waited < 0; i++) {
        atomic_store(&p->at, 0);
        waited = wait_for(p, n, 0x90, BARK, 1, 15);
    }
    if (waited < 0)
        show_records(path);
    CHECK(waited >= 0, "no note for the bark; %d messages", atomic_load(&p->n) - n);
}

static void an_event_is_a_note_and_its_end(void **state)
{
    char path[256];
    player p;
    pid_t server = peer_jackd(RATE, 1024), program;
    json_t *onset;
    (void)state;

    snprintf(path, sizeof path, "%s/notes.jsonl", peer_folder());
    open_player(&p);
    program = start_program(path);
    connect_player(&p);
    bark(&p, path);
    CHECK(wait_for(&p, 0, 0x80, BARK, 1, OFF_S) >= 0, "no off; %d messages", atomic_load(&p.n));
    CHECK(count(&p, 0, 0x90, BARK) == count(&p, 0, 0x80, BARK), "as many offs as ons");
    peer_kill(program, SIGTERM);
    onset = find_record(path, "onset", "Bark");
    CHECK(onset, "an onset in %s", path);
    CHECK(p.messages[0][2] == lrint(127 * json_number_value(json_object_get(onset, "score"))), "velocity %d of score %g", p.messages[0][2],
          json_number_value(json_object_get(onset, "score")));
    json_decref(onset);
    CHECK(count(&p, 0, 0xb0, 123) == 1, "all notes off at the end");
    close_player(&p);
    peer_kill(server, SIGTERM);
}

static void a_signal_ends_what_sounds(void **state)
{
    static const int signals[] = { SIGTERM, SIGINT };
    pid_t server = peer_jackd(RATE, 1024);
    char path[256];
    player p;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(signals); i++) {
        pid_t program;
        int n;

        snprintf(path, sizeof path, "%s/signal-%zu.jsonl", peer_folder(), i);
        open_player(&p);
        program = start_program(path);
        connect_player(&p);
        bark(&p, path);
        n = atomic_load(&p.n);
        CHECK(count(&p, 0, 0x80, BARK) == 0, "signal %d: it still sounds", signals[i]);
        peer_kill(program, signals[i]);
        CHECK(count(&p, 0, 0x80, BARK) == 1 && count(&p, n, 0xb0, 123) == 1, "signal %d: %d messages after it", signals[i],
              atomic_load(&p.n) - n);
        close_player(&p);
    }
    peer_kill(server, SIGTERM);
}

static void a_server_that_was_lost_has_notes_again(void **state)
{
    pid_t server = peer_jackd(RATE, 1024), program;
    char path[256];
    player p;
    (void)state;

    snprintf(path, sizeof path, "%s/lost.jsonl", peer_folder());
    open_player(&p);
    program = start_program(path);
    connect_player(&p);
    bark(&p, path);
    peer_kill(server, SIGKILL);
    close_player(&p);
    server = peer_jackd(RATE, 1024);
    wait_until_told(path, "\"state\":\"up\"", 2);              /* a server that three clients come to at once may hang */
    open_player(&p);
    connect_player(&p);
    CHECK(kill(program, 0) == 0, "the program ended");
    CHECK(wait_for(&p, 0, 0x80, BARK, 1, OFF_S) >= 0, "no off for the bark before the outage");
    bark(&p, path);                             /* another event only now that the first one is over */
    CHECK(wait_for(&p, 0, 0x80, BARK, count(&p, 0, 0x90, BARK) + 1, OFF_S) >= 0, "no off after the outage");
    peer_kill(program, SIGTERM);
    CHECK(count(&p, 0, 0x80, BARK) > count(&p, 0, 0x90, BARK), "every note has its end");
    close_player(&p);
    peer_kill(server, SIGTERM);
}

static void read_clip(void)
{
    SF_INFO info = { 0 };
    SNDFILE *f = sf_open(EM_SOURCE_DIR "/config/demo/demo.flac", SFM_READ, &info);

    assert_non_null(f);
    assert_int_equal(info.samplerate, RATE);
    assert_int_equal(info.channels, 1);
    assert_int_equal(sf_readf_float(f, clip, RATE * 5), RATE * 5);      /* the bark, then silence */
    sf_close(f);
}

int main(void)
{
    static const char *const programs[] = { "jackd", "jack_lsp" };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_a_note_and_its_end),
        cmocka_unit_test(a_signal_ends_what_sounds),
        cmocka_unit_test(a_server_that_was_lost_has_notes_again),
    };

    peer_begin(programs, EM_COUNT(programs));
    read_clip();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
