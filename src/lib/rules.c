/* rules.c - thresholds, lengths and groups of the settings, class by class: see rules.h.
 *
 * A class begins at what its tuning says, else watch, else threshold, else its model's own threshold, else 0.5. */
#include "lib/rules.h"

#include "base/log.h"
#include "model/labels.h"
#include "model/ontology.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct draft {              /* one class or group, until its thresholds are known */
    em_sound_cfg sound;
    double hysteresis;
} draft;

typedef struct making {
    em_rules *out;
    const em_known *known;
    const em_settings *o;
    int   *place;                   /* [classes of the model] among the rules' classes, -1: not there */
    draft *drafts;                  /* [n + n_groups]                                                 */
    em_err *err;
} making;

static em_status no_memory(em_err *err)
{
    return em_fail(err, EM_ENOMEM, "no memory for the rules of events");
}

/* ---- groups ---- */

static em_group_cfg *find_group(const em_rules *r, const char *name, size_t n)
{
    for (int g = 0; g < r->n_groups; g++)
        if (strlen(r->groups[g].name) == n && strncmp(r->groups[g].name, name, n) == 0)
            return &r->groups[g];
    return NULL;
}

static em_group_cfg *add_group(em_rules *r, const char *name, size_t n)
{
    em_group_cfg *grown = realloc(r->groups, ((size_t)r->n_groups + 1) * sizeof *grown);

    if (!grown)
        return NULL;
    r->groups = grown;
    grown[r->n_groups] = (em_group_cfg){ .name = strndup(name, n) };
    return grown[r->n_groups].name ? &grown[r->n_groups++] : NULL;
}

/* What the rules do not have, because the model was not trained on it, tells nothing of the group. */
static em_status add_members(making *m, em_group_cfg *g, const bool *is_in, const char *text)
{
    int *grown = realloc((int *)(uintptr_t)g->members, ((size_t)g->n_members + (size_t)m->out->n + 1) * sizeof *grown), n = 0;

    if (!grown)
        return no_memory(m->err);
    g->members = grown;
    for (int i = 0; i < m->out->n; i++) {
        const bool is_one = is_in[m->out->classes[i]];

        n += is_one;
        if (is_one && !em_group_has(g, i))
            grown[g->n_members++] = i;
    }
    if (n == 0)
        em_log(EM_LOG_WARNING, "%sgroup: the model was trained on nothing of %s", m->o->dashes, text);
    return EM_OK;
}

/* A class and all that is below it in the ontology, where it stands there; or a branch that is no class itself. */
static em_status mark_members(bool *is_in, const em_known *known, const char *name, em_err *err)
{
    const em_classes *classes = &known->classes;
    int c = em_labels_find(classes->labels, classes->mids, classes->n, name);
    em_status status = em_ontology_branch(is_in, c >= 0 && *classes->mids[c] ? classes->mids[c] : name, classes->mids, classes->n, err);

    if (status == EM_ENOMEM)
        return status;
    if (c >= 0)
        is_in[c] = true;
    return c >= 0 || !status ? EM_OK : em_labels_resolve(&c, classes->labels, classes->mids, classes->n, name, err);
}

/* "alarm=Siren" */
static em_status join(making *m, const char *text)
{
    const char *equals = strchr(text, '=');
    const size_t n = (size_t)(equals - text);
    const int n_classes = m->known->classes.n;
    em_group_cfg *g = find_group(m->out, text, n);
    bool *is_in = calloc((size_t)n_classes + 1, sizeof *is_in);
    em_status status = EM_OK;

    if (!is_in || (!g && !(g = add_group(m->out, text, n))))
        status = no_memory(m->err);
    if (!status)
        status = mark_members(is_in, m->known, equals + 1, m->err);
    if (!status)
        status = add_members(m, g, is_in, text);
    free(is_in);
    return status;
}

/* ---- thresholds and lengths ---- */

static draft usual(const em_settings *o, float on)
{
    draft d = { em_sound_default(on), o->hysteresis };

    d.sound.shortest_s = o->min_on;
    d.sound.gap_s = o->min_off;
    return d;
}

