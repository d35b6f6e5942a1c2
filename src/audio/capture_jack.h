/* capture_jack.h - the callbacks that JACK calls in its real-time and notification threads. Private to src/audio. */
#ifndef EM_AUDIO_CAPTURE_JACK_H
#define EM_AUDIO_CAPTURE_JACK_H

#include "audio/midi_jack.h"
#include "audio/tap.h"

#include <jack/jack.h>

/* Fixed before the client is activated; the argument of all three. */
typedef struct em_jack_ports {
    em_tap      *tap;
    jack_port_t *ports[EM_CAPTURE_MAX_CHANNELS];
    uint32_t     n_ports;
    em_jack_midi midi;
} em_jack_ports;

int  em_jack_process(jack_nframes_t n, void *arg);
int  em_jack_xrun(void *arg);
void em_jack_shutdown(void *arg);               /* may run in the real-time thread: one atomic store */

#endif
