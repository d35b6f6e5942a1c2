/* xruns.c - the least lag before an xrun and after it: see xruns.h. */
#include "audio/xruns.h"

#define MS 1000000ull

enum {
    WARM_MS = 200,                  /* of measurement before a floor is believed                     */
    TURN_MS = 1000,
    SETTLE_MS = 10,                 /* and five quarters of a period: long enough to see one delivered */
    MOST_SETTLE_MS = 1000,          /* xruns without end are told once a second                      */
};

static int64_t least_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void em_xruns_forget(em_xruns *x)
{
    *x = (em_xruns){ 0 };
}

static void begin(em_xruns *x, const em_xruns_now *now)
{
    *x = (em_xruns){ .has_begun = true, .begin_ns = now->now_ns, .turn_ns = now->now_ns, .n_xruns = now->n_xruns,
                     .n_period = now->n_period, .least = { 0, INT64_MAX } };
    x->origin = (int64_t)(now->n_clock - now->n_frames);
}

static int64_t lag_of(const em_xruns *x, const em_xruns_now *now)
{
    return (int64_t)(now->n_clock - now->n_frames - x->n_reported) - x->origin;
}

/* The running second includes this look. */
static void follow(em_xruns *x, const em_xruns_now *now, int64_t lag)
{
    if (now->now_ns - x->turn_ns >= TURN_MS * MS) {
        x->least[1] = x->least[0];
        x->least[0] = INT64_MAX;
        x->turn_ns = now->now_ns;
    }
    x->least[0] = least_of(x->least[0], lag);
}

static bool has_settled(const em_xruns *x, const em_xruns_now *now)
{
    uint64_t period_ns = (uint64_t)now->n_period * 1000 * MS / (uint64_t)now->rate_hz;

    return now->now_ns - x->last_ns >= SETTLE_MS * MS + period_ns * 5 / 4 || now->now_ns - x->settle_ns >= MOST_SETTLE_MS * MS;
}

/* Whole periods of a server; otherwise what exceeds the doubt of a millisecond or half a period. */
static uint64_t loss_of(const em_xruns *x, const em_xruns_now *now)
{
    const int64_t n = x->settled - x->floor, period = now->n_period;

    if (now->is_exact)
        return n > 0 && period > 0 ? (uint64_t)((n + period / 2) / period * period) : 0;
    return n > now->rate_hz / 1000 && n > period / 2 ? (uint64_t)n : 0;
}

uint64_t em_xruns_look(em_xruns *x, const em_xruns_now *now)
{
    const bool is_new = now->n_xruns != x->n_xruns;
    int64_t lag, floor;
    uint64_t n_lost;

    if (!x->has_begun || (now->is_exact && now->n_period != x->n_period) ||
        (is_new && now->now_ns - x->begin_ns < WARM_MS * MS)) {
        begin(x, now);
        return 0;
    }
    lag = lag_of(x, now);
    floor = least_of(x->least[0], x->least[1]);
    x->n_xruns = now->n_xruns;
    if (!x->is_settling && (is_new || (now->is_exact && now->now_ns - x->begin_ns >= WARM_MS * MS &&
                                       lag - floor >= 2 * (int64_t)now->n_period))) {
        x->is_settling = true;
        x->settle_ns = x->last_ns = now->now_ns;
        x->floor = floor;
        x->settled = INT64_MAX;
    }
    if (is_new && now->now_ns - x->settle_ns < MOST_SETTLE_MS / 2 * MS) {
        x->last_ns = now->now_ns;
        x->settled = INT64_MAX;
    }
    if (!x->is_settling) {
        follow(x, now, lag);
        return 0;
    }
    x->settled = least_of(x->settled, lag);
    if (!has_settled(x, now))
        return 0;
    n_lost = loss_of(x, now);
    x->is_settling = false;
    x->n_reported += n_lost;
    follow(x, now, x->settled - (int64_t)n_lost);
    return n_lost;
}