static void draft_all(making *m, const em_selection *selection)
{
    const em_rules *r = m->out;

    for (int i = 0; i < r->n; i++) {
        const int c = r->classes[i];
        const float own = m->known->thresholds ? m->known->thresholds[c] : 0;

        m->drafts[i] = usual(m->o, selection->thresholds[c] > 0 ? selection->thresholds[c] : own);
        m->drafts[i].sound.is_told = selection->is_shown[c];
    }
    for (int g = 0; g < r->n_groups; g++)
        m->drafts[r->n + g] = usual(m->o, (float)m->o->threshold);
}

/* A group, or a class of the rules' (groups come behind them); -1 in *i: a class that they do not have. */
static em_status find_sound(const making *m, int *i, const char *name, const char *option)
{
    const em_classes *classes = &m->known->classes;
    const em_group_cfg *group = find_group(m->out, name, strlen(name));
    em_status status;
    int c;

    *i = group ? m->out->n + (int)(group - m->out->groups) : -1;
    if (group)
        return EM_OK;
    if ((status = em_labels_resolve(&c, classes->labels, classes->mids, classes->n, name, m->err)))
        return status;
    *i = m->place[c];
    if (*i < 0)
        em_log(EM_LOG_WARNING, "%s%s: the model was not trained on %s", m->o->dashes, option, classes->labels[c]);
    return EM_OK;
}

/* "Dog:min-on=1" */
static em_status tune(making *m, const char *text)
{
    em_tuning t;
    draft *d;
    em_status status;
    int i;

    em_parse_tuning(&t, text);                          /* was checked when it was set */
    if ((status = find_sound(m, &i, t.name, "tune")) || i < 0)
        return status;
    d = &m->drafts[i];
    if (t.key == EM_TUNE_THRESHOLD)
        d->sound.on = (float)t.value;
    else if (t.key == EM_TUNE_HYSTERESIS)
        d->hysteresis = t.value;
    else if (t.key == EM_TUNE_MIN_ON)
        d->sound.shortest_s = t.value;
    else if (t.key == EM_TUNE_MIN_OFF)
        d->sound.gap_s = t.value;
    else
        d->sound.is_gate = t.value > 0;
    return EM_OK;
}

static em_status explain(making *m)
{
    em_rules *r = m->out;
    em_status status = EM_OK;
    int i;

    if (!(r->explained = calloc((size_t)m->o->explain.n + 1, sizeof *r->explained)))
        return no_memory(m->err);
    for (int k = 0; k < m->o->explain.n && !status; k++)
        if (!(status = find_sound(m, &i, m->o->explain.list[k], "explain")) && i >= 0)
            r->explained[r->watch.n_explained++] = i;
        else
            status = em_settings_at(status, m->o, &m->o->explain, k, "explain", m->err);
    r->watch.explained = r->explained;
    return status;
}

/* until: a group; or a class and what is below it, as of Dog and Bark only the latter is told. */
static em_status await_one(making *m, bool *is_in, const char *name)
{
    const em_group_cfg *group = find_group(m->out, name, strlen(name));
    bool is_told = group != NULL;
    em_status status;

    if (group)
        m->out->awaited[m->out->n + (int)(group - m->out->groups)] = true;
    else if ((status = mark_members(is_in, m->known, name, m->err)))
        return status;
    for (int i = 0; i < m->out->n && !group; i++)
        if (is_in[m->out->classes[i]] && m->drafts[i].sound.is_told)
            is_told = m->out->awaited[i] = true;
    if (!is_told)
        return em_fail(m->err, EM_EINVAL, "%.80s is never told: the model was not trained on it, or %swatch and %signore leave it out", name,
                       m->o->dashes, m->o->dashes);
    return EM_OK;
}

static em_status await(making *m)
{
    em_rules *r = m->out;
    em_status status = EM_OK;

    if (m->o->until.n == 0)
        return EM_OK;
    r->awaited = calloc((size_t)(r->n + r->n_groups), sizeof *r->awaited);
    r->watch.awaited = r->awaited;
    for (int i = 0; i < m->o->until.n && !status; i++) {
        bool *is_in = calloc((size_t)m->known->classes.n + 1, sizeof *is_in);

        status = r->awaited && is_in ? em_settings_at(await_one(m, is_in, m->o->until.list[i]), m->o, &m->o->until, i, "until", m->err)
                                     : no_memory(m->err);
        free(is_in);
    }
    return status;
}

static em_sound_cfg finished(const draft *d)
{
    em_sound_cfg sound = d->sound;

    sound.off = fmaxf(sound.on - (float)d->hysteresis, sound.on / 2);
    return sound;
}

