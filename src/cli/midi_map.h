/* midi_map.h - which note a class or group plays: --midi-map NAME=note 36 channel 10 cc 20. */
#ifndef EM_CLI_MIDI_MAP_H
#define EM_CLI_MIDI_MAP_H

#include "cli/options.h"
#include "lib/rules.h"
#include "sinks/sink.h"

/* "bark=note 36 channel 10": note 0..127, channel 1..16, cc 0..119, each once at the most and one at least, in any order; what is
 * left out is as usual. *n_name: bytes of the name. */
bool em_parse_midi_map(size_t *n_name, em_midi_key *key, const char *text);
bool em_is_midi_map(const char *text);

/* keys[n classes + n groups] of the sink; the caller frees *out, also after an error. EM_EINVAL: a class that there is not, with the
 * nearest names. EM_ENOMEM. */
em_status em_midi_keys_make(em_midi_key **out, const em_options *o, const em_known *known, const em_rules *rules, em_err *err);

#endif
