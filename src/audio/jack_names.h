/* jack_names.h - what people see of our client in a patch bay: "Ear 1", "Event triggers", the order of the ports, an icon.
 *
 * JACK keeps such metadata in a Berkeley DB of the user's. A program that was killed while it held a lock there
 * makes every later call hang, in every program. So the calls run on a thread of their own with a limit; after one
 * hung, this process never tries again. Private to src/audio. */
#ifndef EM_AUDIO_JACK_NAMES_H
#define EM_AUDIO_JACK_NAMES_H

#include "audio/capture_jack.h"

#include <stdbool.h>

/* Helper thread, client active. At most a second. False: a call hangs and may still use the client, which must
 * then never be closed. */
bool em_jack_names_set(jack_client_t *client, const em_jack_ports *ports);
bool em_jack_names_remove(jack_client_t *client, const em_jack_ports *ports);

#endif
