/* Notes in JACK's callback, with buffers of our own: each in its turn, none lost where a buffer is full, and none left on by a client that
 * leaves. */
#include "check.h"

#include "audio/midi_jack.h"

#include <errno.h>

enum { MOST = 4096 };

static em_midi_message sent[MOST];
static int n_sent, n_in_buffer, buffer_takes;

void *jack_port_get_buffer(jack_port_t *port, jack_nframes_t n)
{
    (void)n;
    return port;
}

void jack_midi_clear_buffer(void *buffer)
{
    (void)buffer;
    n_in_buffer = 0;
}

int jack_midi_event_write(void *buffer, jack_nframes_t at, const jack_midi_data_t *data, size_t n)
{
    (void)buffer;
    CHECK(at == 0 && n == 3, "%zu bytes at %u", n, at);
    if (n_in_buffer == buffer_takes)
        return ENOBUFS;
    n_in_buffer++;
    memcpy(sent[n_sent++].bytes, data, n);
    return 0;
}

static em_midi queue;
static em_jack_midi midi;

static void begin(int takes)
{
    memset(&queue, 0, sizeof queue);
    midi = (em_jack_midi){ .port = (jack_port_t *)(uintptr_t)1, .queue = &queue };
    n_sent = 0;
    buffer_takes = takes;
    em_jack_midi_process(&midi, &queue, 64);
}

static void put(int status, int channel, int note, int value)
{
    CHECK(em_midi_put(&queue, (em_midi_message){ { (uint8_t)(status | channel), (uint8_t)note, (uint8_t)value } }), "room");
}

static bool is(int i, int status, int channel, int note)
{
    return sent[i].bytes[0] == (status | channel) && sent[i].bytes[1] == note;
}

static void messages_leave_in_order_as_buffers_take_them(void **state)
{
    (void)state;
    begin(3);
    for (int i = 0; i < 100; i++)
        put(EM_MIDI_NOTE_ON, i % 16, i, 100);
    for (int cycle = 1; cycle <= 34; cycle++) {
        em_jack_midi_process(&midi, &queue, 64);
        CHECK(n_sent == (cycle < 34 ? 3 * cycle : 100), "cycle %d: %d sent", cycle, n_sent);
    }
    for (int i = 0; i < 100; i++)
        CHECK(is(i, EM_MIDI_NOTE_ON, i % 16, i), "message %d", i);
}

/* The ring wraps many times. */
static void the_ring_gives_what_was_put(void **state)
{
    int n = 0;
    (void)state;

    begin(MOST);
    for (int round = 0; round < 50; round++) {
        n_sent = 0;
        for (int i = 0; i < 700; i++)
            put(EM_MIDI_CONTROL, round % 16, i % 128, (n + i) % 128);
        CHECK(em_midi_room(&queue) == EM_MIDI_ROOM - 700, "round %d", round);
        em_jack_midi_process(&midi, &queue, 64);
        CHECK(n_sent == 700 && em_midi_room(&queue) == EM_MIDI_ROOM, "round %d: %d", round, n_sent);
        for (int i = 0; i < 700; i++)
            CHECK(sent[i].bytes[1] == i % 128 && sent[i].bytes[2] == (n + i) % 128, "round %d: message %d", round, i);
        n += 700;
    }
    for (int i = 0; i < EM_MIDI_ROOM; i++)
        put(EM_MIDI_CONTROL, 0, 1, 1);
    CHECK(!em_midi_put(&queue, (em_midi_message){ { 0x90, 1, 1 } }), "a full ring takes nothing");
}

static void who_leaves_ends_what_sounds(void **state)
{
    int n = 0;
    (void)state;

    begin(2);
    put(EM_MIDI_NOTE_ON, 9, 36, 100);
    put(EM_MIDI_NOTE_ON, 0, 127, 1);
    put(EM_MIDI_NOTE_ON, 0, 0, 1);
    put(EM_MIDI_NOTE_ON, 3, 60, 1);
    put(EM_MIDI_NOTE_OFF, 3, 60, 0);
    for (int i = 0; i < 3; i++)
        em_jack_midi_process(&midi, &queue, 64);
    CHECK(n_sent == 5, "%d sent", n_sent);
    put(EM_MIDI_NOTE_ON, 5, 5, 5);                              /* comes too late */
    atomic_store(&midi.is_leaving, 1);
    for (; n < 10 && atomic_load(&midi.has_left) != 2; n++)
        em_jack_midi_process(&midi, NULL, 64);
    CHECK(n == 4, "three offs and three channels, two a cycle, and a cycle more: %d", n);
    CHECK(n_sent == 11, "%d sent", n_sent);
    CHECK(is(5, EM_MIDI_NOTE_OFF, 0, 0) && is(6, EM_MIDI_NOTE_OFF, 0, 127) && is(7, EM_MIDI_NOTE_OFF, 9, 36), "offs");
    CHECK(is(8, EM_MIDI_CONTROL, 0, 123) && is(9, EM_MIDI_CONTROL, 3, 123) && is(10, EM_MIDI_CONTROL, 9, 123), "all notes off");
}

static void a_new_client_begins_with_nothing(void **state)
{
    (void)state;
    begin(MOST);
    put(EM_MIDI_NOTE_ON, 0, 60, 1);
    em_jack_midi_process(&midi, NULL, 64);                      /* cut off: nothing is looked at */
    CHECK(n_sent == 0 && em_midi_room(&queue) == EM_MIDI_ROOM - 1, "%d sent", n_sent);
    midi = (em_jack_midi){ .port = midi.port, .queue = &queue };
    em_jack_midi_process(&midi, &queue, 64);
    CHECK(n_sent == 0 && em_midi_room(&queue) == EM_MIDI_ROOM, "what waited for the old one is gone");
    put(EM_MIDI_NOTE_OFF, 0, 60, 0);
    em_jack_midi_process(&midi, &queue, 64);
    CHECK(n_sent == 1 && is(0, EM_MIDI_NOTE_OFF, 0, 60), "an off is an off, also of a note that it never began");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_leave_in_order_as_buffers_take_them),
        cmocka_unit_test(the_ring_gives_what_was_put),
        cmocka_unit_test(who_leaves_ends_what_sounds),
        cmocka_unit_test(a_new_client_begins_with_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
