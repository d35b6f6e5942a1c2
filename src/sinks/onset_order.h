/* onset_order.h - events in the order of their onsets, which is not the order in which they end: a bark is over while the rain
 * that began before it goes on.
 *
 * An event that is over waits until nothing can begin before it any more: every sound that is known to have begun earlier
 * is over too, and the stream is three windows past its onset. What a window may still bring to light lies within one of
 * them; the other two are for a --min-on that holds an onset back. A sound that comes to light later still, or after
 * EM_ORDER_MOST events were waiting for it, takes the onset of the last one that left: no time ever goes back. A mark is over when it is
 * said, and waits likewise.
 *
 * One thread at a time. Only em_onset_order_new allocates. */
#ifndef EM_SINKS_ONSET_ORDER_H
#define EM_SINKS_ONSET_ORDER_H

#include "base/event.h"
#include "base/status.h"

enum { EM_ORDER_MOST = 1024 };

typedef struct em_onset_order em_onset_order;

/* EM_ENOMEM. The caller frees *out with em_onset_order_free; on error it is NULL. */
em_status em_onset_order_new(em_onset_order **out, em_err *err);
void      em_onset_order_free(em_onset_order *o);

/* Any record. After each, em_onset_order_take is called until it answers NULL. */
void em_onset_order_put(em_onset_order *o, const em_event *e);

/* The next OFFSET or MARK that may leave, or NULL; is_end: nothing is put any more, and all may. Valid until the next call; a name of
 * its source is cut to 159 bytes. */
const em_event *em_onset_order_take(em_onset_order *o, bool is_end);

#endif
