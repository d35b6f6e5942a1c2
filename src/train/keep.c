/* keep.c - see keep.h. */
#include "train/keep.h"

#include "base/json.h"
#include "model/safetensors.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 4 };

/* What a run needs to be whole, in the order of its file. */
static int blocks_of(const em_trainer *t, float *blocks[BLOCKS], const char *names[BLOCKS])
{
    static const char *const all[BLOCKS] = { "values", "m", "v", "ema" };
    float *const from[BLOCKS] = { em_learner_values(t->learner), t->m, t->v, t->ema };
    int n = 0;

    for (int i = 0; i < BLOCKS; i++)
        if (from[i]) {
            blocks[n] = from[i];
            names[n++] = all[i];
        }
    return n;
}

static em_saved_place states(const em_trainer *t) { return (em_saved_place){ t->cfg->dir, "state", t->cfg->recipe->keep }; }
static em_saved_place weights(const em_trainer *t) { return (em_saved_place){ t->cfg->dir, "weights", t->cfg->recipe->average }; }

static void damaged(void *ctx, const char *sentence)
{
    const em_trainer *t = ctx;

    if (t->cfg->warn)
        t->cfg->warn(t->cfg->ctx, sentence);
}

/* ------------------------------------------------------------------ facts */

static char *facts_json(const em_trainer *t)
{
    const size_t mels = (size_t)t->cfg->model->n_mels;
    em_json j = { 0 };

    em_json_begin(&j, NULL, '{');
    em_json_string(&j, "settings", t->settings);
    em_json_int(&j, "skipped", t->guard.n_skipped);
    em_json_int(&j, "in_row", t->guard.n_in_row);
    em_json_int(&j, "reloads", t->guard.n_reloads);
    em_json_int(&j, "on_trial", t->guard.is_on_trial);
    em_json_int(&j, "taken", t->n_taken);
    em_json_int(&j, "epoch_taken", t->epoch_taken);
    em_json_begin(&j, "numbers", '[');                  /* bits of doubles: text would round them */
    for (size_t i = 0; i < mels + 2; i++) {
        const double x = i == 0 ? t->epoch_loss : i == 1 ? t->best_map : t->first_mean[i - 2];
        int64_t bits;

        memcpy(&bits, &x, sizeof bits);
        em_json_int(&j, NULL, bits);
    }
    em_json_end(&j, ']');
    em_json_end(&j, '}');
    if (!j.has_failed)
        return j.text;
    em_json_deinit(&j);
    return NULL;
}

