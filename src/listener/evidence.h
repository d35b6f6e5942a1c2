/* evidence.h - what all windows seen so far say about each moment of a stream.
 *
 * Time is cut into cells, a quarter of a slot each. A window's slot scores are added to the cells they cover; the evidence
 * of a cell is the weighted mean over the windows that held it. The mean, because hops look at the same sound at
 * different places of the window: where they are not aligned with the slots it resolves more than one slot, and what only
 * one of them believes stays small. The ends of a window count less, because there the model sees a sound cut off.
 *
 * A lane is a class or a group of classes. One thread at a time; only init allocates. */
#ifndef EM_LISTENER_EVIDENCE_H
#define EM_LISTENER_EVIDENCE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { EM_SLOT_CELLS = 4 };

typedef struct em_evidence_cfg {
    int     n_lanes;
    int     n_slots;                /* of a window                                               */
    double  slot_samples;           /* length of one; the last may end behind the window         */
    int64_t window_samples;
    double  ramp_samples;           /* from an end of the window to where a slot counts in full  */
} em_evidence_cfg;

typedef struct em_evidence {
    em_evidence_cfg cfg;
    int64_t cell_samples;
    int     n_room;                 /* cells in the ring                                         */
    int64_t first, next;            /* the cells [first, next) of the newest window              */
    float  *sum;                    /* [n_room][n_lanes] of weight * score                       */
    float  *weight;                 /* [n_room] 0: no window held it                             */
} em_evidence;

/* End with em_evidence_deinit, also after an error. EM_EINVAL: sizes that make no window; EM_ENOMEM. */
em_status em_evidence_init(em_evidence *e, const em_evidence_cfg *cfg, em_err *err);
void      em_evidence_deinit(em_evidence *e);

/* The first cell of a window that ends at this sample, and the first one behind it: a cell belongs where its middle is. */
int64_t   em_evidence_first(const em_evidence *e, int64_t end_sample);
int64_t   em_evidence_next(const em_evidence *e, int64_t end_sample);

/* Makes [first, next) that of a window ending at end_sample, which is later than the one before: forgets what is older and
 * begins the new cells without evidence. */
void      em_evidence_move(em_evidence *e, int64_t end_sample);

/* Adds slot i of the window that em_evidence_move was told of: scores[n_lanes], 0..1. */
void      em_evidence_add(em_evidence *e, int64_t end_sample, int i_slot, const float *scores);

/* Where a cell lies in the ring; cell >= 0. */
static inline int em_evidence_place(const em_evidence *e, int64_t cell)
{
    return (int)(cell % e->n_room);
}

/* 0..1; 0 where no window was. The cell is in [first, next). */
static inline float em_evidence_at(const em_evidence *e, int lane, int64_t cell)
{
    const int at = em_evidence_place(e, cell);

    return e->weight[at] > 0 ? e->sum[(size_t)at * (size_t)e->cfg.n_lanes + (size_t)lane] / e->weight[at] : 0;
}

#endif
