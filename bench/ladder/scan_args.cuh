// scan_args.cuh - what the ladder's scans are given: em_scan4 in ops.h, with the y of each direction.
#ifndef EM_BENCH_LADDER_SCAN_ARGS_CUH
#define EM_BENCH_LADDER_SCAN_ARGS_CUH

#include "device.cuh"
#include "math.cuh"

template <typename T>
struct ladder_args {
    T *y[EM_DIRECTIONS];
    const T *u;
    const float *x_dbl, *dt_w, *dt_bias, *a, *skip;
    int H, W, D, R;
};

template <typename T>
static ladder_args<T> ladder_args_of(const em_scan4 *a)
{
    return { { (T *)a->y[0], (T *)a->y[1], (T *)a->y[2], (T *)a->y[3] }, (const T *)a->u, a->x_dbl, a->dt_w, a->dt_bias, a->a, a->skip,
             a->H, a->W, a->D, a->R };
}

// The token of step l of direction k.
template <typename T>
static __device__ __forceinline__ int ladder_token(const ladder_args<T> &p, int k, int l)
{
    const int L = p.H * p.W, at = k / 2 ? L - 1 - l : l;

    return k % 2 ? at % p.H * p.W + at / p.H : at;
}

// Calls run<N, T>(dev, a, B) for the N and type of this scan.
#define LADDER_PICK(dev, a, B, run)                                                     \
    do {                                                                                \
        switch ((a)->N + (dev)->is_fp16 * 100) {                                        \
        case 1:   run<1, float>(dev, a, B); break;                                      \
        case 4:   run<4, float>(dev, a, B); break;                                      \
        case 8:   run<8, float>(dev, a, B); break;                                      \
        case 16:  run<16, float>(dev, a, B); break;                                     \
        case 101: run<1, em_half>(dev, a, B); break;                                    \
        case 104: run<4, em_half>(dev, a, B); break;                                    \
        case 108: run<8, em_half>(dev, a, B); break;                                    \
        case 116: run<16, em_half>(dev, a, B); break;                                   \
        default:  em_cuda_fail(dev, EM_EUNSUPPORTED, "the ladder's scans have 1, 4, 8 or 16 states");     \
        }                                                                               \
    } while (0)

#endif
