/* backend.h - the one place that knows which tables of operators there are. */
#ifndef EM_BACKEND_BACKEND_H
#define EM_BACKEND_BACKEND_H

#include "base/status.h"
#include "ops/ops.h"

typedef struct em_backend {
    const em_ops *ops;
    em_dev       *dev;                  /* the caller ends it with ops->close                    */
    char          passed_over[240];     /* auto: why the GPU of this build is not used; or ""    */
} em_backend;

/* Whether it is in this build. */
bool em_backend_is_built(const char *name);

/* Opens "cpu", "cuda" or "auto": the best that this build and machine have. EM_EINVAL: unknown name, the sentence lists the
 * known ones. EM_EUNSUPPORTED, EM_EDEVICE: known, not in this build or not usable here; says what to do. EM_ENOMEM.
 * On error out->dev is NULL. */
em_status em_backend_open(em_backend *out, const char *name, const em_dev_cfg *cfg, em_err *err);

/* Whether what failed on these operators (NULL: on none) may do so for their device, which the CPU does not share. */
bool em_backend_is_to_blame(const em_ops *ops, em_status status);

#endif
