/* detector.c - lanes (classes, then groups) over one evidence: see detector.h.
 *
 * Cells that leave the window are final and step each lane's own track. At each hop a copy of it goes on through the cells
 * of the window, whose evidence may still change; what it finds is compared with what has been told (detector_tell.c). */
#include "listener/detector_inside.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------------ scores in */

/* Numbers from a file may be anything. */
static float probability(float x)
{
    return x > 0 ? (x < 1 ? x : 1) : 0;
}

/* How far a window as a whole believes in a class: in full from the lane's threshold on. */
static float belief(const em_detector_hop *hop, int i_class, const em_lane *l)
{
    return fminf(1, probability(hop->scores[i_class]) / l->rule.on);
}

static float group_score(const em_detector *d, const em_detector_hop *hop, const float *slot, int g)
{
    const em_group_cfg *group = &d->cfg.groups[g];
    float most = 0;

    for (int m = 0; m < group->n_members; m++) {
        const int c = group->members[m];

        most = fmaxf(most, probability(slot[c]) * belief(hop, c, &d->lanes[d->cfg.n_classes + g]));
    }
    return most;
}

static void add_scores(em_detector *d, const em_detector_hop *hop)
{
    const int n = d->cfg.n_classes;

    memset(d->row, 0, (size_t)d->n_lanes * sizeof *d->row);
    for (int c = 0; c < n; c++)
        d->belief[c] = belief(hop, c, &d->lanes[c]);
    for (int s = 0; s < d->cfg.n_slots; s++) {
        const float *slot = hop->slots + (size_t)s * (size_t)n;

        for (int c = 0; c < n && hop->filled > 0; c++)
            d->row[c] = probability(slot[c]) * d->belief[c];
        for (int g = 0; g < d->cfg.n_groups && hop->filled > 0; g++)
            d->row[n + g] = group_score(d, hop, slot, g);
        em_evidence_add(&d->evidence, hop->end_sample, s, d->row);
    }
}

/* ------------------------------------------------------------------ the pass of a hop */

/* A cell of the window; 0 where a lane has been judged or is hidden. */
static float evidence_of(const em_detector *d, int i, int64_t cell)
{
    if (cell < d->lanes[i].floor || em_detector_is_hidden(d, i, cell))
        return 0;
    return em_evidence_at(&d->evidence, i, cell);
}

/* Whether a lane's sound, or its last one if a window may still hold that, pauses in a cell. */
static bool is_pause(const em_detector *d, const em_track *t, int64_t cell)
{
    const int64_t size = d->evidence.cell_samples, slice = em_detector_slice(d);
    int loudness = 0;

    if (t->has_sound)
        loudness = em_detector_loudness(d, t->sound.begin, t->sound.peak_cell);
    else if (t->has_past && cell - t->past_peak < d->evidence.n_room)
        loudness = em_detector_loudness(d, t->past_begin, t->past_peak);
    return loudness > 0 && em_edges_is_pause(&d->edges, cell * size + size / 2, loudness, slice);
}

/* The next cell of a lane's track; in a pause there is nothing of its sound, whatever windows around it say. */
static bool step(const em_detector *d, const em_lane *l, em_track *t, int64_t cell, float evidence)
{
    return em_track_step(t, &l->rule, cell, evidence >= l->rule.off && is_pause(d, t, cell) ? 0 : evidence);
}

/* Whether what an open event was told for is still there, though not sure. */
static bool may_come_back(const em_detector *d, int i)
{
    const em_lane *l = &d->lanes[i];
    int64_t cell = l->now.onset > d->evidence.first ? l->now.onset : d->evidence.first;

    for (; cell < l->now.end && cell < d->evidence.next; cell++)
        if (evidence_of(d, i, cell) >= l->rule.off)
            return true;
    return false;
}

