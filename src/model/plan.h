/* plan.h - the model compiled into a static list of operator calls with their places in one arena.
 *
 * Nothing else knows the order of layers. The modules (patch_embed, ss_block, attention_block, mlp, downsample, head) append
 * their calls through a builder, which runs twice: with an arena that only measures, then with the memory behind it. */
#ifndef EM_MODEL_PLAN_H
#define EM_MODEL_PLAN_H

#include "base/arena.h"
#include "base/status.h"
#include "model/config.h"
#include "model/weights.h"
#include "ops/ops.h"

typedef enum em_call_kind {
    EM_CALL_IMAGE, EM_CALL_CONV, EM_CALL_NORM_LINEAR, EM_CALL_MLP, EM_CALL_CONV_SILU_XPROJ, EM_CALL_SCAN4, EM_CALL_ATTENTION,
    EM_CALL_TOKENS, EM_CALL_MEAN,
} em_call_kind;

typedef struct em_call {
    em_call_kind kind;
    const char  *label;             /* "embed", "in_proj", "conv+x_proj", "scan", "out_proj", "attention", "fc1", "fc2", "mlp", "head" … */
    int          stage;             /* 0..3, -1 outside the stages                          */
    int          first_again, end_again;    /* calls of the plan whose results the way back reads and that are gone: they run again before it */
    union {
        em_image           image;
        em_conv            conv;
        em_norm_linear     norm_linear;
        em_mlp             mlp;
        em_conv_silu_xproj conv_silu_xproj;
        em_scan4           scan4;
        em_attention       attention;
        em_tokens          tokens;
        em_mean            mean;
    } a;
} em_call;

typedef struct em_plan {
    em_call *calls;
    int      n, room;
} em_plan;

/* A grid of tokens on its way through the model: x[B][H][W][C], and in a plan that trains the gradient of what is there. */
typedef struct em_grid { float *x; int H, W, C; float *dx; } em_grid;

/* What a plan that trains needs beside: every activation stays where it is, gradients have an arena of their own, and each
 * residual branch a row of factors, one a window (drop path).
 *
 * With recomputes, what lies inside a residual branch or the embedding goes when the forward pass has left it, as in a plan that
 * infers, and is made again just before its way back: by the same calls from the same numbers, so it has the same bits. The way back
 * comes from the arena's far end: what it writes anew stands behind all that it has still to read. */
typedef struct em_practice {
    const float *values;            /* of em_lesson                         */
    float       *grads;
    em_arena     arena;             /* gradients, of the device             */
    float       *branches;          /* [n_branches][max_batch], on the device; NULL: none are dropped */
    int          n_branches;        /* counted while building               */
    bool         has_slots;         /* the time slots have a loss of their own */
    bool         recomputes;
} em_practice;

typedef struct em_builder {
    const em_ops    *ops;
    em_dev          *dev;
    em_plan         *plan;          /* NULL while measuring                 */
    em_arena         arena;         /* of the device                        */
    const em_config *cfg;
    const em_strip  *strips;        /* of em_image; NULL: frames are given  */
    em_needs         needs;         /* max_batch is given, the rest noted   */
    em_practice     *practice;      /* NULL: the plan infers                */
    em_status        status;
} em_builder;

/* Room for n numbers of each window, float or the device's inner type; NULL while measuring. */
float   *em_build_floats(em_builder *b, size_t n);
float   *em_build_inner(em_builder *b, size_t n);

/* Activations since the mark are done with: calls since then leave nothing there but what their own way back reads. A plan that
 * trains keeps them, or makes them again. */
typedef struct em_mark { size_t used; int n_calls; } em_mark;
em_mark  em_build_mark(const em_builder *b);
void     em_build_rewind(em_builder *b, em_mark mark);

/* For gradients: room for n numbers of each window (NULL unless the plan trains), used until the rewind; the gradient of a
 * parameter; the next residual branch's factors. */
float   *em_build_back(em_builder *b, size_t n);
size_t   em_build_back_mark(const em_builder *b);
void     em_build_back_rewind(em_builder *b, size_t mark);
float   *em_build_grad(const em_builder *b, const float *value);
const float *em_build_branch(em_builder *b);

/* Appends a call. While measuring, the answer is scratch that is thrown away. */
void     em_build_call(em_builder *b, const em_call *call);
void     em_build_linear(em_builder *b, const char *label, int stage, em_norm_linear a);

/* Where a residual branch leaves its grid: in place, unless the plan trains and x must stay. */
em_grid  em_build_next(em_builder *b, em_grid x);

/* The modules. Each returns the grid it leaves. */
em_grid  em_embed_room(em_builder *b, int H, int W);                     /* for what it leaves of an image [H][W] */
void     em_embed_build(em_builder *b, const em_embed_w *w, em_grid image, em_grid out);
em_grid  em_ss_block_build(em_builder *b, const em_ss_block_w *w, em_grid x, int stage);     /* in place, unless it trains */
em_grid  em_attention_block_build(em_builder *b, const em_attention_block_w *w, em_grid x, int stage, int block);     /* likewise */
em_grid  em_mlp_build(em_builder *b, const em_mlp_w *w, em_grid x, int stage);               /* likewise */
em_grid  em_down_build(em_builder *b, const em_down_w *w, em_grid x, int stage);

/* Where the results of a plan lie, on the device. */
typedef struct em_outputs { float *logits, *slots, *latent, *dlogits, *dslots; } em_outputs;

em_outputs em_head_build(em_builder *b, const em_head_w *w, em_grid x);

/* The whole model. frames[max_batch] and n_frames[max_batch] are read at each run. The measuring builder has
 * plan NULL; its arena.high is then the size to allocate. */
em_outputs em_plan_build(em_builder *b, const em_weights *w, const float *const *frames, const int *n_frames);

void     em_plan_deinit(em_plan *plan);

/* Runs one call for B windows. */
void     em_plan_call(const em_call *call, const em_ops *ops, em_dev *dev, int B);

/* Runs all calls for B windows. seen (NULL: nobody) is told after each one is done: profiler, tests. */
typedef void em_plan_observer(void *ctx, const em_call *call);
void     em_plan_run(const em_plan *plan, const em_ops *ops, em_dev *dev, int B, em_plan_observer *seen, void *ctx);

/* The way back through call i: first em_plan_again, which makes anew what is gone of what that reads; seen as above. */
void     em_plan_again(const em_plan *plan, int i, const em_ops *ops, em_dev *dev, int B, em_plan_observer *seen, void *ctx);
void     em_plan_call_back(const em_call *call, const em_ops *ops, em_dev *dev, int B);

/* The first parameter gradient that a call adds to, in the block's order; NULL: it has none. Calls later in the plan add to
 * later ones. */
const float *em_call_first_grad(const em_call *call);

/* Of one window: multiply-adds, bytes that must at least move (inputs, weights, outputs once each), and the
 * result with its size in floats. */
double   em_call_macs(const em_call *call);
double   em_call_bytes(const em_call *call);
const float *em_call_result(const em_call *call, size_t *n);

#endif
