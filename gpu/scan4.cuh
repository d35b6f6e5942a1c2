// scan4.cuh - the orders of tokens of the four selective scans: for scan4.cu and the way back.
#ifndef EM_GPU_SCAN4_CUH
#define EM_GPU_SCAN4_CUH

#include <cuda_runtime.h>

// The token of step l of direction k on a grid H x W; 0 past the end.
static __device__ __forceinline__ int em_scan_token(int H, int W, int k, int l)
{
    const int L = H * W, q = k % 2 ? l / H : 0, at = k % 2 ? (l - q * H) * W + q : l;

    return l >= L ? 0 : k / 2 ? L - 1 - at : at;
}

#endif
