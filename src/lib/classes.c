/* classes.c - see classes.h. */
#include "lib/classes.h"

#include <stdlib.h>

static em_status no_memory(em_err *err)
{
    return em_fail(err, EM_ENOMEM, "no memory for the classes");
}

/* Display names: the file's, else the model's own. */
static em_status name_classes(em_model_classes *c, const em_model *model, const char *labels, em_err *err)
{
    const int n = em_model_config(model)->n_classes;
    const char *const *names = (const char *const *)em_model_card(model)->labels;
    em_status status = labels ? em_labels_read(&c->table, labels, err) : em_labels_audioset(&c->table, err);

    if (status)
        return status;
    if (labels && c->table.n != n)
        return em_fail(err, EM_EFORMAT, "%s: holds %d classes, the model has %d", labels, c->table.n, n);
    if (labels)
        names = (const char *const *)c->table.names;
    if (!(c->mids = calloc((size_t)n + 1, sizeof *c->mids)))
        return no_memory(err);
    em_labels_mids(c->mids, &c->table, names, n);
    c->names = (em_classes){ .labels = names, .mids = c->mids, .n = n };
    return EM_OK;
}

static em_status find_trained(em_model_classes *c, const em_card *card, em_err *err)
{
    if (!(c->is_trained = calloc((size_t)c->names.n + 1, sizeof *c->is_trained)))
        return no_memory(err);
    for (int i = 0; i < c->names.n; i++)
        c->is_trained[i] = !card->trained;
    for (int i = 0; i < card->n_trained; i++)
        c->is_trained[card->trained[i]] = true;
    return EM_OK;
}

em_status em_model_classes_init(em_model_classes *out, const em_model *model, const char *labels, em_err *err)
{
    em_status status;

    *out = (em_model_classes){ 0 };
    status = name_classes(out, model, labels, err);
    return status ? status : find_trained(out, em_model_card(model), err);
}

void em_model_classes_deinit(em_model_classes *c)
{
    em_labels_deinit(&c->table);
    free(c->mids);
    free(c->is_trained);
    *c = (em_model_classes){ 0 };
}

em_known em_model_classes_known(const em_model_classes *c, const em_model *model, const em_config *cfg)
{
    return (em_known){
        .classes = c->names, .is_trained = c->is_trained, .thresholds = em_model_card(model)->thresholds, .rate_hz = cfg->sample_rate,
        .window_samples = em_config_window_samples(cfg), .n_slots = em_config_slots(cfg), .slot_s = em_config_slot_seconds(cfg),
    };
}
