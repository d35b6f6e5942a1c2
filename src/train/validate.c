/* validate.c - see validate.h. */
#include "train/validate.h"

#include "base/json.h"

#include <math.h>
#include <stdlib.h>

enum { VALID_BATCH = 8 };

void em_validation_deinit(em_validation *v)
{
    free(v->thresholds);
    free(v->thresholds_from);
    *v = (em_validation){ .map = NAN, .accuracy = NAN };
}

static em_status measure(em_validation *v, const em_train_cfg *cfg, const em_scores *scores, em_err *err)
{
    const em_scored view = em_scores_view(scores);
    em_metrics metrics;
    em_status status = em_metrics_init(&metrics, &view, &(em_metrics_cfg){ .is_single = false }, err);

    if (status == EM_OK) {
        v->map = metrics.map;
        v->n_classes = metrics.n_ap;
        v->n_clips = view.n;
        v->accuracy = cfg->set->is_single ? em_scores_accuracy(scores) : NAN;
    }
    em_metrics_deinit(&metrics);
    return status;
}

static em_status choose(em_validation *v, const em_train_cfg *cfg, const em_scores *scores, em_err *err)
{
    const em_scored view = em_scores_view(scores);
    const em_threshold_rule *rule = &cfg->recipe->thresholds;
    float *thresholds = malloc(((size_t)view.n_classes + 1) * sizeof *thresholds);
    int n_chosen = 0;
    em_status status = thresholds ? em_thresholds_of(thresholds, &n_chosen, &view, cfg->card, rule, err)
                                  : em_fail(err, EM_ENOMEM, "no memory for thresholds");

    if (status == EM_OK && n_chosen > 0) {
        v->thresholds = thresholds;
        v->thresholds_from = em_thresholds_tell(rule, cfg->valid_name, &view, cfg->card, n_chosen);
        return v->thresholds_from ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for thresholds");
    }
    free(thresholds);
    return status;
}

em_status em_validate(em_validation *v, const em_train_cfg *cfg, const em_tensor_source *weights, em_err *err)
{
    const em_score_cfg how = {                          /* not to be stopped: the epoch it belongs to would be lost */
        .set = cfg->set, .features = cfg->features, .clips = cfg->valid, .n_clips = cfg->n_valid, .max_batch = VALID_BATCH,
    };
    em_model *model = NULL;
    em_scores scores = { 0 };
    em_status status = em_model_new(&model, cfg->model, weights, cfg->ops, cfg->dev, err);

    em_validation_deinit(v);
    if (status == EM_OK)
        status = em_score(&scores, model, &how, err);
    if (status == EM_OK)
        status = measure(v, cfg, &scores, err);
    if (status == EM_OK)
        status = choose(v, cfg, &scores, err);
    if (status != EM_OK)
        em_validation_deinit(v);
    em_scores_deinit(&scores);
    em_model_free(model);
    return status;
}

char *em_validation_json(const em_validation *v, const em_train_cfg *cfg, long epoch, bool is_best)
{
    em_json j = { 0 };

    em_json_begin(&j, NULL, '{');
    em_json_string(&j, "dataset", cfg->valid_name);
    em_json_int(&j, "clips", v->n_clips);
    if (isfinite(v->accuracy))
        em_json_fixed(&j, "accuracy", v->accuracy, 4);
    if (isfinite(v->map))
        em_json_fixed(&j, "mAP", v->map, 4);
    em_json_int(&j, "classes", v->n_classes);
    em_json_int(&j, "epoch", epoch);
    if (is_best)
        em_json_string(&j, "chosen_by", "the best mAP of all epochs");
    em_json_end(&j, '}');
    if (!j.has_failed)
        return j.text;
    em_json_deinit(&j);
    return NULL;
}
