/* tagger.c - opens what tagging needs, in order, with the exit code of the stage that fails: see tagger.h. */
#include "cli/tagger.h"

#include "backend/backend.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/option_text.h"
#include "cli/paths.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int open_backend(em_tagger *t, const em_options *o, em_err *err)
{
    const em_dev_cfg cfg = { .n_threads = o->threads, .precision = em_options_precision(o) };
    em_backend backend;
    em_status status = em_backend_open(&backend, o->backend, &cfg, err);

    if (status)
        return status == EM_EINVAL ? EM_EXIT_USAGE : em_exit_code(status, EM_EXIT_BACKEND);
    if (*backend.passed_over)
        em_log(EM_LOG_INFO, "%s: computing on the CPU", backend.passed_over);
    t->ops = backend.ops;
    t->dev = backend.dev;
    return EM_EXIT_OK;
}

/* Display names: --labels, else the model's own. */
static em_status name_classes(em_tagger *t, const em_options *o, em_err *err)
{
    int n = em_model_config(t->model)->n_classes;
    const char *const *names = (const char *const *)em_model_card(t->model)->labels;
    em_status status = o->labels ? em_labels_read(&t->labels, o->labels, err) : em_labels_audioset(&t->labels, err);

    if (status)
        return status;
    if (o->labels && t->labels.n != n)
        return em_fail(err, EM_EFORMAT, "%s: holds %d classes, the model has %d", o->labels, t->labels.n, n);
    if (o->labels)
        names = (const char *const *)t->labels.names;
    if (!(t->mids = calloc((size_t)n + 1, sizeof *t->mids)))
        return em_fail(err, EM_ENOMEM, "no memory for the classes");
    em_labels_mids(t->mids, &t->labels, names, n);
    t->classes = (em_classes){ .labels = names, .mids = t->mids, .n = n };
    return EM_OK;
}

int em_tagger_open_model(em_tagger *t, const em_options *o, em_err *err)
{
    em_status status;
    int code;

    *t = (em_tagger){ 0 };
    if ((status = em_path_model(t->path, sizeof t->path, o->model, err)))
        return em_exit_code(status, EM_EXIT_MODEL);
    if ((code = open_backend(t, o, err)))
        return code;
    if ((status = em_model_open(&t->model, t->path, t->ops, t->dev, err)) || (status = name_classes(t, o, err)))
        return em_exit_code(status, EM_EXIT_MODEL);
    return EM_EXIT_OK;
}

/* All, where the file does not say. */
static em_status find_trained(em_tagger *t, em_err *err)
{
    const em_card *card = em_model_card(t->model);

    if (!(t->is_trained = calloc((size_t)t->classes.n + 1, sizeof *t->is_trained)))
        return em_fail(err, EM_ENOMEM, "no memory for the classes");
    for (int c = 0; c < t->classes.n; c++)
        t->is_trained[c] = !card->trained;
    for (int i = 0; i < card->n_trained; i++)
        t->is_trained[card->trained[i]] = true;
    return EM_OK;
}

em_known em_tagger_known(const em_tagger *t)
{
    const em_config *cfg = em_session_config(t->session);

    return (em_known){
        .classes = t->classes, .is_trained = t->is_trained, .thresholds = em_model_card(t->model)->thresholds,
        .rate_hz = cfg->sample_rate, .window_samples = em_config_window_samples(cfg), .n_slots = em_config_slots(cfg),
        .slot_s = em_config_slot_seconds(cfg),
    };
}

int em_tagger_open(em_tagger *t, const em_options *o, int max_batch, em_err *err)
{
    em_session_cfg cfg = { .max_batch = max_batch, .window_s = o->window };
    int code = em_tagger_open_model(t, o, err);
    em_status status;
    em_known known;

    if (code)
        return code;
    if ((status = find_trained(t, err)))
        return em_exit_code(status, EM_EXIT_INTERNAL);
    if ((status = em_session_new(&t->session, t->model, &cfg, err)))
        return em_exit_code(status, status == EM_EINVAL ? EM_EXIT_USAGE : EM_EXIT_MODEL);
    known = em_tagger_known(t);
    return em_exit_code(em_selection_make(&t->selection, &known, o, err), EM_EXIT_USAGE);
}

void em_tagger_close(em_tagger *t)
{
    em_session_free(t->session);
    em_model_free(t->model);
    if (t->dev)
        t->ops->close(t->dev);
    em_labels_deinit(&t->labels);
    free(t->mids);
    free(t->is_trained);
    em_selection_deinit(&t->selection);
    *t = (em_tagger){ 0 };
}

const char *em_tagger_name(const em_tagger *t)
{
    const char *name = em_model_card(t->model)->name;

    return name && *name ? name : em_path_base(t->path);
}

int em_tagger_step(const em_tagger *t, const em_options *o)
{
    return (int)lround(o->step * 100) * (em_model_config(t->model)->sample_rate / 100);
}
