/* queue.h - the one bounded queue between ordinary threads (never the audio callback).
 *
 * Fixed-size items, copied in and out, first in first out; any number of producers and consumers. Nothing
 * grows: a full queue makes the producer wait or is reported to it, as it asks. */
#ifndef EM_BASE_QUEUE_H
#define EM_BASE_QUEUE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct em_queue em_queue;

/* Room for n_items of item_bytes each. The caller frees *out with em_queue_free. EM_EINVAL, EM_ENOMEM. */
em_status em_queue_new(em_queue **out, size_t n_items, size_t item_bytes, em_err *err);
void      em_queue_free(em_queue *q);

/* False at once when it is full or closed. */
bool em_queue_try_push(em_queue *q, const void *item);

/* Waits for room at most timeout_ms (negative: for ever). False: closed, or still full. */
bool em_queue_push(em_queue *q, const void *item, double timeout_ms);

/* Waits for an item at most timeout_ms (0: not at all, negative: for ever). False: none, or closed and empty. */
bool em_queue_pop(em_queue *q, void *item, double timeout_ms);

/* No more pushes; what is inside can still be popped. Wakes everybody. */
void em_queue_close(em_queue *q);

size_t em_queue_length(em_queue *q);

#endif
