/* capture_portaudio.h - the callback that PortAudio calls. Private to src/audio. */
#ifndef EM_AUDIO_CAPTURE_PORTAUDIO_H
#define EM_AUDIO_CAPTURE_PORTAUDIO_H

#include "audio/tap.h"

#include <portaudio.h>

/* Fixed before the stream is started. */
typedef struct em_pa_ports {
    em_tap  *tap;
    uint32_t n_device;                          /* channels the stream has, at least 1               */
    uint32_t n_ring;                            /* channels the ring has: the last one is repeated   */
} em_pa_ports;

/* For a stream of paFloat32 | paNonInterleaved. */
int  em_pa_process(const void *input, void *output, unsigned long n, const PaStreamCallbackTimeInfo *time,
                   PaStreamCallbackFlags flags, void *arg);
void em_pa_finished(void *arg);

#endif
