/* detector_new.c - settings into lanes: classes, then groups; who hides whom, and in which order they are followed. */
#include "listener/detector_inside.h"

#include "base/arena.h"

#include <math.h>
#include <stdlib.h>

em_detector_cfg em_detector_default(void)
{
    return (em_detector_cfg){ .source = "", .settle_s = .64, .ramp_s = 2, .edge = .5f, .rival = .7f, .sure = .5f };
}

em_sound_cfg em_sound_default(float threshold)
{
    const float on = threshold > 0 && threshold <= 1 ? threshold : .5f;

    return (em_sound_cfg){ .on = on, .off = fmaxf(on - .15f, on / 2), .shortest_s = .4, .gap_s = 2, .is_told = true };
}

static em_status check_sound(const em_sound_cfg *s, const char *name, em_err *err)
{
    if (!(s->off > 0 && s->off <= s->on && s->on <= 1))
        return em_fail(err, EM_EINVAL, "%s: thresholds %g (on) and %g (off): 0 < off <= on <= 1 is wanted", name, (double)s->on,
                       (double)s->off);
    if (!(s->shortest_s >= 0 && s->shortest_s <= 86400 && s->gap_s >= 0 && s->gap_s <= 86400))
        return em_fail(err, EM_EINVAL, "%s: shortest %g s and gap %g s: 0 to 86400 s are wanted", name, s->shortest_s, s->gap_s);
    return EM_OK;
}

static em_status check(const em_detector_cfg *cfg, em_err *err)
{
    em_status status = EM_OK;

    if (cfg->n_classes < 1 || cfg->n_groups < 0 || cfg->rate_hz < 100)
        return em_fail(err, EM_EINVAL, "a detector of %d classes and %d groups at %d Hz", cfg->n_classes, cfg->n_groups, cfg->rate_hz);
    if (!(cfg->settle_s >= 0 && cfg->settle_s * cfg->rate_hz < cfg->window_samples) || !(cfg->edge >= 0 && cfg->edge <= 1))
        return em_fail(err, EM_EINVAL, "a detector that settles for %g s, edges at %g: less than a window, and 0 to 1 are wanted",
                       cfg->settle_s, (double)cfg->edge);
    if (!(cfg->rival >= 0 && cfg->rival <= 1 && cfg->sure >= 0 && cfg->sure <= 1))
        return em_fail(err, EM_EINVAL, "a detector with a rival of %g, sure at %g: 0 to 1 are wanted", (double)cfg->rival, (double)cfg->sure);
    for (int c = 0; c < cfg->n_classes && !status; c++)
        status = check_sound(&cfg->classes[c], cfg->labels[c], err);
    for (int g = 0; g < cfg->n_groups && !status; g++) {
        const em_group_cfg *group = &cfg->groups[g];

        status = check_sound(&group->sound, group->name, err);
        for (int m = 0; m < group->n_members && !status; m++)
            if (group->members[m] < 0 || group->members[m] >= cfg->n_classes)
                status = em_fail(err, EM_EINVAL, "group %s: class %d of %d", group->name, group->members[m], cfg->n_classes);
    }
    for (int i = 0; i < cfg->n_above && !status; i++)
        for (int k = 0; k < 2 && !status; k++)
            if (cfg->above[i][k] < 0 || cfg->above[i][k] >= cfg->n_classes || cfg->above[i][0] == cfg->above[i][1])
                status = em_fail(err, EM_EINVAL, "class %d above class %d, of %d", cfg->above[i][1], cfg->above[i][0], cfg->n_classes);
    return status;
}

static const em_sound_cfg *sound_of(const em_detector_cfg *cfg, int i)
{
    return i < cfg->n_classes ? &cfg->classes[i] : &cfg->groups[i - cfg->n_classes].sound;
}

const char *em_detector_name(const em_detector_cfg *cfg, int i)
{
    return i < cfg->n_classes ? cfg->labels[i] : cfg->groups[i - cfg->n_classes].name;
}

static int64_t cells(const em_detector *d, double seconds)
{
    return (int64_t)ceil(seconds * d->cfg.rate_hz / (double)d->evidence.cell_samples - 1e-9);
}

static void set_lanes(em_detector *d)
{
    for (int i = 0; i < d->n_lanes; i++) {
        const em_sound_cfg *s = sound_of(&d->cfg, i);
        em_lane *l = &d->lanes[i];

        l->rule = (em_track_rule){ s->on, s->off, d->cfg.edge, cells(d, s->gap_s) };
        l->shortest = cells(d, s->shortest_s) > 1 ? cells(d, s->shortest_s) : 1;
        l->is_told = s->is_told;
        l->is_gate = s->is_gate;
        d->off[i] = s->off;
    }
}

