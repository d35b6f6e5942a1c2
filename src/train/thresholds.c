/* thresholds.c - see thresholds.h. */
#include "train/thresholds.h"

#include "model/labels.h"
#include "model/ontology.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_trained(const em_card *card, int class)
{
    for (int i = 0; i < card->n_trained && card->trained; i++)
        if (card->trained[i] == class)
            return true;
    return !card->trained;
}

/* A class with trained ones below it is told where none of these is. */
static em_status raise_general(float *thresholds, const em_card *card, int n_classes, double least, em_err *err)
{
    const char **mids = calloc((size_t)n_classes + 1, sizeof *mids);
    em_labels known = { 0 };
    int (*above)[2] = NULL, n = 0;
    em_status status = mids ? em_labels_audioset(&known, err) : em_fail(err, EM_ENOMEM, "no memory for thresholds");

    if (status == EM_OK) {
        em_labels_mids(mids, &known, (const char *const *)card->labels, n_classes);
        status = em_ontology_above(&above, &n, mids, n_classes, err);
    }
    for (int i = 0; i < n && status == EM_OK; i++)
        if (is_trained(card, above[i][0]))
            thresholds[above[i][1]] = fmaxf(thresholds[above[i][1]], (float)least);
    free(above);
    free(mids);
    em_labels_deinit(&known);
    return status;
}

em_status em_thresholds_of(float *thresholds, int *n_chosen, const em_scored *set, const em_card *card, const em_threshold_rule *rule,
                           em_err *err)
{
    const int n = set->n_classes;
    int n_kept = 0;
    em_status status;

    for (int c = 0; c < n; c++)
        thresholds[c] = card->thresholds ? card->thresholds[c] : .5f;
    status = em_thresholds_choose(thresholds, &n_kept, set, EM_LEAST_POSITIVES, rule->precision, err);
    for (int c = 0; c < n; c++)
        thresholds[c] = fmaxf(thresholds[c], (float)rule->least);
    *n_chosen = n - n_kept;
    return status == EM_OK && rule->least_general > 0 ? raise_general(thresholds, card, n, rule->least_general, err) : status;
}

char *em_thresholds_tell(const em_threshold_rule *rule, const char *clips, const em_scored *set, const em_card *card, int n_chosen)
{
    char how[48] = "best F1", floors[80] = "", *text;
    const char *before = !card->thresholds ? "0.5" : card->thresholds_from ? card->thresholds_from : "as they were";
    int n = 0;

    if (rule->precision > 0)
        snprintf(how, sizeof how, "precision %g", rule->precision);
    if (rule->least > 0)
        n = snprintf(floors, sizeof floors, ", at least %g", rule->least);
    if (rule->least_general > 0)
        snprintf(floors + n, sizeof floors - (size_t)n, ", of general classes %g", rule->least_general);
    if (n_chosen == set->n_classes)
        n = asprintf(&text, "%s on %d clips (%s)%s", how, set->n, clips, floors);
    else
        n = asprintf(&text, "%s on %d clips (%s)%s: %d of %d classes; the others: %.300s", how, set->n, clips, floors, n_chosen, set->n_classes,
                     before);
    return n >= 0 ? text : NULL;
}
