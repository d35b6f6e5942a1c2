/* events.c - spans made of time slots, counted as events and on a grid: see events.h. */
#include "train/events.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Labels are decimal fractions: 2.2 - 2.0 is .2, and 3.0000000001 is no part of a fourth second. */
static const double hair = 1e-9;

static const double longest_s = 86400;

const em_event_rules em_event_rules_dcase = { 0.2, 0.2, 0.2 }, em_event_rules_sed_eval = { 0.2, 0.2, 0.5 };

/* ------------------------------------------------------------------ spans */

/* Writes the runs of one class to list (NULL: only counts them); returns how many. */
static int runs_of_class(em_span *list, const float *slots, int n_slots, int n_classes, int c, float threshold, double slot_s,
                         double seconds)
{
    int n = 0;
    bool was_on = false;

    for (int i = 0; i < n_slots && i * slot_s < seconds; i++) {
        const bool is_on = slots[(size_t)i * (size_t)n_classes + (size_t)c] >= threshold;

        if (is_on && !was_on)
            n++;
        if (is_on && list)
            list[n - 1] = (em_span){ c, was_on ? list[n - 1].onset : i * slot_s, fmin((i + 1) * slot_s, seconds) };
        was_on = is_on;
    }
    return n;
}

em_status em_spans_of_slots(em_spans *out, const float *slots, int n_slots, int n_classes, double slot_s, double seconds,
                            const float *thresholds, em_err *err)
{
    size_t n = 0;

    *out = (em_spans){ 0 };
    for (int c = 0; c < n_classes; c++)
        n += (size_t)runs_of_class(NULL, slots, n_slots, n_classes, c, thresholds[c], slot_s, seconds);
    out->list = calloc(n + 1, sizeof *out->list);
    if (!out->list)
        return em_fail(err, EM_ENOMEM, "no memory for %zu events", n);
    for (int c = 0; c < n_classes; c++)
        out->n += runs_of_class(out->list + out->n, slots, n_slots, n_classes, c, thresholds[c], slot_s, seconds);
    return EM_OK;
}

static em_status check_spans(em_spans s, int n_classes, em_err *err)
{
    for (int i = 0; i < s.n; i++) {
        const em_span *one = &s.list[i];

        if (one->label < 0 || one->label >= n_classes)
            return em_fail(err, EM_EINVAL, "event %d has class %d, and there are %d", i, one->label, n_classes);
        if (!(one->onset >= 0 && one->onset <= one->offset && one->offset <= longest_s))
            return em_fail(err, EM_EINVAL, "event %d lasts from %g to %g s, which is not a span within 0 to %g s", i, one->onset,
                           one->offset, longest_s);
    }
    return EM_OK;
}

/* ------------------------------------------------------------------ events */

/* The largest matching of wanted and found events: a found event is given to a wanted one along a chain of others that
 * can move on to another one, looked for in breadth (Hungarian tree). -1: none. */
typedef struct match {
    em_spans wanted, found;         /* found is sorted by class, then onset          */
    const em_event_rules *rules;
    int *wanted_of;                 /* [found.n] the wanted event it is given to     */
    int *from;                      /* [found.n] the wanted one that reached it      */
    int *mate;                      /* [wanted.n] found event                        */
    int *queue;                     /* [wanted.n]                                    */
} match;

static int by_class_and_onset(const void *a, const void *b)
{
    const em_span *x = a, *y = b;

    return x->label != y->label ? (x->label > y->label) - (x->label < y->label) : (x->onset > y->onset) - (x->onset < y->onset);
}

/* The first of `found` that is not before class `label` at time onset. */
static int first_not_before(em_spans found, int label, double onset)
{
    const em_span wanted = { label, onset, onset };
    int least = 0, most = found.n;

    while (least < most) {
        const int middle = least + (most - least) / 2;

        if (by_class_and_onset(&found.list[middle], &wanted) < 0)
            least = middle + 1;
        else
            most = middle;
    }
    return least;
}

static bool ends_alike(const em_span *wanted, const em_span *found, const em_event_rules *rules)
{
    const double most = fmax(rules->offset_s, rules->offset_share * (wanted->offset - wanted->onset));

    return fabs(wanted->offset - found->offset) <= most + hair;
}

/* Gives `found` away: each wanted event on the chain takes the one that reached it and lets go of its own. */
static void take_along(match *m, int found)
{
    while (found >= 0) {
        const int wanted = m->from[found], old = m->mate[wanted];

        m->mate[wanted] = found;
        m->wanted_of[found] = wanted;
        found = old;
    }
}

