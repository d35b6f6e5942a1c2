/* privacy.h - whether the sound of an event may be kept: not where people speak near it (--private).
 *
 * Whole windows are judged, by the scores of all classes, before anything is watched, ignored, gated or cut to the best few. A window
 * in which any class of speech reaches EM_PRIVACY_SCORE is taken for speech from its beginning to its end, as are those beside it that a
 * machine was too late for, and so is sound that no window held: what was not judged is not kept. A clip is kept where nothing of that is in it,
 * nor within a step of it (windows that are shorter than 10 s: so much more), so that no word is within 10 s of it. The verdict
 * comes when all windows have ended that could have such a word; it is told as a CLIP event, and counted.
 *
 * A pure function of its settings, the hops and the events. One thread at a time; only em_privacy_new allocates. */
#ifndef EM_LISTENER_PRIVACY_H
#define EM_LISTENER_PRIVACY_H

#include "base/event.h"
#include "base/status.h"
#include "listener/watcher.h"

#include <stdbool.h>
#include <stdint.h>

/* Low, for here a miss is worse than a false alarm: of a class that is not there models mostly say less than .05. */
#define EM_PRIVACY_SCORE 0.1f

enum { EM_PRIVACY_NEAR_S = 10 };    /* of speech, at the least; longer windows reach further */

typedef struct em_privacy_cfg {     /* borrowed                                                       */
    const bool *is_speech;          /* [n_classes] classes of people who speak                        */
    int    n_classes;
    double window_s, step_s;        /* how long windows are, and from one to the next                 */
    double pre_s, post_s, most_s;   /* of a clip: before the onset, behind the offset, in all         */
    em_event_take *take;            /* where CLIP events go                                           */
    void  *ctx;
} em_privacy_cfg;

typedef struct em_privacy em_privacy;

/* EM_ENOMEM. The caller frees *out with em_privacy_free; on error it is NULL. */
em_status em_privacy_new(em_privacy **out, const em_privacy_cfg *cfg, em_err *err);
void      em_privacy_free(em_privacy *p);

/* A scored window that ends at end_s, of any lane of the source: who speaks into one channel is heard in all. Those of one moment come
 * together, and moments in their order. Tells what is known by the windows of earlier moments. These three return what cfg.take does. */
em_status em_privacy_hop(em_privacy *p, double end_s, int64_t utc_ms, const float *scores, em_err *err);

/* ONSET, OFFSET or RETRACT, as it is told; anything else is passed over. */
em_status em_privacy_event(em_privacy *p, const em_event *e, em_err *err);

/* The stream ended there: tells of the rest. */
em_status em_privacy_finish(em_privacy *p, double end_s, int64_t utc_ms, em_err *err);

/* How many clips are not kept, so far. */
uint64_t  em_privacy_dropped(const em_privacy *p);

#endif
