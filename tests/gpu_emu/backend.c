/* backend.c - the backends of earmark_emu: the linker takes this in place of src/backend, and the GPU is the emulated one. */
#include "backend/backend.h"

#include "ops/cpu/ops_cpu.h"
#include "ops_cuda.h"

#include <string.h>

em_status em_backend_open(em_backend *out, const char *name, const em_dev_cfg *cfg, em_err *err)
{
    *out = (em_backend){ .ops = strcmp(name, "cuda") == 0 ? &em_ops_cuda : &em_ops_cpu };
    return out->ops->open(&out->dev, cfg, err);
}
