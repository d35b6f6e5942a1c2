/* live.h - hops as the page wants them: all scores as bytes and the newest columns of the spectrogram, small enough for a phone.
 *
 *   source, time, utc, filled   as in a scores record
 *   rms, peak                   dBFS, null for digital silence
 *   scores                      base64, a byte a class: 255 is 1
 *   columns                     base64, [n][bands] bytes, oldest first, loudest of `column` seconds each; 0 is -100 dB, a step 0.6 dB
 *   bands, column, end          how many, seconds of one, and where in the stream they end
 *
 * Hops that follow each other in less than 0.1 s share a message. One thread at a time; a source's first hop allocates. */
#ifndef EM_SINKS_WEB_LIVE_H
#define EM_SINKS_WEB_LIVE_H

#include "base/event.h"
#include "base/json.h"
#include "base/status.h"

#include <stdbool.h>

typedef struct em_web_live em_web_live;

/* EM_ENOMEM. The caller frees *out with em_web_live_free; on error it is NULL. */
em_status em_web_live_new(em_web_live **out, int n_classes, em_err *err);
void      em_web_live_free(em_web_live *l);

/* e is a SCORES event. The message, valid until the next call; NULL: it waits for more, or there is no memory for it. */
const char *em_web_live_take(em_web_live *l, const em_event *e);

#endif
