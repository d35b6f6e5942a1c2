/* events.h - how well sounds are found in time: F1 of events and of the seconds of a grid, as sed_eval counts them
 * (Mesaros, Heittola and Virtanen, "Metrics for polyphonic sound event detection", Applied Sciences 2016).
 *
 * Counts are added up clip by clip, em_f1_of(counts, n_classes, true) makes the F1 of them. Ordinary code, any thread. */
#ifndef EM_TRAIN_EVENTS_H
#define EM_TRAIN_EVENTS_H

#include "base/status.h"
#include "train/dataset.h"
#include "train/metrics.h"

/* Spans of one clip. */
typedef struct em_spans { em_span *list; int n; } em_spans;

/* The runs of slots whose score is at or above thresholds[n_classes]; neighbouring ones are one span. slots is
 * [n_slots][n_classes], slot i lasts from i to i+1 times slot_s; spans end at `seconds`, the clip's length. Sorted by class, then
 * onset. EM_ENOMEM. The caller frees out->list. */
em_status em_spans_of_slots(em_spans *out, const float *slots, int n_slots, int n_classes, double slot_s, double seconds,
                            const float *thresholds, em_err *err);

/* A found event is the wanted one if they have the same class, onsets at most onset_s apart, and offsets at most
 * max(offset_s, offset_share * length of the wanted one). */
typedef struct em_event_rules { double onset_s, offset_s, offset_share; } em_event_rules;
extern const em_event_rules em_event_rules_dcase;       /* .2 s, .2 s, .2: of the DCASE challenges */
extern const em_event_rules em_event_rules_sed_eval;    /* .2 s, .2 s, .5: default of the library  */

/* Adds one clip to counts[n_classes]: each wanted event is met by at most one found event and the other way round, and as many meet
 * as can. EM_EINVAL: a span whose class or time is impossible. EM_ENOMEM. */
em_status em_events_count(em_counts *counts, int n_classes, em_spans wanted, em_spans found, const em_event_rules *rules,
                          em_err *err);

/* Adds one clip to counts[n_classes]: pieces of grid_s (1 s) in which a class sounds at all. Errors as em_events_count. */
em_status em_segments_count(em_counts *counts, int n_classes, em_spans wanted, em_spans found, double grid_s, em_err *err);

#endif
