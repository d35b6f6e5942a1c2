/* bench_model.c - opens what --bench measures: see bench_model.h. */
#include "cli/bench_model.h"

#include "backend/backend.h"
#include "base/log.h"
#include "cli/paths.h"

#include <string.h>

enum { AUDIOSET_CLASSES = 527 };

static em_status open_backend(em_bench_model *m, const em_bench_cfg *cfg, const char *name, em_err *err)
{
    const em_dev_cfg dev = { .n_threads = cfg->n_threads, .precision = cfg->precision };
    em_backend backend = { 0 };
    em_status status = em_backend_open(&backend, name, &dev, err);

    m->ops = backend.ops;
    m->dev = backend.dev;
    if (*backend.passed_over)
        em_log(EM_LOG_INFO, "%s: measuring the CPU", backend.passed_over);
    return status;
}

static em_status open_on(em_bench_model *m, const em_bench_cfg *cfg, const char *backend, const em_session_cfg *how, em_err *err)
{
    em_config preset;
    em_status status = EM_OK;

    *m = (em_bench_model){ 0 };
    if (cfg->preset)
        status = em_config_preset(&preset, cfg->preset, err);
    if (status == EM_OK && cfg->preset && preset.n_classes == 0)
        preset.n_classes = AUDIOSET_CLASSES;            /* VMamba's weights know ImageNet: here it tags like the others */
    if (status == EM_OK)
        status = open_backend(m, cfg, backend, err);
    if (status == EM_OK)
        status = cfg->preset ? em_model_random(&m->model, &preset, 1, m->ops, m->dev, err)
                             : em_model_open(&m->model, cfg->model_path, m->ops, m->dev, err);
    return status == EM_OK ? em_session_new(&m->session, m->model, how, err) : status;
}

em_status em_bench_model_open(em_bench_model *m, const em_bench_cfg *cfg, int max_batch, int n_streams, em_err *err)
{
    const em_session_cfg how = { .max_batch = max_batch, .max_streams = n_streams, .window_s = cfg->window_s };
    em_status status = open_on(m, cfg, cfg->backend, &how, err);

    if (!em_backend_is_to_blame(m->ops, status))
        return status;
    if (strcmp(cfg->backend, "auto") != 0)
        return err->code = EM_EDEVICE;
    em_log(EM_LOG_WARNING, "%s: measuring the CPU", err->msg);
    em_bench_model_close(m);
    return open_on(m, cfg, "cpu", &how, err);
}

void em_bench_model_close(em_bench_model *m)
{
    em_session_free(m->session);
    em_model_free(m->model);
    if (m->dev)
        m->ops->close(m->dev);
    *m = (em_bench_model){ 0 };
}

const char *em_bench_model_name(const em_bench_cfg *cfg) { return cfg->preset ? cfg->preset : em_path_base(cfg->model_path); }

double em_bench_model_window(const em_bench_model *m)
{
    const em_config *cfg = em_session_config(m->session);

    return (double)em_config_window_samples(cfg) / cfg->sample_rate;
}
