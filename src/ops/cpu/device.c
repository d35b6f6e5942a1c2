/* device.c - opens the CPU: picks the instruction set by CPUID, starts the threads, keeps their scratch. */
#include "ops/cpu/device.h"

#include "base/arena.h"
#include "base/clock.h"
#include "ops/cpu/ops_cpu.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool always(void) { return true; }

#if defined(__x86_64__)
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}
#endif

/* Best first. */
static const struct { const em_kernels *kernels; bool (*is_there)(void); } isas[] = {
#if defined(__x86_64__)
    { &em_avx512_kernels, has_avx512 },
    { &em_avx2_kernels, has_avx2 },
#endif
    { &em_base_kernels, always },
};

static const em_kernels *pick(const char *isa)
{
    for (size_t i = 0; i < EM_COUNT(isas); i++)
        if ((!isa || strcmp(isa, isas[i].kernels->name) == 0) && isas[i].is_there())
            return isas[i].kernels;
    return NULL;
}

static void device_close(em_dev *dev)
{
    if (!dev)
        return;
    for (int i = 0; dev->scratch && i < em_pool_threads(dev->pool); i++)
        free(dev->scratch[i]);
    free(dev->scratch);
    free(dev->prepared);
    free(dev->shared);
    free(dev->scan_parts);
    em_pool_free(dev->pool);
    free(dev);
}

static em_status device_open(em_dev **out, const em_dev_cfg *cfg, em_err *err)
{
    int n_threads = cfg->n_threads ? cfg->n_threads : em_cpu_count();
    em_status status;
    em_dev *dev;

    *out = NULL;
    if (cfg->precision == EM_PRECISION_FP16)
        return em_fail(err, EM_EUNSUPPORTED, "the CPU backend computes in fp32 only");
    dev = calloc(1, sizeof *dev);
    if (!dev)
        return em_fail(err, EM_ENOMEM, "no memory for the CPU backend");
    dev->k = pick(cfg->isa);
    if (!dev->k) {
        status = em_fail(err, EM_EUNSUPPORTED, "this CPU cannot run the %s kernels", cfg->isa);
        goto fail;
    }
    status = em_pool_new(&dev->pool, n_threads, err);
    if (status != EM_OK)
        goto fail;
    dev->scratch = calloc((size_t)n_threads, sizeof *dev->scratch);
    dev->prepared = em_alloc((size_t)n_threads * sizeof *dev->prepared);
    if (!dev->scratch || !dev->prepared) {
        status = em_fail(err, EM_ENOMEM, "no memory for the CPU backend");
        goto fail;
    }
    snprintf(dev->text, sizeof dev->text, "%s, %d thread%s", dev->k->name, n_threads, n_threads == 1 ? "" : "s");
    *out = dev;
    return EM_OK;

fail:
    device_close(dev);
    return status;
}

static const char *device_describe(const em_dev *dev) { return dev->text; }

static void *device_alloc(em_dev *dev, size_t n_bytes)
{
    (void)dev;
    return em_alloc(n_bytes);
}

static void device_release(em_dev *dev, void *p)
{
    (void)dev;
    free(p);
}

static em_status device_upload(em_dev *dev, void *dst, const float *src, size_t n, em_err *err)
{
    (void)dev;
    (void)err;
    memcpy(dst, src, n * sizeof *src);
    return EM_OK;
}

static em_status device_download(em_dev *dev, float *dst, const float *src, size_t n, em_err *err)
{
    return device_upload(dev, dst, src, n, err);
}

static size_t max_size(size_t a, size_t b) { return a > b ? a : b; }

/* A block of prepared rows, the states of a scan tile, what a scan backward needs, or a window of attention: whichever is
 * largest. */
static size_t floats_a_thread(const em_dev *dev, const em_needs *needs)
{
    const size_t rows = em_cpu_block_floats(needs->k > 0 ? needs->k : 1), tile = (size_t)needs->n * (size_t)dev->k->scan_channels;
    const size_t back = needs->trains ? dev->k->scan_back_floats(needs->d, needs->r, needs->n) : 0;
    const size_t window = em_cpu_attention_floats(dev, needs->side, needs->head_width, needs->trains);

    return max_size(max_size(rows, tile), max_size(back, window));
}

static em_status reserve_scan_parts(em_dev *dev, const em_needs *needs, em_err *err)
{
    const size_t part = dev->k->scan_part_floats(needs->d, needs->r, needs->n);
    const size_t floats = (size_t)em_cpu_most_scan_parts(needs->max_batch) * EM_DIRECTIONS * part;

    if (!needs->trains || floats <= dev->scan_parts_floats)
        return EM_OK;
    free(dev->scan_parts);
    dev->scan_parts = em_alloc(floats * sizeof(float));
    dev->scan_parts_floats = dev->scan_parts ? floats : 0;
    return dev->scan_parts ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for %zu bytes of a scan's gradients", floats * sizeof(float));
}

static em_status device_reserve(em_dev *dev, const em_needs *needs, em_err *err)
{
    const size_t floats = floats_a_thread(dev, needs);
    em_status status = reserve_scan_parts(dev, needs, err);

    if (status != EM_OK || em_cpu_scratch(dev, floats))
        return status;
    dev->is_out_of_memory = false;                      /* told here and now */
    return em_fail(err, EM_ENOMEM, "no memory for %zu bytes of scratch a thread", floats * sizeof(float));
}

