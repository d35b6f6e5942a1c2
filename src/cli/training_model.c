/* training_model.c - where the weights of a run begin, and which classes its model has: see training.h. */
#include "base/log.h"
#include "cli/recipe_options.h"
#include "cli/training.h"
#include "model/import.h"
#include "model/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------ where the weights begin */

static void hear_import(void *ctx, em_import_what what, const char *tensor)
{
    (void)ctx;
    if (what == EM_IMPORT_FRESH)
        em_log(EM_LOG_DEBUG, "fresh: %s", tensor);
}

/* A public checkpoint is imported into the run's folder first. */
static em_status make_model_file(em_training *t, em_err *err)
{
    const em_import_cfg how = { .mean_embed = t->o->mean_embed, .report = hear_import };
    const char *dir = t->o->train.out ? t->o->train.out : "/tmp";      /* a dry run may have none */
    em_import_counts n;
    em_status status;

    snprintf(t->init_path, sizeof t->init_path, "%s/.init-%ld.safetensors", dir, (long)getpid());
    t->has_made_folder = mkdir(dir, 0777) == 0;         /* em_run_open says what is wrong with it */
    t->is_imported = true;
    status = em_import(&n, t->o->train.init, t->init_path, &how, err);
    if (status == EM_OK)
        em_log(EM_LOG_INFO, "%s: %d tensors loaded, %d skipped, %d fresh", t->o->train.init, n.loaded, n.skipped, n.fresh);
    return status;
}

static em_status open_init(em_training *t, em_err *err)
{
    const char *path = t->o->train.init;
    em_st *st = NULL;
    em_status status = EM_OK;

    if (!path)
        return em_init_open(&t->init, NULL, (uint64_t)t->o->train.seed, err);
    if (em_st_open(&st, path, NULL) == EM_OK && em_st_metadata(st, "earmark"))
        snprintf(t->init_path, sizeof t->init_path, "%s", path);
    else
        status = make_model_file(t, err);
    em_st_close(st);
    if (status == EM_OK)
        status = em_init_open(&t->init, t->init_path, (uint64_t)t->o->train.seed, err);
    if (t->is_imported)
        unlink(t->init_path);                           /* it is open: a killed run leaves nothing of it */
    if (status == EM_OK)
        status = em_config_parse(&t->first, &t->old, em_st_metadata(t->init.st, "earmark"), path, err);
    return status == EM_OK ? em_st_hash(t->init.st, t->init_hash, err) : status;
}

/* It is another network: which, and what there is. */
static em_status misfit(const em_training *t, em_err *err)
{
    const em_config *c = &t->first;
    char names[160] = "";

    for (int i = 0; em_config_preset_name(i); i++) {
        const size_t n = strlen(names);

        snprintf(names + n, sizeof names - n, i > 0 ? ", %s" : "%s", em_config_preset_name(i));
    }
    return em_fail(err, EM_ESHAPE, "%.70s: none of its blocks fits: it has %d channels, depths %d %d %d %d; leave --preset out, or name one of %s",
                   t->o->train.init, c->dims[0], c->depths[0], c->depths[1], c->depths[2], c->depths[3], names);
}

/* A silent zero would train from scratch under another name. */
static em_status check_init(em_training *t, em_err *err)
{
    em_params params;
    em_status status = t->o->train.init ? em_params_list(&params, &t->model, err) : EM_OK;
    em_init_fit fit;

    if (status != EM_OK || !t->o->train.init)
        return status;
    fit = em_init_count(&t->init, &params);
    if (fit.n_of_blocks == 0)
        status = misfit(t, err);
    else
        em_log(EM_LOG_INFO, "%s: %d of %d tensors fit, the others start fresh", t->o->train.init, fit.n, params.n);
    em_params_deinit(&params);
    return status;
}

/* ------------------------------------------------------------------ classes */

/* Which rows of the head learn: those of classes behind the old ones, and of old ones that a clip to learn from has, but the model
 * never had. */