bool em_group_has(const em_group_cfg *group, int i_class)
{
    for (int m = 0; m < group->n_members; m++)
        if (group->members[m] == i_class)
            return true;
    return false;
}

/* Whether lane i hides what is above `specific`: a class its own, a group what is above its members but no member. */
static bool is_hidden_by(const em_detector_cfg *cfg, int i, const int above[2])
{
    const em_group_cfg *group = i < cfg->n_classes ? NULL : &cfg->groups[i - cfg->n_classes];

    return group ? em_group_has(group, above[0]) && !em_group_has(group, above[1]) : above[0] == i;
}

/* Fills lanes' lists, or (list NULL) counts: how many there are. What nobody is told of hides nothing. */
static size_t set_above(em_detector *d, int *list)
{
    size_t n = 0;

    for (int i = 0; i < d->n_lanes; i++) {
        const size_t first = n;

        for (int k = 0; k < d->cfg.n_above && sound_of(&d->cfg, i)->is_told; k++)
            if (is_hidden_by(&d->cfg, i, d->cfg.above[k])) {
                if (list)
                    list[n] = d->cfg.above[k][1];
                n++;
            }
        if (list) {
            d->lanes[i].above = list + first;
            d->lanes[i].n_above = (int)(n - first);
        }
    }
    return n;
}

/* Gates hide all, groups hide classes, and whoever is below a class has more above it than that class has. */
static void set_order(em_detector *d)
{
    int *rank = d->order + d->n_lanes, most = d->cfg.n_above + 2, n = 0;

    for (int k = 0; k < d->cfg.n_above; k++)
        rank[d->cfg.above[k][0]]++;
    for (int i = d->cfg.n_classes; i < d->n_lanes; i++)
        rank[i] = most - 1;
    for (int i = 0; i < d->n_lanes; i++)
        rank[i] = d->lanes[i].is_gate ? most : rank[i];
    for (; most >= 0; most--)
        for (int i = 0; i < d->n_lanes; i++)
            if (rank[i] == most)
                d->order[n++] = i;
}

static em_status allocate(em_detector *d, em_err *err)
{
    const em_evidence_cfg evidence = {
        .n_lanes = d->n_lanes, .n_slots = d->cfg.n_slots, .slot_samples = d->cfg.slot_s * d->cfg.rate_hz,
        .window_samples = d->cfg.window_samples, .ramp_samples = d->cfg.ramp_s * d->cfg.rate_hz,
    };
    const size_t n = (size_t)d->n_lanes;
    em_status status = em_evidence_init(&d->evidence, &evidence, err);

    if (status)
        return status;
    d->lanes = em_alloc(n * sizeof *d->lanes);
    d->order = em_alloc(2 * n * sizeof *d->order);
    d->above = em_alloc((set_above(d, NULL) + 1) * sizeof *d->above);
    d->hidden = em_alloc((size_t)d->evidence.n_room * n);
    d->gated = em_alloc((size_t)d->evidence.n_room);
    d->is_busy = em_alloc(n);
    d->off = em_alloc(n * sizeof *d->off);
    d->belief = em_alloc(n * sizeof *d->belief);
    d->row = em_alloc(n * sizeof *d->row);
    d->claims = em_alloc((size_t)d->cfg.n_classes * EM_CLASS_CLAIMS * sizeof *d->claims);
    if (!d->lanes || !d->order || !d->above || !d->hidden || !d->gated || !d->is_busy || !d->off || !d->belief || !d->row || !d->claims)
        return em_fail(err, EM_ENOMEM, "no memory for a detector of %d classes", d->n_lanes);
    return EM_OK;
}

em_status em_detector_new(em_detector **out, const em_detector_cfg *cfg, em_err *err)
{
    em_status status = check(cfg, err);
    em_detector *d;

    *out = NULL;
    if (status)
        return status;
    d = calloc(1, sizeof *d);
    if (!d)
        return em_fail(err, EM_ENOMEM, "no memory for a detector");
    d->cfg = *cfg;
    d->n_lanes = cfg->n_classes + cfg->n_groups;
    status = allocate(d, err);
    if (status) {
        em_detector_free(d);
        return status;
    }
    set_lanes(d);
    set_above(d, d->above);
    set_order(d);
    *out = d;
    return EM_OK;
}

void em_detector_free(em_detector *d)
{
    if (!d)
        return;
    em_evidence_deinit(&d->evidence);
    free(d->lanes);
    free(d->order);
    free(d->above);
    free(d->hidden);
    free(d->gated);
    free(d->is_busy);
    free(d->off);
    free(d->belief);
    free(d->row);
    free(d->claims);
    free(d);
}
