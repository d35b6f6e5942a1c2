// sums.cuh - sums over a batch without atomics: every block leaves a part, and the parts are added up in their order.
//
// How a batch is cut into parts depends on sizes alone, so the bits are the same on every device and from run to run.
#ifndef EM_GPU_SUMS_CUH
#define EM_GPU_SUMS_CUH

#include "device.cuh"

enum { EM_MOST_PARTS = 256 };

// Scratch of n_bytes until the next call for the same one. NULL: no memory; the device has failed, and nothing is launched any more.
void *em_cuda_spare(em_dev *dev, em_spare which, size_t n_bytes);

// Rows of a part: as many parts as allowed, but of no fewer than `least` rows.
static inline int em_part_rows(size_t rows, int least)
{
    const int even = em_div_up(rows, EM_MOST_PARTS);

    return even > least ? even : least;
}

// dst[n] (NULL: nobody wants them) += the parts, `stride` numbers apart, or = them.
void em_cuda_add_parts(em_dev *dev, float *dst, const float *parts, size_t stride, size_t n, int n_parts);
void em_cuda_sum_parts(em_dev *dev, float *dst, const float *parts, size_t stride, size_t n, int n_parts);

// dst[n] += the rows of x[rows][n], each times the factor of its window, branch[row / L] (NULL: 1).
void em_cuda_add_rows(em_dev *dev, float *dst, const float *x, const float *branch, int L, int rows, int n);

#endif
