/* backend.c - a row a backend: see backend.h. */
#include "backend/backend.h"

#include "ops/cpu/ops_cpu.h"

#include <string.h>

static const struct { const char *name; const em_ops *ops; const char *option; } rows[] = {
    { "cpu", &em_ops_cpu, NULL },
    { "cuda", NULL, "EARMARK_CUDA" },           /* its table comes with gpu/ */
};

em_status em_backend_pick(const em_ops **out, const char *name, em_err *err)
{
    *out = NULL;
    if (strcmp(name, "auto") == 0)
        name = "cpu";
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        if (strcmp(name, rows[i].name) != 0)
            continue;
        if (!rows[i].ops)
            return em_fail(err, EM_EUNSUPPORTED, "backend %s is not in this build (option %s): use --backend cpu", name, rows[i].option);
        *out = rows[i].ops;
        return EM_OK;
    }
    return em_fail(err, EM_EINVAL, "backend \"%s\" is unknown: must be auto, cpu or cuda", name);
}
