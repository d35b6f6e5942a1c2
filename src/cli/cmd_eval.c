/* cmd_eval.c - --eval -m MODEL --data DIR [--fold N]: scores of every clip, and the metrics of the field. */
#include "base/json.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/replace.h"
#include "cli/commands.h"
#include "cli/paths.h"
#include "cli/pictures.h"
#include "cli/recipe_options.h"
#include "cli/signals.h"
#include "cli/study.h"
#include "cli/tagger.h"
#include "model/rewrite.h"
#include "train/kd.h"
#include "train/report.h"
#include "train/scorer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BATCH = 8 };

typedef struct evaluation {
    const em_options *o;
    em_tagger  tagger;
    em_study   study;
    em_scores  scores;
    em_metrics metrics;
    float     *thresholds;          /* [n_classes] the model's; NULL: .5           */
    char       title[256];
} evaluation;

static void close_evaluation(evaluation *e)
{
    em_metrics_deinit(&e->metrics);
    em_scores_deinit(&e->scores);
    em_study_close(&e->study);
    em_tagger_close(&e->tagger);
}

/* Every clip has one class: accuracy, and confusions. */
static bool has_one_class_each(const evaluation *e)
{
    for (int i = 0; i < e->scores.n; i++)
        if (e->study.set->clips[e->scores.clips[i]].n_labels != 1)
            return false;
    return true;
}

static em_status measure(evaluation *e, em_err *err)
{
    const em_scored view = em_scores_view(&e->scores);
    const em_metrics_cfg how = { .is_single = has_one_class_each(e), .thresholds = em_model_card(e->tagger.model)->thresholds,
                                 .logits = e->scores.logits };

    return em_metrics_init(&e->metrics, &view, &how, err);
}

/* ------------------------------------------------------------------ files beside the report */

/* {"clip":"1-17367-A-10.wav","fold":1,"labels":["rain"],"answer":"rain","scores":[…]} */
static void prediction(em_json *j, const evaluation *e, int i)
{
    const em_clip *clip = &e->study.set->clips[e->scores.clips[i]];
    const size_t n = (size_t)e->scores.n_classes;
    const float *p = e->scores.probabilities + (size_t)i * n;
    size_t best = 0;

    for (size_t c = 1; c < n; c++)
        best = p[c] > p[best] ? c : best;
    em_json_begin(j, NULL, '{');
    em_json_string(j, "clip", clip->name);
    if (clip->fold > 0)
        em_json_int(j, "fold", clip->fold);
    em_json_begin(j, "labels", '[');
    for (int k = 0; k < clip->n_labels; k++)
        em_json_string(j, NULL, e->tagger.classes.labels[clip->labels[k]]);
    em_json_end(j, ']');
    em_json_string(j, "answer", e->tagger.classes.labels[best]);
    em_json_floats(j, "scores", p, n);
    em_json_end(j, '}');
    em_json_newline(j);
}

static bool write_predictions(int fd, void *ctx)
{
    const evaluation *e = ctx;
    em_json j = { 0 };
    bool is_whole = true;

    for (int i = 0; i < e->scores.n && is_whole; i++) {
        em_json_reset(&j);
        prediction(&j, e, i);
        is_whole = !j.has_failed && em_file_put(fd, j.text, j.n);
    }
    em_json_deinit(&j);
    return is_whole;
}

static em_status save_logits(const evaluation *e, em_err *err)
{
    const char **names = calloc((size_t)e->scores.n + 1, sizeof *names);
    em_status status;

    if (!names)
        return em_fail(err, EM_ENOMEM, "no memory for the clips' names");
    for (int i = 0; i < e->scores.n; i++)
        names[i] = e->study.set->clips[e->scores.clips[i]].name;
    status = em_kd_write(e->o->train.save_logits, names, e->scores.logits, e->scores.n, em_model_card(e->tagger.model)->labels,
                         e->scores.n_classes, err);
    free(names);
    return status;
}

/* A copy of the model with the thresholds that this data asks for. */
static em_status write_thresholds(const evaluation *e, em_err *err)
{
    const char *path = e->o->train.thresholds;
    const em_scored view = em_scores_view(&e->scores);
    const em_threshold_rule rule = em_threshold_rule_of_options(e->o);
    const em_card *card = em_model_card(e->tagger.model);
    float *thresholds = malloc(((size_t)view.n_classes + 1) * sizeof *thresholds);
    int n_chosen;
    em_status status = thresholds ? em_thresholds_of(thresholds, &n_chosen, &view, card, &rule, err)
                                  : em_fail(err, EM_ENOMEM, "no memory for thresholds");
    char clips[160], *from = NULL;

    snprintf(clips, sizeof clips, "%s of %.80s", e->study.name, em_path_base(e->o->train.data));
    if (status == EM_OK && !(from = em_thresholds_tell(&rule, clips, &view, card, n_chosen)))
        status = em_fail(err, EM_ENOMEM, "no memory for thresholds");
    if (status == EM_OK)
        status = em_model_rewrite(path, e->tagger.path,
                                  &(em_rewrite){ .thresholds = thresholds, .n_thresholds = view.n_classes, .thresholds_from = from }, err);
    if (status == EM_OK)
        em_log(EM_LOG_INFO, "%s: thresholds of %d classes; %d keep what they had", path, n_chosen, view.n_classes - n_chosen);
    if (status == EM_OK && e->study.is_test)
        em_log(EM_LOG_WARNING, "%s: its thresholds were chosen on %s, whose figures are flattered from now on; --split valid chooses on others", path,
               clips);
    free(thresholds);
    free(from);
    return status;
}

