/* guarded_jack.c - JACK's callbacks as the product has them, between em_rt_enter and em_rt_leave, without a server:
 * jack_port_get_buffer and what fills a MIDI port's buffer are ours. Clean it exits with 0; `guarded_jack malloc` allocates in there: 70. */
#include "audio/capture_jack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void em_rt_enter(void) __attribute__((weak));
void em_rt_leave(void) __attribute__((weak));

enum { N = 64, N_PORTS = 3, N_CALLS = 200 };

static float buffers[N_PORTS][N];
static int   n_asked;
static bool  is_planted;
static void *volatile kept;

/* Instead of libjack's: a port is its number plus one. */
void *jack_port_get_buffer(jack_port_t *port, jack_nframes_t n)
{
    if (is_planted)
        kept = malloc(n);
    n_asked++;
    return buffers[(uintptr_t)port - 1];
}

/* A buffer that takes three messages a cycle. */
static int n_in_buffer, n_sent;

void jack_midi_clear_buffer(void *buffer)
{
    (void)buffer;
    n_in_buffer = 0;
}

int jack_midi_event_write(void *buffer, jack_nframes_t at, const jack_midi_data_t *data, size_t n)
{
    (void)buffer;
    if (n_in_buffer == 3 || at != 0 || n != 3 || data[0] < 0x80)
        return ENOBUFS;
    n_in_buffer++;
    n_sent++;
    return 0;
}

/* A ring that fills up, then one that was cut off; notes in all cycles, and at last a client that leaves. */
static void callbacks(em_jack_ports *ports)
{
    for (int i = 0; i < N_CALLS; i++) {
        em_midi_put(ports->midi.queue, (em_midi_message){ { EM_MIDI_NOTE_ON | 9, (uint8_t)(i % 100), 64 } });
        if (i == N_CALLS - 1)
            atomic_store(&ports->midi.is_leaving, 1);
        if (i == N_CALLS - 2)
            atomic_store(&ports->tap->capture, NULL);
        em_jack_process(N, ports);
        em_jack_xrun(ports);
    }
    em_jack_shutdown(ports);
}

int main(int argc, char **argv)
{
    em_tap tap = { 0 };
    static em_midi midi;
    em_jack_ports ports = { .tap = &tap, .n_ports = N_PORTS, .midi = { .port = (jack_port_t *)(uintptr_t)1, .queue = &midi } };
    ringbuf_reader reader;
    ringbuf_span span[2];
    em_capture *c;
    bool is_fed;

    (void)argv;
    is_planted = argc > 1;
    if (!em_rt_enter || !em_rt_leave) {
        fprintf(stderr, "the guard is not loaded\n");
        return 1;
    }
    if (em_capture_new(&c, N_PORTS, 1024, NULL) != EM_OK)
        return 1;
    em_capture_attach_reader(c, &reader);
    for (uintptr_t i = 0; i < N_PORTS; i++)
        ports.ports[i] = (jack_port_t *)(i + 1);
    atomic_store(&tap.capture, c);
    em_rt_enter();
    callbacks(&ports);
    em_rt_leave();
    is_fed = ringbuf_peek_read(&reader, 1024, span) == 1024 && n_asked == (N_CALLS - 2) * N_PORTS + N_CALLS && n_sent == N_CALLS - 3 + 3 &&
             atomic_load(&tap.is_gone);
    em_capture_free(c);
    return is_fed ? 0 : 1;
}
