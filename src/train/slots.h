/* slots.h - how well a model finds sounds in time: the time slots of its windows, laid on the clips they were heard in, and counted
 * against strong labels.
 *
 * A clip is laid out in hops of 10 ms. A hop's score is the mean of the slots that cover it, one a window; what is at or above the
 * class's threshold is found. Only clips of which every class has its times count, those of no class among them: what is found
 * there is wrong. One thread at a time. */
#ifndef EM_TRAIN_SLOTS_H
#define EM_TRAIN_SLOTS_H

#include "model/config.h"
#include "train/dataset.h"
#include "train/features.h"
#include "train/metrics.h"

typedef struct em_slots em_slots;

typedef struct em_slots_cfg {
    const em_config *model;         /* over the windows that are heard                       */
    int              max_batch;     /* windows that wait at once                             */
    const float     *thresholds;    /* [n_classes]; NULL: .5                                 */
    em_counts       *segments;      /* [n_classes], added to: seconds, and events as DCASE   */
    em_counts       *events;        /* counts them (events.h)                                */
} em_slots_cfg;

/* What cfg points to must outlive it. EM_ENOMEM. The caller frees *out with em_slots_free; on error it is NULL. */
em_status em_slots_new(em_slots **out, const em_slots_cfg *cfg, em_err *err);
void      em_slots_free(em_slots *s);

/* Whether every class of a clip has its times. */
bool em_slots_can_count(const em_clip *clip);

/* Window i of the batch begins `begin` hops from the clip's begin, before it where that is negative. The clip must outlive the
 * count. Returns room for its slots' logits, [n_slots][n_classes], valid until the batch is taken; NULL: the clip does not count. */
float *em_slots_expect(em_slots *s, int i, const em_clip *clip, const em_clip_frames *frames, int begin);

/* The first n windows of the batch have their slots. The windows of a clip follow one another, over batches too. EM_ENOMEM,
 * EM_EINVAL: a label's times are impossible. */
em_status em_slots_take(em_slots *s, int n, em_err *err);

/* No more windows: the last clip is counted. Tells how many clips were. */
em_status em_slots_end(em_slots *s, int *n_clips, em_err *err);

#endif
