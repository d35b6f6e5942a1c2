// emu.cc - the emulated GPU: memory, streams, graphs, and blocks one after another. See cuda_runtime.h and emu.h.
//
// Threads may have a stream each, as on a GPU: one call into the runtime at a time, and what it makes run runs in it.
#include "cuda_runtime.h"

#include "emu.h"
#include "fibre.h"

#include <map>
#include <mutex>
#include <set>
#include <stdio.h>
#include <stdlib.h>
#include <string>
#include <unistd.h>
#include <vector>

typedef std::function<void()> work;

struct emu_graph { std::vector<work> list; };
struct emu_stream { std::vector<work> waiting; emu_graph *capture; };
struct emu_event { emu_stream *stream; long recorded, passed; };         // records, and those that its stream has come to

emu_index emu_block, emu_block_size, emu_grid_size;
unsigned char *emu_shared;
int emu_waits;
std::recursive_mutex emu_lock;
void emu_forget_copies(int thread);

static std::set<emu_stream *> streams;
static std::vector<std::string> kernels;
static int order, n_sms = 132, fail_in;
static std::string fail_what;
static cudaError_t fail_with;
static thread_local cudaError_t last_error;
static std::map<std::string, long> calls;
static size_t uploaded;

#define ALONE const std::lock_guard<std::recursive_mutex> alone_(emu_lock)

// ---------------------------------------------------------------- knobs

void emu_set_order(int order_) { order = order_; }
void emu_set_size(int n) { n_sms = n; }

void emu_fail(const char *function, int n, int error)
{
    ALONE;
    fail_what = function;
    fail_in = n;
    fail_with = (cudaError_t)error;
}

static struct from_environment {
    from_environment()
    {
        const char *text = getenv("EMU_FAIL");
        char function[64];
        int n, error;

        if (text && sscanf(text, "%63s %d %d", function, &n, &error) == 3)
            emu_fail(function, n, error);
    }
} at_start;

long emu_calls(const char *function)
{
    ALONE;
    return calls[function];
}

size_t emu_uploaded(void)
{
    ALONE;
    return uploaded;
}

static cudaError_t asked(const char *function)
{
    ALONE;
    calls[function]++;
    if (fail_in > 0 && fail_what == function && --fail_in == 0)
        return last_error = fail_with;
    return cudaSuccess;
}

#define MAY_FAIL                                                \
    ALONE;                                                      \
    do {                                                        \
        const cudaError_t e_ = asked(__func__);                 \
        if (e_ != cudaSuccess)                                  \
            return e_;                                          \
    } while (0)

// "(name<arguments>)" or "name" to "name".
void emu_note_kernel(const char *name)
{
    std::string plain = name + (*name == '(');
    ALONE;

    plain.resize(strcspn(plain.c_str(), "<)"));
    for (const std::string &k : kernels)
        if (k == plain)
            return;
    kernels.push_back(plain);
}

// At the end of a program its kernels are added to the file that EMU_KERNELS names: kernels.sh reads it.
static struct listing {
    ~listing()
    {
        const char *path = getenv("EMU_KERNELS");
        FILE *f = path ? fopen(path, "a") : NULL;

        for (size_t i = 0; f && i < kernels.size(); i++)
            fprintf(f, "%s\n", kernels[i].c_str());
        if (f)
            fclose(f);
    }
} at_exit;

// ---------------------------------------------------------------- kernels

void __syncthreads() { emu_barrier(); }

static void run_block(int n, size_t shared, const work &thread)
{
    emu_shared = (unsigned char *)aligned_alloc(128, (shared + 127) / 128 * 128 + 128);
    memset(emu_shared, 0xff, shared);                           // NaN, whatever the type: nothing may be read before it is written
    emu_waits = 0;
    emu_run_block(n, order, [&](int i) {
        emu_forget_copies(i);
        thread();
    });
    if (emu_waits != n) {
        fprintf(stderr, "gpu_emu: %d of %d threads of a kernel waited for the kernel before it, once each\n", emu_waits, n);
        abort();
    }
    free(emu_shared);
}

static void run_kernel(dim3 grid, dim3 block, size_t shared, const work &thread)
{
    const int n = (int)(grid.x * grid.y * grid.z);

    emu_grid_size = { (int)grid.x, (int)grid.y, (int)grid.z };
    emu_block_size = { (int)block.x, 1, 1 };
    for (int i = 0; i < n; i++) {
        const int at = order == 1 ? n - 1 - i : i;

        emu_block = { at % (int)grid.x, at / (int)grid.x % (int)grid.y, at / (int)(grid.x * grid.y) };
        run_block((int)block.x, shared, thread);
    }
}

static cudaError_t enqueue(cudaStream_t stream, work w)
{
    (stream->capture ? stream->capture->list : stream->waiting).push_back(std::move(w));
    return cudaSuccess;
}

// For cufft.cc, whose errors are cuFFT's numbers.
int emu_asked(const char *function) { return (int)asked(function); }
void emu_enqueue(cudaStream_t stream, work w) { enqueue(stream, std::move(w)); }

