/* guard.c - counts bad steps, see guard.h. */
#include "train/guard.h"

#include <math.h>

em_verdict em_guard_step(em_guard *g, bool is_finite)
{
    if (is_finite) {
        g->n_in_row = 0;
        return EM_TAKE;
    }
    g->n_skipped++;
    if (++g->n_in_row < EM_GUARD_IN_ROW)
        return EM_SKIP;
    if (g->is_on_trial || g->n_reloads == EM_GUARD_RELOADS)
        return EM_GIVE_UP;
    g->n_in_row = 0;
    g->n_reloads++;
    g->is_on_trial = true;
    return EM_RELOAD;
}

em_verdict em_guard_lost(em_guard *g)
{
    g->n_in_row = EM_GUARD_IN_ROW - 1;
    return em_guard_step(g, false);
}

void em_guard_saved(em_guard *g)
{
    g->is_on_trial = g->is_on_trial && g->n_in_row > 0;
}

double em_guard_rate(const em_guard *g)
{
    return ldexp(1, -g->n_reloads);
}
