// device.cuh - one GPU as an em_dev: its stream, its scratch, its first failure, and how kernels are launched.
//
// Products and inner activations are fp16, or fp32 for parity; sums, norms, scans and the residual stream are always fp32.
// fp16 and not bf16, which runs as fast: with bf16 the preset nano was off by 0.036 in its logits and 0.097 in its slots
// (0.026 of it from the weights alone), where 0.03 and 0.05 are asked for; three more bits leave an eighth of that.
#ifndef EM_GPU_DEVICE_CUH
#define EM_GPU_DEVICE_CUH

#include "hw.cuh"

extern "C" {
#include "base/status.h"
#include "ops/ops.h"
}

// Scratch of the way back, which grows as it is asked for (sums.cuh).
enum em_spare { EM_SPARE_ROWS, EM_SPARE_DM, EM_SPARE_DY, EM_SPARE_NORMED, EM_SPARE_PARTS, EM_SPARES };

struct em_dev {
    cudaStream_t stream;
    bool      is_fp16;              // else fp32 everywhere
    int       n_sms, max_shared;    // multiprocessors; bytes of shared memory a block may have
    bool      can_overlap;          // a kernel may begin before the one in front of it has ended (compute capability 9.0)
    bool      is_after_kernel;      // what was put into the stream last is one
    void     *rows, *hidden;        // scratch: prepared rows of a product, the hidden layer of an em_mlp
    size_t    rows_bytes, hidden_bytes;
    struct { void *at; size_t bytes; } spare[EM_SPARES];
    em_status status;               // of the first failure; then nothing is launched any more
    em_err    failure;
    char      text[96];
};

struct em_graph { cudaGraphExec_t exec; };

// Keeps the first failure, with what was being done.
void em_cuda_note(em_dev *dev, cudaError_t e, const char *what);
void em_cuda_fail(em_dev *dev, em_status status, const char *sentence);

#ifndef EM_KERNEL_LAUNCHED          // tests/gpu_emu keeps a list
#define EM_KERNEL_LAUNCHED(name)
#endif

enum { EM_PLAIN_SHARED = 48 << 10 };        // what a kernel may have without asking

template <typename... P, typename... A>
void em_launch(em_dev *dev, const char *name, void (*kernel)(P...), dim3 grid, int threads, size_t shared, A... args)
{
    cudaLaunchConfig_t config = {};
    cudaLaunchAttribute overlap = {};

    if (dev->status != EM_OK)
        return;
    if (shared > EM_PLAIN_SHARED)
        em_cuda_note(dev, cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared), name);
    config.gridDim = grid;
    config.blockDim = dim3((unsigned)threads);
    config.dynamicSmemBytes = shared;
    config.stream = dev->stream;
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    config.attrs = &overlap;
    config.numAttrs = dev->can_overlap && dev->is_after_kernel ? 1 : 0;
    dev->is_after_kernel = true;
    em_cuda_note(dev, cudaLaunchKernelEx(&config, kernel, args...), name);
}

// The only way a kernel is started. Each calls em_wait_for_previous before it touches what other kernels do. kernel: a name, or
// (name<arguments>) in parentheses.
#define EM_LAUNCH(dev, kernel, grid, threads, shared, ...)                              \
    do {                                                                                \
        EM_KERNEL_LAUNCHED(#kernel);                                                    \
        em_launch(dev, #kernel, kernel, grid, threads, shared, __VA_ARGS__);            \
    } while (0)

static inline int em_div_up(size_t a, size_t b) { return (int)((a + b - 1) / b); }
static inline int em_round_up(int a, int b) { return (a + b - 1) / b * b; }

// Shared memory of a block for windows of side x side tokens, one way or both.
size_t em_cuda_attention_bytes(int side, int head_width, bool is_back);

// The operators, a file each.
void em_cuda_image_fwd(em_dev *dev, const em_image *a, int B);
void em_cuda_norm_linear_fwd(em_dev *dev, const em_norm_linear *a, int B);
void em_cuda_mlp_fwd(em_dev *dev, const em_mlp *a, int B);
void em_cuda_conv_fwd(em_dev *dev, const em_conv *a, int B);
void em_cuda_conv_silu_xproj_fwd(em_dev *dev, const em_conv_silu_xproj *a, int B);
void em_cuda_scan4_fwd(em_dev *dev, const em_scan4 *a, int B);
void em_cuda_tokens_fwd(em_dev *dev, const em_tokens *a, int B);
void em_cuda_mean_fwd(em_dev *dev, const em_mean *a, int B);
void em_cuda_attention_fwd(em_dev *dev, const em_attention *a, int B);
em_status em_cuda_logmel_open(em_dev *dev, em_spectra **out, const em_logmel_cfg *cfg, em_err *err);
void em_cuda_logmel_close(em_dev *dev, em_spectra *s);
void em_cuda_logmel_fwd(em_dev *dev, const em_spectra *s, float *frames, const float *samples, int n, int B);

// Their ways back, a file each.
void em_cuda_image_bwd(em_dev *dev, const em_image *a, int B);
void em_cuda_norm_linear_bwd(em_dev *dev, const em_norm_linear *a, int B);
void em_cuda_conv_bwd(em_dev *dev, const em_conv *a, int B);
void em_cuda_conv_silu_xproj_bwd(em_dev *dev, const em_conv_silu_xproj *a, int B);
void em_cuda_scan4_bwd(em_dev *dev, const em_scan4 *a, int B);
void em_cuda_tokens_bwd(em_dev *dev, const em_tokens *a, int B);
void em_cuda_mean_bwd(em_dev *dev, const em_mean *a, int B);
void em_cuda_attention_bwd(em_dev *dev, const em_attention *a, int B);

// Training on blocks of numbers (training.cu).
void   em_cuda_repack(em_dev *dev, const em_repack *list, int n);
void   em_cuda_decay(em_dev *dev, float *a, const float *a_log, size_t n);
void   em_cuda_clear(em_dev *dev, float *x, size_t n);
double em_cuda_sum_squares(em_dev *dev, const float *x, size_t n);
void   em_cuda_adamw(em_dev *dev, const em_adamw *a);
void   em_cuda_blend(em_dev *dev, float *y, const float *x, float share, size_t n);

// Sums over the GPUs of several processes (circle.cu).
em_status em_cuda_circle_key(em_dev *dev, em_circle_key *out, em_err *err);
em_status em_cuda_circle_join(em_dev *dev, em_circle **out, const em_circle_key *key, int rank, int size, em_err *err);
void      em_cuda_circle_leave(em_dev *dev, em_circle *c);
void      em_cuda_circle_sum(em_dev *dev, em_circle *c, float *x, size_t n);
em_status em_cuda_circle_wait(em_dev *dev, em_circle *c, double limit_s, em_err *err);

#endif
