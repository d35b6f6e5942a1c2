/* backend.h - the one place that knows which tables of operators there are. */
#ifndef EM_BACKEND_BACKEND_H
#define EM_BACKEND_BACKEND_H

#include "base/status.h"
#include "ops/ops.h"

/* The table for "cpu", "cuda" or "auto" (the best that this build and machine have). EM_EINVAL: unknown name, the
 * sentence lists the known ones. EM_EUNSUPPORTED: known, not in this build or not usable here; says what to do. */
em_status em_backend_pick(const em_ops **out, const char *name, em_err *err);

#endif
