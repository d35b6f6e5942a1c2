/* event_id.h - the name of an event: the same for the same source, sound and onset, in every run. */
#ifndef EM_LISTENER_EVENT_ID_H
#define EM_LISTENER_EVENT_ID_H

#include "base/event.h"

#include <stdint.h>

/* 26 letters and digits in the form of a ULID, so that ids sort by onset: 48 bits of milliseconds of the stream, then 80
 * bits of SHA-256 over all of it. kind tells classes from groups of the same label. onset_sample >= 0. */
void em_event_id(char out[EM_EVENT_ID_CHARS], const char *source, const char *kind, const char *label, int64_t onset_sample,
                 int rate_hz);

#endif