static bool was_hidden(const em_detector *d, int i)
{
    const em_lane *l = &d->lanes[i];
    int64_t cell = l->now.onset > d->evidence.first ? l->now.onset : d->evidence.first;

    for (; cell < l->now.end; cell++)
        if (cell < d->evidence.next && em_detector_is_hidden(d, i, cell))
            return true;
    return false;
}

/* An open event of which nothing sure was found any more. */
static em_status missed(em_detector *d, int i, em_err *err)
{
    const em_lane *l = &d->lanes[i];

    if (!may_come_back(d, i) && (was_hidden(d, i) || d->judged - l->now.end > l->rule.gap))
        return em_detector_retract(d, i, err);
    em_detector_hide_others(d, i, l->now.onset, l->now.end, EM_FOR_NOW);
    return EM_OK;
}

/* Follows a lane through the window as far as it is judged; is_last: what is not over ends there. */
static em_status follow(em_detector *d, int i, bool is_last, em_err *err)
{
    em_lane *l = &d->lanes[i];
    em_track t = l->track;
    bool was_seen = false;
    em_status status = EM_OK;

    for (int64_t cell = d->evidence.first; cell < d->judged && !status; cell++)
        if (step(d, l, &t, cell, evidence_of(d, i, cell))) {
            was_seen |= t.sound.end > l->now.onset;
            status = em_detector_report(d, i, &t.sound, true, err);
            em_track_forget(&t);
        }
    if (!status && t.has_sound) {
        was_seen |= t.sound.end > l->now.onset;
        status = em_detector_report(d, i, &t.sound, is_last, err);
    }
    if (!status && l->is_open && !was_seen)
        status = missed(d, i, err);
    if (!status && l->is_open && is_last)
        status = em_detector_retract(d, i, err);
    return status;
}

/* Lanes with something at or above `off`, or on their way. */
static void find_busy(em_detector *d)
{
    for (int i = 0; i < d->n_lanes; i++)
        d->is_busy[i] = d->lanes[i].is_open || !em_track_is_idle(&d->lanes[i].track);
    for (int64_t cell = d->evidence.first; cell < d->judged; cell++) {
        const int at = em_evidence_place(&d->evidence, cell);
        const float *sum = d->evidence.sum + (size_t)at * (size_t)d->n_lanes, weight = d->evidence.weight[at];

        for (int i = 0; i < d->n_lanes && weight > 0; i++)
            d->is_busy[i] |= sum[i] >= d->off[i] * weight * .999f;      /* a hair below: the division rounds */
    }
}

/* What lanes would tell at this hop if there were no shades: their claims. What they hide of each other is the same with shades, and
 * stays. */
static void rehearse(em_detector *d, bool is_last)
{
    d->n_claims = 0;
    d->is_rehearsal = true;
    for (int k = 0; k < d->n_lanes; k++) {
        const int i = d->order[k];
        em_lane *l = &d->lanes[i], before;

        em_detector_claim(d, i, &l->last, true);
        if (!d->is_busy[i])
            continue;
        before = *l;
        follow(d, i, is_last, NULL);
        em_detector_claim(d, i, &l->last, false);
        if (l->is_open)
            em_detector_claim(d, i, &l->now, false);
        *l = before;
    }
    d->is_rehearsal = false;
}

/* Twice: a lane is judged beside what the others have found at this same hop. */
static em_status follow_all(em_detector *d, bool is_last, em_err *err)
{
    em_status status = EM_OK;

    find_busy(d);
    for (int i = 0; i < d->n_lanes; i++)
        d->lanes[i].is_shade = false;
    rehearse(d, is_last);
    for (int k = 0; k < d->n_lanes && !status; k++)
        if (d->is_busy[d->order[k]])
            status = follow(d, d->order[k], is_last, err);
    return status;
}

static em_status step_final(em_detector *d, int i, int64_t cell, float evidence, em_err *err)
{
    em_lane *l = &d->lanes[i];
    em_stretch over;

    if ((evidence < l->rule.off && em_track_is_idle(&l->track)) || !step(d, l, &l->track, cell, evidence))
        return EM_OK;
    over = l->track.sound;
    em_track_forget(&l->track);
    return em_detector_report(d, i, &over, true, err);
}

