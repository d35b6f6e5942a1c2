/* metrics.c - every number of an evaluation at once, and d': see metrics.h. */
#include "train/metrics.h"

#include <math.h>
#include <stdlib.h>

em_status em_scored_check(const em_scored *set, em_err *err)
{
    const size_t n_classes = (size_t)set->n_classes, n = (size_t)set->n * n_classes;

    for (size_t i = 0; i < n; i++) {
        if (!isfinite(set->scores[i]))
            return em_fail(err, EM_EINVAL, "clip %zu, class %zu: its score is not a finite number", i / n_classes, i % n_classes);
        if (set->targets[i] > 1)
            return em_fail(err, EM_EINVAL, "clip %zu, class %zu: its target is %d, not 0 or 1", i / n_classes, i % n_classes,
                           set->targets[i]);
    }
    return EM_OK;
}

/* Phi(x) = p for p <= 1/2, by halving: it is asked once a report, and so needs no clever approximation. */
static double lower_quantile(double p)
{
    double least = -9, most = 0;

    for (int i = 0; i < 60; i++) {
        const double x = (least + most) / 2;

        if (erfc(-x / sqrt(2)) / 2 < p)
            least = x;
        else
            most = x;
    }
    return (least + most) / 2;
}

double em_dprime(double auc)
{
    const double edge = 1e-6, p = fmin(fmax(auc, edge), 1 - edge);

    if (isnan(auc))
        return NAN;
    return sqrt(2) * (p > 0.5 ? -lower_quantile(1 - p) : lower_quantile(p));
}

/* (mu1 - mu0) / sqrt((s1^2 + s0^2) / 2) of one class; NAN without both kinds, or when nothing varies. */
static double moment_distance(const float *logits, const em_scored *set, size_t i_class)
{
    double n[2] = { 0 }, mean[2] = { 0 }, squares[2] = { 0 };
    const size_t n_classes = (size_t)set->n_classes;

    for (size_t i = 0; i < (size_t)set->n; i++) {       /* Welford's sums: exact enough for logits far from 0 */
        const int kind = set->targets[i * n_classes + i_class];
        const double x = (double)logits[i * n_classes + i_class], step = x - mean[kind];

        n[kind]++;
        mean[kind] += step / n[kind];
        squares[kind] += step * (x - mean[kind]);
    }
    if (n[0] == 0 || n[1] == 0 || squares[0] + squares[1] <= 0)
        return NAN;
    return (mean[1] - mean[0]) / sqrt((squares[1] / n[1] + squares[0] / n[0]) / 2);
}

/* A mean over classes that leaves out what is undefined. */
typedef struct mean { double sum; int n; } mean;

static void mean_add(mean *m, double x)
{
    if (!isnan(x)) {
        m->sum += x;
        m->n++;
    }
}

static double mean_of(const mean *m)
{
    return m->n > 0 ? m->sum / m->n : NAN;
}

static em_status rank_classes(em_metrics *m, const em_scored *set, const float *logits, em_err *err)
{
    mean ap = { 0 }, auc = { 0 }, moments = { 0 };

    for (int c = 0; c < set->n_classes; c++) {
        em_class_metrics *one = &m->classes[c];
        em_ranking r;
        const em_status status = em_ranking_init(&r, set, c, err);

        if (status == EM_OK) {
            one->n_positives = r.n_positives;
            one->ap = em_ranking_ap(&r);
            one->auc = em_ranking_auc(&r);
            one->best = em_ranking_best_f1(&r);
        }
        em_ranking_deinit(&r);
        if (status != EM_OK)
            return status;
        mean_add(&ap, one->ap);
        mean_add(&auc, one->auc);
        if (logits)
            mean_add(&moments, moment_distance(logits, set, (size_t)c));
    }
    m->map = mean_of(&ap);
    m->n_ap = ap.n;
    m->mauc = mean_of(&auc);
    m->n_auc = auc.n;
    m->dprime = em_dprime(m->mauc);
    m->dprime_moments = mean_of(&moments);
    return EM_OK;
}

static em_status count_answers(em_metrics *m, em_counts *counts, const em_scored *set, em_err *err)
{
    const size_t n_classes = (size_t)m->n_classes;
    em_status status;
    int n_right = 0;

    m->confusion = calloc(n_classes * n_classes, sizeof *m->confusion);
    if (!m->confusion)
        return em_fail(err, EM_ENOMEM, "no memory for the confusions of %d classes", m->n_classes);
    status = em_confusion_fill(m->confusion, set, err);
    if (status != EM_OK)
        return status;
    for (size_t c = 0; c < n_classes; c++)
        n_right += m->confusion[c * n_classes + c];
    m->accuracy = (double)n_right / m->n;
    em_counts_of_confusion(counts, m->confusion, m->n_classes);
    return EM_OK;
}

static em_status count_classes(em_metrics *m, const em_scored *set, const float *thresholds, em_err *err)
{
    em_counts *counts = calloc((size_t)m->n_classes, sizeof *counts);
    em_status status = counts ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for %d classes", m->n_classes);

    if (status == EM_OK && m->is_single)
        status = count_answers(m, counts, set, err);
    else if (status == EM_OK)
        em_counts_at(counts, set, thresholds);
    for (int c = 0; c < m->n_classes && status == EM_OK; c++) {
        m->classes[c].counts = counts[c];
        m->classes[c].threshold = m->is_single ? NAN : thresholds ? thresholds[c] : 0.5f;
    }
    if (status == EM_OK)
        m->f1 = em_f1_of(counts, m->n_classes, m->is_single);
    free(counts);
    return status;
}

em_status em_metrics_init(em_metrics *out, const em_scored *set, const em_metrics_cfg *cfg, em_err *err)
{
    em_status status;

    *out = (em_metrics){ .n = set->n, .n_classes = set->n_classes, .is_single = cfg->is_single, .accuracy = NAN };
    if (set->n < 1 || set->n_classes < 1)
        return em_fail(err, EM_EINVAL, "no clip or no class to evaluate (%d clips, %d classes)", set->n, set->n_classes);
    out->classes = calloc((size_t)set->n_classes, sizeof *out->classes);
    if (!out->classes)
        return em_fail(err, EM_ENOMEM, "no memory for %d classes", set->n_classes);
    status = em_scored_check(set, err);
    if (status == EM_OK)
        status = rank_classes(out, set, cfg->logits, err);
    if (status == EM_OK)
        status = count_classes(out, set, cfg->thresholds, err);
    return status;
}

void em_metrics_deinit(em_metrics *m)
{
    free(m->classes);
    free(m->confusion);
    *m = (em_metrics){ 0 };
}

em_status em_thresholds_choose(float *thresholds, int *n_kept, const em_scored *set, int least, double precision, em_err *err)
{
    em_status status = em_scored_check(set, err);
    int n = 0;

    for (int c = 0; c < set->n_classes && status == EM_OK; c++) {
        em_ranking r;

        status = em_ranking_init(&r, set, c, err);
        if (status == EM_OK) {
            const em_choice choice = precision > 0 ? em_ranking_at_precision(&r, precision) : em_ranking_best_f1(&r);

            if (r.n_positives < least || isnan(choice.threshold))
                n++;
            else
                thresholds[c] = choice.threshold;
        }
        em_ranking_deinit(&r);
    }
    if (n_kept)
        *n_kept = n;
    return status;
}
