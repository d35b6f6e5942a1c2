// cufft.cc - cuFFT for the emulated GPU: plain sums in double, in order with the kernels of the stream, and failures to order.
#include "cufft.cuh"

#include "emu.h"

#include <math.h>
#include <mutex>
#include <vector>

struct plan { int n, batch; cudaStream_t stream; bool is_made; };

static std::vector<plan> plans;

extern std::recursive_mutex emu_lock;
int emu_asked(const char *function);
void emu_enqueue(cudaStream_t stream, std::function<void()> work);

#define ALONE const std::lock_guard<std::recursive_mutex> alone_(emu_lock)

static int plan_many(int *out, int rank, int *n, int *, int, int in_dist, int *, int, int out_dist, int type, int batch)
{
    ALONE;
    const int failure = emu_asked("cufftPlanMany");

    if (failure)
        return failure;
    if (rank != 1 || type != EM_CUFFT_R2C || in_dist != *n || out_dist != *n / 2 + 1 || batch < 1)
        return 4;
    plans.push_back({ *n, batch, NULL, true });
    *out = (int)plans.size() - 1;
    return EM_CUFFT_SUCCESS;
}

static int set_stream(int at, cudaStream_t stream)
{
    ALONE;
    const int failure = emu_asked("cufftSetStream");

    plans[(size_t)at].stream = stream;
    return failure;
}

// Zeros stay zeros: most of a slab that few frames are in.
static bool is_silent(const float *in, int n)
{
    for (int i = 0; i < n; i++)
        if (in[i] != 0)
            return false;
    return true;
}

static void transform(float2 *out, const float *in, int n, const double *cosine)
{
    if (is_silent(in, n)) {
        for (int k = 0; k <= n / 2; k++)
            out[k] = make_float2(0, 0);
        return;
    }
    for (int k = 0; k <= n / 2; k++) {
        double re = 0, im = 0;

        for (int i = 0; i < n; i++) {
            re += in[i] * cosine[(int64_t)i * k % n];
            im -= in[i] * cosine[((int64_t)i * k + n - n / 4) % n];         // sin x = cos (x - pi/2)
        }
        out[k] = make_float2((float)re, (float)im);
    }
}

static int exec_r2c(int at, float *in, float2 *out)
{
    ALONE;
    const plan p = plans[(size_t)at];
    const int failure = emu_asked("cufftExecR2C");

    if (failure)
        return failure;
    emu_enqueue(p.stream, [=] {
        std::vector<double> cosine((size_t)p.n);

        for (int i = 0; i < p.n; i++)
            cosine[(size_t)i] = cos(2 * M_PI * i / p.n);
        for (int b = 0; b < p.batch; b++)
            transform(out + (size_t)b * (p.n / 2 + 1), in + (size_t)b * p.n, p.n, cosine.data());
    });
    return EM_CUFFT_SUCCESS;
}

static int destroy(int at)
{
    ALONE;
    plans[(size_t)at].is_made = false;
    return EM_CUFFT_SUCCESS;
}

em_status em_cufft_find(em_cufft *out, em_err *err)
{
    *out = { plan_many, set_stream, exec_r2c, destroy };
    return emu_asked("dlopen") ? em_fail(err, EM_EUNSUPPORTED, "cuFFT is not installed") : EM_OK;
}

int emu_transforms(void)
{
    ALONE;
    int n = 0;

    for (const plan &p : plans)
        n += p.is_made;
    return n;
}
