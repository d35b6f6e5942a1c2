/* model.c - an open model as earmark.h gives it: backend, weights, names of classes. */
#include "lib/inside.h"

#include <stdlib.h>

static const earmark_model_options usual = { .struct_size = sizeof usual, .backend = "auto" };

void earmark_model_options_init(earmark_model_options *options, size_t struct_size)
{
    em_give_options(options, struct_size, &usual, sizeof usual);
}

static em_status list_classes(earmark_model *m, em_err *err)
{
    const em_classes *names = &m->classes.names;
    const float *thresholds = em_model_card(m->model)->thresholds;

    if (!(m->list = calloc((size_t)names->n + 1, sizeof *m->list)))
        return em_fail(err, EM_ENOMEM, "no memory for the classes");
    for (int i = 0; i < names->n; i++)
        m->list[i] = (earmark_class){ names->labels[i], names->mids[i], m->classes.is_trained[i], thresholds ? thresholds[i] : 0 };
    return EM_OK;
}

static void describe(earmark_model *m)
{
    const em_config *cfg = em_model_config(m->model);
    const char *name = em_model_card(m->model)->name;

    m->info = (earmark_model_info){
        .name = name ? name : "", .sha256 = em_model_hash(m->model), .backend = m->host.now.ops->name, .rate_hz = cfg->sample_rate,
        .n_classes = cfg->n_classes, .window_s = (double)em_config_window_samples(cfg) / cfg->sample_rate,
    };
}

static em_status open_model(earmark_model *m, const char *path, const earmark_model_options *given, em_err *err)
{
    earmark_model_options o = usual;
    em_status status = em_take_options(&o, sizeof o, given, err);

    if (status)
        return status;
    if (pthread_mutex_init(&m->lock, NULL) != 0)
        return em_fail(err, EM_ENOMEM, "no memory for a lock");
    m->has_lock = true;
    if ((status = em_host_open(&m->host, path, o.backend ? o.backend : usual.backend, &(em_dev_cfg){ .n_threads = o.threads }, err)))
        return status;
    m->model = m->host.now.model;
    if ((status = em_model_classes_init(&m->classes, m->model, o.labels, err)) || (status = list_classes(m, err)))
        return status;
    describe(m);
    return EM_OK;
}

earmark_status earmark_model_open(earmark_model **out, const char *path, const earmark_model_options *options, earmark_error *error)
{
    em_err err = { 0 };
    earmark_model *m = calloc(1, sizeof *m);
    em_status status = m ? open_model(m, path, options, &err) : em_fail(&err, EM_ENOMEM, "no memory for a model");

    if (status) {
        earmark_model_close(m);
        m = NULL;
    }
    *out = m;
    return em_tell_error(error, status, &err);
}

void earmark_model_close(earmark_model *m)
{
    if (!m)
        return;
    em_model_classes_deinit(&m->classes);
    em_host_close(&m->host);
    if (m->has_lock)
        pthread_mutex_destroy(&m->lock);
    free(m->list);
    free(m);
}

const earmark_model_info *earmark_model_get_info(const earmark_model *m)
{
    return &m->info;
}

const earmark_class *earmark_model_class(const earmark_model *m, int i)
{
    return i >= 0 && i < m->info.n_classes ? &m->list[i] : NULL;
}
