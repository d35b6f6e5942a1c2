/* edges.c - see edges.h. */
#include "listener/edges.h"

#include "base/event.h"

enum {
    REACH = 12,                     /* slices to either side                                */
    SIDE = 4,                       /* slices that are compared before an edge and behind   */
    BEGINNING = 24,                 /* slices in which a sound has begun                    */
    SOFT = 32,                      /* slices of a sound's soft beginning or end            */
    MINUTE = 750,                   /* slices                                               */
};

static const float least_db = 6, pause_db = 20, silent_db = -95;

static bool is_silent(int level) { return level <= (int)((silent_db + 100) / EM_COLUMN_DB); }

/* Mean level of the SIDE slices that end with this one; all are known. Digital silence is no background: what is muted for a while would
 * make the room's noise a sound. */
static int background_until(const em_edges *e, int64_t slice)
{
    int sum = 0;

    for (int i = 0; i < SIDE; i++) {
        const int level = e->levels[(slice - i) % EM_EDGES_ROOM];

        if (is_silent(level))
            return UINT8_MAX;
        sum += level;
    }
    return sum / SIDE;
}

/* The minute that ends with a slice is looked through only when the quietest moment has left it: a stream of many pays for little more
 * than a comparison a slice. */
static void add_background(em_edges *e, int64_t slice)
{
    const int64_t first = e->first + SIDE - 1 > slice - MINUTE + 1 ? e->first + SIDE - 1 : slice - MINUTE + 1;
    const bool is_kept = e->quietest >= first && e->quietest < slice;
    int least = is_kept ? background_until(e, e->quietest) : UINT8_MAX;

    for (int64_t i = is_kept ? slice : first; i <= slice; i++) {
        const int level = background_until(e, i);

        if (level <= least) {
            least = level;
            e->quietest = i;
        }
    }
    e->background[slice % EM_EDGES_ROOM] = (uint8_t)least;
}

void em_edges_take(em_edges *e, const uint8_t *levels, int n, int64_t first)
{
    if (n > 0 && first != e->next)
        e->first = e->next = first;
    for (int i = 0; i < n; i++, e->next++) {
        e->levels[e->next % EM_EDGES_ROOM] = levels[i];
        if (e->first <= e->next - EM_EDGES_ROOM)
            e->first = e->next - EM_EDGES_ROOM + 1;
        add_background(e, e->next);
    }
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

/* The outermost edge near: the first rise (sign 1) or the last fall (-1). */
static int64_t outermost(const em_edges *e, int64_t sample, int64_t slice_samples, int sign)
{
    const int64_t near = (sample + slice_samples / 2) / slice_samples;

    for (int64_t i = -REACH; i <= REACH; i++)
        if (is_edge(e, near + sign * i, near - REACH, near + REACH, sign))
            return (near + sign * i) * slice_samples;
    return sample;
}

int64_t em_edges_rise(const em_edges *e, int64_t sample, int64_t slice_samples) { return outermost(e, sample, slice_samples, 1); }

int64_t em_edges_fall(const em_edges *e, int64_t sample, int64_t slice_samples) { return outermost(e, sample, slice_samples, -1); }

/* Of the loudest of these slices; 0 where none is known. */
static int loudest(const em_edges *e, int64_t first, int64_t last)
{
    int most = 0;

    for (int64_t i = first > e->first ? first : e->first; i <= last && i < e->next; i++)
        if (e->levels[i % EM_EDGES_ROOM] > most)
            most = e->levels[i % EM_EDGES_ROOM];
    return most;
}

int em_edges_loudness(const em_edges *e, int64_t begin, int64_t surest, int64_t slice_samples)
{
    const int64_t first = begin / slice_samples, middle = surest / slice_samples;
    const int at_first = loudest(e, first, first + BEGINNING), at_best = loudest(e, middle - SIDE, middle + SIDE);

    return at_first < at_best ? at_first : at_best;
}

static bool pauses(const em_edges *e, int64_t slice, int loudness)
{
    int level;

    if (slice < e->first || slice >= e->next)
        return false;
    level = e->levels[slice % EM_EDGES_ROOM];
    if (!is_silent(level) && level > e->background[slice % EM_EDGES_ROOM] + (int)(least_db / EM_COLUMN_DB))
        return false;
    return level + (int)(pause_db / EM_COLUMN_DB) <= loudness;
}

bool em_edges_is_pause(const em_edges *e, int64_t sample, int loudness, int64_t slice_samples)
{
    return pauses(e, sample / slice_samples, loudness);
}

/* Frames reach into the slices beside: a pause ends with the next slice, not with this one, if the level rises (sign 1) more there; and so
 * back for its beginning (sign -1). */
static int64_t sharpest(const em_edges *e, int64_t slice, int sign)
{
    const int64_t inner = slice + sign;

    return is_known(e, slice) && is_known(e, inner) && step_at(e, inner, sign) > step_at(e, slice, sign) ? inner : slice;
}

/* Where the sound begins (sign 1) or ends (-1) that `sample` belongs to: into the sound if that lies in a pause, else out to the pause. */
static int64_t beside_pause(const em_edges *e, int64_t sample, int loudness, int64_t slice_samples, int sign)
{
    const int64_t near = sample / slice_samples, end = sign < 0;            /* a slice ends where the next one begins */
    int64_t n = 0;

    while (n < REACH && pauses(e, near + sign * n, loudness))
        n++;
    if (n > 0)
        return n < REACH ? sharpest(e, near + sign * n + end, sign) * slice_samples : sample;
    while (n < SOFT && !pauses(e, near - sign * n, loudness))
        n++;
    return n < SOFT ? sharpest(e, near - sign * (n - 1) + end, sign) * slice_samples : sample;
}

int64_t em_edges_after_pause(const em_edges *e, int64_t sample, int loudness, int64_t slice_samples)
{
    return beside_pause(e, sample, loudness, slice_samples, 1);
}

int64_t em_edges_before_pause(const em_edges *e, int64_t sample, int loudness, int64_t slice_samples)
{
    return beside_pause(e, sample, loudness, slice_samples, -1);
}
