/* level.c - see level.h. */
#include "engine/level.h"

#include <math.h>

bool em_level_hop(em_level *l, double time_s, float rms_dbfs, em_event *e)
{
    l->power += pow(10, (double)rms_dbfs / 10);
    l->n_hops++;
    if (time_s < l->told_s + EM_LEVEL_S)
        return false;
    e->u.level.dbfs = (float)(10 * log10(l->power / l->n_hops));
    e->u.level.lufs = (float)em_loudness_take(l->loudness);
    l->power = 0;
    l->n_hops = 0;
    l->told_s = floor(time_s / EM_LEVEL_S) * EM_LEVEL_S;
    return true;
}
