/* detector_change.c - other settings while sounds are under way: see detector.h. */
#include "listener/detector_inside.h"

#include <assert.h>
#include <math.h>
#include <string.h>

bool em_detector_set_threshold(em_detector *d, int i, float on)
{
    em_lane *l = &d->lanes[i];

    l->rule.off = fmaxf(on - (l->rule.on - l->rule.off), on / 2);
    l->rule.on = on;
    d->off[i] = l->rule.off;
    return l->is_told;
}

/* The lane of `from` that is lane i of d, -1: none. Classes are found by their names, as groups are: other ones may be there now. */
static int lane_of(const em_detector *from, const em_detector *d, int i)
{
    const char *name = em_detector_name(&d->cfg, i);
    const bool is_class = i < d->cfg.n_classes;
    const int first = is_class ? 0 : from->cfg.n_classes, end = is_class ? from->cfg.n_classes : from->n_lanes;

    if (is_class && i < end && strcmp(em_detector_name(&from->cfg, i), name) == 0)
        return i;                                   /* as ever, unless the list of classes has changed */
    for (int j = first; j < end; j++)
        if (strcmp(em_detector_name(&from->cfg, j), name) == 0)
            return j;
    return -1;
}

/* What is open in `from` and is not told any more, into from->is_busy, which every hop finds anew. */
static void mark_ending(em_detector *from, const em_detector *d)
{
    for (int j = 0; j < from->n_lanes; j++)
        from->is_busy[j] = from->lanes[j].is_open && from->lanes[j].is_told;
    for (int i = 0; i < d->n_lanes; i++) {
        const int j = lane_of(from, d, i);

        if (j >= 0 && d->lanes[i].is_told)
            from->is_busy[j] = false;
    }
}

/* What was not told has no beginning: it is open anew once it is found. */
static void inherit_lane(em_lane *l, const em_lane *old)
{
    l->track = old->track;
    l->floor = old->floor;
    l->is_open = old->is_open && old->is_told == l->is_told;
    l->now = old->now;
    l->last = old->last;
    l->begun = old->begun;
    l->earliest = old->earliest;
    memcpy(l->id, old->id, sizeof l->id);
}

static void inherit_cells(em_detector *d, const em_detector *from, int i, int j)
{
    for (size_t at = 0; at < (size_t)d->evidence.n_room; at++) {
        const size_t to = at * (size_t)d->n_lanes + (size_t)i, old = at * (size_t)from->n_lanes + (size_t)j;

        d->evidence.sum[to] = from->evidence.sum[old];
        d->hidden[to] = from->hidden[old];
    }
}

em_status em_detector_inherit(em_detector *d, em_detector *from, em_err *err)
{
    em_status status = EM_OK;

    assert(d->evidence.n_room == from->evidence.n_room && d->evidence.cell_samples == from->evidence.cell_samples);
    if (from->end_sample == 0)
        return EM_OK;
    mark_ending(from, d);
    status = em_detector_end_lanes(from, from->is_busy, err);
    d->end_sample = from->end_sample;
    d->judged = from->judged;
    d->evidence.first = from->evidence.first;
    d->evidence.next = from->evidence.next;
    d->edges = from->edges;
    memcpy(d->evidence.weight, from->evidence.weight, (size_t)d->evidence.n_room * sizeof *d->evidence.weight);
    memcpy(d->gated, from->gated, (size_t)d->evidence.n_room);
    for (int i = 0; i < d->n_lanes; i++) {
        const int j = lane_of(from, d, i);

        d->lanes[i].floor = from->evidence.next;
        if (j < 0)
            continue;
        inherit_lane(&d->lanes[i], &from->lanes[j]);
        inherit_cells(d, from, i, j);
        em_detector_claim(d, i, &d->lanes[i].last, true);
        if (d->lanes[i].is_open)
            em_detector_claim(d, i, &d->lanes[i].now, false);
    }
    return status;
}
