/* track.c - a class's evidence becomes stretches: see track.h. */
#include "listener/track.h"

#include <math.h>

/* The highest level that is not above x. */
static int level_of(float x)
{
    const int level = (int)(x * EM_LEVELS);

    return level < EM_LEVELS ? level : EM_LEVELS - 1;
}

static void extend(em_stretch *s, int64_t cell, float evidence)
{
    const int n = level_of(evidence) + 1;

    for (int i = s->n_levels; i < n; i++)
        s->rise[i] = cell;
    for (int i = 0; i < n; i++)
        s->fall[i] = cell;
    s->n_levels = n > s->n_levels ? n : s->n_levels;
    if (evidence > s->peak) {
        s->peak = evidence;
        s->peak_cell = cell;
    }
    s->end = cell + 1;
    s->sum += (double)evidence;
    s->n_cells++;
}

/* b lies behind a. */
static void join(em_stretch *a, const em_stretch *b)
{
    for (int i = a->n_levels; i < b->n_levels; i++)
        a->rise[i] = b->rise[i];
    for (int i = 0; i < b->n_levels; i++)
        a->fall[i] = b->fall[i];
    a->n_levels = b->n_levels > a->n_levels ? b->n_levels : a->n_levels;
    if (b->peak > a->peak) {
        a->peak = b->peak;
        a->peak_cell = b->peak_cell;
    }
    a->end = b->end;
    a->sum += b->sum;
    a->n_cells += b->n_cells;
}

static void step_on(em_track *t, const em_track_rule *rule, int64_t cell, float evidence)
{
    if (t->is_on) {
        extend(&t->sound, cell, evidence);
        return;
    }
    if (!t->has_run)
        t->run = (em_stretch){ .begin = cell };
    t->has_run = true;
    extend(&t->run, cell, evidence);
    if (t->run.peak < rule->on)
        return;
    if (t->has_sound)
        join(&t->sound, &t->run);
    else
        t->sound = t->run;
    t->has_sound = t->is_on = true;
    t->has_run = false;
}

bool em_track_step(em_track *t, const em_track_rule *rule, int64_t cell, float evidence)
{
    if (evidence >= rule->off) {
        step_on(t, rule, cell, evidence);
        return false;
    }
    t->is_on = t->has_run = false;
    return t->has_sound && cell + 1 - t->sound.end > rule->gap;
}

void em_track_remember(em_track *t, const em_stretch *s)
{
    t->has_past = true;
    t->past_begin = s->begin;
    t->past_peak = s->peak_cell;
}

void em_track_forget(em_track *t)
{
    if (t->has_sound)
        em_track_remember(t, &t->sound);
    t->has_sound = t->is_on = t->has_run = false;
}

static int edge_level(const em_stretch *s, const em_track_rule *rule)
{
    return level_of(fmaxf(rule->off, rule->edge * s->peak));
}

int64_t em_stretch_onset(const em_stretch *s, const em_track_rule *rule) { return s->rise[edge_level(s, rule)]; }

int64_t em_stretch_offset(const em_stretch *s, const em_track_rule *rule) { return s->fall[edge_level(s, rule)] + 1; }

int64_t em_stretch_rise(const em_stretch *s, const em_track_rule *rule) { return s->rise[level_of(rule->on)] - s->begin; }

int64_t em_stretch_fall(const em_stretch *s, const em_track_rule *rule) { return s->end - 1 - s->fall[level_of(rule->on)]; }
