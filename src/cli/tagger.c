/* tagger.c - opens what tagging needs, in order, with the exit code of the stage that fails: see tagger.h. */
#include "cli/tagger.h"

#include "base/clock.h"
#include "base/sort.h"
#include "cli/commands.h"
#include "cli/paths.h"

#include <stdlib.h>

enum { MOST_RUNS = 16 };

/* A model file that this program cannot read is no fault of the device's. */
static int host_code(const em_host *h, em_status status)
{
    if (h->opened)
        return status == EM_EINVAL ? EM_EXIT_USAGE : em_exit_code(status, EM_EXIT_BACKEND);
    return em_host_is_device(h, status) && status != EM_EUNSUPPORTED ? EM_EXIT_BACKEND : em_exit_code(status, EM_EXIT_MODEL);
}

int em_tagger_code(const em_tagger *t, em_status status, int stage_code)
{
    return em_host_is_device(&t->host, status) ? EM_EXIT_BACKEND : em_exit_code(status, stage_code);
}

int em_tagger_open_model(em_tagger *t, const em_options *o, em_err *err)
{
    const em_dev_cfg dev = { .n_threads = o->threads, .precision = em_options_precision(o) };
    em_status status;

    *t = (em_tagger){ 0 };
    if ((status = em_path_model(t->path, sizeof t->path, o->model, err)))
        return em_exit_code(status, EM_EXIT_MODEL);
    if ((status = em_host_open(&t->host, t->path, o->backend, &dev, err)))
        return host_code(&t->host, status);
    t->model = t->host.now.model;
    if ((status = em_model_classes_init(&t->own, t->model, o->labels, err)))
        return em_exit_code(status, EM_EXIT_MODEL);
    t->classes = t->own.names;
    return EM_EXIT_OK;
}

em_known em_tagger_known(const em_tagger *t)
{
    return em_model_classes_known(&t->own, t->model, em_session_config(t->session));
}

int em_tagger_open(em_tagger *t, const em_options *o, int max_batch, int max_streams, em_err *err)
{
    const em_session_cfg cfg = { .max_batch = max_batch, .max_streams = max_streams, .window_s = o->window,
                                 .other = em_host_move, .other_ctx = &t->host };
    int code = em_tagger_open_model(t, o, err);
    em_settings settings = em_options_settings(o);
    em_status status;
    em_known known;

    if (code)
        return code;
    if ((status = em_session_new(&t->session, t->host.now.model, &cfg, err)))
        return em_model_config(t->model)->n_classes == 0 ? EM_EXIT_MODEL
                                                         : em_tagger_code(t, status, status == EM_EINVAL ? EM_EXIT_USAGE : EM_EXIT_MODEL);
    known = em_tagger_known(t);
    return em_exit_code(em_selection_make(&t->selection, &known, &settings, err), EM_EXIT_USAGE);
}

void em_tagger_close(em_tagger *t)
{
    em_session_free(t->session);
    em_host_close(&t->host);
    em_model_classes_deinit(&t->own);
    em_selection_deinit(&t->selection);
    *t = (em_tagger){ 0 };
}

const char *em_tagger_device(const em_tagger *t) { return t->host.now.ops->describe(t->host.now.dev); }

const char *em_tagger_name(const em_tagger *t)
{
    const char *name = em_model_card(t->model)->name;

    return name && *name ? name : em_path_base(t->path);
}

double em_tagger_window_seconds(const em_tagger *t)
{
    const em_config *cfg = em_session_config(t->session);

    return (double)em_config_window_samples(cfg) / cfg->sample_rate;
}

int em_tagger_step(const em_tagger *t, const em_options *o)
{
    return em_step_samples(o->step, em_model_config(t->model)->sample_rate);
}

em_status em_tagger_measure(const em_tagger *t, int n, double *seconds, em_err *err)
{
    const em_config *cfg = em_session_config(t->session);
    const int n_frames = em_config_sound_frames(cfg);
    float *frames = calloc((size_t)n_frames * (size_t)cfg->n_mels, sizeof *frames);
    float *logits = calloc((size_t)cfg->n_classes, sizeof *logits);
    em_input in = { .frames = frames, .n_frames = n_frames };
    em_output out = { .logits = logits };
    em_status status = EM_OK;
    double took[MOST_RUNS] = { 0 };

    if (!frames || !logits)
        status = em_fail(err, EM_ENOMEM, "no memory for a first window");
    for (int i = 0; i < n && i < MOST_RUNS && !status; i++) {
        const uint64_t from = em_now_ns();

        status = em_session_run(t->session, &in, &out, 1, err);
        took[i] = (double)(em_now_ns() - from) / 1e9;
    }
    em_sort_doubles(took + 1, (size_t)n - 1);
    *seconds = took[n / 2];
    free(frames);
    free(logits);
    return status;
}
