/* training_card.c - what a trained model says of itself, and what its data say of its classes: see training.h. */
#include "cli/training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* "Doorbell, Knock", cut off where there is no room. */
static void list_added(char *out, size_t room, const em_training *t)
{
    size_t n = 0;

    *out = '\0';
    for (int c = 0; c < t->model.n_classes; c++) {
        const size_t more = t->learns[c] ? strlen(t->labels[c]) + sizeof ", , ..." : 0;

        if (more > 0 && n + more > room) {
            snprintf(out + n, room - n, n > 0 ? ", ..." : "...");
            return;
        }
        if (more > 0)
            n += (size_t)snprintf(out + n, room - n, n > 0 ? ", %s" : "%s", t->labels[c]);
    }
}

/* What was said of the model it began as is no longer all of it: other sounds have trained it, too, under a licence of their own. */
static em_status tell_added(em_training *t, em_err *err)
{
    em_card *card = &t->card;
    char added[300];

    list_added(added, sizeof added, t);
    if (!card->provenance && asprintf(&t->provenance, "%s%sadded to it by --head append, from other sounds: %s",
                                      t->old.provenance ? t->old.provenance : "", t->old.provenance ? "; " : "", added) < 0)
        t->provenance = NULL;
    if (!card->licence && t->old.licence && asprintf(&t->licence, "%s; of the sounds added: not said", t->old.licence) < 0)
        t->licence = NULL;
    if ((!card->provenance && !t->provenance) || (!card->licence && t->old.licence && !t->licence))
        return em_fail(err, EM_ENOMEM, "no memory for the classes");
    card->provenance = card->provenance ? card->provenance : t->provenance;
    card->licence = card->licence ? card->licence : t->licence;
    return EM_OK;
}

/* A model that is appended to keeps its name, where no other is given, and its thresholds. */
static em_status keep_card(em_training *t, em_err *err)
{
    em_card *card = &t->card;
    const em_card *old = &t->old;

    card->name = card->name ? card->name : old->name;
    if (tell_added(t, err) != EM_OK)
        return EM_ENOMEM;
    if (!old->thresholds)
        return EM_OK;
    card->thresholds_from = old->thresholds_from;
    card->thresholds = malloc((size_t)t->model.n_classes * sizeof *card->thresholds);
    if (!card->thresholds)
        return em_fail(err, EM_ENOMEM, "no memory for the classes");
    for (int c = 0; c < t->model.n_classes; c++)
        card->thresholds[c] = t->learns[c] ? .5f : old->thresholds[c];
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
