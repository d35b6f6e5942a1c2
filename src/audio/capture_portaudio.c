/* PortAudio's callbacks. With capture_rt.c and ringbuf.c this links with memcpy and nothing else; tests/rt proves it. */
#include "audio/capture_portaudio.h"

int em_pa_process(const void *input, void *output, unsigned long n, const PaStreamCallbackTimeInfo *time,
                  PaStreamCallbackFlags flags, void *arg)
{
    em_pa_ports *p = arg;
    const float *const *channels = input;
    const float *buffers[EM_CAPTURE_MAX_CHANNELS];
    em_capture *capture = em_tap_enter(p->tap);

    (void)output;
    (void)time;
    atomic_store_explicit(&p->tap->n_period, (uint32_t)n, memory_order_relaxed);
    if (capture) {
        if (flags & paInputOverflow)
            em_capture_count_xrun(capture);
        if (channels) {
            for (uint32_t i = 0; i < p->n_ring; i++)
                buffers[i] = channels[i < p->n_device ? i : p->n_device - 1];
            em_capture_put_planar(capture, buffers, (uint32_t)n);
        } else {
            em_capture_put(capture, NULL, (uint32_t)n);
        }
    }
    em_tap_leave(p->tap);
    return paContinue;
}

void em_pa_finished(void *arg)
{
    em_pa_ports *p = arg;

    atomic_store_explicit(&p->tap->is_gone, 1, memory_order_release);
}
