/* metrics_text.c - the counts of metrics.h as Prometheus' text: every family once, with HELP and TYPE, in seconds and ratios. */
#include "sinks/web/metrics_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct page {               /* what is being written, and what of */
    FILE *f;
    const em_web_metrics *m;
    const em_web_counts *k;
} page;

/* ---- pieces ---- */

static void put_family(const page *p, const char *name, const char *type, const char *help)
{
    fprintf(p->f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* key="value"; backslash, quote and line end escaped, what no UTF-8 is replaced. */
static void put_label(const page *p, const char *key, const char *value)
{
    char clean[EM_WEB_NAME];

    fprintf(p->f, "%s=\"", key);
    for (const char *c = em_text_clean(clean, sizeof clean, value); *c; c++)
        if (*c == '\\' || *c == '"')
            fprintf(p->f, "\\%c", *c);
        else
            fputc(*c, p->f);
    fputc('"', p->f);
}

static void put_number(const page *p, double value)
{
    if (isinf(value))
        fprintf(p->f, "%sInf\n", value < 0 ? "-" : "+");
    else
        fprintf(p->f, "%.10g\n", value);
}

/* One sample of a source. */
static void put_of_source(const page *p, const char *name, int i, double value)
{
    fprintf(p->f, "%s{", name);
    put_label(p, "source", p->k->sources[i].name);
    fputs("} ", p->f);
    put_number(p, value);
}

/* One with a second label. */
static void put_with(const page *p, const char *name, int i, const char *key, const char *label, double value)
{
    fprintf(p->f, "%s{", name);
    put_label(p, "source", p->k->sources[i].name);
    fputc(',', p->f);
    put_label(p, key, label);
    fputs("} ", p->f);
    put_number(p, value);
}

/* labels: what stands before le, with a comma behind it, or nothing. */
static void put_histogram(const page *p, const char *name, const char *labels, const em_web_histogram *h, const double *bounds, int n)
{
    const int n_labels = (int)strlen(labels);

    for (int i = 0; i < n; i++)
        fprintf(p->f, "%s_bucket{%sle=\"%.4g\"} %llu\n", name, labels, bounds[i], (unsigned long long)h->n_below[i]);
    fprintf(p->f, "%s_bucket{%sle=\"+Inf\"} %llu\n", name, labels, (unsigned long long)h->n);
    fprintf(p->f, n_labels ? "%s_sum{%.*s} %.10g\n" : "%s_sum%.*s %.10g\n", name, n_labels ? n_labels - 1 : 0, labels, h->sum);
    fprintf(p->f, n_labels ? "%s_count{%.*s} %llu\n" : "%s_count%.*s %llu\n", name, n_labels ? n_labels - 1 : 0, labels, (unsigned long long)h->n);
}

/* ---- families ---- */

static double captured_of(const em_web_source *s)  { return (double)s->captured; }
static double is_up_of(const em_web_source *s)     { return s->is_up; }
static double reconnects_of(const em_web_source *s) { return s->n_up > 1 ? (double)(s->n_up - 1) : 0; }
static double level_of(const em_web_source *s)     { return s->level; }
static double ring_of(const em_web_source *s)      { return s->ring_fill; }
static double missed_of(const em_web_source *s)    { return (double)s->missed; }
static double ratio_of(const em_web_source *s)     { return s->ratio; }

/* One number a source. */
static const struct { const char *name, *type, *help; double (*value)(const em_web_source *s); } plain[] = {
    { "earmark_audio_frames_total", "counter", "Frames that the source was given or lost.", captured_of },
    { "earmark_audio_source_up", "gauge", "1 while sound comes.", is_up_of },
    { "earmark_audio_reconnects_total", "counter", "How often the source came back.", reconnects_of },
    { "earmark_audio_level_dbfs", "gauge", "Level of the sound since the hop before, root mean square.", level_of },
    { "earmark_ring_fill_ratio", "gauge", "Share of the capture ring that waits.", ring_of },
    { "earmark_inference_deadline_missed_total", "counter", "Hops that came too late and were left out.", missed_of },
    { "earmark_realtime_ratio", "gauge", "Computing time of the newest hop over its step.", ratio_of },
};

static void put_plain(const page *p)
{
    for (size_t row = 0; row < EM_COUNT(plain); row++) {
        put_family(p, plain[row].name, plain[row].type, plain[row].help);
        for (int i = 0; i < p->k->n_sources; i++)
            put_of_source(p, plain[row].name, i, plain[row].value(&p->k->sources[i]));
    }
    put_family(p, "earmark_audio_dropped_frames_total", "counter", "Frames lost, which silence stands for.");
    for (int i = 0; i < p->k->n_sources; i++)
        for (int r = 0; r < EM_WEB_REASONS; r++)
            put_with(p, "earmark_audio_dropped_frames_total", i, "reason", em_web_reasons[r], (double)p->k->sources[i].dropped[r]);
    put_family(p, "earmark_last_event_timestamp_seconds", "gauge", "Wall clock when the newest event was told.");
    for (int i = 0; i < p->k->n_sources; i++)
        if (p->k->sources[i].last_ms)
            fprintf(p->f, "earmark_last_event_timestamp_seconds{"), put_label(p, "source", p->k->sources[i].name),
                fprintf(p->f, "} %.3f\n", (double)p->k->sources[i].last_ms / 1e3);
}

/* Of all sources together, which share one model. */
static void put_times(const page *p)
{
    put_family(p, "earmark_inference_duration_seconds", "histogram", "Computing time of a hop.");
    for (int stage = 0; stage < EM_WEB_STAGES; stage++) {
        em_web_histogram all = { .n = 0 };
        char labels[64];

        for (int i = 0; i < p->k->n_sources; i++) {
            const em_web_histogram *h = &p->k->sources[i].stages[stage];

            for (int b = 0; b < EM_WEB_COMPUTE_BOUNDS; b++)
                all.n_below[b] += h->n_below[b];
            all.n += h->n;
            all.sum += h->sum;
        }
        snprintf(labels, sizeof labels, "stage=\"%s\",", em_web_stages[stage]);
        put_histogram(p, "earmark_inference_duration_seconds", labels, &all, em_web_compute_bounds, EM_WEB_COMPUTE_BOUNDS);
    }
    put_family(p, "earmark_event_latency_seconds", "histogram", "Seconds of sound from an event's onset to when it was told.");
    put_histogram(p, "earmark_event_latency_seconds", "", &p->k->latency, em_web_latency_bounds, EM_WEB_LATENCY_BOUNDS);
}

static void put_classes(const page *p)
{
    const em_web_metrics *m = p->m;

    put_family(p, "earmark_events_total", "counter", "Events told, by class.");
    for (int i = 0; i < p->k->n_sources; i++)
        for (int c = 0; c < m->n_columns; c++)
            if (p->k->events[(size_t)i * (size_t)m->n_columns + (size_t)c] || (m->is_watched && c < m->n_classes && m->is_watched[c]))
                put_with(p, "earmark_events_total", i, "class", m->slugs[c], (double)p->k->events[(size_t)i * (size_t)m->n_columns + (size_t)c]);
    put_family(p, "earmark_class_score", "gauge", "Score of a watched class in the newest window.");
    for (int i = 0; i < p->k->n_sources; i++)
        for (int c = 0; m->is_watched && c < m->n_classes; c++)
            if (m->is_watched[c])
                put_with(p, "earmark_class_score", i, "class", m->slugs[c], (double)p->k->scores[(size_t)i * (size_t)m->n_classes + (size_t)c]);
}

/* "jsonl", and "jsonl_2" for the second of a kind. */
static void put_sink(const page *p, const char *family, int i, uint64_t value)
{
    char name[64];
    int n = 1;

    for (int j = 0; j < i; j++)
        n += strcmp(p->k->sinks[j].name, p->k->sinks[i].name) == 0;
    snprintf(name, sizeof name, n > 1 ? "%s_%d" : "%s", p->k->sinks[i].name, n);
    fprintf(p->f, "%s{", family);
    put_label(p, "sink", name);
    fprintf(p->f, "} %llu\n", (unsigned long long)value);
}

static void put_sinks(const page *p)
{
    put_family(p, "earmark_sink_queue_length", "gauge", "Records that wait for an output.");
    for (int i = 0; i < p->k->n_sinks; i++)
        put_sink(p, "earmark_sink_queue_length", i, p->k->sinks[i].n_waiting);
    put_family(p, "earmark_sink_errors_total", "counter", "Records that an output could not write or was too late for.");
    for (int i = 0; i < p->k->n_sinks; i++)
        put_sink(p, "earmark_sink_errors_total", i, p->k->sinks[i].n_failed);
}

/* ---- the process ---- */

/* Field 22 of /proc/self/stat is its start in ticks since boot; the name in field 2 may hold anything, so it is passed over. */
double em_web_process_start(void)
{
    FILE *f = fopen("/proc/self/stat", "re");
    char line[1024] = "", *at;
    unsigned long long ticks = 0;
    struct timespec now, up;

    if (f && fgets(line, sizeof line, f) && (at = strrchr(line, ')')))
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ticks);
    if (f)
        fclose(f);
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    return (double)(now.tv_sec - up.tv_sec) + (double)(now.tv_nsec - up.tv_nsec) / 1e9 + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static double resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    unsigned long long pages = 0;

    if (f && fscanf(f, "%*u %llu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void put_process(const page *p)
{
    const em_event *start = &p->m->start;

    put_family(p, "earmark_build_info", "gauge", "What runs here.");
    fputs("earmark_build_info{", p->f);
    put_label(p, "version", start->u.start.version);
    fputc(',', p->f);
    put_label(p, "model", start->u.start.model);
    fputc(',', p->f);
    put_label(p, "model_sha256", start->u.start.sha256);
    fputc(',', p->f);
    put_label(p, "backend", start->u.start.backend);
    fputs("} 1\n", p->f);
    put_family(p, "process_start_time_seconds", "gauge", "Wall clock when the process began.");
    fprintf(p->f, "process_start_time_seconds %.2f\n", p->m->begun_s);
    put_family(p, "process_resident_memory_bytes", "gauge", "Memory that the process holds.");
    fprintf(p->f, "process_resident_memory_bytes %.0f\n", resident_bytes());
}

/* ---- all of it ---- */

static bool copy_counts(em_web_metrics *m, em_web_counts *out)
{
    const size_t n_scores = EM_WEB_SOURCES * (size_t)m->n_columns;
    float *scores = malloc(n_scores * sizeof *scores);
    uint64_t *events = malloc(n_scores * sizeof *events);

    if (scores && events) {
        pthread_mutex_lock(&m->lock);
        *out = m->counts;
        memcpy(scores, m->counts.scores, (size_t)out->n_sources * (size_t)m->n_classes * sizeof *scores);
        memcpy(events, m->counts.events, (size_t)out->n_sources * (size_t)m->n_columns * sizeof *events);
        pthread_mutex_unlock(&m->lock);
    }
    out->scores = scores;
    out->events = events;
    return scores && events;
}

/* The wall clock may have been set since; what it wavers by is no news. */
static void look_at_start(em_web_metrics *m)
{
    const double begun_s = em_web_process_start();

    if (fabs(begun_s - m->begun_s) > 1)
        m->begun_s = begun_s;
}

char *em_web_metrics_text(em_web_metrics *m)
{
    em_web_counts *k = calloc(1, sizeof *k);
    char *text = NULL;
    size_t n_text;
    page p = { .m = m, .k = k };

    look_at_start(m);
    if (k && copy_counts(m, k) && (p.f = open_memstream(&text, &n_text))) {
        put_process(&p);
        put_plain(&p);
        put_times(&p);
        put_classes(&p);
        put_sinks(&p);
        if (fclose(p.f) != 0) {
            free(text);
            text = NULL;
        }
    }
    if (k) {
        free(k->scores);
        free(k->events);
    }
    free(k);
    return text;
}
