// cufft.cuh - what gpu/logmel.cu wants of cuFFT, which is loaded when it is first asked for: 290 MB that no other part needs. The
// numbers are those of cufft.h, where they have not changed since CUDA 1.
#ifndef EM_GPU_CUFFT_CUH
#define EM_GPU_CUFFT_CUH

#include <cuda_runtime.h>

extern "C" {
#include "base/status.h"
}

enum { EM_CUFFT_SUCCESS = 0, EM_CUFFT_ALLOC_FAILED = 2, EM_CUFFT_R2C = 0x2a };

struct em_cufft {
    int (*plan_many)(int *plan, int rank, int *n, int *in_embed, int in_stride, int in_dist, int *out_embed, int out_stride, int out_dist, int type,
                     int batch);
    int (*set_stream)(int plan, cudaStream_t stream);
    int (*exec_r2c)(int plan, float *in, float2 *out);
    int (*destroy)(int plan);
};

// EM_EUNSUPPORTED: it is not installed, or too old. tests/gpu_emu has its own.
em_status em_cufft_find(em_cufft *out, em_err *err);

#endif
