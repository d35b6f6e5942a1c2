// logmel.cu - HTS-AT's log-mel of whole batches: em_logmel in ops.h. Live frames come a few at a time, on the CPU.
//
// Frames go through in slabs, whose windowed samples and spectra stay in the second cache: a kernel cuts and windows them, cuFFT
// transforms SLAB at once, a kernel takes power, bands and logarithm together. cuFFT and not a product with the DFT's matrix: that is
// 1.05 MMAC a frame in fp32 (fp16 would lose the quiet bands), 40 times the transform's work, and the transform already runs at the
// speed of memory.
#include "cufft.cuh"
#include "device.cuh"
#include "math.cuh"

#include <stdlib.h>

extern "C" {
#include "ops_cuda.h"
}

enum { SLAB = 4096, CUT_THREADS = 256, MEL_THREADS = 256, FRAMES = 4 };

struct em_spectra {
    em_dev   *dev;
    em_cufft  fft;
    int       plan;
    bool      has_plan;
    em_logmel_cfg cfg;
    int       slab;                 // frames at once
    float    *frames;               // [slab][n_fft]
    float2   *spectra;              // [slab][n_fft/2 + 1]
    float    *hann, *weights;
    em_mel_band *bands;
};

// ---------------------------------------------------------------- kernels

// Frame i of all windows, reflected at its window's ends; the sample at an end is not repeated. Zeros past the last.
__global__ void cut_frames(float *y, const float *samples, const float *hann, int first, int n_frames, int n, int T, int n_fft, int hop)
{
    const int i = first + blockIdx.y, k = blockIdx.x * blockDim.x + threadIdx.x, b = i / T, last = n - 1;
    int at = i % T * hop - n_fft / 2 + k;

    em_wait_for_previous();
    if (k >= n_fft)
        return;
    at = at < 0 ? -at : at;
    at = at > last ? 2 * last - at : at;
    y[(size_t)blockIdx.y * n_fft + k] = i < n_frames ? samples[(size_t)b * n + at] * hann[k] : 0.f;
}

// 10 log10 of at least 1e-10, whose answer is -100 exactly.
static __device__ __forceinline__ float decibels(float power) { return power > 1e-10f ? 3.01029995664f * em_log2(power) : -100.f; }

