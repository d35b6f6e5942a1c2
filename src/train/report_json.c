/* report_json.c - an evaluation as one JSON object: see report.h. */
#include "train/report.h"

#include <math.h>

static void put_counts(em_json *j, em_counts c)
{
    em_json_int(j, "hits", c.n_hits);
    em_json_int(j, "false", c.n_false);
    em_json_int(j, "missed", c.n_missed);
    em_json_float(j, "precision", em_precision_of(c));
    em_json_float(j, "recall", em_recall_of(c));
    em_json_float(j, "f1", em_f1_of_counts(c));
}

static void put_found(em_json *j, const char *key, const em_counts *counts, int c)
{
    if (!counts)
        return;
    em_json_begin(j, key, '{');
    put_counts(j, counts[c]);
    em_json_end(j, '}');
}

static void put_class(em_json *j, const em_eval_report *r, int c)
{
    const em_class_metrics *one = &r->metrics->classes[c];

    em_json_begin(j, NULL, '{');
    em_json_int(j, "index", c);
    em_json_string(j, "class", r->classes[c]);
    em_json_int(j, "positives", one->n_positives);
    em_json_float(j, "ap", one->ap);
    em_json_float(j, "auc", one->auc);
    put_counts(j, one->counts);
    em_json_float(j, "threshold", (double)one->threshold);
    em_json_float(j, "best_f1", one->best.f1);
    em_json_float(j, "best_threshold", (double)one->best.threshold);
    put_found(j, "segments", r->segments, c);
    put_found(j, "events", r->events, c);
    em_json_end(j, '}');
}

static void put_means(em_json *j, const char *key, em_f1_means f1)
{
    em_json_begin(j, key, '{');
    em_json_float(j, "micro", f1.micro);
    em_json_float(j, "macro", f1.macro);
    em_json_int(j, "classes", f1.n_classes);
    em_json_end(j, '}');
}

static void put_confusion(em_json *j, const em_metrics *m)
{
    const int *count = m->confusion;

    if (!count)
        return;
    em_json_begin(j, "confusion", '[');                 /* rows are the truth */
    for (int t = 0; t < m->n_classes; t++) {
        em_json_begin(j, NULL, '[');
        for (int a = 0; a < m->n_classes; a++)
            em_json_int(j, NULL, *count++);
        em_json_end(j, ']');
    }
    em_json_end(j, ']');
}

static void put_summary(em_json *j, const em_eval_report *r)
{
    const em_metrics *m = r->metrics;

    em_json_string(j, "title", r->title);
    em_json_int(j, "clips", m->n);
    em_json_int(j, "classes", m->n_classes);
    if (m->is_single)
        em_json_float(j, "accuracy", m->accuracy);
    em_json_float(j, "map", m->map);
    em_json_int(j, "map_classes", m->n_ap);
    em_json_float(j, "mauc", m->mauc);
    em_json_int(j, "mauc_classes", m->n_auc);
    em_json_float(j, "dprime", m->dprime);
    if (!isnan(m->dprime_moments))
        em_json_float(j, "dprime_moments", m->dprime_moments);
    em_json_string(j, "thresholds", m->is_single ? "one answer a clip" : r->thresholds ? r->thresholds : "0.5");
    put_means(j, "f1", m->f1);
    if (r->segments)
        put_means(j, "segment_f1", em_f1_of(r->segments, m->n_classes, true));
    if (r->events)
        put_means(j, "event_f1", em_f1_of(r->events, m->n_classes, true));
}

void em_eval_report_json(em_json *j, const char *key, const em_eval_report *report)
{
    em_json_begin(j, key, '{');
    put_summary(j, report);
    em_json_begin(j, "per_class", '[');
    for (int c = 0; c < report->metrics->n_classes; c++)
        put_class(j, report, c);
    em_json_end(j, ']');
    put_confusion(j, report->metrics);
    em_json_end(j, '}');
}
