/* cmd_train.c - --train --data DIR --out DIR: options to a recipe, data and a model, then a run (train/trainer.h). */
#include "backend/backend.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/init.h"
#include "cli/pictures.h"
#include "cli/recipe_options.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/study.h"
#include "cli/training_view.h"
#include "model/import.h"
#include "model/safetensors.h"
#include "train/listing.h"
#include "train/trainer.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIMIT_S = 4 * 3600 };            /* the longest wait for another rank: the first one validates meanwhile */

/* All that a run is made of. */
typedef struct training {
    const em_options *o;
    em_study     study;
    em_recipe    recipe;
    em_config    model, practice, first;    /* first, old: what --init says of itself    */
    em_card      card, old;
    int          n_old;                 /* classes that are appended to; 0: a new head   */
    char       **new_names;             /* [classes of the data] NULL where it has them  */
    int          n_new_names;
    char       **labels;                /* [n_classes] names, borrowed; the array is ours */
    em_backend   backend;
    em_init      init;
    char         init_path[PATH_MAX];   /* a model file: --init, or what it was imported to */
    bool         is_imported, has_made_folder;
    bool         needs_statistics;      /* what --init names has no bn0: the data's serve */
    float       *priors;                /* [n_classes] log-odds, for --head-bias=prior  */
    char         init_hash[EM_SHA256_CHARS];
    em_kd       *kd;
    em_dist     *dist;
    char        *identity;
} training;

static void close_training(training *t)
{
    em_dist_close(t->dist);
    em_kd_free(t->kd);
    em_init_close(&t->init);
    if (t->backend.dev)
        t->backend.ops->close(t->backend.dev);
    if (t->has_made_folder)
        rmdir(t->o->train.out);                         /* if nothing came into it */
    em_study_close(&t->study);
    for (int i = 0; i < t->n_new_names && t->new_names; i++)
        free(t->new_names[i]);
    free(t->new_names);
    em_card_deinit(&t->old);
    free(t->labels);
    free(t->card.trained);
    free(t->card.thresholds);
    free(t->priors);
    free(t->identity);
}

/* ------------------------------------------------------------------ where the weights begin */

static void hear_import(void *ctx, em_import_what what, const char *tensor)
{
    training *t = ctx;

    if (what != EM_IMPORT_FRESH)
        return;
    em_log(EM_LOG_DEBUG, "fresh: %s", tensor);
    if (strncmp(tensor, "bn0.running_", 12) == 0)
        t->needs_statistics = true;
}

/* A public checkpoint is imported into the run's folder first. */
static em_status make_model_file(training *t, em_err *err)
{
    const em_import_cfg how = { .mean_embed = t->o->mean_embed, .report = hear_import, .ctx = t };
    const char *dir = t->o->train.out ? t->o->train.out : "/tmp";      /* a dry run may have none */
    em_import_counts n;
    em_status status;

    snprintf(t->init_path, sizeof t->init_path, "%s/.init-%ld.safetensors", dir, (long)getpid());
    t->has_made_folder = mkdir(dir, 0777) == 0;         /* em_run_open says what is wrong with it */
    t->is_imported = true;
    status = em_import(&n, t->o->train.init, t->init_path, &how, err);
    if (status == EM_OK)
        em_log(EM_LOG_INFO, "%s: %d tensors read, %d skipped", t->o->train.init, n.loaded, n.skipped);
    return status;
}

static em_status open_init(training *t, em_err *err)
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

/* A silent zero would train from scratch under another name. */
static em_status check_init(training *t, em_err *err)
{
    em_params params;
    em_status status = t->o->train.init ? em_params_list(&params, &t->model, err) : EM_OK;
    em_init_fit fit;

    if (status != EM_OK || !t->o->train.init)
        return status;
    fit = em_init_count(&t->init, &params);
    if (fit.n_of_blocks == 0)
        status = em_fail(err, EM_ESHAPE, "%s: none of its blocks fits this model: another --preset may be meant", t->o->train.init);
    else
        em_log(EM_LOG_INFO, "%s: %d of %d tensors fit, the others start fresh", t->o->train.init, fit.n, params.n);
    em_params_deinit(&params);
    return status;
}

/* ------------------------------------------------------------------ classes and card */

/* --head=append: the model that --init names goes on with its own classes in front and the data's behind them, as it is but for the
 * rows of those in the head. The data is read once more, with all their names. */
