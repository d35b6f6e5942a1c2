/* detector_masks.c - what hides what, cell by cell of the window: see detector.h. */
#include "listener/detector_inside.h"

void em_detector_hide_others(em_detector *d, int i, int64_t from, int64_t to, uint8_t bit)
{
    const em_lane *l = &d->lanes[i];
    const int64_t first = from - l->rule.gap > d->evidence.first ? from - l->rule.gap : d->evidence.first;
    const int64_t end = to + l->rule.gap < d->evidence.next ? to + l->rule.gap : d->evidence.next;

    for (int64_t cell = first; cell < end && (l->n_above > 0 || l->is_gate); cell++) {
        for (int k = 0; k < l->n_above; k++)
            *em_detector_hidden(d, l->above[k], cell) |= bit;
        if (l->is_gate)
            d->gated[em_evidence_place(&d->evidence, cell)] |= bit;
    }
}

void em_detector_clear_masks(em_detector *d, int64_t known)
{
    for (int64_t cell = d->evidence.first; cell < d->evidence.next; cell++) {
        const uint8_t keep = cell < known ? EM_FOR_GOOD | EM_QUIET : 0;
        uint8_t *mask = em_detector_hidden(d, 0, cell);

        for (int i = 0; i < d->n_lanes; i++)
            mask[i] &= keep;
        d->gated[em_evidence_place(&d->evidence, cell)] &= keep;
    }
}

void em_detector_mark_quiet(em_detector *d, int64_t known)
{
    for (int64_t cell = known > d->evidence.first ? known : d->evidence.first; cell < d->evidence.next; cell++)
        d->gated[em_evidence_place(&d->evidence, cell)] |= EM_QUIET;
}
