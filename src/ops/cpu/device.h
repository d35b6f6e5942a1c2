/* device.h - the CPU as a device: threads, their scratch, and the kernels of the best instruction set. */
#ifndef EM_OPS_CPU_DEVICE_H
#define EM_OPS_CPU_DEVICE_H

#include "base/pool.h"
#include "ops/cpu/isa/kernels.h"
#include "ops/ops.h"

struct em_dev {
    em_pool          *pool;
    const em_kernels *k;
    float           **scratch;          /* [threads], scratch_floats each    */
    size_t            scratch_floats;
    float            *scan_parts;       /* gradients of a scan's parameters, to be added up   */
    size_t            scan_parts_floats;
    char              text[64];
};

/* Rows of a block of a product of depth k: its prepared rows stay in the second-level cache. */
int em_cpu_block_rows(int k);

/* Floats of the largest block of prepared rows of any depth up to k. */
size_t em_cpu_block_floats(int k);

/* Blocks of at most `most` rows: as many for each thread, where each has one. */
int em_cpu_blocks(const em_dev *dev, int rows, int most);

/* Most sums of gradients that a scan backward of up to B windows keeps of each direction. */
int em_cpu_most_scan_parts(int B);

/* y = act(rows * w^T + bias + residual), shared out over the threads.
 * Rows come from `a`, or are made by prep: dst[n][w.k] for rows [first, first + n). */
typedef struct em_product {
    float       *y;
    const float *a;
    size_t       lda;
    void       (*prep)(const void *ctx, const em_kernels *k, float *dst, int first, int n);
    const void  *ctx;
    em_matrix    w;
    const float *bias, *residual;
    em_act       act;
    int          rows;
} em_product;

void em_cpu_product(em_dev *dev, const em_product *p);

/* The operators, a file each. */
void em_cpu_image_fwd(em_dev *dev, const em_image *a, int B);
void em_cpu_norm_linear_fwd(em_dev *dev, const em_norm_linear *a, int B);
void em_cpu_mlp_fwd(em_dev *dev, const em_mlp *a, int B);
void em_cpu_conv_fwd(em_dev *dev, const em_conv *a, int B);
void em_cpu_conv_silu_xproj_fwd(em_dev *dev, const em_conv_silu_xproj *a, int B);
void em_cpu_scan4_fwd(em_dev *dev, const em_scan4 *a, int B);
void em_cpu_scan4_bwd(em_dev *dev, const em_scan4 *a, int B);
void em_cpu_tokens_fwd(em_dev *dev, const em_tokens *a, int B);
void em_cpu_mean_fwd(em_dev *dev, const em_mean *a, int B);

#endif
