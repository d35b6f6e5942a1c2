/* backend.c - a row a backend: see backend.h. */
#include "backend/backend.h"

#include "ops/cpu/ops_cpu.h"

#include <stdio.h>
#include <string.h>

#ifdef EM_HAS_CUDA
#include "gpu/ops_cuda.h"
#define CUDA_TABLE &em_ops_cuda
#else
#define CUDA_TABLE NULL
#endif

/* Best last: auto tries them from the end. */
static const struct { const char *name; const em_ops *ops; const char *option; } rows[] = {
    { "cpu", &em_ops_cpu, NULL },
    { "cuda", CUDA_TABLE, "EARMARK_CUDA" },
};

bool em_backend_is_built(const char *name)
{
    for (size_t i = 0; i < EM_COUNT(rows); i++)
        if (strcmp(name, rows[i].name) == 0)
            return rows[i].ops != NULL;
    return false;
}

static em_status open_row(em_backend *out, size_t i, const em_dev_cfg *cfg, em_err *err)
{
    if (!rows[i].ops)
        return em_fail(err, EM_EUNSUPPORTED, "backend %s is not in this build (option %s): use --backend cpu", rows[i].name, rows[i].option);
    out->ops = rows[i].ops;
    return rows[i].ops->open(&out->dev, cfg, err);
}

static em_status open_best(em_backend *out, const em_dev_cfg *cfg, em_err *err)
{
    for (size_t i = EM_COUNT(rows) - 1; i > 0; i--) {
        em_err why;

        if (!rows[i].ops)
            continue;
        if (open_row(out, i, cfg, &why) == EM_OK)
            return EM_OK;
        snprintf(out->passed_over, sizeof out->passed_over, "%s", why.msg);
    }
    return open_row(out, 0, cfg, err);
}

em_status em_backend_open(em_backend *out, const char *name, const em_dev_cfg *cfg, em_err *err)
{
    *out = (em_backend){ 0 };
    if (strcmp(name, "auto") == 0)
        return open_best(out, cfg, err);
    for (size_t i = 0; i < EM_COUNT(rows); i++)
        if (strcmp(name, rows[i].name) == 0)
            return open_row(out, i, cfg, err);
    return em_fail(err, EM_EINVAL, "backend \"%s\" is unknown: must be auto, cpu or cuda", name);
}

bool em_backend_is_to_blame(const em_ops *ops, em_status status)
{
    return ops && ops->has_own_memory && (status == EM_EDEVICE || status == EM_ENOMEM || status == EM_EUNSUPPORTED);
}
