/* known.h - what is known of a model's classes, whether from its file or from scores that were kept, and what the settings
 * choose of them. */
#ifndef EM_LIB_KNOWN_H
#define EM_LIB_KNOWN_H

#include "base/event.h"
#include "base/status.h"
#include "lib/settings.h"

#include <stdbool.h>

typedef struct em_known {           /* borrowed                                                         */
    em_classes   classes;
    const bool  *is_trained;        /* [n]                                                              */
    const float *thresholds;        /* [n] the model's own, NULL: it has none                           */
    int    rate_hz;
    int    window_samples, n_slots; /* of a window                                                      */
    double slot_s;
} em_known;

typedef struct em_selection {
    bool  *is_shown;                /* [n] after watch, ignore and all_classes                    */
    float *thresholds;              /* [n] threshold, or the one given with watch; 0: none          */
} em_selection;

/* EM_EINVAL: a class that there is not, with the nearest names. EM_ENOMEM. End with em_selection_deinit, always. */
em_status em_selection_make(em_selection *out, const em_known *known, const em_settings *o, em_err *err);
void      em_selection_deinit(em_selection *c);

#endif
