/* speech.c - see speech.h. */
#include "cli/speech.h"

#include "model/labels.h"
#include "model/ontology.h"

#include <stdlib.h>
#include <string.h>

static const char speech[] = "/m/09x0r", synthesizer[] = "/m/0brhx";

/* Branches of the ontology in which people say something. */
static const char *const branches[] = { speech, "/m/07p6fty", "/m/02rtxlg", "/m/07rkbfh", "/m/07qfr4h" };

/* is_in[n]: those that are people; scratch[n]. */
static em_status mark(bool *is_in, bool *scratch, const char *const *mids, int n, em_err *err)
{
    em_status status = EM_OK;

    for (size_t b = 0; b < EM_COUNT(branches) && !status; b++)
        if (!(status = em_ontology_branch(scratch, branches[b], mids, n, err)))
            for (int c = 0; c < n; c++)
                is_in[c] |= scratch[c] && strcmp(mids[c], synthesizer) != 0;
    return status;
}

/* By the model's own file alone: other names cannot teach it anything. */
static bool is_trained_on_speech(const em_card *card, const char *const *mids, int n)
{
    bool is_trained = false;

    for (int i = 0; i < n && !card->trained; i++)
        is_trained |= strcmp(mids[i], speech) == 0;
    for (int i = 0; i < card->n_trained; i++)
        is_trained |= strcmp(mids[card->trained[i]], speech) == 0;
    return is_trained;
}

em_status em_speech_find(bool **out, const em_model *model, const em_classes *names, const char *name, em_err *err)
{
    const em_card *card = em_model_card(model);
    const int n = names->n;
    const char **mids = calloc((size_t)n + 1, sizeof *mids);
    bool *scratch = calloc((size_t)n + 1, sizeof *scratch);
    em_labels table = { 0 };
    em_status status;

    *out = calloc((size_t)n + 1, sizeof **out);
    status = mids && scratch && *out ? em_labels_audioset(&table, err) : em_fail(err, EM_ENOMEM, "no memory for the classes");
    if (!status) {
        em_labels_mids(mids, &table, (const char *const *)card->labels, n);
        if (!is_trained_on_speech(card, mids, n))
            status = em_fail(err, EM_EINVAL, "--private: the model %.80s was not trained on human speech, and would not hear who speaks", name);
    }
    if (!status && !(status = mark(*out, scratch, mids, n, err)))
        status = mark(*out, scratch, names->mids, n, err);
    em_labels_deinit(&table);
    free(mids);
    free(scratch);
    if (status) {
        free(*out);
        *out = NULL;
    }
    return status;
}