static em_status append_classes(training *t, em_err *err)
{
    const em_dataset *set = t->study.set;
    int n = t->first.n_classes;
    em_status status;
    char **names;

    if (t->o->preset || t->o->train.d_state > 0 || t->o->train.gate || t->o->train.transformer_block)
        return em_fail(err, EM_EINVAL, "%s: --head append leaves the model as it is: --preset, --d-state, --gated and --transformer-block make another",
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
    if (n == t->model.n_classes)
        return em_fail(err, EM_EINVAL, "%s knows every class of %s already: --head append has none to add", t->o->train.init, t->o->train.data);
    t->n_old = t->init.n_old = t->model.n_classes;
    t->model.n_classes = n;
    em_study_close(&t->study);
    status = em_study_open(&t->study, t->o, names, n, err);
    return status == EM_OK ? em_study_split(&t->study, t->o, err) : status;
}

/* The model to begin with knows them already, so its head goes on, too. */
static bool has_these_classes(const training *t)
{
    bool is_same = t->init.st && t->first.n_classes == t->study.set->n_classes;

    for (int i = 0; is_same && i < t->first.n_classes; i++)
        is_same = strcmp(t->labels[i], t->old.labels[i]) == 0;
    return is_same;
}

static em_status own_labels(training *t, em_err *err)
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

/* Classes that a clip to learn from has. */
static em_status note_trained(training *t, em_err *err)
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

/* Where scores begin at what the data say of a class without being heard. Of AudioSet's classes most are as good as never there:
 * from scores of one half the way down is so long that weights grow in one direction, and nothing else is learnt. */
static em_status find_priors(training *t, em_err *err)
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

/* A model that is appended to stays what it was said to be, where nothing else is said, and keeps its thresholds. */
static em_status keep_card(training *t, em_err *err)
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

static em_status make_card(training *t, em_err *err)
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

/* ------------------------------------------------------------------ opening in order */

static em_status make_model(training *t, em_err *err)
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
    t->practice = t->model;
    if (status == EM_OK && t->o->train.train_window > 0)
        status = em_config_set_short_window(&t->practice, t->o->train.train_window, err);
    return status;
}

static int open_backend(training *t, em_err *err)
{
    const em_dev_cfg cfg = { .n_threads = t->o->threads, .precision = em_options_precision(t->o) };
    const char *name = strcmp(t->o->backend, "auto") == 0 ? "cpu" : t->o->backend;     /* a GPU is asked for by name: its products of gradients are bf16 */
    em_status status = em_backend_open(&t->backend, name, &cfg, err);

    return status == EM_EINVAL ? EM_EXIT_USAGE : em_exit_code(status, EM_EXIT_BACKEND);
}

static int data_code(em_status status) { return em_exit_code(status, status == EM_EINVAL ? EM_EXIT_USAGE : EM_EXIT_TRAINING); }

/* A teacher that knows none of the clips would teach nothing without a word. */
static em_status open_teacher(training *t, em_err *err)
{
    const em_study *s = &t->study;
    em_status status = em_kd_open(&t->kd, t->o->train.kd, s->set->classes, s->set->n_classes, err);
    int n = 0;

    for (int i = 0; i < s->n_clips && status == EM_OK; i++)
        n += em_kd_find(t->kd, s->set->clips[s->clips[i]].name) != NULL;
    if (status == EM_OK && n == 0)
        return em_fail(err, EM_EFORMAT, "%s: answers none of the %d clips to learn from: it was made of other data", t->o->train.kd, s->n_clips);
    if (status == EM_OK && n < s->n_clips)
        em_log(EM_LOG_INFO, "%s: answers %d of %d clips", t->o->train.kd, n, s->n_clips);
    return status;
}

static int open_training(training *t, em_err *err)
{
    const em_train_options *o = &t->o->train;
    em_status status;
    int code;

    if (!o->out && !o->dry_run) {
        em_fail(err, EM_EINVAL, "where to? --out DIR names the run's folder");
        return EM_EXIT_USAGE;
    }
    if ((status = em_pictures_check(t->o->plot, err)))
        return EM_EXIT_USAGE;
    if ((status = em_study_open(&t->study, t->o, NULL, 0, err)) || (status = em_study_split(&t->study, t->o, err)))
        return data_code(status);
    if ((status = make_model(t, err)))
        return em_exit_code(status, status == EM_EINVAL ? EM_EXIT_USAGE : EM_EXIT_MODEL);
    t->recipe = em_recipe_of_options(t->o, t->model.frontend);
    t->recipe.groups.n_kept = t->n_old;
    if ((status = em_recipe_check(&t->recipe, err)))
        return EM_EXIT_USAGE;
    if (o->kd && (status = open_teacher(t, err)))
        return em_exit_code(status, EM_EXIT_TRAINING);
    if (strcmp(o->head_bias, "prior") == 0 && (status = find_priors(t, err)))
        return EM_EXIT_INTERNAL;
    if ((status = make_card(t, err)) ||
        (status = em_study_identify(&t->identity, &t->study, t->init_hash, t->priors != NULL, t->kd ? o->kd : NULL, err)))
        return EM_EXIT_INTERNAL;
    if ((code = open_backend(t, err)))
        return code;
    return data_code(em_study_listen(&t->study, t->o, &t->model, err));
}

/* ------------------------------------------------------------------ what there is to do */