static em_status find_learning(em_training *t, em_err *err)
{
    const em_study *s = &t->study;
    int n = t->model.n_classes - t->n_old;

    t->learns = calloc((size_t)t->model.n_classes + 1, sizeof *t->learns);
    if (!t->learns)
        return em_fail(err, EM_ENOMEM, "no memory for the classes");
    for (int c = t->n_old; c < t->model.n_classes; c++)
        t->learns[c] = true;
    for (int i = 0; i < s->n_clips && t->old.trained; i++)
        for (int k = 0; k < s->set->clips[s->clips[i]].n_labels; k++)
            t->learns[s->set->clips[s->clips[i]].labels[k]] = true;
    for (int i = 0; i < t->old.n_trained && t->old.trained; i++)
        t->learns[t->old.trained[i]] = false;
    for (int c = 0; c < t->n_old; c++)
        n += t->learns[c];
    t->init.learns = t->learns;
    return n > 0 ? EM_OK : em_fail(err, EM_EINVAL, "%s knows every class of %s already: --head append has none to add",
                                   t->o->train.init, t->o->train.data);
}

/* --head=append: the model that --init names goes on with its own classes in front and the data's behind them, as it is but for the
 * rows of those that it never trained. The data is read once more, with all their names. */
static em_status append_classes(em_training *t, em_err *err)
{
    const em_dataset *set = t->study.set;
    int n = t->first.n_classes;
    em_status status;
    char **names;

    if (t->o->preset || t->o->train.d_state > 0 || t->o->train.gate || t->o->train.transformer_block)
        return em_fail(err, EM_EINVAL,
                       "%s: --head append leaves the model as it is: --preset, --d-state, --gated and --transformer-block make another",
                       t->o->train.init);
    if ((t->first.activation == EM_SOFTMAX) != (strcmp(t->o->train.loss, "ce") == 0))
        return em_fail(err, EM_EINVAL, "%s: --head append goes on as it was trained: --loss %s", t->o->train.init,
                       t->first.activation == EM_SOFTMAX ? "ce" : "bce");
    t->model = t->first;
    names = t->labels = calloc((size_t)(n + set->n_classes) + 1, sizeof *names);
    if (!names)
        return em_fail(err, EM_ENOMEM, "no memory for the classes");
    memcpy(names, t->old.labels, (size_t)n * sizeof *names);
    for (int i = 0; i < set->n_classes; i++)
        if (em_labels_find((const char *const *)t->old.labels, NULL, t->model.n_classes, set->classes[i]) < 0)
            if (!(names[n++] = t->new_names[i] = strdup(set->classes[i])))
                return em_fail(err, EM_ENOMEM, "no memory for the classes");
    t->n_old = t->init.n_old = t->model.n_classes;
    t->model.n_classes = n;
    em_study_close(&t->study);
    status = em_study_open(&t->study, t->o, names, n, err);
    if (status == EM_OK)
        status = em_study_split(&t->study, t->o, err);
    return status == EM_OK ? find_learning(t, err) : status;
}

/* The model to begin with knows them already, so its head goes on, too. */
static bool has_these_classes(const em_training *t)
{
    bool is_same = t->init.st && t->first.n_classes == t->study.set->n_classes;

    for (int i = 0; is_same && i < t->first.n_classes; i++)
        is_same = strcmp(t->labels[i], t->old.labels[i]) == 0;
    return is_same;
}

static em_status own_labels(em_training *t, em_err *err)
{
    const em_dataset *set = t->study.set;

    t->labels = calloc((size_t)set->n_classes + 1, sizeof *t->labels);
    if (!t->labels)
        return em_fail(err, EM_ENOMEM, "no memory for the classes");
    for (int i = 0; i < set->n_classes; i++)
        t->labels[i] = set->classes[i];
    if (has_these_classes(t))
        t->init.n_old = set->n_classes;
    return EM_OK;
}

em_status em_training_make_model(em_training *t, em_err *err)
{
    const bool appends = t->o->train.init && strcmp(t->o->train.head, "append") == 0;
    em_status status = open_init(t, err);

    t->n_new_names = t->study.set->n_classes;
    t->new_names = calloc((size_t)t->n_new_names + 1, sizeof *t->new_names);
    if (status == EM_OK && !t->new_names)
        status = em_fail(err, EM_ENOMEM, "no memory for the classes");
    if (status == EM_OK && !appends)
        status = em_config_of_options(&t->model, t->o, t->init.st ? &t->first : NULL, t->study.set->n_classes, err);
    if (status == EM_OK)
        status = appends ? append_classes(t, err) : own_labels(t, err);
    if (status == EM_OK)
        status = check_init(t, err);
    if (status == EM_OK && t->init.st)
        status = em_init_has_statistics(&t->has_statistics, &t->init, t->model.n_mels, err);
    t->practice = t->model;
    if (status == EM_OK && t->o->train.train_window > 0)
        status = em_config_set_short_window(&t->practice, t->o->train.train_window, err);
    return status;
}