static em_status draw(const evaluation *e, em_err *err)
{
    const em_scored view = em_scores_view(&e->scores);

    return em_pictures_of_scores(e->o->plot, e->title, &view, &e->metrics, e->tagger.classes.labels, err);
}

static em_status write_files(evaluation *e, em_err *err)
{
    const em_train_options *t = &e->o->train;
    em_status status = t->predictions ? em_file_replace(t->predictions, write_predictions, e, err) : EM_OK;

    if (status == EM_OK && t->save_logits)
        status = save_logits(e, err);
    if (status == EM_OK && t->thresholds)
        status = write_thresholds(e, err);
    if (status == EM_OK && e->o->plot)
        status = draw(e, err);
    return status;
}

/* ------------------------------------------------------------------ the report */

static int print(const evaluation *e, em_err *err)
{
    const em_eval_report report = {
        .title = e->title, .thresholds = em_model_card(e->tagger.model)->thresholds ? "the model's" : "0.5", .metrics = &e->metrics,
        .classes = e->tagger.classes.labels, .segments = e->scores.segments, .events = e->scores.events,
    };
    em_json j = { 0 };
    em_status status;

    if (e->o->json) {
        em_eval_report_json(&j, NULL, &report);
        em_json_newline(&j);
        return em_finish_record(&j, err);
    }
    status = em_eval_report_print(stdout, &report, err);
    return status == EM_OK ? em_finish_stdout(err) : em_exit_code(status, EM_EXIT_OUTPUT);
}

static void make_title(evaluation *e)
{
    const em_train_options *t = &e->o->train;

    if (t->fold > 0)
        snprintf(e->title, sizeof e->title, "%s on %s, fold %d", em_tagger_name(&e->tagger), em_path_base(t->data), t->fold);
    else
        snprintf(e->title, sizeof e->title, "%s on %s", em_tagger_name(&e->tagger), em_path_base(t->data));
}

static em_status open_data(evaluation *e, em_err *err)
{
    const em_host *host = &e->tagger.host;
    const em_features_device device = { .ops = host->now.ops, .place = host->dev.place, .may_be_left = host->may_move };
    const em_config *model = em_model_config(e->tagger.model);
    em_status status = em_study_open(&e->study, e->o, em_model_card(e->tagger.model)->labels, model->n_classes, err);

    if (status == EM_OK)
        status = em_study_pick(&e->study, e->o, err);
    return status == EM_OK ? em_study_listen(&e->study, e->o, model, &device, err) : status;
}

static em_status hear(evaluation *e, em_err *err)
{
    const em_train_options *t = &e->o->train;
    const em_study *s = &e->study;
    const em_score_cfg how = {
        .set = s->set, .features = s->features, .clips = s->clips, .n_clips = s->n_clips, .max_batch = MAX_BATCH, .stop = em_signals_catch(),
        .window_s = t->train_window, .wants_times = true,
        .thresholds = em_model_card(e->tagger.model)->thresholds, .other = em_host_move, .other_ctx = &e->tagger.host,
    };

    return em_score(&e->scores, e->tagger.host.now.model, &how, err);
}

static void tell_what_is_left_out(const evaluation *e)
{
    const em_scores *s = &e->scores;

    if (s->n_unusable > 0)
        em_log(EM_LOG_WARNING, "%d of %d clips could not be used (--train --dry-run says why)", s->n_unusable, e->study.n_clips);
    if (s->segments && s->n_timed < s->n)
        em_log(EM_LOG_INFO, "segments and events are of %d clips: the other %d have classes without times", s->n_timed, s->n - s->n_timed);
}

/* The files first, because whoever reads the report may stop reading; and the report even if one of them could not be written. */
static int tell(evaluation *e, em_err *err)
{
    const em_status written = write_files(e, err);
    em_err other;
    const int code = print(e, written == EM_OK ? err : &other);

    return written == EM_OK ? code : em_exit_code(written, EM_EXIT_OUTPUT);
}

static int evaluate(evaluation *e, em_err *err)
{
    em_status status;
    int code;

    if (em_pictures_check(e->o->plot, err))
        return EM_EXIT_USAGE;
    if ((code = em_tagger_open_model(&e->tagger, e->o, err)))
        return code;
    if ((status = open_data(e, err)))
        return em_exit_code(status, status == EM_EINVAL ? EM_EXIT_USAGE : status == EM_EDEVICE ? EM_EXIT_BACKEND : EM_EXIT_TRAINING);
    make_title(e);
    if ((status = hear(e, err)))
        return status == EM_ECANCELED ? EM_EXIT_CUT : em_tagger_code(&e->tagger, status, EM_EXIT_TRAINING);
    tell_what_is_left_out(e);
    if ((status = measure(e, err)))
        return em_exit_code(status, EM_EXIT_TRAINING);
    return tell(e, err);
}

int em_cmd_eval(const em_options *o, em_err *err)
{
    evaluation e = { .o = o };
    int code;

    em_flush_denormals();                               /* as the pool's workers do: the same bits whoever takes a task */
    code = evaluate(&e, err);
    close_evaluation(&e);
    return code;
}
