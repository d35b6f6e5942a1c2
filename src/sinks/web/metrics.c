/* metrics.c - events counted: see metrics.h. */
#include "sinks/web/metrics_inside.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const double em_web_compute_bounds[EM_WEB_COMPUTE_BOUNDS] = { .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5 };
const double em_web_latency_bounds[EM_WEB_LATENCY_BOUNDS] = { .5, 1, 2, 3, 4, 5, 7.5, 10, 15, 30 };

const char *const em_web_reasons[EM_WEB_REASONS] = { "overrun", "xrun", "device" };
const char *const em_web_stages[EM_WEB_STAGES] = { "mel", "backbone", "head" };

static void observe(em_web_histogram *h, const double *bounds, int n_bounds, double value)
{
    for (int i = 0; i < n_bounds; i++)
        h->n_below[i] += value <= bounds[i];
    h->n++;
    h->sum += value;
}

/* ---- names ---- */

static bool is_taken(const em_web_metrics *m, int n, const char *slug)
{
    for (int i = 0; i < n; i++)
        if (strcmp(m->slugs[i], slug) == 0)
            return true;
    return false;
}

/* A label from elsewhere may have no letters, or another's. */
static void name_class(em_web_metrics *m, int c, const char *label)
{
    em_slug(m->slugs[c], EM_WEB_SLUG, label);
    if (!*m->slugs[c] || is_taken(m, c, m->slugs[c]))
        snprintf(m->slugs[c], EM_WEB_SLUG, "class_%d", c);
}

static int column_of(em_web_metrics *m, const em_event *e)
{
    if (e->u.sound.i_class >= 0)
        return e->u.sound.i_class;
    for (int i = 0; i < m->n_groups; i++)
        if (m->groups[i] == e->u.sound.label)
            return m->n_classes + i;
    if (m->n_groups == EM_WEB_GROUPS)
        return -1;
    m->groups[m->n_groups] = e->u.sound.label;
    name_class(m, m->n_classes + m->n_groups, e->u.sound.label);
    return m->n_classes + m->n_groups++;
}

/* -1: there are too many. */
static int source_of(em_web_metrics *m, const char *name)
{
    em_web_counts *k = &m->counts;

    for (int i = 0; i < k->n_sources; i++)
        if (strcmp(k->sources[i].name, name) == 0)
            return i;
    if (k->n_sources == EM_WEB_SOURCES) {
        if (!m->has_warned)
            em_log(EM_LOG_WARNING, "--http: metrics are told of the first %d sources only", EM_WEB_SOURCES);
        m->has_warned = true;
        return -1;
    }
    snprintf(k->sources[k->n_sources].name, EM_WEB_NAME, "%s", name);
    k->sources[k->n_sources].level = -INFINITY;
    return k->n_sources++;
}

/* ---- events ---- */

static void take_scores(em_web_metrics *m, int i, const em_event *e)
{
    em_web_source *s = &m->counts.sources[i];
    const em_vitals *v = e->u.scores.vitals;

    s->is_up = true;
    s->level = (double)e->u.scores.rms_dbfs;
    memcpy(m->counts.scores + (size_t)i * (size_t)m->n_classes, e->u.scores.scores, (size_t)m->n_classes * sizeof *m->counts.scores);
    m->counts.heard_ns = em_now_ns();
    if (!v)
        return;
    s->has_vitals = true;
    s->captured = v->captured;
    s->missed = v->skipped_hops;
    s->ring_fill = v->ring_fill;
    s->ratio = (double)(v->mel_s + v->backbone_s + v->head_s) / v->step_s;
    observe(&s->stages[0], em_web_compute_bounds, EM_WEB_COMPUTE_BOUNDS, (double)v->mel_s);
    observe(&s->stages[1], em_web_compute_bounds, EM_WEB_COMPUTE_BOUNDS, (double)v->backbone_s);
    if (v->head_s > 0)
        observe(&s->stages[2], em_web_compute_bounds, EM_WEB_COMPUTE_BOUNDS, (double)v->head_s);
    m->counts.n_sinks = v->n_sinks;
    memcpy(m->counts.sinks, v->sinks, sizeof m->counts.sinks);
}

