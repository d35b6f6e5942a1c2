/* bench.h - a small work bench for one module: its weights from golden tensors, its calls run once on the CPU, and back. */
#ifndef EM_TESTS_GOLDEN_BENCH_H
#define EM_TESTS_GOLDEN_BENCH_H

#include "golden/tensors.h"
#include "model/plan.h"
#include "model/weights.h"

typedef struct golden_bench golden_bench;

/* A module of a golden file: tensors TAG.x0, TAG.y, TAG.w.NAME, and back TAG.dy, TAG.dx0, TAG.dw.NAME. */
typedef struct golden_module {
    const char *tag, *as;               /* NAME is the model's without `as` in front               */
    void      (*bind)(golden_bench *g, em_binder *b);       /* into g->w                           */
    void      (*build)(golden_bench *g, em_builder *b);     /* from bench_input; sets g->result and, where it learns, g->dy */
    void      (*configure)(golden_bench *g);                /* g->cfg from its tensors             */
    em_embed_kind embed;
    em_down_kind  down;
    int         d;                      /* dims[0]                                                 */
    bool        adds_input;             /* ours adds its input to its result, the golden one does not */
} golden_module;

struct golden_bench {
    const golden_module *module;
    em_dev    *dev;
    em_st     *st;
    em_params  params;
    em_config  cfg;
    union { em_ss_block_w block; em_embed_w embed; em_down_w down; em_head_w head; em_norm norm; em_attention_block_w attention; } w;
    em_grid    in;                      /* shape, and once it is built its place and its gradient's */
    int        batch;
    float     *input, *result, *dy;
    size_t     n_input;
    bool       learns;
    em_lesson  lesson;                  /* with practice: when it learns                           */
    em_practice practice;
    float     *piece;                   /* scratch for a tensor's layout                           */
    void      *weights, *activations;
    em_plan    plan;
};

/* Modules of ops.safetensors (SS2D alone among them), and of blocks.safetensors. */
extern const golden_module golden_operators[], golden_blocks[];
extern const int golden_n_operators, golden_n_blocks;

/* Reads, binds, builds and runs m forward. */
void   bench_open(golden_bench *g, em_dev *dev, em_st *st, const golden_module *m, bool learns);
void   bench_close(golden_bench *g);

/* Where build begins: the input in its place. */
em_grid bench_input(golden_bench *g, em_builder *b);

/* Of a bench that learns: back from the golden dy. */
void   bench_back(golden_bench *g);

/* Largest difference to a golden tensor as a share of its largest element: the result, dx, and the gradient of a parameter. */
double bench_result_off(const golden_bench *g);
double bench_dx_off(const golden_bench *g);
double bench_gradient_off(const golden_bench *g, const em_param *p);

/* f with each module of the list, on each instruction set and with 1 and 2 threads. */
void   bench_everywhere(void (*f)(em_dev *dev, em_st *st, const golden_module *m), em_st *st, const golden_module *list, int n);

#endif
