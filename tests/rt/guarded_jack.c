/* guarded_jack.c - JACK's callbacks as the product has them, between em_rt_enter and em_rt_leave, without a server:
 * jack_port_get_buffer is ours. Clean it exits with 0; `guarded_jack malloc` allocates in there: 70. */
#include "audio/capture_jack.h"

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

/* A ring that fills up, then one that was cut off. */
static void callbacks(em_jack_ports *ports)
{
    for (int i = 0; i < N_CALLS; i++) {
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
    em_jack_ports ports = { .tap = &tap, .n_ports = N_PORTS };
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
    is_fed = ringbuf_peek_read(&reader, 1024, span) == 1024 && n_asked == (N_CALLS - 2) * N_PORTS && atomic_load(&tap.is_gone);
    em_capture_free(c);
    return is_fed ? 0 : 1;
}
