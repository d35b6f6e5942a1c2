/* rewrite.c - reads a whole model file, changes its card, writes it: see rewrite.h. */
#include "model/rewrite.h"

#include "base/arena.h"
#include "model/card.h"
#include "model/config.h"
#include "model/safetensors.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#define KEY "earmark"

typedef struct rewrite {
    const em_rewrite *changes;
    em_st      *st;
    em_config   config;
    em_card     card;
    char       *json;               /* of the new card                 */
    em_st_out  *tensors;            /* [em_st_count] over block        */
    float      *block;
    const char **keys, **values;    /* [em_st_metadata_count]          */
} rewrite;

static em_status no_memory(const rewrite *r, em_err *err)
{
    return em_fail(err, EM_ENOMEM, "%s: no memory", em_st_path(r->st));
}

static em_status set_text(const rewrite *r, char **text, const char *value, em_err *err)
{
    char *copy = value ? strdup(value) : NULL;

    if (!value)
        return EM_OK;
    free(*text);
    *text = copy;
    return copy ? EM_OK : no_memory(r, err);
}

static em_status set_thresholds(rewrite *r, em_err *err)
{
    const em_rewrite *changes = r->changes;
    const size_t n = (size_t)r->config.n_classes;

    if (changes->n_thresholds != r->config.n_classes)
        return em_fail(err, EM_EINVAL, "%s: %d thresholds do not fit its %d classes", em_st_path(r->st), changes->n_thresholds,
                       r->config.n_classes);
    for (size_t i = 0; i < n; i++)
        if (!(changes->thresholds[i] >= 0 && changes->thresholds[i] <= 1))
            return em_fail(err, EM_EINVAL, "%s: a threshold of %g for %s is not within 0 to 1", em_st_path(r->st),
                           (double)changes->thresholds[i], r->card.labels[i]);
    free(r->card.thresholds);
    r->card.thresholds = calloc(n + 1, sizeof *r->card.thresholds);
    if (!r->card.thresholds)
        return no_memory(r, err);
    memcpy(r->card.thresholds, changes->thresholds, n * sizeof *r->card.thresholds);
    free(r->card.thresholds_from);
    r->card.thresholds_from = NULL;
    return set_text(r, &r->card.thresholds_from, changes->thresholds_from, err);
}

static em_status set_metrics(rewrite *r, em_err *err)
{
    json_t *value = json_loads(r->changes->metrics, JSON_DECODE_ANY, NULL);

    if (!value)
        return em_fail(err, EM_EINVAL, "%s: metrics for its card are not JSON", em_st_path(r->st));
    json_decref(value);
    free(r->card.metrics);
    r->card.metrics = strdup(r->changes->metrics);
    return r->card.metrics ? EM_OK : no_memory(r, err);
}

static em_status change_card(rewrite *r, em_err *err)
{
    const char *json = em_st_metadata(r->st, KEY);
    em_status status;

    if (!json)
        return em_fail(err, EM_EFORMAT, "%s: no `" KEY "` entry in its metadata; only a model file has a card", em_st_path(r->st));
    status = em_config_parse(&r->config, &r->card, json, em_st_path(r->st), err);
    if (status == EM_OK && r->changes->thresholds)
        status = set_thresholds(r, err);
    if (status == EM_OK && r->changes->metrics)
        status = set_metrics(r, err);
    if (status == EM_OK)
        status = set_text(r, &r->card.name, r->changes->name, err);
    if (status == EM_OK)
        status = set_text(r, &r->card.provenance, r->changes->provenance, err);
    if (status == EM_OK)
        status = set_text(r, &r->card.licence, r->changes->licence, err);
    if (status == EM_OK && !(r->json = em_config_write(&r->config, &r->card)))
        status = no_memory(r, err);
    return status;
}

static em_status gather_metadata(rewrite *r, em_err *err)
{
    const int n = em_st_metadata_count(r->st);

    r->keys = calloc((size_t)n + 1, sizeof *r->keys);
    r->values = calloc((size_t)n + 1, sizeof *r->values);
    if (!r->keys || !r->values)
        return no_memory(r, err);
    for (int i = 0; i < n; i++) {
        r->values[i] = em_st_metadata_at(r->st, i, &r->keys[i]);
        if (!strcmp(r->keys[i], KEY))
            r->values[i] = r->json;
    }
    return EM_OK;
}

static em_dtype dtype_of(const rewrite *r, const em_st_tensor *t)
{
    return t->dtype == EM_F16 || (r->changes->is_half && t->rank >= 2) ? EM_F16 : EM_F32;
}

