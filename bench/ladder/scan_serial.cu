// scan_serial.cu - version 1: a thread owns a channel and goes through all L steps, its states in registers; neighbours read
// neighbouring channels. What later versions are compared with. Loses where there are few windows: 4 D threads each, L steps long.
extern "C" {
#include "ladder.h"
}
#include "scan_step.cuh"

enum { THREADS = 64 };

template <int N, typename T>
__global__ void ladder_scan_serial(ladder_args<T> p)
{
    const int d = blockIdx.x * blockDim.x + threadIdx.x, k = blockIdx.y;

    em_wait_for_previous();
    if (d >= p.D)
        return;
    const ladder_channel<N, T> channel(p, k, d, blockIdx.z);
    float h[N] = { 0 }, delta;

    for (int l = 0; l < p.H * p.W; l++)
        em_store(p.y[k] + channel.at(l) * p.D + d, channel.step(h, &delta, l));
}

template <int N, typename T>
static void run(em_dev *dev, const em_scan4 *a, int B)
{
    EM_LAUNCH(dev, (ladder_scan_serial<N, T>), dim3((unsigned)em_div_up((size_t)a->D, THREADS), EM_DIRECTIONS, (unsigned)B), THREADS, 0,
              ladder_args_of<T>(a));
}

extern "C" void em_scan_serial(em_dev *dev, const em_scan4 *a, int B) { LADDER_PICK(dev, a, B, run); }
