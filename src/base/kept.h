/* kept.h - scores as they are judged and as they are kept, which is the same, so that kept scores tell the same events again:
 * F16 numbers, and slots only of classes that their window as a whole believes in at all. With that a night of scores takes
 * a tenth of what all its slots would take, and what is left out would count for less than a hundredth. */
#ifndef EM_BASE_KEPT_H
#define EM_BASE_KEPT_H

#include "base/half.h"

#include <stdbool.h>

static const float em_least_kept = 0x1p-8f;

static inline float em_kept(float score)
{
    return em_float_of_f16(em_f16_of_float(score));
}

/* Whether a class's slots count in a window of this score. */
static inline bool em_keeps_slots(float score)
{
    return em_kept(score) >= em_least_kept;
}

#endif
