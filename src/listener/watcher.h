/* watcher.h - one lane's events: its hops go through a detector, and what that tells leaves as records.
 *
 * A pure function of the settings and the hops, whose scores count as they would be kept (base/kept.h). One thread at a time;
 * only em_watcher_new allocates. */
#ifndef EM_LISTENER_WATCHER_H
#define EM_LISTENER_WATCHER_H

#include "base/event.h"
#include "base/status.h"
#include "listener/detector.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct em_watcher em_watcher;

typedef struct em_watch_rules {     /* what an event is                                                    */
    em_detector_cfg detector;       /* all but source, take and ctx; its classes are those that can matter */
    const int *classes;             /* [detector.n_classes] which of the scores they are                   */
    int        n_scores;            /* of a hop, and of each of its slots                                  */
    const int *explained;           /* [n_explained] classes of the detector, or n_classes + a group: each hop says why it is
                                       told or not, unless it is quiet, and was, and came no nearer         */
    int        n_explained;
    bool       has_gate;            /* sound below it is of no class                                       */
    float      gate_dbfs;           /* level since the last hop                                            */
    const bool *awaited;            /* [detector.n_classes + its groups] whose onset em_watcher_has_met tells; NULL: nobody's */
} em_watch_rules;

/* Where events go. An error ends the hop, which returns it. */
typedef em_status em_event_take(void *ctx, const em_event *e, em_err *err);

typedef struct em_watcher_cfg {
    const em_watch_rules *rules;    /* borrowed, with all that it points to                                */
    em_event_take *take;
    void       *ctx;
    const char *source;             /* that records and ids name; borrowed                                 */
    bool        is_live;            /* can be heard only once: ids hold its wall clock at the first hop, and are like no
                                       other run's; else they are the same in every run                    */
} em_watcher_cfg;

/* EM_EINVAL: settings that em_detector_new refuses. EM_ENOMEM. The caller frees *out with em_watcher_free; on error it
 * is NULL. */
em_status em_watcher_new(em_watcher **out, const em_watcher_cfg *cfg, em_err *err);
void      em_watcher_free(em_watcher *w);

typedef struct em_watched {         /* one scored window                                                   */
    em_detector_hop hop;            /* of n_scores classes                                                 */
    float   dbfs;                   /* level of the sound since the last one                               */
    int64_t anchor_ms;              /* wall clock at time 0 as it is known now, -1 unknown                  */
} em_watched;

/* Both return what cfg.take does, and nothing else can fail. After an error the watcher is only freed. */
em_status em_watcher_hop(em_watcher *w, const em_watched *hop, em_err *err);

/* Goes on by other rules, of the same model, which are borrowed from here on as cfg.rules was: events under way stay open, unless nobody is
 * told of them any more; those end. Returns what cfg.take does, or EM_EINVAL, EM_ENOMEM as em_watcher_new: then *w goes on as it was. */
em_status em_watcher_change(em_watcher **w, const em_watch_rules *rules, em_err *err);

/* Another threshold until the next change, 0 < on <= 1: of that class of the model or, i_class being -1, of the group of this name. False:
 * no such events are told. */
bool      em_watcher_set_threshold(em_watcher *w, int i_class, const char *group, float on);

/* The stream ended: so do its events. */
em_status em_watcher_finish(em_watcher *w, em_err *err);

/* Whether sound of that level is below the gate. */
bool      em_watch_is_quiet(const em_watch_rules *rules, float dbfs);

/* Whether an onset of somebody awaited has been told. */
bool      em_watcher_has_met(const em_watcher *w);

#endif
