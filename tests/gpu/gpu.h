/* gpu.h - for tests on real hardware: a program ends as skipped where there is no GPU. */
#ifndef EM_TESTS_GPU_GPU_H
#define EM_TESTS_GPU_GPU_H

#include "check.h"

#include "ops_cuda.h"

#include <stdbool.h>
#include <stdlib.h>

/* EM_TEST_SMALL in the environment: compute-sanitizer watches, which takes its time; a part of the cases, with all kernels. */
static inline bool is_small(void) { return getenv("EM_TEST_SMALL") != NULL; }

static inline void need_gpu(void)
{
    em_dev *dev;
    em_err err;

    if (em_ops_cuda.open(&dev, &(em_dev_cfg){ 0 }, &err) != EM_OK)
        SKIP_ALL("%s", err.msg);
    printf("%s\n", em_ops_cuda.describe(dev));
    em_ops_cuda.close(dev);
}

#endif