/* Cells before `first` will be seen no more. Behind the last window they were never seen: a track needs no more of them than
 * its gap. */
static em_status retire(em_detector *d, int64_t first, em_err *err)
{
    em_status status = EM_OK;

    for (int k = 0; k < d->n_lanes && !status; k++) {
        const int i = d->order[k];
        const int64_t last = d->evidence.next + d->lanes[i].rule.gap + 1;
        int64_t cell = d->evidence.first;

        for (; cell < first && cell < d->evidence.next && !status; cell++)
            status = step_final(d, i, cell, evidence_of(d, i, cell), err);
        for (; cell < first && cell < last && !em_track_is_idle(&d->lanes[i].track) && !status; cell++)
            status = step_final(d, i, cell, 0, err);
    }
    return status;
}

em_status em_detector_push(em_detector *d, const em_detector_hop *hop, em_err *err)
{
    const int64_t known = d->evidence.next;
    em_status status;

    if (hop->end_sample <= d->end_sample)
        return EM_OK;
    d->end_sample = hop->end_sample;
    status = retire(d, em_evidence_first(&d->evidence, hop->end_sample), err);
    if (status)
        return status;
    em_evidence_move(&d->evidence, hop->end_sample);
    em_detector_clear_masks(d, known);
    if (hop->is_quiet)
        em_detector_mark_quiet(d, known);
    em_edges_take(&d->edges, hop->levels, hop->n_levels, hop->first_level);
    add_scores(d, hop);
    d->judged = em_evidence_next(&d->evidence, hop->end_sample - (int64_t)(d->cfg.settle_s * d->cfg.rate_hz));
    return follow_all(d, false, err);
}

static void judge_all(em_detector *d)
{
    em_detector_clear_masks(d, d->evidence.next);
    d->judged = d->evidence.next;
}

em_status em_detector_finish(em_detector *d, em_err *err)
{
    if (d->end_sample == 0)
        return EM_OK;
    judge_all(d);
    return follow_all(d, true, err);
}

em_status em_detector_end_lanes(em_detector *d, const uint8_t *is_ending, em_err *err)
{
    em_status status = EM_OK;

    judge_all(d);
    for (int k = 0; k < d->n_lanes && !status; k++)
        if (is_ending[d->order[k]])
            status = follow(d, d->order[k], true, err);
    return status;
}

/* ------------------------------------------------------------------ why */

static em_verdict verdict_at(const em_detector *d, int i, int64_t cell, float peak)
{
    const em_lane *l = &d->lanes[i];

    if (l->is_open && l->is_told)
        return EM_VERDICT_TOLD;
    if (peak < l->rule.on)
        return peak < l->rule.off ? EM_VERDICT_QUIET : EM_VERDICT_WEAK;
    if (em_detector_is_hidden(d, i, cell))
        return *em_detector_hidden(d, i, cell) ? EM_VERDICT_HIDDEN : EM_VERDICT_GATED;
    if (!l->is_told)
        return EM_VERDICT_IGNORED;
    return l->is_shade ? EM_VERDICT_SHADE : EM_VERDICT_SHORT;
}

void em_detector_look(em_look *out, const em_detector *d, int i)
{
    int64_t at = d->evidence.first, cell = at > d->lanes[i].floor ? at : d->lanes[i].floor;

    *out = (em_look){ .on = d->lanes[i].rule.on, .off = d->lanes[i].rule.off };
    for (; cell < d->judged; cell++) {
        out->now = em_evidence_at(&d->evidence, i, cell);
        if (out->now <= out->peak)
            continue;
        out->peak = out->now;
        at = cell;
    }
    out->peak_s = em_detector_seconds(d, at);
    out->verdict = verdict_at(d, i, at, out->peak);
}
