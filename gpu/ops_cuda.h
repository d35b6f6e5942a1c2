/* ops_cuda.h - the GPU's table of operators. */
#ifndef EM_GPU_OPS_CUDA_H
#define EM_GPU_OPS_CUDA_H

#include "ops/ops.h"

extern const em_ops em_ops_cuda;

#endif
