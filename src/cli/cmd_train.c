/* cmd_train.c - --train --data DIR --out DIR: options to a recipe, data and a model, then a run (train/trainer.h). */
#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "cli/commands.h"
#include "cli/pictures.h"
#include "cli/recipe_options.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/training.h"
#include "cli/training_view.h"
#include "train/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT_S = 4 * 3600 };            /* the longest wait for another rank: the first one validates meanwhile */

static void close_training(em_training *t)
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
    free(t->learns);
    free(t->provenance);
    free(t->licence);
    em_card_deinit(&t->old);
    free(t->labels);
    free(t->card.trained);
    free(t->card.thresholds);
    free(t->priors);
    free(t->identity);
}

/* ------------------------------------------------------------------ opening in order */

/* A GPU is asked for by name: its products of gradients are bf16. Each process on a machine takes one of its own. */
static int open_backend(em_training *t, em_err *err)
{
    const em_dev_cfg cfg = { .n_threads = t->o->threads, .precision = em_options_precision(t->o), .place = em_dist_place() };
    const char *name = strcmp(t->o->backend, "auto") == 0 ? "cpu" : t->o->backend;
    em_status status = em_backend_open(&t->backend, name, &cfg, err);

    return status == EM_EINVAL ? EM_EXIT_USAGE : em_exit_code(status, EM_EXIT_BACKEND);
}

/* Of the data, or of the device that is to make their frames. */
static int data_code(em_status status)
{
    return em_exit_code(status, status == EM_EINVAL ? EM_EXIT_USAGE : status == EM_EDEVICE ? EM_EXIT_BACKEND : EM_EXIT_TRAINING);
}

/* A teacher that knows none of the clips would teach nothing without a word. */
static em_status open_teacher(em_training *t, em_err *err)
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

static int open_training(em_training *t, em_err *err)
{
    const em_train_options *o = &t->o->train;
    em_features_device device = { .place = em_dist_place() };
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
    if ((status = em_training_make_model(t, err)))
        return em_exit_code(status, status == EM_EINVAL ? EM_EXIT_USAGE : EM_EXIT_MODEL);
    t->recipe = em_recipe_of_options(t->o, t->model.frontend);
    t->recipe.groups.learns = t->learns;
    t->recipe.groups.n_classes = t->model.n_classes;
    if ((status = em_recipe_check(&t->recipe, err)))
        return EM_EXIT_USAGE;
    if (o->kd && (status = open_teacher(t, err)))
        return em_exit_code(status, EM_EXIT_TRAINING);
    if (strcmp(o->head_bias, "prior") == 0 && (status = em_training_find_priors(t, err)))
        return EM_EXIT_INTERNAL;
    if ((status = em_training_make_card(t, err)) ||
        (status = em_study_identify(&t->identity, &t->study, t->init_hash, t->priors != NULL, t->kd ? o->kd : NULL, err)))
        return EM_EXIT_INTERNAL;
    if ((code = open_backend(t, err)))
        return code;
    device.ops = t->backend.ops;
    return data_code(em_study_listen(&t->study, t->o, &t->model, &device, err));
}

/* ------------------------------------------------------------------ what there is to do */

/* Seconds of training for one window, measured: two steps of fresh weights. */
static em_status time_a_window(double *seconds, em_training *t, em_err *err)
{
    enum { WINDOWS = 4 };
    const int n_frames = em_examples_frames(&t->practice);
    const size_t window = (size_t)n_frames * (size_t)t->practice.n_mels, classes = (size_t)t->practice.n_classes;
    float *frames = calloc(window, sizeof *frames), *logits = calloc(WINDOWS * classes, sizeof *logits);
    const em_tensor_source from = em_init_source(&t->init);
    const em_learner_cfg cfg = { .ops = t->backend.ops, .dev = t->backend.dev, .max_batch = WINDOWS, .recomputes = t->recipe.recomputes };
    em_input in[WINDOWS];
    em_learner *l = NULL;
    em_status status = frames && logits ? em_learner_new(&l, &t->practice, &cfg, err) : em_fail(err, EM_ENOMEM, "no memory for training");

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

static int list(em_training *t, em_err *err)
{
    em_listing_plan plan = { .n_epochs = t->o->train.epochs, .clips = t->study.clips, .n_clips = t->study.n_clips, .n_valid = t->study.n_valid };
    em_status status = time_a_window(&plan.seconds_per_window, t, err);

    if (status == EM_OK)
        status = em_dataset_list(stdout, t->study.set, t->study.features, &plan, err);
    return status == EM_OK ? em_finish_stdout(err) : em_exit_code(status, EM_EXIT_OUTPUT);
}

/* Where there are other ranks, a device that is lost may be one of them. */
static int exit_of(const em_training *t, em_status status, const em_train_result *r)
{
    const bool is_lost = status == EM_EDEVICE || status == EM_ENOMEM;

    if (is_lost && t->backend.ops->has_own_memory && em_dist_size(t->dist) == 1)
        return EM_EXIT_BACKEND;
    if (status == EM_ECANCELED)
        return EM_EXIT_CUT;
    return status == EM_EINVAL ? EM_EXIT_USAGE
         : r->has_diverged || status == EM_EFORMAT ? em_exit_code(status, EM_EXIT_TRAINING)
         : em_exit_code(status, status == EM_EDEVICE ? EM_EXIT_TRAINING : status == EM_EUNSUPPORTED ? EM_EXIT_BACKEND : EM_EXIT_OUTPUT);
}

static int draw(const em_training *t, em_err *err)
{
    return t->o->plot && em_dist_rank(t->dist) == 0 ? em_exit_code(em_pictures_of_run(t->o->plot, t->o->train.out, err), EM_EXIT_OUTPUT) : EM_EXIT_OK;
}

static int run(em_training *t, em_err *err)
{
    const em_tensor_source init = em_init_source(&t->init);
    em_training_view view;
    em_train_result result;
    em_train_cfg cfg = {
        .ops = t->backend.ops, .dev = t->backend.dev, .model = &t->model, .practice = &t->practice, .card = &t->card, .recipe = &t->recipe,
        .set = t->study.set, .features = t->study.features, .clips = t->study.clips, .valid = t->study.valid, .n_clips = t->study.n_clips,
        .n_valid = t->study.n_valid, .valid_name = t->study.valid_name, .kd = t->kd, .init = &init,
        .init_has_statistics = t->has_statistics, .identity = t->identity,
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
        em_dist_fail(t->dist, exit_of(t, status, &result), err->msg);
    return status == EM_OK ? draw(t, err) : exit_of(t, status, &result);
}

int em_cmd_train(const em_options *o, em_err *err)
{
    em_training t = { .o = o };
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