// FRAMES frames a block: their power to shared memory, then a thread a band, sums in the order of em_filterbank_apply.
__global__ void mel_frames(float *y, const float2 *spectra, const em_mel_band *bands, const float *weights, int n_frames, int n_bins, int n_mels)
{
    EM_SHARED(float, power);                                // [FRAMES][n_bins + 3], bands end up to 3 past the last bin
    const int first = blockIdx.x * FRAMES, here = n_frames - first < FRAMES ? n_frames - first : FRAMES, wide = n_bins + 3;

    em_wait_for_previous();
    for (int i = threadIdx.x; i < here * wide; i += blockDim.x) {
        const int k = i % wide;
        const float2 x = spectra[(size_t)(first + i / wide) * n_bins + (k < n_bins ? k : 0)];

        power[i] = k < n_bins ? x.x * x.x + x.y * x.y : 0.f;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < here * n_mels; i += blockDim.x) {
        const em_mel_band band = bands[i % n_mels];
        const float *const w = weights + band.at, *const p = power + i / n_mels * wide + band.start;
        float sum[4] = { 0.f, 0.f, 0.f, 0.f };

        for (int k = 0; k < band.count; k += 4)
            for (int j = 0; j < 4; j++)
                sum[j] += w[k + j] * p[k + j];
        y[(size_t)first * n_mels + i] = decibels((sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
}

// ---------------------------------------------------------------- one plan for all slabs

static em_status asked(int result, const char *what, em_err *err)
{
    if (result == EM_CUFFT_SUCCESS)
        return EM_OK;
    if (result == EM_CUFFT_ALLOC_FAILED)
        return em_fail(err, EM_ENOMEM, "no GPU memory to %s", what);
    return em_fail(err, EM_EDEVICE, "cuFFT could not %s: error %d", what, result);
}

static em_status make_plan(em_spectra *s, em_err *err)
{
    int n = s->cfg.n_fft;
    em_status status = em_cufft_find(&s->fft, err);

    if (status == EM_OK)
        status = asked(s->fft.plan_many(&s->plan, 1, &n, NULL, 1, n, NULL, 1, n / 2 + 1, EM_CUFFT_R2C, s->slab), "plan transforms", err);
    s->has_plan = status == EM_OK;
    return s->has_plan ? asked(s->fft.set_stream(s->plan, s->dev->stream), "use a stream", err) : status;
}

static em_status put_tables(em_spectra *s, em_err *err)
{
    const em_logmel_cfg *c = &s->cfg;
    em_dev *dev = s->dev;

    s->frames = (float *)em_ops_cuda.alloc(dev, (size_t)s->slab * c->n_fft * sizeof(float));
    s->spectra = (float2 *)em_ops_cuda.alloc(dev, (size_t)s->slab * (c->n_fft / 2 + 1) * sizeof(float2));
    s->hann = (float *)em_ops_cuda.alloc(dev, (size_t)c->n_fft * sizeof(float));
    s->weights = (float *)em_ops_cuda.alloc(dev, (size_t)c->n_weights * sizeof(float));
    s->bands = (em_mel_band *)em_ops_cuda.alloc(dev, (size_t)c->n_mels * sizeof(em_mel_band));
    if (!s->frames || !s->spectra || !s->hann || !s->weights || !s->bands)
        return em_fail(err, EM_ENOMEM, "no GPU memory for spectra of %d frames", s->slab);
    em_ops_cuda.send(dev, s->hann, c->hann, (size_t)c->n_fft * sizeof(float));
    em_ops_cuda.send(dev, s->weights, c->weights, (size_t)c->n_weights * sizeof(float));
    em_ops_cuda.send(dev, s->bands, c->bands, (size_t)c->n_mels * sizeof(em_mel_band));
    return em_ops_cuda.sync(dev, err);
}

em_status em_cuda_logmel_open(em_dev *dev, em_spectra **out, const em_logmel_cfg *cfg, em_err *err)
{
    em_spectra *s = (em_spectra *)calloc(1, sizeof *s);
    em_status status;

    *out = NULL;
    if (!s)
        return em_fail(err, EM_ENOMEM, "no memory for spectra");
    s->dev = dev;
    s->cfg = *cfg;
    s->slab = cfg->most_frames < SLAB ? cfg->most_frames : SLAB;
    status = make_plan(s, err);
    if (status == EM_OK)
        status = put_tables(s, err);
    if (status != EM_OK) {
        em_cuda_logmel_close(dev, s);
        return status;
    }
    *out = s;
    return EM_OK;
}

void em_cuda_logmel_close(em_dev *dev, em_spectra *s)
{
    void *const blocks[] = { s->frames, s->spectra, s->hann, s->weights, s->bands };

    for (void *block : blocks)
        if (block)
            em_ops_cuda.release(dev, block);
    if (s->has_plan)
        s->fft.destroy(s->plan);
    free(s);
}

void em_cuda_logmel_fwd(em_dev *dev, const em_spectra *s, float *frames, const float *samples, int n, int B)
{
    const em_logmel_cfg *c = &s->cfg;
    const int n_bins = c->n_fft / 2 + 1, T = 1 + n / c->hop, all = B * T;
    em_err err;

    for (int first = 0; first < all && dev->status == EM_OK; first += s->slab) {
        const int here = all - first < s->slab ? all - first : s->slab;

        EM_LAUNCH(dev, cut_frames, dim3((unsigned)em_div_up((size_t)c->n_fft, CUT_THREADS), (unsigned)s->slab), CUT_THREADS, 0, s->frames, samples,
                  (const float *)s->hann, first, all, n, T, c->n_fft, c->hop);
        dev->is_after_kernel = false;
        if (asked(s->fft.exec_r2c(s->plan, s->frames, s->spectra), "transform frames", &err) != EM_OK)
            em_cuda_fail(dev, err.code, err.msg);
        EM_LAUNCH(dev, mel_frames, dim3((unsigned)em_div_up((size_t)here, FRAMES)), MEL_THREADS, FRAMES * (n_bins + 3) * sizeof(float),
                  frames + (size_t)first * c->n_mels, (const float2 *)s->spectra, (const em_mel_band *)s->bands, (const float *)s->weights, here,
                  n_bins, c->n_mels);
    }
}
