/* weights.h - a model's tensors as the operators want them: packed matrices, taps and rates channels-last.
 *
 * A binder walks the modules twice with the same code: once to measure, once to read each tensor, rearrange it
 * and put it in its place. Tensors come from a source: a file, random numbers, later the trainer's block. */
#ifndef EM_MODEL_WEIGHTS_H
#define EM_MODEL_WEIGHTS_H

#include "base/arena.h"
#include "base/status.h"
#include "model/config.h"
#include "model/params.h"
#include "ops/ops.h"

typedef struct em_tensor_source {
    em_status (*read)(void *ctx, float *dst, const em_param *p, em_err *err);       /* dst[p->n] */
    void *ctx;
} em_tensor_source;

typedef struct em_binder {
    const em_ops           *ops;
    em_dev                 *dev;
    const em_params        *params;
    const em_tensor_source *from;
    em_arena                arena;      /* of the device                              */
    float                  *laid;       /* [largest tensor] as read, then rearranged   */
    float                  *piece;      /* [n_piece] the part of it being rearranged  */
    size_t                  n_piece;    /* numbers of the largest one, from measuring */
    em_status               status;     /* the first failure; later calls do nothing  */
    em_err                 *err;
} em_binder;

/* Rearranges a tensor where it lies, in pieces of equal size that keep their place: a model's largest tensor would
 * otherwise be in memory twice while it is loaded, beside all weights. */
typedef struct em_layout {
    int64_t (*n_pieces)(const em_param *p);
    void    (*lay)(float *dst, const float *src, const em_param *p);    /* one piece                   */
} em_layout;

extern const em_layout em_layout_conv;   /* [O][C][kh][kw] -> [O][kh][kw][C]                          */
extern const em_layout em_layout_taps;   /* [D][1][3][3]   -> [9][D]                                  */
extern const em_layout em_layout_dt;     /* [4][D][R]      -> [4][R][D]                               */
extern const em_layout em_layout_decay;  /* A_logs [4*D][N] -> A log2(e) = -exp(A_logs) log2(e), [4][N][D] */
extern const em_layout em_layout_merge;  /* [..][4*d], corners (0,0) (1,0) (0,1) (1,1) (row, column) -> row by row */

/* Binds the tensor of that name (printf style). layout NULL: as it is. NULL / no data after a failure or while
 * measuring; a name that the model has not is a mistake of ours. */
const float *em_bind(em_binder *b, const em_layout *layout, const char *name, ...) __attribute__((format(printf, 3, 4)));

/* The same, packed: [n][k] with n the first dimension (two: n = both, for x_proj) and k all others. */
em_matrix em_bind_matrix(em_binder *b, const em_layout *layout, const char *name, ...) __attribute__((format(printf, 3, 4)));

/* weight and bias of a layer norm, under `name`. */
em_norm em_bind_norm(em_binder *b, const em_layout *layout, const char *name, ...) __attribute__((format(printf, 3, 4)));

/* The tensors of one SS block; absent ones have NULL data. */
typedef struct em_ss_block_w {
    em_norm      norm, out_norm, norm2;
    em_matrix    in_proj, x_proj, out_proj, fc1, fc2;
    const float *taps, *conv_bias, *dt_w, *dt_bias, *decay, *skip, *fc1_bias, *fc2_bias;
} em_ss_block_w;

typedef struct em_embed_w { em_matrix conv[2]; const float *bias[2]; em_norm norm[2]; } em_embed_w;
typedef struct em_down_w  { em_matrix conv; const float *bias; em_norm norm_before, norm_after; } em_down_w;
typedef struct em_head_w  { em_norm norm; em_matrix w; const float *bias; } em_head_w;

typedef struct em_weights {
    const float   *scale, *shift, *quiet;       /* [n_mels]: frames to image                     */
    em_embed_w     embed;
    em_ss_block_w *blocks[EM_STAGES];           /* [depths[i]], the model's own                  */
    em_down_w      down[EM_STAGES - 1];
    em_head_w      head;
} em_weights;

void em_frontend_bind(em_weights *w, em_binder *b, const em_config *cfg);
void em_embed_bind(em_embed_w *w, em_binder *b, const em_config *cfg);
void em_ss_block_bind(em_ss_block_w *w, em_binder *b, const em_config *cfg, int stage, int block);
void em_down_bind(em_down_w *w, em_binder *b, const em_config *cfg, int stage);
void em_head_bind(em_head_w *w, em_binder *b, const em_config *cfg);

#endif