/* Seconds of training for one window, measured: two steps of fresh weights. */
static em_status time_a_window(double *seconds, training *t, em_err *err)
{
    enum { WINDOWS = 4 };
    const int n_frames = em_examples_frames(&t->practice);
    const size_t window = (size_t)n_frames * (size_t)t->practice.n_mels, classes = (size_t)t->practice.n_classes;
    float *frames = calloc(window, sizeof *frames), *logits = calloc(WINDOWS * classes, sizeof *logits);
    const em_tensor_source from = em_init_source(&t->init);
    em_input in[WINDOWS];
    em_learner *l = NULL;
    em_status status = frames && logits ? em_learner_new(&l, &t->practice, &(em_learner_cfg){ t->backend.ops, t->backend.dev, WINDOWS, false, false }, err)
                                        : em_fail(err, EM_ENOMEM, "no memory for training");

    for (int i = 0; i < WINDOWS; i++)
        in[i] = (em_input){ .frames = frames, .n_frames = n_frames };
    if (status == EM_OK)
        status = em_learner_load(l, &from, err);
    if (status == EM_OK)
        status = em_learner_statistics(l, NULL, NULL, err);
    for (int i = 0; i < 2 && status == EM_OK; i++) {
        const uint64_t begin = em_now_ns();

        status = em_learner_forward(l, in, logits, NULL, WINDOWS, err);
        if (status == EM_OK)
            status = em_learner_backward(l, logits, NULL, WINDOWS, NULL, NULL, err);
        *seconds = (double)(em_now_ns() - begin) / 1e9 / WINDOWS;
    }
    em_learner_free(l);
    free(frames);
    free(logits);
    return status;
}

static int list(training *t, em_err *err)
{
    em_listing_plan plan = { .n_epochs = t->o->train.epochs, .clips = t->study.clips, .n_clips = t->study.n_clips, .n_valid = t->study.n_valid };
    em_status status = time_a_window(&plan.seconds_per_window, t, err);

    if (status == EM_OK)
        status = em_dataset_list(stdout, t->study.set, t->study.features, &plan, err);
    return status == EM_OK ? em_finish_stdout(err) : em_exit_code(status, EM_EXIT_OUTPUT);
}

static int exit_of(em_status status, const em_train_result *r)
{
    if (status == EM_ECANCELED)
        return EM_EXIT_CUT;
    return status == EM_EINVAL ? EM_EXIT_USAGE
         : r->has_diverged || status == EM_EFORMAT ? em_exit_code(status, EM_EXIT_TRAINING)
         : em_exit_code(status, status == EM_EDEVICE ? EM_EXIT_TRAINING : status == EM_EUNSUPPORTED ? EM_EXIT_BACKEND : EM_EXIT_OUTPUT);
}

static int draw(const training *t, em_err *err)
{
    return t->o->plot && em_dist_rank(t->dist) == 0 ? em_exit_code(em_pictures_of_run(t->o->plot, t->o->train.out, err), EM_EXIT_OUTPUT) : EM_EXIT_OK;
}

static int run(training *t, em_err *err)
{
    const em_tensor_source init = em_init_source(&t->init);
    em_training_view view;
    em_train_result result;
    em_train_cfg cfg = {
        .ops = t->backend.ops, .dev = t->backend.dev, .model = &t->model, .practice = &t->practice, .card = &t->card, .recipe = &t->recipe,
        .set = t->study.set, .features = t->study.features, .clips = t->study.clips, .valid = t->study.valid, .n_clips = t->study.n_clips,
        .n_valid = t->study.n_valid, .valid_name = t->study.valid_name, .kd = t->kd, .init = &init,
        .init_has_statistics = t->o->train.init && !t->needs_statistics, .identity = t->identity,
        .dir = t->o->train.out, .resumes = t->o->train.resume, .dist = t->dist, .stop = em_signals_catch(),
        .tell = em_training_view_tell, .warn = em_training_view_warn, .ctx = &view,
    };
    em_status status;

    em_training_view_init(&view, t->o);
    em_log(EM_LOG_INFO, "training on %d clips of %d classes (%s), %d to validate on; %s", t->study.n_clips, t->study.set->n_classes,
           t->study.set->layout, t->study.n_valid, t->backend.ops->describe(t->backend.dev));
    status = em_train(&result, &cfg, err);
    em_report_progress("");
    if (status == EM_OK && result.was_finished)
        em_log(EM_LOG_INFO, "%s: the run is finished; nothing is left to do", t->o->train.out);
    if (status != EM_OK && status != EM_ECANCELED)
        em_dist_fail(t->dist, exit_of(status, &result), err->msg);
    return status == EM_OK ? draw(t, err) : exit_of(status, &result);
}

int em_cmd_train(const em_options *o, em_err *err)
{
    training t = { .o = o };
    int code;

    em_flush_denormals();                               /* as the pool's workers do: the same bits whoever takes a task */
    code = open_training(&t, err);
    if (code == EM_EXIT_OK && o->train.dry_run)
        code = list(&t, err);
    else if (code == EM_EXIT_OK)
        code = em_exit_code(em_dist_open(&t.dist, LIMIT_S, err), EM_EXIT_TRAINING);
    if (code == EM_EXIT_OK && !o->train.dry_run)
        code = run(&t, err);
    close_training(&t);
    return code;
}
