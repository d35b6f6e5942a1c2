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

/* Where a model that learns keeps its numbers: parameters in the operators' layout and their gradients, both blocks of the
 * offsets of em_params. What operators want in yet another form (packed matrices, decays) is made from them after each step. */
typedef struct em_decays { float *a; const float *a_log; size_t n; } em_decays;

typedef struct em_lesson {
    float           *values, *grads;    /* on the device; NULL while measuring       */
    const struct em_layout **layouts;   /* [params->n], as the binder finds them     */
    em_repack       *matrices;          /* room for params->n each                   */
    em_decays       *decays;
    int              n_matrices, n_decays;
} em_lesson;

typedef struct em_binder {
    const em_ops           *ops;
    em_dev                 *dev;
    const em_params        *params;
    const em_tensor_source *from;
    em_lesson              *lesson;     /* NULL: weights are only read                */
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
    void    (*unlay)(float *dst, const float *src, const em_param *p);  /* and back                    */
} em_layout;

extern const em_layout em_layout_conv;   /* [O][C][kh][kw] -> [O][kh][kw][C]                          */
extern const em_layout em_layout_taps;   /* [D][1][3][3]   -> [9][D]                                  */
extern const em_layout em_layout_dt;     /* [4][D][R]      -> [4][R][D]                               */
extern const em_layout em_layout_states; /* [4*D][N]       -> [4][N][D]                               */
extern const em_layout em_layout_merge;  /* [..][4*d], corners (0,0) (1,0) (0,1) (1,1) (row, column) -> row by row */

/* Binds the tensor of that name (printf style). layout NULL: as it is. NULL / no data after a failure or while
 * measuring; a name that the model has not is a mistake of ours. */
const float *em_bind(em_binder *b, const em_layout *layout, const char *name, ...) __attribute__((format(printf, 3, 4)));

/* The same, packed: [n][k] with n the first dimension (two: n = both, for x_proj) and k all others. */
em_matrix em_bind_matrix(em_binder *b, const em_layout *layout, const char *name, ...) __attribute__((format(printf, 3, 4)));

/* The same where the model learns, else NULL and nothing is read. */
const float *em_bind_learned(em_binder *b, const char *name, ...) __attribute__((format(printf, 2, 3)));

/* A_logs as the scan wants them: A log2(e) = -exp(A_logs) log2(e), [4][N][D]. */
const float *em_bind_decay(em_binder *b, const char *name, ...) __attribute__((format(printf, 2, 3)));

/* The whole tensor p, rearranged; and back. `piece` is scratch for p->n numbers. layout NULL: nothing to do. */
void em_layout_apply(const em_layout *layout, float *x, float *piece, const em_param *p);
void em_layout_undo(const em_layout *layout, float *x, float *piece, const em_param *p);

/* weight and bias of a layer norm, under `name`. */
em_norm em_bind_norm(em_binder *b, const em_layout *layout, const char *name, ...) __attribute__((format(printf, 3, 4)));

typedef struct em_mlp_w { em_norm norm; em_matrix fc1, fc2; const float *fc1_bias, *fc2_bias; } em_mlp_w;

/* The tensors of one SS block; absent ones have NULL data. */
typedef struct em_ss_block_w {
    em_norm      norm, out_norm;
    em_matrix    in_proj, x_proj, out_proj;
    const float *taps, *conv_bias, *dt_w, *dt_bias, *decay, *a_log, *skip;
    em_mlp_w     mlp;
} em_ss_block_w;

typedef struct em_attention_block_w {
    em_norm      norm;
    em_matrix    qkv, proj;
    const float *qkv_bias, *proj_bias, *table;
    em_mlp_w     mlp;
} em_attention_block_w;

typedef struct em_embed_w { em_matrix conv[2]; const float *bias[2]; em_norm norm[2]; } em_embed_w;
typedef struct em_down_w  { em_matrix conv; const float *bias; em_norm norm_before, norm_after; } em_down_w;
typedef struct em_head_w  { em_norm norm; em_matrix w; const float *bias; } em_head_w;

typedef struct em_weights {
    const float   *scale, *shift, *quiet;       /* [n_mels]: frames to image                     */
    float         *maps;                        /* [EM_MAPS][n_mels], all six, when it learns    */
    const float   *centre, *spread, *quiet_frame, *bn_weight, *bn_bias;    /* [n_mels], when it learns: see em_image */
    em_embed_w     embed;
    em_ss_block_w *blocks[EM_STAGES];           /* [depths[i]], the model's own; NULL: none of them */
    em_attention_block_w *attention[EM_STAGES];
    em_down_w      down[EM_STAGES - 1];
    em_head_w      head;
} em_weights;

/* All of it: the modules in the model's order. */
void em_weights_bind(em_weights *w, em_binder *b, const em_config *cfg);

/* em_weights.blocks and .attention for cfg. The caller ends w with em_weights_deinit, also after EM_ENOMEM. */
em_status em_weights_init(em_weights *w, const em_config *cfg, em_err *err);
void      em_weights_deinit(em_weights *w);

/* The tables of em_image for a configuration and bn0's weight, bias, mean and variance (not read with Kaldi frames):
 * [EM_MAPS][n_mels]: scale, shift, quiet, centre, spread, quiet_frame, as em_weights has them. */
enum { EM_MAPS = 6 };
void em_frontend_maps(float *maps, const em_config *cfg, const float *const bn[4]);

void em_frontend_bind(em_weights *w, em_binder *b, const em_config *cfg);
void em_embed_bind(em_embed_w *w, em_binder *b, const em_config *cfg);
void em_ss_block_bind(em_ss_block_w *w, em_binder *b, const em_config *cfg, int stage, int block);
void em_attention_block_bind(em_attention_block_w *w, em_binder *b, const em_config *cfg, int stage, int block);
void em_down_bind(em_down_w *w, em_binder *b, const em_config *cfg, int stage);
void em_head_bind(em_head_w *w, em_binder *b, const em_config *cfg);

/* Of the block of that name (printf style). */
void em_mlp_bind(em_mlp_w *w, em_binder *b, const char *block, ...) __attribute__((format(printf, 3, 4)));

#endif