/* Which of a class's is more specific than which: by the mids of the rules' classes. */
static em_status order(making *m)
{
    em_rules *r = m->out;
    const char **mids = calloc((size_t)r->n + 1, sizeof *mids);
    em_status status;

    for (int i = 0; mids && i < r->n; i++)
        mids[i] = m->known->classes.mids[r->classes[i]];
    status = mids ? em_ontology_above(&r->above, &r->watch.detector.n_above, mids, r->n, m->err) : no_memory(m->err);
    free(mids);
    return status;
}

static void settle(making *m)
{
    em_rules *r = m->out;
    em_detector_cfg *d = &r->watch.detector;

    for (int i = 0; i < r->n; i++)
        r->sounds[i] = finished(&m->drafts[i]);
    for (int g = 0; g < r->n_groups; g++)
        r->groups[g].sound = finished(&m->drafts[r->n + g]);
    d->rate_hz = m->known->rate_hz;
    d->window_samples = m->known->window_samples;
    d->n_slots = m->known->n_slots;
    d->slot_s = m->known->slot_s;
    d->labels = r->labels;
    d->classes = r->sounds;
    d->n_classes = r->n;
    d->groups = r->groups;
    d->n_groups = r->n_groups;
    d->above = (const int (*)[2])r->above;
    r->watch.classes = r->classes;
    r->watch.n_scores = m->known->classes.n;
    r->watch.has_gate = m->o->gate < 0;
    r->watch.gate_dbfs = (float)m->o->gate;
}

/* The classes that events can be of: at least one, so that a detector can be made. */
static em_status choose(making *m, const em_selection *selection)
{
    em_rules *r = m->out;
    const size_t n = (size_t)m->known->classes.n;

    m->place = calloc(n + 1, sizeof *m->place);
    r->classes = calloc(n + 1, sizeof *r->classes);
    r->labels = calloc(n + 1, sizeof *r->labels);
    r->sounds = calloc(n + 1, sizeof *r->sounds);
    if (!m->place || !r->classes || !r->labels || !r->sounds)
        return no_memory(m->err);
    for (int c = 0; c < (int)n; c++) {
        m->place[c] = -1;
        if (!m->known->is_trained[c] && !selection->is_shown[c] && (c < (int)n - 1 || r->n > 0))
            continue;
        r->classes[r->n] = c;
        r->labels[r->n] = m->known->classes.labels[c];
        m->place[c] = r->n++;
    }
    return EM_OK;
}

em_status em_rules_make(em_rules *out, const em_known *known, const em_selection *selection, const em_settings *o, em_err *err)
{
    making m = { .out = out, .known = known, .o = o, .err = err };
    em_status status;

    *out = (em_rules){ .watch.detector = em_detector_default() };
    status = choose(&m, selection);
    for (int i = 0; i < o->groups.n && !status; i++)
        status = em_settings_at(join(&m, o->groups.list[i]), o, &o->groups, i, "group", err);
    if (!status && !(m.drafts = calloc((size_t)(out->n + out->n_groups), sizeof *m.drafts)))
        status = no_memory(err);
    if (!status)
        draft_all(&m, selection);
    for (int i = 0; i < o->tunes.n && !status; i++)
        status = em_settings_at(tune(&m, o->tunes.list[i]), o, &o->tunes, i, "tune", err);
    if (!status)
        status = explain(&m);
    if (!status)
        status = await(&m);
    if (!status)
        status = order(&m);
    if (!status)
        settle(&m);
    free(m.drafts);
    free(m.place);
    return status;
}

double em_rules_longest_gap(const em_rules *r)
{
    double longest = 0;

    for (int i = 0; i < r->n; i++)
        longest = fmax(longest, r->sounds[i].gap_s);
    for (int g = 0; g < r->n_groups; g++)
        longest = fmax(longest, r->groups[g].sound.gap_s);
    return longest;
}

void em_rules_deinit(em_rules *r)
{
    for (int g = 0; g < r->n_groups; g++) {
        free((char *)(uintptr_t)r->groups[g].name);
        free((int *)(uintptr_t)r->groups[g].members);
    }
    free(r->groups);
    free(r->classes);
    free(r->labels);
    free(r->sounds);
    free(r->explained);
    free(r->awaited);
    free(r->above);
    *r = (em_rules){ 0 };
}
