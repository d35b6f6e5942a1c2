/* detector_rivals.c - whether what a class has found is another sound's shade: see detector.h.
 *
 * Lanes are compared by what all of them claim as of the same hop, so that it does not matter whose turn comes first. What is a shade
 * itself has none. */
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

void em_detector_claim(em_detector *d, int i, const em_known *event, bool is_past)
{
    if (event->peak > 0 && i < d->cfg.n_classes && d->lanes[i].is_told)
        d->claims[d->n_claims++] = (em_claim){ i, is_past, *event };
}

/* Whether an event is there for half of the time of another, or longer. */
static bool is_beside(const em_known *event, const em_known *other)
{
    const int64_t first = event->onset > other->rise ? event->onset : other->rise;
    const int64_t last = event->end < other->fall ? event->end : other->fall;

    return 2 * (last - first) >= other->fall - other->rise;
}

/* Whether it is no shade itself: shades have lower peaks than what they are shades of, so this comes to an end. */
static bool stands(const em_detector *d, const em_claim *claim)
{
    return claim->is_past || !em_detector_is_shade(d, claim->i_class, &claim->event);
}

bool em_detector_is_shade(const em_detector *d, int i, const em_known *event)
{
    if (i >= d->cfg.n_classes || d->lanes[i].is_gate || event->peak >= d->cfg.sure)
        return false;
    for (int k = 0; k < d->n_claims; k++) {
        const em_claim *claim = &d->claims[k];

        if (event->peak < d->cfg.rival * claim->event.peak && is_beside(&claim->event, event) && !is_kin(d, i, claim->i_class) &&
            stands(d, claim))
            return true;
    }
    return false;
}

bool em_detector_is_shared(const em_detector *d, int i, int64_t from, int64_t to)
{
    for (int k = 0; k < d->n_claims; k++) {
        const em_claim *claim = &d->claims[k];

        if (claim->event.onset < to && from < claim->event.end && (i >= d->cfg.n_classes || !is_kin(d, i, claim->i_class)) &&
            stands(d, claim))
            return true;
    }
    return false;
}