static double number_at(const json_t *list, size_t i)
{
    const json_int_t value = json_integer_value(json_array_get(list, i));
    const int64_t bits = value;
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static em_status read_facts(em_trainer *t, const em_saved *s, bool keeps_guard, em_err *err)
{
    const em_saved_facts *facts = em_saved_tell(s);
    const size_t mels = (size_t)t->cfg->model->n_mels;
    json_t *root = json_loads(facts->json, 0, NULL);
    const json_t *numbers = json_object_get(root, "numbers"), *taken = json_object_get(root, "taken");
    const char *settings = json_string_value(json_object_get(root, "settings"));
    em_status status = EM_OK;

    if (!settings || !json_is_integer(taken) || json_array_size(numbers) != mels + 2)
        status = em_fail(err, EM_EFORMAT, "%s: is no state of a run like this one", em_saved_path(s));
    else if (strcmp(settings, t->settings) != 0)
        status = em_fail(err, EM_EINVAL, "%s: is of a run with other data, model or settings; go on with those, or give another --out",
                         em_saved_path(s));
    if (status == EM_OK) {
        t->step = facts->step;
        t->n_taken = (long)json_integer_value(taken);
        t->epoch_taken = (long)json_integer_value(json_object_get(root, "epoch_taken"));
        t->epoch_loss = number_at(numbers, 0);
        t->best_map = number_at(numbers, 1);
        for (size_t i = 0; i < mels; i++)
            t->first_mean[i] = number_at(numbers, i + 2);
    }
    if (status == EM_OK && !keeps_guard)
        t->guard = (em_guard){ .n_skipped = json_integer_value(json_object_get(root, "skipped")),
                               .n_in_row = (int)json_integer_value(json_object_get(root, "in_row")),
                               .n_reloads = (int)json_integer_value(json_object_get(root, "reloads")),
                               .is_on_trial = json_integer_value(json_object_get(root, "on_trial")) != 0 };
    json_decref(root);
    return status;
}

static em_status make_settings(em_trainer *t, em_err *err)
{
    char *recipe = em_recipe_json(t->cfg->recipe), *model = em_config_write(t->cfg->model, t->cfg->card);

    if (recipe && model && asprintf(&t->settings, "%s\n%s\n%d\n%s", recipe, model, t->cfg->practice->n_frames, t->cfg->identity) < 0)
        t->settings = NULL;
    free(recipe);
    free(model);
    return t->settings ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for the run's settings");
}

/* ------------------------------------------------------------------ states */

static em_status load(em_trainer *t, em_saved *s, em_err *err)
{
    const em_train_cfg *cfg = t->cfg;
    float *blocks[BLOCKS];
    const char *names[BLOCKS];
    const int n = blocks_of(t, blocks, names);
    em_status status = EM_OK;

    for (int i = 0; i < n && status == EM_OK; i++) {
        status = em_saved_read(s, names[i], t->host, t->n, err);
        if (status == EM_OK)
            status = cfg->ops->upload(cfg->dev, blocks[i], t->host, t->n, err);
    }
    return status == EM_OK ? em_learner_refresh(t->learner, err) : status;
}

em_status em_keep_open(em_trainer *t, bool *is_finished, em_err *err)
{
    const em_saved_place place = states(t);
    uint64_t log_bytes = 0;
    em_saved *s = NULL;
    em_status status = make_settings(t, err);

    if (status == EM_OK && em_dist_rank(t->cfg->dist) > 0)
        return EM_OK;
    if (status == EM_OK)
        status = em_run_open(&t->run, t->cfg->dir, err);
    if (status == EM_OK)
        status = em_saved_load(&s, &place, damaged, t, err);
    if (status == EM_OK && s && !t->cfg->resumes)
        status = em_fail(err, EM_EINVAL, "%s holds a run already: --resume goes on with it, another --out begins one", t->cfg->dir);
    if (status == EM_OK && s) {
        status = read_facts(t, s, false, err);
        if (status == EM_OK)
            status = load(t, s, err);
        *is_finished = em_saved_tell(s)->is_finished;
        log_bytes = em_saved_tell(s)->log_bytes;
    } else if (status == EM_OK) {
        status = em_train_fresh(t, err);
    }
    if (status == EM_OK && !*is_finished)
        status = em_run_log_open(t->run, log_bytes, err);
    if (status == EM_OK && !s)
        status = em_keep_state(t, false, err);          /* so that there is always a way back */
    em_saved_close(s);
    return status;
}

void em_keep_close(em_trainer *t)
{
    em_run_close(t->run);
    free(t->settings);
}

em_status em_keep_share(em_trainer *t, bool *is_finished, em_err *err)
{
    const em_train_cfg *cfg = t->cfg;
    struct { int64_t step, n_taken, epoch_taken; double epoch_loss, best_map; em_guard guard; bool is_finished; } facts = {
        t->step, t->n_taken, t->epoch_taken, t->epoch_loss, t->best_map, t->guard, *is_finished,
    };
    float *blocks[BLOCKS];
    const char *names[BLOCKS];
    const int n = blocks_of(t, blocks, names);
    em_status status = em_dist_broadcast(cfg->dist, &facts, sizeof facts, err);

    if (em_dist_size(cfg->dist) == 1)
        return status;
    if (status == EM_OK)
        status = em_dist_broadcast(cfg->dist, t->first_mean, (size_t)cfg->model->n_mels * sizeof *t->first_mean, err);
    for (int i = 0; i < n && status == EM_OK; i++) {
        status = cfg->ops->download(cfg->dev, t->host, blocks[i], t->n, err);
        if (status == EM_OK)
            status = em_dist_broadcast(cfg->dist, t->host, t->n * sizeof *t->host, err);
        if (status == EM_OK)
            status = cfg->ops->upload(cfg->dev, blocks[i], t->host, t->n, err);
    }
    t->step = facts.step;
    t->n_taken = facts.n_taken;
    t->epoch_taken = facts.epoch_taken;
    t->epoch_loss = facts.epoch_loss;
    t->best_map = facts.best_map;
    t->guard = facts.guard;
    *is_finished = facts.is_finished;
    return status == EM_OK ? em_learner_refresh(t->learner, err) : status;
}

em_status em_keep_state(em_trainer *t, bool is_finished, em_err *err)
{
    const em_saved_place place = states(t);
    em_saved_block saved[BLOCKS];
    float *blocks[BLOCKS], *host = NULL;
    const char *names[BLOCKS];
    const int n = blocks_of(t, blocks, names);
    em_saved_facts facts = { .step = t->step, .is_finished = is_finished };
    em_status status;
    char *json;

    em_guard_saved(&t->guard);
    if (em_dist_rank(t->cfg->dist) > 0)
        return EM_OK;
    json = facts_json(t);
    host = malloc((size_t)n * t->n * sizeof *host);
    facts.json = json;
    status = json && host ? em_run_log_sync(t->run, &facts.log_bytes, err) : em_fail(err, EM_ENOMEM, "no memory to save the run's state");
    for (int i = 0; i < n && status == EM_OK; i++) {
        saved[i] = (em_saved_block){ names[i], host + (size_t)i * t->n, t->n };
        status = t->cfg->ops->download(t->cfg->dev, host + (size_t)i * t->n, blocks[i], t->n, err);
    }
    if (status == EM_OK)
        status = em_saved_write(&place, &facts, saved, n, err);
    free(host);
    free(json);
    return status;
}

em_status em_keep_reload(em_trainer *t, em_err *err)
{
    const em_saved_place place = states(t);
    em_saved *s = NULL;
    bool is_finished = false;
    em_status status = EM_OK;

    if (em_dist_rank(t->cfg->dist) == 0) {
        const em_guard guard = t->guard;

        status = em_saved_load(&s, &place, damaged, t, err);
        if (status == EM_OK && !s)
            status = em_fail(err, EM_EIO, "%s: no saved state is left to go back to", t->cfg->dir);
        if (status == EM_OK)
            status = read_facts(t, s, true, err);
        if (status == EM_OK)
            status = load(t, s, err);
        if (status == EM_OK)
            status = em_run_log_open(t->run, em_saved_tell(s)->log_bytes, err);
        em_saved_close(s);
        t->guard = guard;
    }
    if (status == EM_OK)
        status = em_keep_share(t, &is_finished, err);
    return status == EM_OK ? em_train_begin(t, err) : status;
}

/* ------------------------------------------------------------------ model files */

/* The card of weights that v is of; NULL: they were not validated. Caller frees; NULL: no memory. */
static char *make_card(const em_trainer *t, const em_validation *v, bool is_best)
{
    em_card card = *t->cfg->card;
    char *json;

    if (!v)
        return em_config_write(t->cfg->model, &card);
    card.metrics = em_validation_json(v, t->cfg, t->step / t->steps_per_epoch, is_best);
    if (v->thresholds) {
        card.thresholds = v->thresholds;
        card.thresholds_from = v->thresholds_from;
    }
    json = card.metrics ? em_config_write(t->cfg->model, &card) : NULL;
    free(card.metrics);
    return json;
}

/* json: the card, which is freed. */
static em_status write_model(em_trainer *t, const float *block, char *json, const char *path, em_err *err)
{
    const em_params *params = em_learner_params(t->learner);
    em_st_out *tensors = calloc((size_t)params->n, sizeof *tensors);
    float *values = malloc(params->n_total * sizeof *values);
    const char *const key = "earmark", *const value = json;
    em_status status = json && tensors && values ? EM_OK : em_fail(err, EM_ENOMEM, "no memory to write %s", path);

    for (int i = 0; i < params->n && status == EM_OK; i++) {
        const em_param *p = &params->list[i];

        tensors[i] = (em_st_out){ .name = p->name, .rank = p->rank, .shape = p->shape, .data = values + p->offset };
        status = em_learner_get(t->learner, block, p, values + p->offset, err);
    }
    if (status == EM_OK)
        status = em_st_write(path, tensors, params->n, &key, &value, 1, err);
    free(json);
    free(tensors);
    free(values);
    return status;
}

static em_status log_epoch(em_trainer *t, em_err *err)
{
    em_json j = { 0 };
    em_status status;

    em_json_begin(&j, NULL, '{');
    em_train_progress_json(&j, &t->progress);
    em_json_end(&j, '}');
    status = j.has_failed ? em_fail(err, EM_ENOMEM, "no memory for the log") : em_run_log(t->run, j.text, err);
    em_json_deinit(&j);
    return status;
}

/* Weights for the mean are a state of their own kind: one block, as many as the mean is made of. */
static em_status keep_weights(em_trainer *t, em_err *err)
{
    const em_saved_place place = weights(t);
    const em_saved_facts facts = { .step = t->step, .json = "{}" };
    const em_saved_block block = { "weights", t->host, t->n };
    em_status status;

    if (t->cfg->recipe->average < 2)
        return EM_OK;
    status = t->cfg->ops->download(t->cfg->dev, t->host, em_train_average(t), t->n, err);
    return status == EM_OK ? em_saved_write(&place, &facts, &block, 1, err) : status;
}

em_status em_keep_epoch(em_trainer *t, em_err *err)
{
    em_status status = log_epoch(t, err);

    if (status == EM_OK)
        status = keep_weights(t, err);
    if (status == EM_OK && isfinite(t->progress.map) && t->progress.map > t->best_map) {
        t->best_map = t->progress.map;
        status = write_model(t, em_train_average(t), make_card(t, &t->valid, true), em_run_best(t->run), err);
    }
    return status;
}

/* The block that is the run's answer: the mean of the last epochs goes through m's place, which is no longer wanted. */
static em_status final_block(em_trainer *t, const float **out, em_err *err)
{
    const em_saved_place place = weights(t);
    int n_used;
    em_status status;

    *out = em_train_average(t);
    if (t->cfg->recipe->average < 2)
        return EM_OK;
    status = em_saved_mean(t->host, t->n, &n_used, &place, "weights", t->cfg->recipe->average, damaged, t, err);
    if (status == EM_OK)
        status = t->cfg->ops->upload(t->cfg->dev, t->m, t->host, t->n, err);
    *out = t->m;
    return status;
}

/* The end's weights are the last epoch's, which was validated, unless they are a mean, or another process ended that epoch. */
static em_status validate_end(em_trainer *t, const float *block, em_err *err)
{
    const em_train_cfg *cfg = t->cfg;
    em_learner_reader reader = { t->learner, block };
    const em_tensor_source weights = em_learner_source(&reader);

    if (cfg->n_valid == 0 || cfg->recipe->valid_epochs == 0 || (t->valid.step == t->step && cfg->recipe->average < 2))
        return EM_OK;
    return em_validate(&t->valid, cfg, &weights, err);
}

em_status em_keep_end(em_trainer *t, em_err *err)
{
    const em_validation *v = t->cfg->n_valid > 0 && t->cfg->recipe->valid_epochs > 0 ? &t->valid : NULL;
    const float *block;
    em_status status;

    if (em_dist_rank(t->cfg->dist) > 0)
        return EM_OK;
    status = final_block(t, &block, err);
    if (status == EM_OK)
        status = validate_end(t, block, err);
    if (status == EM_OK)
        status = write_model(t, block, make_card(t, v, false), em_run_last(t->run), err);
    if (status == EM_OK && t->best_map < 0)
        status = write_model(t, block, make_card(t, v, false), em_run_best(t->run), err);
    return status == EM_OK ? em_keep_state(t, true, err) : status;
}
