/* host.c - see host.h. */
#include "lib/host.h"

#include "base/log.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Threads that the backend starts inherit the signals that are blocked here: a program's handlers do not run on them. */
static em_status open_backend(em_host_side *side, const char *name, const em_dev_cfg *cfg, em_err *err)
{
    em_backend backend;
    sigset_t all, before;
    em_status status;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = em_backend_open(&backend, name, cfg, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!status && *backend.passed_over)
        em_log(EM_LOG_INFO, "%s: computing on the CPU", backend.passed_over);
    side->ops = backend.ops;
    side->dev = backend.dev;
    return status;
}

static void close_side(em_host_side *side)
{
    em_model_free(side->model);
    if (side->dev)
        side->ops->close(side->dev);
    *side = (em_host_side){ 0 };
}

em_status em_host_open(em_host *h, const char *path, const char *backend, const em_dev_cfg *dev, em_err *err)
{
    em_status status;

    *h = (em_host){ .dev = *dev, .path = strdup(path) };
    if (!h->path)
        return em_fail(err, EM_ENOMEM, "no memory for a path");
    if ((h->opened = open_backend(&h->now, backend, dev, err)))
        return h->opened;
    h->may_move = strcmp(backend, "auto") == 0 && h->now.ops->has_own_memory;
    status = em_model_open(&h->now.model, path, h->now.ops, h->now.dev, err);
    return em_host_is_device(h, status) && em_host_move(h, err) ? EM_OK : status;
}

void em_host_close(em_host *h)
{
    close_side(&h->now);
    close_side(&h->left);
    free(h->path);
    *h = (em_host){ 0 };
}

bool em_host_is_device(const em_host *h, em_status status)
{
    return em_backend_is_to_blame(h->now.ops, status);
}

/* The file may be another one by now, whose scores would be of other classes. */
static em_status open_on_cpu(em_host_side *cpu, const em_host *h, em_err *err)
{
    em_status status = open_backend(cpu, "cpu", &h->dev, err);

    if (!status)
        status = em_model_open(&cpu->model, h->path, cpu->ops, cpu->dev, err);
    if (!status && h->now.model && strcmp(em_model_hash(cpu->model), em_model_hash(h->now.model)) != 0)
        status = em_fail(err, EM_EFORMAT, "%s has changed since", h->path);
    return status;
}

const em_model *em_host_move(void *ctx, const em_err *why)
{
    em_host *h = ctx;
    em_host_side cpu = { 0 };
    em_err err;

    if (h->left.ops)
        return h->now.model;                    /* another session of it was here before */
    if (!h->may_move)
        return NULL;
    if (open_on_cpu(&cpu, h, &err)) {
        em_log(EM_LOG_WARNING, "the CPU cannot take over: %s", err.msg);
        close_side(&cpu);
        return NULL;
    }
    em_log(EM_LOG_WARNING, "%s: computing on the CPU", why->msg);
    h->left = h->now;
    h->now = cpu;
    return h->now.model;
}
