/* JACK's process and shutdown callbacks. With capture_rt.c, midi_jack.c and ringbuf.c this links with memcpy,
 * jack_port_get_buffer and two calls for a MIDI port's buffer and nothing else; tests/rt proves it. */
#include "audio/capture_jack.h"

int em_jack_process(jack_nframes_t n, void *arg)
{
    em_jack_ports *p = arg;
    const float *buffers[EM_CAPTURE_MAX_CHANNELS];
    em_capture *capture = em_tap_enter(p->tap);

    atomic_store_explicit(&p->tap->n_period, n, memory_order_relaxed);
    if (capture) {
        for (uint32_t i = 0; i < p->n_ports; i++)
            buffers[i] = jack_port_get_buffer(p->ports[i], n);
        em_capture_put_planar(capture, buffers, n);
    }
    em_jack_midi_process(&p->midi, capture ? p->midi.queue : NULL, n);
    em_tap_leave(p->tap);
    return 0;
}

int em_jack_xrun(void *arg)
{
    em_jack_ports *p = arg;
    em_capture *capture = em_tap_enter(p->tap);

    if (capture)
        em_capture_count_xrun(capture);
    em_tap_leave(p->tap);
    return 0;
}

void em_jack_shutdown(void *arg)
{
    em_jack_ports *p = arg;

    atomic_store_explicit(&p->tap->is_gone, 1, memory_order_release);
}
