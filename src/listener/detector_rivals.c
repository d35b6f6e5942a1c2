/* detector_rivals.c - whether what a class has found is another sound's shade: see detector.h. */
#include "listener/detector_inside.h"

static bool is_above(const em_lane *l, int general)
{
    for (int k = 0; k < l->n_above; k++)
        if (l->above[k] == general)
            return true;
    return false;
}

/* The same, or one above the other: the ontology alone says which of these is told. */
static bool is_kin(const em_detector *d, int a, int b)
{
    return a == b || is_above(&d->lanes[a], b) || is_above(&d->lanes[b], a);
}

/* Whether an event is there for half of what lasts from onset to end, or longer. */
static bool is_beside(const em_past *p, int64_t onset, int64_t end)
{
    const int64_t first = p->onset > onset ? p->onset : onset, last = p->end < end ? p->end : end;

    return 2 * (last - first) >= end - onset;
}

/* Whether what the lane tells, or told last, is so much surer than `peak` at that time. */
static bool outdoes(const em_detector *d, const em_lane *l, int64_t onset, int64_t end, float peak)
{
    const em_past open = { l->onset, l->end, l->peak };

    return (l->is_open && peak < d->cfg.rival * open.peak && is_beside(&open, onset, end)) ||
           (peak < d->cfg.rival * l->last.peak && is_beside(&l->last, onset, end));
}

bool em_detector_is_shade(const em_detector *d, int i, const em_stretch *s)
{
    const em_lane *l = &d->lanes[i];
    const int64_t onset = em_stretch_onset(s, &l->rule), end = em_stretch_offset(s, &l->rule);

    if (i >= d->cfg.n_classes || l->is_gate || s->peak >= d->cfg.sure)
        return false;
    for (int j = 0; j < d->cfg.n_classes; j++)
        if (d->lanes[j].is_told && outdoes(d, &d->lanes[j], onset, end, s->peak) && !is_kin(d, i, j))
            return true;
    return false;
}

static bool overlaps(int64_t onset, int64_t end, int64_t from, int64_t to) { return onset < to && from < end; }

bool em_detector_is_shared(const em_detector *d, int i, int64_t from, int64_t to)
{
    for (int j = 0; j < d->cfg.n_classes; j++) {
        const em_lane *l = &d->lanes[j];

        if (l->is_told && ((l->is_open && overlaps(l->onset, l->end, from, to)) ||
                           (l->last.peak > 0 && overlaps(l->last.onset, l->last.end, from, to))) &&
            (i >= d->cfg.n_classes || !is_kin(d, i, j)))
            return true;
    }
    return false;
}
