/* training_card.c - what a trained model says of itself, and what its data say of its classes: see training.h. */
#include "cli/training.h"

#include <math.h>
#include <stdlib.h>

/* Classes that a clip to learn from has. */
static em_status note_trained(em_training *t, em_err *err)
{
    const em_study *s = &t->study;
    const int n = t->model.n_classes;
    bool *has = calloc((size_t)n + 1, sizeof *has);

    t->card.trained = calloc((size_t)n + 1, sizeof *t->card.trained);
    if (!has || !t->card.trained) {
        free(has);
        return em_fail(err, EM_ENOMEM, "no memory for the classes");
    }
    for (int i = 0; i < t->n_old && !t->old.trained; i++)
        has[i] = true;
    for (int i = 0; i < t->old.n_trained && t->n_old > 0; i++)
        has[t->old.trained[i]] = true;
    for (int i = 0; i < s->n_clips; i++)
        for (int k = 0; k < s->set->clips[s->clips[i]].n_labels; k++)
            has[s->set->clips[s->clips[i]].labels[k]] = true;
    for (int c = 0; c < n; c++)
        if (has[c])
            t->card.trained[t->card.n_trained++] = c;
    free(has);
    return EM_OK;
}

/* A model that is appended to stays what it was said to be, where nothing else is said, and keeps its thresholds. */
static em_status keep_card(em_training *t, em_err *err)
{
    em_card *card = &t->card;
    const em_card *old = &t->old;

    card->name = card->name ? card->name : old->name;
    card->provenance = card->provenance ? card->provenance : old->provenance;
    card->licence = card->licence ? card->licence : old->licence;
    if (!old->thresholds)
        return EM_OK;
    card->thresholds_from = old->thresholds_from;
    card->thresholds = malloc((size_t)t->model.n_classes * sizeof *card->thresholds);
    if (!card->thresholds)
        return em_fail(err, EM_ENOMEM, "no memory for the classes");
    for (int c = 0; c < t->model.n_classes; c++)
        card->thresholds[c] = c < t->n_old ? old->thresholds[c] : .5f;
    return EM_OK;
}

em_status em_training_make_card(em_training *t, em_err *err)
{
    const em_train_options *o = &t->o->train;

    t->card.labels = t->labels;
    t->card.name = o->name;
    t->card.provenance = o->provenance;
    t->card.licence = o->licence;
    if (t->n_old > 0 && keep_card(t, err) != EM_OK)
        return EM_ENOMEM;
    return note_trained(t, err);
}

/* Where scores begin at what the data say of a class without being heard. Of AudioSet's classes most are as good as never there:
 * from scores of one half the way down is so long that weights grow in one direction, and nothing else is learnt. */
em_status em_training_find_priors(em_training *t, em_err *err)
{
    const em_study *s = &t->study;
    const int n = t->model.n_classes;
    int *counts = calloc((size_t)n + 1, sizeof *counts);

    t->priors = malloc(((size_t)n + 1) * sizeof *t->priors);
    if (!counts || !t->priors) {
        free(counts);
        return em_fail(err, EM_ENOMEM, "no memory for the classes");
    }
    for (int i = 0; i < s->n_clips; i++)
        for (int k = 0; k < s->set->clips[s->clips[i]].n_labels; k++)
            counts[s->set->clips[s->clips[i]].labels[k]]++;
    for (int c = 0; c < n; c++)                         /* half a clip more on both sides: nothing is certain */
        t->priors[c] = (float)log((counts[c] + .5) / (s->n_clips - counts[c] + .5));
    t->init.priors = t->priors;
    free(counts);
    return EM_OK;
}
