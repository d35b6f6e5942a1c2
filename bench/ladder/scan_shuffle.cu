// scan_shuffle.cu - version 2: a warp owns a channel, each lane a chunk of its steps. A lane goes through its chunk from zero, the
// warp joins (decay, end) of the chunks by shuffles, and the lane goes through its chunk again from the state it really begins with.
// Parallel in L without shared memory, but every exponential is computed twice, and lanes read tokens that lie far apart.
extern "C" {
#include "ladder.h"
}
#include "scan_step.cuh"

enum { THREADS = 256, WARPS = THREADS / 32 };

// Warp: the state that this lane's chunk begins with, of the decay and the end from zero of each. At each turn a lane knows the whole of
// its block of 1, 2, 4 … lanes and what lies before it there, and learns of the block beside it, which comes before or behind.
static __device__ __forceinline__ float begin_of_chunk(float decay, float end, int lane)
{
    float decay_before = 1.f, end_before = 0.f;

    #pragma unroll
    for (int width = 1; width < 32; width *= 2) {
        const float other_decay = em_shuffle_xor(decay, width), other_end = em_shuffle_xor(end, width);
        const bool is_second = lane & width;

        end_before = is_second ? decay_before * other_end + end_before : end_before;
        decay_before *= is_second ? other_decay : 1.f;
        end = is_second ? decay * other_end + end : other_decay * end + other_end;
        decay *= other_decay;
    }
    return end_before;
}

template <int N, typename T>
__global__ void __launch_bounds__(THREADS) ladder_scan_shuffle(ladder_args<T> p)
{
    const int lane = threadIdx.x % 32, d = blockIdx.x * WARPS + threadIdx.x / 32, k = blockIdx.y, L = p.H * p.W;
    const int chunk = (L + 31) / 32, first = lane * chunk, end = first + chunk < L ? first + chunk : L;

    em_wait_for_previous();
    if (d >= p.D)                                           // the whole warp
        return;
    const ladder_channel<N, T> channel(p, k, d, blockIdx.z);
    float h[N] = { 0 }, delta, length = 0.f;

    for (int l = first; l < end; l++) {
        channel.step(h, &delta, l);
        length += delta;
    }
    #pragma unroll
    for (int n = 0; n < N; n++)
        h[n] = begin_of_chunk(em_exp2(length * channel.a[n]), h[n], lane);
    for (int l = first; l < end; l++)
        em_store(p.y[k] + channel.at(l) * p.D + d, channel.step(h, &delta, l));
}

template <int N, typename T>
static void run(em_dev *dev, const em_scan4 *a, int B)
{
    EM_LAUNCH(dev, (ladder_scan_shuffle<N, T>), dim3((unsigned)em_div_up((size_t)a->D, WARPS), EM_DIRECTIONS, (unsigned)B), THREADS, 0,
              ladder_args_of<T>(a));
}

extern "C" void em_scan_shuffle(em_dev *dev, const em_scan4 *a, int B) { LADDER_PICK(dev, a, B, run); }
