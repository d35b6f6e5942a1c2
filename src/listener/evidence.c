/* evidence.c - a ring of cells, and the weighted sums in it: see evidence.h. */
#include "listener/evidence.h"

#include "base/arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double least_weight = .05;     /* at the very end of a window: something, for a stream may end there */

enum { MOST_CELLS = 1 << 16 };

em_status em_evidence_init(em_evidence *e, const em_evidence_cfg *cfg, em_err *err)
{
    const double cell = floor(cfg->slot_samples / EM_SLOT_CELLS + .5);

    *e = (em_evidence){ .cfg = *cfg };
    if (cfg->n_lanes < 1 || cfg->n_slots < 1 || cfg->window_samples < 1 || !(cell >= 1) || !(cfg->ramp_samples >= 0) ||
        !(cfg->slot_samples * cfg->n_slots >= (double)cfg->window_samples) || (double)cfg->window_samples / cell > MOST_CELLS)
        return em_fail(err, EM_EINVAL, "a detector of %d classes in %d slots of %g samples: they must cover a window of %lld samples",
                       cfg->n_lanes, cfg->n_slots, cfg->slot_samples, (long long)cfg->window_samples);
    e->cell_samples = (int64_t)cell;
    e->n_room = (int)(cfg->window_samples / e->cell_samples) + 2;
    e->sum = em_alloc((size_t)e->n_room * (size_t)cfg->n_lanes * sizeof *e->sum);
    e->weight = em_alloc((size_t)e->n_room * sizeof *e->weight);
    if (!e->sum || !e->weight)
        return em_fail(err, EM_ENOMEM, "no memory for the evidence of %d classes", cfg->n_lanes);
    return EM_OK;
}

void em_evidence_deinit(em_evidence *e)
{
    free(e->sum);
    free(e->weight);
    *e = (em_evidence){ 0 };
}

/* The first cell whose middle is at `sample` or behind it. */
static int64_t cell_from(const em_evidence *e, int64_t sample)
{
    const int64_t half = e->cell_samples / 2;

    return sample <= half ? 0 : (sample - half + e->cell_samples - 1) / e->cell_samples;
}

int64_t em_evidence_first(const em_evidence *e, int64_t end_sample) { return cell_from(e, end_sample - e->cfg.window_samples); }

int64_t em_evidence_next(const em_evidence *e, int64_t end_sample) { return cell_from(e, end_sample); }

void em_evidence_move(em_evidence *e, int64_t end_sample)
{
    const int64_t first = em_evidence_first(e, end_sample), next = em_evidence_next(e, end_sample);

    for (int64_t cell = e->next > first ? e->next : first; cell < next; cell++) {
        const int at = em_evidence_place(e, cell);

        memset(e->sum + (size_t)at * (size_t)e->cfg.n_lanes, 0, (size_t)e->cfg.n_lanes * sizeof *e->sum);
        e->weight[at] = 0;
    }
    e->first = first;
    e->next = next;
}

static float weight_of(const em_evidence *e, double before, double behind)
{
    const double nearer = before < behind ? before : behind;

    if (nearer >= e->cfg.ramp_samples)
        return 1;
    return (float)fmax(least_weight, nearer / e->cfg.ramp_samples);
}

void em_evidence_add(em_evidence *e, int64_t end_sample, int i_slot, const float *scores)
{
    const int64_t begin = end_sample - e->cfg.window_samples;
    const double from = i_slot * e->cfg.slot_samples, to = from + e->cfg.slot_samples;
    const size_t n = (size_t)e->cfg.n_lanes;

    for (int64_t cell = e->first; cell < e->next; cell++) {
        const double middle = (double)(cell * e->cell_samples + e->cell_samples / 2 - begin);
        const int at = em_evidence_place(e, cell);
        float *sum = e->sum + (size_t)at * n, w;

        if (middle < from || middle >= to)
            continue;
        w = weight_of(e, middle, (double)e->cfg.window_samples - middle);
        e->weight[at] += w;
        for (size_t i = 0; i < n; i++)
            sum[i] += w * scores[i];
    }
}
