/* midi_jack.h - notes out of a JACK client, by its port midi_out: what its process callback does for them. Private to src/audio.
 *
 * What sounds is known here, so that a client that leaves can end it: no note outlives the port that began it. A new client begins
 * with nothing: what waited was meant for a server that is gone. */
#ifndef EM_AUDIO_MIDI_JACK_H
#define EM_AUDIO_MIDI_JACK_H

#include "base/midi.h"

#include <jack/jack.h>
#include <jack/midiport.h>

typedef struct em_jack_midi {
    jack_port_t     *port;                                          /* NULL: there is none; fixed before the client is activated */
    em_midi         *queue;                                         /* not the session's: to be looked at only behind a tap     */
    uint32_t         sounding[EM_MIDI_CHANNELS][EM_MIDI_NOTES / 32];        /* a bit a note; callback only, as the next two      */
    uint32_t         used;                                          /* a bit a channel that anything was sent on                */
    bool             has_begun;
    _Atomic uint32_t is_leaving, has_left;
} em_jack_midi;

/* [rt] One cycle. queue NULL: the tap is cut. Messages go out at the cycle's first frame, as many as its buffer takes. */
void em_jack_midi_process(em_jack_midi *m, em_midi *queue, jack_nframes_t n);

/* Helper thread, client active: ends every note, and returns when a whole cycle has carried that away, or after a few that did not. */
void em_jack_midi_leave(em_jack_midi *m, double period_s);

#endif