static em_status read_tensors(rewrite *r, em_err *err)
{
    const int n_tensors = em_st_count(r->st);
    size_t n = 0, at = 0;

    for (int i = 0; i < n_tensors; i++)                 /* their bytes tile the file, so the sum cannot wrap */
        n += em_st_get(r->st, i)->n;
    r->block = em_alloc(n > SIZE_MAX / sizeof *r->block ? SIZE_MAX : n * sizeof *r->block);
    r->tensors = calloc((size_t)n_tensors + 1, sizeof *r->tensors);
    if (!r->block || !r->tensors)
        return no_memory(r, err);
    for (int i = 0; i < n_tensors; i++) {
        const em_st_tensor *t = em_st_get(r->st, i);
        const em_status status = em_st_read(r->st, t, r->block + at, err);

        if (status != EM_OK)
            return status;
        r->tensors[i] = (em_st_out){ t->name, t->rank, t->shape, r->block + at, dtype_of(r, t) };
        at += t->n;
    }
    return EM_OK;
}

/* ------------------------------------------------------------------ the mean of two models */

static em_status check_same_config(const rewrite *r, em_st *other, em_err *err)
{
    const char *json = em_st_metadata(other, KEY);
    em_config config;
    em_card card = { 0 };
    char *ours = NULL, *theirs = NULL;
    em_status status = json ? em_config_parse(&config, &card, json, em_st_path(other), err)
                            : em_fail(err, EM_EFORMAT, "%s: no `" KEY "` entry in its metadata; only a model file has a card", em_st_path(other));

    if (status == EM_OK) {                              /* both with the same card: what differs is the configuration */
        ours = em_config_write(&r->config, &r->card);
        theirs = config.n_classes == r->config.n_classes ? em_config_write(&config, &r->card) : NULL;
        if (!ours || !theirs || strcmp(ours, theirs) != 0)
            status = em_fail(err, EM_EINVAL, "%s is another network than %s, so there is no mean of the two", em_st_path(other), em_st_path(r->st));
    }
    em_card_deinit(&card);
    free(ours);
    free(theirs);
    return status;
}

/* Room for one tensor of the other's at a time. */
static em_status blend(rewrite *r, em_st *other, float *room, em_err *err)
{
    size_t at = 0;

    for (int i = 0; i < em_st_count(r->st); i++) {
        const em_st_tensor *ours = em_st_get(r->st, i), *theirs = em_st_find(other, ours->name);
        em_status status;

        if (!theirs || theirs->n != ours->n)
            return em_fail(err, EM_EINVAL, "%s: no %s as in %s, so there is no mean of the two", em_st_path(other), ours->name, em_st_path(r->st));
        if ((status = em_st_read(other, theirs, room, err)) != EM_OK)
            return status;
        for (size_t k = 0; k < ours->n; k++)
            r->block[at + k] = 0.5f * (r->block[at + k] + room[k]);
        at += ours->n;
    }
    return EM_OK;
}

static em_status take_mean(rewrite *r, em_err *err)
{
    em_st *other = NULL;
    size_t most = 0;
    float *room = NULL;
    em_status status = em_st_open(&other, r->changes->mean_with, err);

    if (status == EM_OK)
        status = check_same_config(r, other, err);
    for (int i = 0; i < em_st_count(r->st); i++)
        most = em_st_get(r->st, i)->n > most ? em_st_get(r->st, i)->n : most;
    if (status == EM_OK && !(room = em_alloc(most * sizeof *room)))
        status = no_memory(r, err);
    if (status == EM_OK)
        status = blend(r, other, room, err);
    free(room);
    em_st_close(other);
    return status;
}

em_status em_model_rewrite(const char *out_path, const char *in_path, const em_rewrite *changes, em_err *err)
{
    rewrite r = { .changes = changes };
    em_status status = em_st_open(&r.st, in_path, err);

    if (status == EM_OK)
        status = change_card(&r, err);
    if (status == EM_OK)
        status = gather_metadata(&r, err);
    if (status == EM_OK)
        status = read_tensors(&r, err);
    if (status == EM_OK && changes->mean_with)
        status = take_mean(&r, err);
    if (status == EM_OK)
        status = em_st_write(out_path, r.tensors, em_st_count(r.st), r.keys, r.values, em_st_metadata_count(r.st), err);
    free(r.tensors);
    free(r.block);
    free(r.keys);
    free(r.values);
    free(r.json);
    em_card_deinit(&r.card);
    em_st_close(r.st);
    return status;
}
