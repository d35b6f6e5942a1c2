/* guarded_portaudio.c - PortAudio's callbacks as the product has them, between em_rt_enter and em_rt_leave, without a
 * device. Clean it exits with 0; `guarded_portaudio malloc` allocates in there: 70. */
#include "audio/capture_portaudio.h"

#include <stdio.h>
#include <stdlib.h>

void em_rt_enter(void) __attribute__((weak));
void em_rt_leave(void) __attribute__((weak));

enum { N = 64, N_DEVICE = 2, N_RING = 4, N_CALLS = 200 };

static void *volatile kept;

/* With and without sound, an overflow now and then; a ring that fills up, then one that was cut off. */
static void callbacks(em_pa_ports *ports, bool is_planted)
{
    static const float x[N];
    const float *const channels[N_DEVICE] = { x, x };

    for (int i = 0; i < N_CALLS; i++) {
        if (i == N_CALLS - 2)
            atomic_store(&ports->tap->capture, NULL);
        em_pa_process(i % 5 ? channels : NULL, NULL, N, NULL, i % 7 ? 0 : paInputOverflow, ports);
        if (is_planted)
            kept = malloc(N);
    }
    em_pa_finished(ports);
}

int main(int argc, char **argv)
{
    em_tap tap = { 0 };
    em_pa_ports ports = { .tap = &tap, .n_device = N_DEVICE, .n_ring = N_RING };
    ringbuf_reader reader;
    uint32_t n_waiting;
    uint64_t n_dropped;
    em_capture *c;

    (void)argv;
    if (!em_rt_enter || !em_rt_leave) {
        fprintf(stderr, "the guard is not loaded\n");
        return 1;
    }
    if (em_capture_new(&c, N_RING, 1024, NULL) != EM_OK)
        return 1;
    em_capture_attach_reader(c, &reader);
    atomic_store(&tap.capture, c);
    em_rt_enter();
    callbacks(&ports, argc > 1);
    em_rt_leave();
    ringbuf_look(&reader, &n_waiting, &n_dropped);
    em_capture_free(c);
    return n_waiting == 1024 && n_waiting + n_dropped == (N_CALLS - 2) * N && atomic_load(&tap.is_gone) ? 0 : 1;
}
