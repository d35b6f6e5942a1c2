// scan_step.cuh - one step of one channel, as the versions take it that keep all states of a channel in one thread.
#ifndef EM_BENCH_LADDER_SCAN_STEP_CUH
#define EM_BENCH_LADDER_SCAN_STEP_CUH

#include "scan_args.cuh"

// A channel of a direction of a window.
template <int N, typename T>
struct ladder_channel {
    const ladder_args<T> &p;
    int    k, d;
    size_t window;
    float  a[N], bias, skip;

    __device__ __forceinline__ ladder_channel(const ladder_args<T> &p_, int k_, int d_, size_t window_) : p(p_), k(k_), d(d_), window(window_)
    {
        bias = p.dt_bias[k * p.D + d];
        skip = p.skip[k * p.D + d];
        for (int n = 0; n < N; n++)
            a[n] = p.a[((size_t)k * N + n) * p.D + d];
    }

    __device__ __forceinline__ size_t at(int l) const { return window * p.H * p.W + ladder_token(p, k, l); }

    // h goes on by step l. Returns y; *delta: the step's length.
    __device__ __forceinline__ float step(float h[N], float *delta, int l) const
    {
        const float *const row = p.x_dbl + (at(l) * 4 + k) * (p.R + 2 * N), *const b = row + p.R, *const c = b + N;
        const float u = em_load(p.u + at(l) * p.D + d);
        float dt = bias, y = skip * u;

        for (int r = 0; r < p.R; r++)
            dt += p.dt_w[((size_t)k * p.R + r) * p.D + d] * row[r];
        *delta = em_softplus(dt);
        #pragma unroll
        for (int n = 0; n < N; n++) {
            h[n] = em_exp2(*delta * a[n]) * h[n] + *delta * u * b[n];
            y += c[n] * h[n];
        }
        return y;
    }
};

#endif
