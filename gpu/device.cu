// device.cu - opens the GPU, its memory, its copies and its graphs. No failure of the driver ends the program: the
// first one is kept and told by whoever waits next.
#include "device.cuh"
#include "half.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern "C" {
#include "ops_cuda.h"
}

static em_status status_of(cudaError_t e) { return e == cudaErrorMemoryAllocation ? EM_ENOMEM : EM_EDEVICE; }

void em_cuda_fail(em_dev *dev, em_status status, const char *sentence)
{
    if (dev->status == EM_OK)
        dev->status = em_fail(&dev->failure, status, "%s", sentence);
}

void em_cuda_note(em_dev *dev, cudaError_t e, const char *what)
{
    if (e != cudaSuccess && dev->status == EM_OK)
        dev->status = em_fail(&dev->failure, status_of(e), "the GPU failed at %s: %s", what, cudaGetErrorString(e));
}

static em_status tell(const em_dev *dev, em_err *err)
{
    return dev->status == EM_OK ? EM_OK : em_fail(err, dev->status, "%s", dev->failure.msg);
}

// ---------------------------------------------------------------- open and close

static void device_close(em_dev *dev)
{
    if (!dev)
        return;
    cudaFree(dev->rows);
    cudaFree(dev->hidden);
    for (int i = 0; i < EM_SPARES; i++)
        cudaFree(dev->spare[i].at);
    if (dev->stream)
        cudaStreamDestroy(dev->stream);
    free(dev);
}

