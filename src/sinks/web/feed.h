/* feed.h - one stream of Server-Sent Events: the newest messages in a ring of bytes, which every reader follows at its own pace.
 *
 * Putting a message costs the same however many read, and waits for nobody: whoever is a whole ring behind has lost his place.
 * Any thread; the lock is held for the time of a copy. */
#ifndef EM_SINKS_WEB_FEED_H
#define EM_SINKS_WEB_FEED_H

#include "base/event.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct em_feed em_feed;

/* EM_ENOMEM. The caller frees *out with em_feed_free; on error it is NULL. room: bytes, a power of two. */
em_status em_feed_new(em_feed **out, size_t room, em_err *err);
void      em_feed_free(em_feed *f);

/* "event: KIND\nid: ID\ndata: DATA\n\n"; kind and id may be NULL, data has no line ends. A message of more than a quarter of the
 * room is left out. */
void      em_feed_put(em_feed *f, const char *kind, const char *id, const char *data);

/* Places to read on from: behind the newest message; the oldest message of the newest half; behind the first message of an id (the
 * records of a sound share theirs: one may come twice, none is missing), else em_feed_history. */
uint64_t  em_feed_end(em_feed *f);
uint64_t  em_feed_history(em_feed *f);
uint64_t  em_feed_after(em_feed *f, const char *id);

/* Up to max bytes from *at on, which moves. 0: nothing new; -1: the place is lost. */
ssize_t   em_feed_read(em_feed *f, uint64_t *at, char *out, size_t max);

#endif
