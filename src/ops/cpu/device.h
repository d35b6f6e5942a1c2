/* device.h - the CPU as a device: threads, their scratch, and the kernels of the best instruction set. */
#ifndef EM_OPS_CPU_DEVICE_H
#define EM_OPS_CPU_DEVICE_H

#include "base/pool.h"
#include "ops/cpu/isa/kernels.h"
#include "ops/ops.h"

/* Which block of a product's rows a thread's scratch holds; -1: none. */
typedef struct em_prepared { _Alignas(64) int block; } em_prepared;

struct em_dev {
    em_pool          *pool;
    const em_kernels *k;
    float           **scratch;          /* [threads], scratch_floats each    */
    size_t            scratch_floats;
    em_prepared      *prepared;         /* [threads]                             */
    float            *shared;           /* shared_floats, of all threads together: backward's */
    size_t            shared_floats;
    bool              is_out_of_memory; /* backward found no room: the next sync tells */
    float            *scan_parts;       /* gradients of a scan's parameters, to be added up   */
    size_t            scan_parts_floats;
    char              text[64];
};

/* Room for backward, which is not reserved ahead: n floats for each thread, or n for all together. false, NULL: no memory. */
bool   em_cpu_scratch(em_dev *dev, size_t n);
float *em_cpu_shared(em_dev *dev, size_t n);

/* Windows of the batch whose branch was not dropped (`kept` in ops.h): is this one; the next run of them, from the last one's end
 * on ({ 0 }: the first). */
typedef struct em_run { int first, end; } em_run;

static inline bool em_cpu_is_kept(const float *kept, int window) { return !kept || kept[window] != 0.f; }

bool em_cpu_next_run(em_run *run, const float *kept, int B);

/* Rows of a block of a product of depth k: its prepared rows stay in the second-level cache. */
int em_cpu_block_rows(int k);

/* Floats of the largest block of prepared rows of any depth up to k. */
size_t em_cpu_block_floats(int k);

/* Blocks of at most `most` rows: as many for each thread, where each has one. */
int em_cpu_blocks(const em_dev *dev, int rows, int most);

/* Most sums of gradients that a scan backward of up to B windows keeps of each direction. */
int em_cpu_most_scan_parts(int B);

/* Floats a thread needs for attention over windows side x side; side 0: none. */
size_t em_cpu_attention_floats(const em_dev *dev, int side, int head_width, bool is_back);

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

/* Where a sum over the batch goes: n numbers at dst (NULL: nobody wants them), += . */
typedef struct em_sum { float *dst; int n; } em_sum;

enum { EM_SUMS = 4 };

/* sums[i].dst += parts[0] + parts[1] + … in this order. Parts are `stride` floats apart; each holds the numbers of all sums,
 * side by side. */
void em_cpu_add_parts(em_dev *dev, const em_sum sums[EM_SUMS], const float *parts, size_t stride, int n_parts);

enum { EM_BACK_ROWS = 128 };            /* of a block: packed strips and panels of a tile stay in the first cache */

/* The way back through a product y = rows * w^T + bias. Rows come in groups (of windows) of equal size, a block is up to
 * EM_BACK_ROWS rows of one group. For each block: rows are prepared as forward did, dy is prepared, dm = dy w is handed to
 * take; then w.grad += dy^T rows. The callbacks get a block's own `parts`, zeroed, to add to: sums over the batch. */
typedef struct em_product_back {
    const float *a;                     /* rows, lda apart; NULL: prep makes them                 */
    size_t       lda;
    void       (*prep)(const void *ctx, const em_kernels *k, float *dst, int first, int n, float *work);
    const float *dy;                    /* [rows][w.n]                                            */
    const float *(*prep_dy)(const void *ctx, const em_kernels *k, float *dst, int first, int n, float *parts, float *work);   /* NULL: dy as it is */
    void       (*take)(const void *ctx, const em_kernels *k, float *dm, int first, int n, float *parts, float *work);  /* NULL: dm is not wanted */
    const void  *ctx;
    em_matrix    w;
    int          n_groups, rows_a_group;
    const float *kept;                  /* [windows], rows_a_window each; NULL: all                */
    int          rows_a_window;
    bool         is_serial;             /* one task a group, its blocks in order                  */
    em_sum       sums[EM_SUMS];         /* what parts hold; the last place is kept for w.grad     */
    size_t       n_work;                /* floats of work, which stay as they are from prep to take */
} em_product_back;

void em_cpu_product_back(em_dev *dev, const em_product_back *p);

/* The operators, a file each. */
void em_cpu_image_fwd(em_dev *dev, const em_image *a, int B);
void em_cpu_norm_linear_fwd(em_dev *dev, const em_norm_linear *a, int B);
void em_cpu_mlp_fwd(em_dev *dev, const em_mlp *a, int B);
void em_cpu_conv_fwd(em_dev *dev, const em_conv *a, int B);
void em_cpu_conv_silu_xproj_fwd(em_dev *dev, const em_conv_silu_xproj *a, int B);
void em_cpu_scan4_fwd(em_dev *dev, const em_scan4 *a, int B);
void em_cpu_scan4_bwd(em_dev *dev, const em_scan4 *a, int B);
void em_cpu_attention_fwd(em_dev *dev, const em_attention *a, int B);
void em_cpu_attention_bwd(em_dev *dev, const em_attention *a, int B);
void em_cpu_tokens_fwd(em_dev *dev, const em_tokens *a, int B);
void em_cpu_mean_fwd(em_dev *dev, const em_mean *a, int B);
void em_cpu_image_bwd(em_dev *dev, const em_image *a, int B);
void em_cpu_norm_linear_bwd(em_dev *dev, const em_norm_linear *a, int B);
void em_cpu_conv_bwd(em_dev *dev, const em_conv *a, int B);
void em_cpu_conv_silu_xproj_bwd(em_dev *dev, const em_conv_silu_xproj *a, int B);
void em_cpu_tokens_bwd(em_dev *dev, const em_tokens *a, int B);
void em_cpu_mean_bwd(em_dev *dev, const em_mean *a, int B);

/* Training on blocks of numbers. */
void   em_cpu_repack(em_dev *dev, const em_repack *list, int n);
void   em_cpu_decay(em_dev *dev, float *a, const float *a_log, size_t n);
void   em_cpu_clear(em_dev *dev, float *x, size_t n);
double em_cpu_sum_squares(em_dev *dev, const float *x, size_t n);
void   em_cpu_adamw(em_dev *dev, const em_adamw *a);
void   em_cpu_blend(em_dev *dev, float *y, const float *x, float share, size_t n);

#endif