// A driver that is missing or too old, or a machine without a GPU, or with fewer than there are processes: said before anything is
// asked of it.
static em_status find_gpu(int place, em_err *err)
{
    int n = 0;
    const cudaError_t e = cudaGetDeviceCount(&n);

    if (e == cudaErrorInsufficientDriver)
        return em_fail(err, EM_EDEVICE, "no NVIDIA driver here, or one too old for CUDA %d.%d", CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    if (e == cudaErrorNoDevice || (e == cudaSuccess && n == 0))
        return em_fail(err, EM_EDEVICE, "no NVIDIA GPU here");
    if (e != cudaSuccess)
        return em_fail(err, EM_EDEVICE, "the GPU cannot be used: %s", cudaGetErrorString(e));
    if (place >= n)
        return em_fail(err, EM_EDEVICE, "process %d of this machine has no GPU, it sees %d: start one for each GPU, all of which each must see"
                       " (under Slurm without --gpus-per-task)", place + 1, n);
    return EM_OK;
}

enum { LEAST_COMPUTE = 80 };        // products of halves and cp.async

static em_status describe(em_dev *dev, int place, em_err *err)
{
    cudaDeviceProp p;

    em_cuda_note(dev, cudaSetDevice(place), "choosing it");
    em_cuda_note(dev, cudaGetDeviceProperties(&p, place), "asking for its properties");
    em_cuda_note(dev, cudaStreamCreateWithFlags(&dev->stream, cudaStreamNonBlocking), "starting a stream");
    if (dev->status != EM_OK)
        return tell(dev, err);
    if (10 * p.major + p.minor < LEAST_COMPUTE)
        return em_fail(err, EM_EUNSUPPORTED, "%s has compute capability %d.%d, 8.0 is the least", p.name, p.major, p.minor);
    dev->n_sms = p.multiProcessorCount;
    dev->can_overlap = p.major >= 9;
    dev->max_shared = (int)p.sharedMemPerBlockOptin;
    snprintf(dev->text, sizeof dev->text, "%.60s, %s", p.name, dev->is_fp16 ? "fp16" : "fp32");
    return EM_OK;
}

static em_status device_open(em_dev **out, const em_dev_cfg *cfg, em_err *err)
{
    em_status status = find_gpu(cfg->place, err);
    em_dev *dev;

    *out = NULL;
    if (status != EM_OK)
        return status;
    dev = (em_dev *)calloc(1, sizeof *dev);
    if (!dev)
        return em_fail(err, EM_ENOMEM, "no memory for the CUDA backend");
    dev->is_fp16 = cfg->precision != EM_PRECISION_FP32;
    status = describe(dev, cfg->place, err);
    if (status != EM_OK) {
        device_close(dev);
        return status;
    }
    *out = dev;
    return EM_OK;
}

static const char *device_describe(const em_dev *dev) { return dev->text; }
static size_t device_inner_bytes(const em_dev *dev) { return dev->is_fp16 ? sizeof(em_half) : sizeof(float); }

// ---------------------------------------------------------------- memory

static void *device_alloc(em_dev *dev, size_t n_bytes)
{
    void *p = NULL;

    if (cudaMalloc(&p, n_bytes) != cudaSuccess || cudaMemsetAsync(p, 0, n_bytes, dev->stream) != cudaSuccess) {
        cudaFree(p);
        cudaGetLastError();                 // the caller says what there was no memory for
        return NULL;
    }
    return p;
}

static void device_release(em_dev *dev, void *p)
{
    cudaStreamSynchronize(dev->stream);
    cudaFree(p);
}

static void *device_alloc_host(em_dev *, size_t n_bytes)
{
    void *p = NULL;

    if (cudaMallocHost(&p, n_bytes) != cudaSuccess) {
        cudaGetLastError();
        return NULL;
    }
    memset(p, 0, n_bytes);
    return p;
}

static void device_release_host(em_dev *dev, void *p)
{
    cudaStreamSynchronize(dev->stream);
    cudaFreeHost(p);
}

static em_status grow(em_dev *dev, void **p, size_t *has, size_t wanted, em_err *err)
{
    if (wanted <= *has)
        return EM_OK;
    cudaStreamSynchronize(dev->stream);
    cudaFree(*p);
    *has = 0;
    *p = device_alloc(dev, wanted);
    if (!*p)
        return em_fail(err, EM_ENOMEM, "no GPU memory for %zu MB of scratch: a shorter --window or fewer streams need less", wanted >> 20);
    *has = wanted;
    return EM_OK;
}

static em_status device_reserve(em_dev *dev, const em_needs *needs, em_err *err)
{
    const size_t windows = needs->max_batch > 0 ? (size_t)needs->max_batch : 1, each = device_inner_bytes(dev);
    em_status status;

    if (needs->n != 0 && needs->n != 1 && needs->n != 4 && needs->n != 8 && needs->n != 16)
        return em_fail(err, EM_EUNSUPPORTED, "d_state %d is not built for the GPU (1, 4, 8, 16 are): use --backend cpu", needs->n);
    if (em_cuda_attention_bytes(needs->side, needs->head_width, needs->trains) > (size_t)dev->max_shared)
        return em_fail(err, EM_EUNSUPPORTED, "attention of %d x %d tokens and %d channels a head takes more shared memory than this GPU has: "
                       "use --backend cpu", needs->side, needs->side, needs->head_width);
    status = grow(dev, &dev->rows, &dev->rows_bytes, windows * needs->rows * each, err);
    return status == EM_OK ? grow(dev, &dev->hidden, &dev->hidden_bytes, windows * needs->hidden * each, err) : status;
}

// ---------------------------------------------------------------- copies and graphs

static void device_send(em_dev *dev, void *dst, const void *src, size_t n_bytes)
{
    dev->is_after_kernel = false;
    if (dev->status == EM_OK)
        em_cuda_note(dev, cudaMemcpyAsync(dst, src, n_bytes, cudaMemcpyHostToDevice, dev->stream), "a copy to it");
}

static void device_fetch(em_dev *dev, void *dst, const void *src, size_t n_bytes)
{
    dev->is_after_kernel = false;
    if (dev->status == EM_OK)
        em_cuda_note(dev, cudaMemcpyAsync(dst, src, n_bytes, cudaMemcpyDeviceToHost, dev->stream), "a copy from it");
}

static em_status device_sync(em_dev *dev, em_err *err)
{
    if (dev->status == EM_OK)
        em_cuda_note(dev, cudaStreamSynchronize(dev->stream), "its work");
    return tell(dev, err);
}

static em_status device_upload(em_dev *dev, void *dst, const float *src, size_t n, em_err *err)
{
    device_send(dev, dst, src, n * sizeof *src);
    return device_sync(dev, err);
}

static em_status device_download(em_dev *dev, float *dst, const float *src, size_t n, em_err *err)
{
    device_fetch(dev, dst, src, n * sizeof *src);
    return device_sync(dev, err);
}

static em_status device_capture(em_dev *dev, em_graph **out, void (*body)(void *ctx), void *ctx, em_err *err)
{
    cudaGraph_t graph = NULL;
    em_graph *g = (em_graph *)calloc(1, sizeof *g);

    *out = NULL;
    if (!g)
        return em_fail(err, EM_ENOMEM, "no memory for a graph");
    em_cuda_note(dev, cudaStreamBeginCapture(dev->stream, cudaStreamCaptureModeThreadLocal), "recording");
    dev->is_after_kernel = false;
    body(ctx);
    dev->is_after_kernel = false;
    em_cuda_note(dev, cudaStreamEndCapture(dev->stream, &graph), "recording");
    if (dev->status == EM_OK)
        em_cuda_note(dev, cudaGraphInstantiate(&g->exec, graph, 0), "making a graph");
    if (dev->status == EM_OK)
        em_cuda_note(dev, cudaGraphUpload(g->exec, dev->stream), "loading a graph");
    if (graph)
        cudaGraphDestroy(graph);
    if (dev->status != EM_OK) {
        if (g->exec)
            cudaGraphExecDestroy(g->exec);
        free(g);
        return tell(dev, err);
    }
    *out = g;
    return EM_OK;
}

static void device_replay(em_dev *dev, const em_graph *graph)
{
    dev->is_after_kernel = false;
    if (dev->status == EM_OK)
        em_cuda_note(dev, cudaGraphLaunch(graph->exec, dev->stream), "starting a graph");
}

static void device_forget(em_dev *dev, em_graph *graph)
{
    cudaStreamSynchronize(dev->stream);
    cudaGraphExecDestroy(graph->exec);
    free(graph);
}

// ---------------------------------------------------------------- weights: rows of zeros around, so that no tile has an edge

enum { PAD_N = 128, PAD_K = 64 };

static size_t device_pack_bytes(const em_dev *dev, int n, int k)
{
    return (size_t)em_round_up(n, PAD_N) * (size_t)em_round_up(k, PAD_K) * device_inner_bytes(dev);
}

static em_status device_pack(em_dev *dev, void *dst, const float *w, int n, int k, em_err *err)
{
    const size_t bytes = device_pack_bytes(dev, n, k), pitch = (size_t)em_round_up(k, PAD_K);
    void *host = calloc(1, bytes);

    if (!host)
        return em_fail(err, EM_ENOMEM, "no memory to pack a matrix of %d x %d", n, k);
    for (size_t i = 0; i < (size_t)n; i++)
        for (size_t j = 0; j < (size_t)k; j++)
            if (dev->is_fp16)
                ((uint16_t *)host)[i * pitch + j] = em_half_of_float(w[i * (size_t)k + j]);
            else
                ((float *)host)[i * pitch + j] = w[i * (size_t)k + j];
    device_send(dev, dst, host, bytes);
    em_status status = device_sync(dev, err);
    free(host);
    return status;
}

extern "C" const em_ops em_ops_cuda = {
    .name = "cuda",
    .has_own_memory = true,
    .n_y = EM_DIRECTIONS, .n_du = EM_DIRECTIONS,
    .open = device_open,
    .close = device_close,
    .describe = device_describe,
    .alloc = device_alloc,
    .release = device_release,
    .upload = device_upload,
    .download = device_download,
    .inner_bytes = device_inner_bytes,
    .reserve = device_reserve,
    .alloc_host = device_alloc_host,
    .release_host = device_release_host,
    .send = device_send,
    .fetch = device_fetch,
    .sync = device_sync,
    .capture = device_capture,
    .replay = device_replay,
    .forget = device_forget,
    .pack_bytes = device_pack_bytes,
    .pack = device_pack,
    .repack = em_cuda_repack,
    .decay = em_cuda_decay,
    .image_fwd = em_cuda_image_fwd,
    .image_bwd = em_cuda_image_bwd,
    .norm_linear_fwd = em_cuda_norm_linear_fwd,
    .norm_linear_bwd = em_cuda_norm_linear_bwd,
    .mlp_fwd = em_cuda_mlp_fwd,
    .conv_fwd = em_cuda_conv_fwd,
    .conv_bwd = em_cuda_conv_bwd,
    .conv_silu_xproj_fwd = em_cuda_conv_silu_xproj_fwd,
    .conv_silu_xproj_bwd = em_cuda_conv_silu_xproj_bwd,
    .scan4_fwd = em_cuda_scan4_fwd,
    .scan4_bwd = em_cuda_scan4_bwd,
    .tokens_fwd = em_cuda_tokens_fwd,
    .tokens_bwd = em_cuda_tokens_bwd,
    .mean_fwd = em_cuda_mean_fwd,
    .mean_bwd = em_cuda_mean_bwd,
    .attention_fwd = em_cuda_attention_fwd,
    .attention_bwd = em_cuda_attention_bwd,
    .logmel_open = em_cuda_logmel_open,
    .logmel_close = em_cuda_logmel_close,
    .logmel_fwd = em_cuda_logmel_fwd,
    .clear = em_cuda_clear,
    .sum_squares = em_cuda_sum_squares,
    .adamw = em_cuda_adamw,
    .blend = em_cuda_blend,
    .circle_key = em_cuda_circle_key,
    .circle_join = em_cuda_circle_join,
    .circle_leave = em_cuda_circle_leave,
    .circle_sum = em_cuda_circle_sum,
    .circle_wait = em_cuda_circle_wait,
};
