/* rules.h - what an event is: the settings and the model's thresholds, put together into a detector's settings. */
#ifndef EM_LIB_RULES_H
#define EM_LIB_RULES_H

#include "lib/known.h"
#include "listener/watcher.h"

typedef struct em_rules {
    em_watch_rules watch;           /* whole, but for the detector's source, take and ctx; it points into what follows */
    int           *classes;         /* [n] of the model, that it was trained on or that are listed                     */
    const char   **labels;          /* [n]                                                                             */
    em_sound_cfg  *sounds;          /* [n]                                                                             */
    em_group_cfg  *groups;          /* [n_groups] with their names and members                                         */
    bool          *awaited;         /* [n + n_groups], NULL without until                                              */
    int           *explained;       /* [watch.n_explained]                                                              */
    int            n, n_groups;
    int          (*above)[2];
} em_rules;

/* EM_EINVAL: a class or group that there is not, a value out of range. EM_ENOMEM. `known` must outlive *out. End with
 * em_rules_deinit, always. */
em_status em_rules_make(em_rules *out, const em_known *known, const em_selection *selection, const em_settings *o, em_err *err);
void      em_rules_deinit(em_rules *r);

/* The longest pause, in seconds, within an event of any class or group. */
double    em_rules_longest_gap(const em_rules *r);

#endif