static void take_gap(em_web_source *s, const em_event *e)
{
    for (int i = 0; i < EM_WEB_REASONS; i++)
        if (strcmp(em_web_reasons[i], e->u.gap.reason) == 0)
            s->dropped[i] += e->u.gap.n_frames;
}

static void take_sound(em_web_metrics *m, int i, const em_event *e)
{
    int c = column_of(m, e);

    if (c >= 0)
        m->counts.events[(size_t)i * (size_t)m->n_columns + (size_t)c]++;
    m->counts.sources[i].last_ms = em_wall_ms();
    observe(&m->counts.latency, em_web_latency_bounds, EM_WEB_LATENCY_BOUNDS, e->u.sound.delay);
}

static void take(em_web_metrics *m, int i, const em_event *e)
{
    em_web_source *s = &m->counts.sources[i];

    switch (e->type) {
    case EM_EVENT_SCORES:
        take_scores(m, i, e);
        break;
    case EM_EVENT_SOURCE:
        s->n_up += e->u.source_state.is_up;
        s->is_up = e->u.source_state.is_up;
        break;
    case EM_EVENT_GAP:
        take_gap(s, e);
        break;
    case EM_EVENT_ONSET:
        take_sound(m, i, e);
        break;
    case EM_EVENT_STOP:
        s->captured = e->u.stop.captured;
        s->missed = e->u.stop.skipped_hops;
        s->is_up = false;
        s->is_over = true;
        break;
    default:
        break;
    }
}

void em_web_metrics_take(em_web_metrics *m, const em_event *e)
{
    int i;

    if (!e->source)
        return;
    pthread_mutex_lock(&m->lock);
    if ((i = source_of(m, e->source)) >= 0)
        take(m, i, e);
    pthread_mutex_unlock(&m->lock);
}

double em_web_metrics_silence(em_web_metrics *m, bool *is_up)
{
    uint64_t heard_ns;

    pthread_mutex_lock(&m->lock);
    heard_ns = m->counts.heard_ns;
    *is_up = true;
    for (int i = 0; i < m->counts.n_sources; i++)
        *is_up &= m->counts.sources[i].is_up || m->counts.sources[i].is_over;
    pthread_mutex_unlock(&m->lock);
    return (double)(em_now_ns() - heard_ns) / 1e9;
}

/* ---- life ---- */

static em_status make_rows(em_web_metrics *m, em_err *err)
{
    m->slugs = calloc((size_t)m->n_columns, sizeof *m->slugs);
    m->counts.scores = calloc(EM_WEB_SOURCES * (size_t)m->n_columns, sizeof *m->counts.scores);
    m->counts.events = calloc(EM_WEB_SOURCES * (size_t)m->n_columns, sizeof *m->counts.events);
    if (!m->slugs || !m->counts.scores || !m->counts.events)
        return em_fail(err, EM_ENOMEM, "no memory for the metrics");
    for (int c = 0; c < m->n_classes; c++)
        name_class(m, c, m->classes->labels[c]);
    return EM_OK;
}

em_status em_web_metrics_new(em_web_metrics **out, const em_web_metrics_cfg *cfg, em_err *err)
{
    em_web_metrics *m = calloc(1, sizeof *m);
    em_status status;

    *out = NULL;
    if (!m)
        return em_fail(err, EM_ENOMEM, "no memory for the metrics");
    pthread_mutex_init(&m->lock, NULL);
    m->classes = cfg->classes;
    m->is_watched = cfg->is_watched;
    m->start = *cfg->start;
    m->n_classes = cfg->classes->n;
    m->n_columns = m->n_classes + EM_WEB_GROUPS;
    m->counts.heard_ns = em_now_ns();
    m->begun_s = em_web_process_start();
    if ((status = make_rows(m, err))) {
        em_web_metrics_free(m);
        return status;
    }
    *out = m;
    return EM_OK;
}

void em_web_metrics_free(em_web_metrics *m)
{
    if (!m)
        return;
    pthread_mutex_destroy(&m->lock);
    free(m->slugs);
    free(m->counts.scores);
    free(m->counts.events);
    free(m);
}
