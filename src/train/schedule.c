/* schedule.c - see schedule.h. */
#include "train/schedule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double em_schedule_htsat(const double factors[3], long epoch)
{
    static const struct { long last; int factor; } steps[] = { { 0, 0 }, { 1, 1 }, { 10, 2 }, { 20, 1 }, { 30, 0 } };

    for (size_t i = 0; i < EM_COUNT(steps); i++)
        if (epoch <= steps[i].last)
            return factors[steps[i].factor];
    return fmax(factors[0] * pow(.98, (double)epoch), .03);
}

static double constant(const em_schedule *s, long step)
{
    (void)step;
    return s->rate;
}

static double cosine(const em_schedule *s, long step)
{
    double part = (double)(step - s->n_warmup) / (double)(s->n_steps - s->n_warmup);

    return s->floor + (s->rate - s->floor) * .5 * (1.0 + cos(3.14159265358979323846 * part));
}

static double htsat(const em_schedule *s, long step)
{
    return s->rate * em_schedule_htsat(s->factors, step / s->steps_per_epoch);
}

static const struct kind {
    bool     warms_up;
    double (*rate)(const em_schedule *s, long step);
} kinds[] = {
    [EM_SCHEDULE_CONSTANT] = { true, constant },
    [EM_SCHEDULE_COSINE]   = { true, cosine },
    [EM_SCHEDULE_HTSAT]    = { false, htsat },
};

static const struct choice {
    const char      *name;
    em_schedule_kind kind;
    double           factors[3];
} choices[] = {
    { .name = "constant", .kind = EM_SCHEDULE_CONSTANT },
    { .name = "cosine", .kind = EM_SCHEDULE_COSINE },
    { "htsat", EM_SCHEDULE_HTSAT, { .02, .05, .1 } },
    { "audio-mamba", EM_SCHEDULE_HTSAT, { .05, .1, .2 } },
};

em_status em_schedule_parse(em_schedule *s, const char *name, em_err *err)
{
    char names[64] = "";

    for (const struct choice *c = choices; c < choices + EM_COUNT(choices); c++) {
        size_t n = strlen(names);

        if (!strcmp(c->name, name)) {
            s->kind = c->kind;
            if (c->kind == EM_SCHEDULE_HTSAT)
                memcpy(s->factors, c->factors, sizeof s->factors);
            return EM_OK;
        }
        snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "", c->name);
    }
    return em_fail(err, EM_EINVAL, "no schedule '%.40s': there are %s", name, names);
}

em_status em_schedule_check(const em_schedule *s, em_err *err)
{
    if (!(s->rate >= 0 && s->rate <= 100) || !(s->floor >= 0 && s->floor <= s->rate))
        return em_fail(err, EM_EINVAL, "a learning rate lies between 0 and 100, its floor not above it (rate %g, floor %g)", s->rate,
                       s->floor);
    if (s->n_steps < 1 || s->n_warmup < 0)
        return em_fail(err, EM_EINVAL, "a run has at least one step and no negative warm-up (steps %ld, warm-up %ld)", s->n_steps,
                       s->n_warmup);
    if (s->kind == EM_SCHEDULE_HTSAT && s->steps_per_epoch < 1)
        return em_fail(err, EM_EINVAL, "the schedule htsat needs the steps of an epoch, at least one, not %ld", s->steps_per_epoch);
    return EM_OK;
}

bool em_schedule_clamp(em_schedule *s)
{
    if (!kinds[s->kind].warms_up || s->n_warmup <= s->n_steps / 10)
        return false;
    s->n_warmup = s->n_steps / 10;
    return true;
}

double em_schedule_rate(const em_schedule *s, long step)
{
    if (step >= s->n_steps)
        step = s->n_steps - 1;
    if (kinds[s->kind].warms_up && step < s->n_warmup)
        return s->rate * (double)(step + 1) / (double)s->n_warmup;
    return kinds[s->kind].rate(s, step);
}
