/* f1.c - hits, false alarms and misses, and the F1 made of them; the confusion matrix of sets with one class a clip. */
#include "train/metrics.h"

#include <math.h>
#include <string.h>

double em_precision_of(em_counts c)
{
    return c.n_hits > 0 ? (double)c.n_hits / ((double)c.n_hits + c.n_false) : 0;
}

double em_recall_of(em_counts c)
{
    return c.n_hits > 0 ? (double)c.n_hits / ((double)c.n_hits + c.n_missed) : 0;
}

double em_f1_of_counts(em_counts c)
{
    return c.n_hits > 0 ? 2.0 * c.n_hits / (2.0 * c.n_hits + c.n_false + c.n_missed) : 0;
}

em_f1_means em_f1_of(const em_counts *counts, int n_classes, bool has_strays)
{
    em_counts all = { 0 };
    em_f1_means means = { NAN, 0, 0 };

    for (int c = 0; c < n_classes; c++) {
        const em_counts one = counts[c];

        if (one.n_hits + one.n_missed == 0 && !(has_strays && one.n_false > 0))
            continue;
        all = (em_counts){ all.n_hits + one.n_hits, all.n_false + one.n_false, all.n_missed + one.n_missed };
        means.macro += em_f1_of_counts(one);
        means.n_classes++;
    }
    if (means.n_classes > 0)
        means.micro = em_f1_of_counts(all);
    means.macro = means.n_classes > 0 ? means.macro / means.n_classes : NAN;
    return means;
}

void em_counts_at(em_counts *counts, const em_scored *set, const float *thresholds)
{
    const float *score = set->scores;
    const unsigned char *target = set->targets;

    memset(counts, 0, (size_t)set->n_classes * sizeof *counts);
    for (int i = 0; i < set->n; i++)
        for (int c = 0; c < set->n_classes; c++, score++, target++) {
            const bool is_said = *score >= (thresholds ? thresholds[c] : 0.5f);

            counts[c].n_hits   += is_said && *target;
            counts[c].n_false  += is_said && !*target;
            counts[c].n_missed += !is_said && *target;
        }
}

/* The one class of a clip, -1 when it has another number of them. */
static int truth_of(const unsigned char *targets, int n_classes)
{
    int truth = -1, n = 0;

    for (int c = 0; c < n_classes; c++)
        if (targets[c]) {
            truth = c;
            n++;
        }
    return n == 1 ? truth : -1;
}

static int answer_of(const float *scores, int n_classes)
{
    int best = 0;

    for (int c = 1; c < n_classes; c++)
        if (scores[c] > scores[best])
            best = c;
    return best;
}

em_status em_confusion_fill(int *confusion, const em_scored *set, em_err *err)
{
    const size_t n_classes = (size_t)set->n_classes;

    memset(confusion, 0, n_classes * n_classes * sizeof *confusion);
    for (size_t i = 0; i < (size_t)set->n; i++) {
        const int truth = truth_of(set->targets + i * n_classes, set->n_classes);

        if (truth < 0)
            return em_fail(err, EM_EINVAL, "clip %zu has no class or several: accuracy and confusions need exactly one a clip", i);
        confusion[(size_t)truth * n_classes + (size_t)answer_of(set->scores + i * n_classes, set->n_classes)]++;
    }
    return EM_OK;
}

void em_counts_of_confusion(em_counts *counts, const int *confusion, int n_classes)
{
    const size_t n = (size_t)n_classes;

    memset(counts, 0, n * sizeof *counts);
    for (size_t truth = 0; truth < n; truth++)
        for (size_t answer = 0; answer < n; answer++) {
            const int count = confusion[truth * n + answer];

            if (truth == answer) {
                counts[truth].n_hits += count;
            } else {
                counts[truth].n_missed += count;
                counts[answer].n_false += count;
            }
        }
}
