/* edges.c - see edges.h. */
#include "listener/edges.h"

#include "base/event.h"

#include <stdbool.h>

enum {
    REACH = 12,                     /* slices to either side                                */
    SIDE = 4,                       /* slices that are compared before an edge and behind   */
};

static const float least_db = 6;

void em_edges_take(em_edges *e, const uint8_t *levels, int n, int64_t first)
{
    if (n > 0 && first != e->next)
        e->first = e->next = first;
    for (int i = 0; i < n; i++)
        e->levels[e->next++ % EM_EDGES_ROOM] = levels[i];
    if (e->first < e->next - EM_EDGES_ROOM)
        e->first = e->next - EM_EDGES_ROOM;
}

/* Whether SIDE slices are known before this one and from it on. */
static bool is_known(const em_edges *e, int64_t slice)
{
    return slice >= e->first + SIDE && slice <= e->next - SIDE;
}

/* Steps of level by which the sum of SIDE slices from `slice` on is above (sign 1) or below (-1) that of SIDE before it. */
static int step_at(const em_edges *e, int64_t slice, int sign)
{
    int sum = 0;

    for (int i = 0; i < SIDE; i++)
        sum += e->levels[(slice + i) % EM_EDGES_ROOM] - e->levels[(slice - 1 - i) % EM_EDGES_ROOM];
    return sign * sum;
}

/* Whether a step is the greatest around, as far as moments may move: on a slope that goes on they go as far as they may. */
static bool is_edge(const em_edges *e, int64_t slice, int64_t first, int64_t last, int sign)
{
    const int64_t before = slice > first ? slice - 1 : slice, behind = slice < last ? slice + 1 : slice;
    int step;

    if (!is_known(e, before) || !is_known(e, behind))
        return false;
    step = step_at(e, slice, sign);
    return step >= (int)(SIDE * least_db / EM_COLUMN_DB) && step_at(e, before, sign) <= step && step_at(e, behind, sign) <= step;
}

int64_t em_edges_rise(const em_edges *e, int64_t sample, int64_t slice_samples)
{
    const int64_t near = (sample + slice_samples / 2) / slice_samples;

    for (int64_t slice = near - REACH; slice <= near + REACH; slice++)
        if (is_edge(e, slice, near - REACH, near + REACH, 1))
            return slice * slice_samples;
    return sample;
}

int64_t em_edges_fall(const em_edges *e, int64_t sample, int64_t slice_samples)
{
    const int64_t near = (sample + slice_samples / 2) / slice_samples;

    for (int64_t slice = near + REACH; slice >= near - REACH; slice--)
        if (is_edge(e, slice, near - REACH, near + REACH, -1))
            return slice * slice_samples;
    return sample;
}