/* Looks at what `wanted` could have; true when one of it was free and is given away. */
static bool reach(match *m, int wanted, int *n_queue)
{
    const em_span *w = &m->wanted.list[wanted];
    const double before = w->onset - m->rules->onset_s - hair, after = w->onset + m->rules->onset_s + hair;

    for (int f = first_not_before(m->found, w->label, before); f < m->found.n; f++) {
        if (m->found.list[f].label != w->label || m->found.list[f].onset > after)
            break;
        if (m->from[f] >= 0 || !ends_alike(w, &m->found.list[f], m->rules))
            continue;
        m->from[f] = wanted;
        if (m->wanted_of[f] < 0) {
            take_along(m, f);
            return true;
        }
        m->queue[(*n_queue)++] = m->wanted_of[f];
    }
    return false;
}

static void match_one(match *m, int wanted)
{
    int n_queue = 1;

    memset(m->from, -1, (size_t)m->found.n * sizeof *m->from);
    m->queue[0] = wanted;
    for (int i = 0; i < n_queue; i++)
        if (reach(m, m->queue[i], &n_queue))
            return;
}

static void count_matches(em_counts *counts, const match *m)
{
    for (int w = 0; w < m->wanted.n; w++) {
        em_counts *c = &counts[m->wanted.list[w].label];

        c->n_hits += m->mate[w] >= 0;
        c->n_missed += m->mate[w] < 0;
    }
    for (int f = 0; f < m->found.n; f++)
        counts[m->found.list[f].label].n_false += m->wanted_of[f] < 0;
}

em_status em_events_count(em_counts *counts, int n_classes, em_spans wanted, em_spans found, const em_event_rules *rules,
                          em_err *err)
{
    const size_t n_wanted = (size_t)wanted.n, n_found = (size_t)found.n;
    em_span *sorted = calloc(n_found + 1, sizeof *sorted);
    int *room = calloc(2 * n_found + 2 * n_wanted + 1, sizeof *room);
    match m = { wanted, { sorted, found.n }, rules, room, room + n_found, room + 2 * n_found, room + 2 * n_found + n_wanted };
    em_status status = check_spans(wanted, n_classes, err);

    if (status == EM_OK)
        status = check_spans(found, n_classes, err);
    if (status == EM_OK && (!sorted || !room))
        status = em_fail(err, EM_ENOMEM, "no memory to match %d events with %d", wanted.n, found.n);
    if (status == EM_OK) {
        for (size_t f = 0; f < n_found; f++)
            sorted[f] = found.list[f];
        qsort(sorted, n_found, sizeof *sorted, by_class_and_onset);
        memset(room, -1, (2 * n_found + 2 * n_wanted) * sizeof *room);
        for (int w = 0; w < wanted.n; w++)
            match_one(&m, w);
        count_matches(counts, &m);
    }
    free(sorted);
    free(room);
    return status;
}

/* ------------------------------------------------------------------ segments */

enum { WANTED = 1, FOUND = 2 };

/* Marks the pieces of class c; returns how many spans it has. */
static int mark(unsigned char *roll, em_spans s, int c, double grid_s, int bit)
{
    int n = 0;

    for (int i = 0; i < s.n; i++) {
        if (s.list[i].label != c)
            continue;
        n++;
        for (size_t k = (size_t)(s.list[i].onset / grid_s + hair); (double)k < s.list[i].offset / grid_s - hair; k++)
            roll[k] |= (unsigned char)bit;
    }
    return n;
}

static double last_offset(em_spans s, double so_far)
{
    for (int i = 0; i < s.n; i++)
        so_far = fmax(so_far, s.list[i].offset);
    return so_far;
}

em_status em_segments_count(em_counts *counts, int n_classes, em_spans wanted, em_spans found, double grid_s, em_err *err)
{
    unsigned char *roll;
    size_t n;
    em_status status = check_spans(wanted, n_classes, err);

    if (status == EM_OK)
        status = check_spans(found, n_classes, err);
    if (status == EM_OK && !(grid_s >= 1e-3))
        status = em_fail(err, EM_EINVAL, "a grid of %g s is not one of a millisecond at least", grid_s);
    if (status != EM_OK)
        return status;
    n = (size_t)ceil(last_offset(wanted, last_offset(found, 0)) / grid_s) + 1;
    roll = malloc(n);
    if (!roll)
        return em_fail(err, EM_ENOMEM, "no memory for a grid of %zu pieces", n);
    for (int c = 0; c < n_classes; c++) {
        memset(roll, 0, n);
        if (mark(roll, wanted, c, grid_s, WANTED) + mark(roll, found, c, grid_s, FOUND) == 0)
            continue;
        for (size_t k = 0; k < n; k++) {
            counts[c].n_hits   += roll[k] == (WANTED | FOUND);
            counts[c].n_false  += roll[k] == FOUND;
            counts[c].n_missed += roll[k] == WANTED;
        }
    }
    free(roll);
    return EM_OK;
}