cudaError_t emu_launch(const cudaLaunchConfig_t *c, std::function<void()> thread)
{
    const dim3 grid = c->gridDim, block = c->blockDim;
    const size_t shared = c->dynamicSmemBytes;

    MAY_FAIL;
    if (grid.x == 0 || grid.y == 0 || grid.z == 0 || block.x == 0 || block.x > 1024 || grid.y > 65535 || grid.z > 65535)
        return last_error = cudaErrorInvalidValue;
    return enqueue(c->stream, [=] { run_kernel(grid, block, shared, thread); });
}

// ---------------------------------------------------------------- streams and graphs

// As far as it goes: cudaErrorNotReady, then it waits for another process.
static cudaError_t advance(cudaStream_t stream)
{
    std::vector<work> list;

    list.swap(stream->waiting);
    for (size_t i = 0; i < list.size(); i++)
        try {
            list[i]();
        } catch (emu_not_yet) {
            stream->waiting.insert(stream->waiting.begin(), list.begin() + (long)i, list.end());
            return cudaErrorNotReady;
        }
    return cudaSuccess;
}

static cudaError_t drain(cudaStream_t stream)
{
    while (advance(stream) == cudaErrorNotReady)
        usleep(1000);
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned)
{
    MAY_FAIL;
    *stream = new emu_stream{};
    streams.insert(*stream);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    ALONE;
    drain(stream);
    streams.erase(stream);
    delete stream;
    return cudaSuccess;
}

// Work that went wrong takes what waits behind it along: its buffers may be gone by the next call.
cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    ALONE;
    const cudaError_t e = asked(__func__);

    if (e == cudaSuccess)
        return drain(stream);
    stream->waiting.clear();
    return e;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode)
{
    MAY_FAIL;
    stream->capture = new emu_graph{};
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    *graph = stream->capture;
    stream->capture = NULL;
    MAY_FAIL;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long)
{
    MAY_FAIL;
    *exec = new emu_graph(*graph);
    return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return asked(__func__); }

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
    MAY_FAIL;
    for (const work &w : exec->list)
        enqueue(stream, w);
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { delete exec; return cudaSuccess; }
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { delete graph; return cudaSuccess; }

// ---------------------------------------------------------------- events

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned)
{
    MAY_FAIL;
    *event = new emu_event{};
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) { delete event; return cudaSuccess; }

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    MAY_FAIL;
    event->stream = stream;
    event->recorded++;
    return enqueue(stream, [=] { event->passed++; });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned)
{
    const long wanted = event->recorded;

    MAY_FAIL;
    return enqueue(stream, [=] {
        if (event->passed < wanted)
            advance(event->stream);
        if (event->passed < wanted)
            throw emu_not_yet{};
    });
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    MAY_FAIL;
    advance(event->stream);
    return event->passed == event->recorded ? cudaSuccess : cudaErrorNotReady;
}

// ---------------------------------------------------------------- memory

cudaError_t cudaMalloc(void **p, size_t n_bytes)
{
    MAY_FAIL;
    *p = aligned_alloc(256, (n_bytes + 255) / 256 * 256 + 256);
    return *p ? cudaSuccess : last_error = cudaErrorMemoryAllocation;
}

cudaError_t cudaFree(void *p)
{
    ALONE;
    for (emu_stream *s : streams)
        drain(s);
    free(p);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **p, size_t n_bytes)
{
    MAY_FAIL;
    *p = aligned_alloc(64, (n_bytes + 63) / 64 * 64);
    return *p ? cudaSuccess : last_error = cudaErrorMemoryAllocation;
}

cudaError_t cudaFreeHost(void *p)
{
    free(p);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t n_bytes, cudaMemcpyKind kind, cudaStream_t stream)
{
    MAY_FAIL;
    uploaded += kind == cudaMemcpyHostToDevice ? n_bytes : 0;
    return enqueue(stream, [=] { memcpy(dst, src, n_bytes); });
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t n_bytes, cudaStream_t stream)
{
    MAY_FAIL;
    return enqueue(stream, [=] { memset(p, value, n_bytes); });
}

// ---------------------------------------------------------------- the device

const char *cudaGetErrorString(cudaError_t e)
{
    switch (e) {
    case cudaSuccess:               return "no error";
    case cudaErrorInvalidValue:     return "invalid argument";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorNoDevice:         return "no CUDA-capable device is detected";
    case cudaErrorIllegalAddress:   return "an illegal memory access was encountered";
    case cudaErrorLaunchFailure:    return "unspecified launch failure";
    default:                        return "unknown error";
    }
}

cudaError_t cudaGetLastError()
{
    const cudaError_t e = last_error;

    last_error = cudaSuccess;
    return e;
}

// EMU_GPUS: so many, for programs that are no test's own.
cudaError_t cudaGetDeviceCount(int *n)
{
    const char *text = getenv("EMU_GPUS");

    MAY_FAIL;
    *n = text ? atoi(text) : 1;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    int n;

    MAY_FAIL;
    cudaGetDeviceCount(&n);
    return device < n ? cudaSuccess : last_error = cudaErrorInvalidValue;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int)
{
    MAY_FAIL;
    *p = {};
    snprintf(p->name, sizeof p->name, "emulated GPU");
    p->major = 8;
    p->multiProcessorCount = n_sms;
    p->sharedMemPerBlockOptin = 227 << 10;
    return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void *, cudaFuncAttribute, int value)
{
    MAY_FAIL;
    return value <= 227 << 10 ? cudaSuccess : last_error = cudaErrorInvalidValue;
}
