/* top.h - the k largest scores. */
#ifndef EM_SINKS_TOP_H
#define EM_SINKS_TOP_H

#include <stdbool.h>

/* Writes the classes of the k largest of scores[n] to top[k], largest first; of equal ones the lower index
 * comes first. Left out: classes with is_shown false and scores below thresholds (each may be NULL).
 * Returns how many there are. */
int em_top(int *top, int k, const float *scores, int n, const bool *is_shown, const float *thresholds);

#endif