bool em_cpu_next_run(em_run *run, const float *kept, int B)
{
    run->first = run->end;
    while (run->first < B && !em_cpu_is_kept(kept, run->first))
        run->first++;
    run->end = run->first;
    while (run->end < B && em_cpu_is_kept(kept, run->end))
        run->end++;
    return run->first < B;
}

bool em_cpu_scratch(em_dev *dev, size_t n)
{
    if (n <= dev->scratch_floats)
        return true;
    for (int i = 0; i < em_pool_threads(dev->pool); i++) {
        float *more = em_alloc(n * sizeof *more);

        if (!more) {                                    /* what is there stays: smaller work may go on */
            dev->is_out_of_memory = true;
            return false;
        }
        free(dev->scratch[i]);
        dev->scratch[i] = more;
    }
    dev->scratch_floats = n;
    return true;
}

float *em_cpu_shared(em_dev *dev, size_t n)
{
    if (n > dev->shared_floats) {
        free(dev->shared);
        dev->shared = em_alloc(n * sizeof(float));
        dev->shared_floats = dev->shared ? n : 0;
        dev->is_out_of_memory |= !dev->shared;
    }
    return dev->shared;
}

static size_t device_pack_bytes(const em_dev *dev, int n, int k)
{
    return dev->k->gemm_floats(n, k) * sizeof(float);
}

static em_status device_pack(em_dev *dev, void *dst, const float *w, int n, int k, em_err *err)
{
    (void)err;
    dev->k->gemm_pack(dst, w, n, k);
    return EM_OK;
}

static size_t device_inner_bytes(const em_dev *dev)
{
    (void)dev;
    return sizeof(float);
}

static void device_copy(em_dev *dev, void *dst, const void *src, size_t n_bytes)
{
    (void)dev;
    memcpy(dst, src, n_bytes);
}

static em_status device_sync(em_dev *dev, em_err *err)
{
    return dev->is_out_of_memory ? em_fail(err, EM_ENOMEM, "no memory for the scratch of backward: a smaller --batch needs less") : EM_OK;
}

/* A walk over the plan costs nothing here, and takes any number of windows. */
static em_status device_capture(em_dev *dev, em_graph **out, void (*body)(void *ctx), void *ctx, em_err *err)
{
    (void)dev;
    (void)body;
    (void)ctx;
    (void)err;
    *out = NULL;
    return EM_OK;
}

static void device_replay(em_dev *dev, const em_graph *graph)
{
    (void)dev;
    (void)graph;
}

static void device_forget(em_dev *dev, em_graph *graph)
{
    (void)dev;
    (void)graph;
}

double em_cpu_gemm_rate(em_dev *dev, int m, int n, int k, double seconds)
{
    const size_t floats = (size_t)m * (size_t)k + (size_t)m * (size_t)n;
    float *a = em_alloc(floats * sizeof *a), *w = em_alloc((size_t)n * (size_t)k * sizeof *w);
    void *packed = em_alloc(device_pack_bytes(dev, n, k));
    double best = 0;

    if (a && w && packed) {
        em_product p = { .y = a + (size_t)m * (size_t)k, .a = a, .lda = (size_t)k, .w = { packed, n, k }, .rows = m };
        uint64_t begin = em_now_ns();

        dev->k->gemm_pack(packed, w, n, k);
        do {
            uint64_t t = em_now_ns();

            em_cpu_product(dev, &p);
            t = em_now_ns() - t;
            best = best > 0 && best < (double)t ? best : (double)t;
        } while ((double)(em_now_ns() - begin) < seconds * 1e9);
    }
    free(a);
    free(w);
    free(packed);
    return best > 0 ? 2.0 * m * n * k / best : 0;
}

const em_ops em_ops_cpu = {
    .name = "cpu",
    .n_y = 1, .n_du = 2,
    .open = device_open,
    .close = device_close,
    .describe = device_describe,
    .alloc = device_alloc,
    .release = device_release,
    .upload = device_upload,
    .download = device_download,
    .inner_bytes = device_inner_bytes,
    .reserve = device_reserve,
    .alloc_host = device_alloc,
    .release_host = device_release,
    .send = device_copy,
    .fetch = device_copy,
    .sync = device_sync,
    .capture = device_capture,
    .replay = device_replay,
    .forget = device_forget,
    .pack_bytes = device_pack_bytes,
    .pack = device_pack,
    .image_fwd = em_cpu_image_fwd,
    .norm_linear_fwd = em_cpu_norm_linear_fwd,
    .mlp_fwd = em_cpu_mlp_fwd,
    .conv_fwd = em_cpu_conv_fwd,
    .conv_silu_xproj_fwd = em_cpu_conv_silu_xproj_fwd,
    .scan4_fwd = em_cpu_scan4_fwd,
    .scan4_bwd = em_cpu_scan4_bwd,
    .attention_fwd = em_cpu_attention_fwd,
    .attention_bwd = em_cpu_attention_bwd,
    .tokens_fwd = em_cpu_tokens_fwd,
    .mean_fwd = em_cpu_mean_fwd,
    .image_bwd = em_cpu_image_bwd,
    .norm_linear_bwd = em_cpu_norm_linear_bwd,
    .conv_bwd = em_cpu_conv_bwd,
    .conv_silu_xproj_bwd = em_cpu_conv_silu_xproj_bwd,
    .tokens_bwd = em_cpu_tokens_bwd,
    .mean_bwd = em_cpu_mean_bwd,
    .repack = em_cpu_repack,
    .decay = em_cpu_decay,
    .clear = em_cpu_clear,
    .sum_squares = em_cpu_sum_squares,
    .adamw = em_cpu_adamw,
    .blend = em_cpu_blend,
};
