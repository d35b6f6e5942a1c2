/* kernels.h - what an instruction set provides to the operators: the inner loops, each on one thread's part. */
#ifndef EM_OPS_CPU_ISA_KERNELS_H
#define EM_OPS_CPU_ISA_KERNELS_H

#include "ops/ops.h"

#include <stdbool.h>

/* y[rows][N] = act(a[rows][K] * w^T + bias + residual), for the panels [panel, panel_end) of w. A row of a is one run of K floats,
 * or several, of `run` floats each and next_run apart: the taps of a convolution where they lie. Runs are even. */
typedef struct em_gemm {
    float       *y;
    const float *a;
    const float *w;                 /* packed                                    */
    const float *bias, *residual;   /* residual has rows of ldy, like y          */
    size_t       lda, ldy, next_run;
    int          rows, K, N, run;   /* run 0: K                                  */
    int          panel, panel_end;
    em_act       act;
} em_gemm;

/* Rows of n: dst = act(norm(x)) [* silu(gate)]; dst may be x. */
typedef struct em_rows {
    const float *x, *gate;          /* gate NULL: none                           */
    size_t       ldx, ldg, ldd;
    em_norm      norm;
    em_act       act;
    int          n, rows;
} em_rows;

/* The way back through em_rows. */
typedef struct em_rows_back {
    em_rows      rows;              /* as given forward; ldd is not read         */
    const float *dy;                /* gradient of dst, rows of ldy              */
    float       *dx;                /* rows of lddx; adds: += instead of =       */
    float       *dgate;             /* rows of rows.ldg; NULL: no gate           */
    float       *dweight, *dbias;   /* [n] each, +=; of the norm                 */
    const float *slope;             /* as gelu_slope_rows left it; NULL: it is made from x anew */
    float       *work;              /* scratch: 2 * (n + lanes)                  */
    size_t       ldy, lddx;
    bool         adds;
} em_rows_back;

/* y[n][k] += a^T b over `rows` rows, for some strips and panels. Rows of a are lda apart, then n >= strip; 0: a is as
 * outer_pack_strips leaves it. So are rows of b, or as outer_pack_panels leaves them. */
typedef struct em_outer {
    float       *y;
    const float *a, *b;
    size_t       lda, ldb;
    int          rows, n, k;
    int          strip, strip_end, panel, panel_end;
} em_outer;

/* The way back through conv_plane_row: all rows of one window. */
typedef struct em_plane_back {
    const em_conv *conv;
    const float *image, *w, *dy;    /* [H][W], [n][k], [Ho][Wo][n]               */
    float       *dx;                /* [H][W], set; NULL: not wanted             */
    float       *sums;              /* [n*k + 3n], set: dw, dbias, the norm's dweight and dbias */
    float       *work;              /* scratch: lanes * (n*k + 3n)               */
} em_plane_back;

/* One channel tile of a scan. */
typedef struct em_scan_tile {
    float       *y;                 /* [L][D], this window                       */
    const float *u, *x_dbl;         /* [L][D], [L][4*(R+2N)]                     */
    const em_scan4 *scan;
    int          channel, n_channels;
    int          next_channel;      /* of the tile to come: its parameters are called for meanwhile */
    float       *state;             /* scratch: N * scan_channels                */
    float       *states[EM_DIRECTIONS];     /* [chunks][N][D] of a direction, this window; NULL: not kept */
} em_scan_tile;

/* Two directions of a scan backward, 0 and 3, or 2 and 1, over some windows. */
typedef struct em_scan_back {
    const em_scan4 *scan;
    int          pair, window, n_windows;
    float       *parts[EM_DIRECTIONS];      /* set for the two: sums over the windows of the parameters' gradients */
    float       *scratch;                   /* scan_back_floats                          */
} em_scan_back;

/* One head of one window of attention, with a thread's room for it. Tokens of a window are P, channels of a head d; rows of
 * tokens are ldc long and rows of keys, over queries, ldp: whole vectors. The last three are backward's. */
typedef struct em_attention_head {
    const em_attention *a;
    int     head, P, d;
    size_t  ldp, ldc;
    bool    is_masked;
    size_t *token;                  /* [P] in the batch                          */
    int    *place;                  /* [P] in the table: see ops/cpu/attention.c */
    float  *region;                 /* [ldp]; read where is_masked               */
    float  *bias;                   /* [P][ldp]: the table, times log2(e)        */
    float  *p, *turned;             /* [P][ldp], [d][ldp]                        */
    float  *q, *k, *v, *out;        /* [P][ldc]                                  */
    float  *dy, *dp, *sum;          /* [P][ldc], [P][ldp]; [P][ldp] += the gradient of bias */
} em_attention_head;

enum { EM_PLANE_TAPS = 16, EM_PLANE_CHANNELS = 128 };

typedef struct em_kernels {
    const char *name;
    int         lanes;
    int         scan_channels;      /* of one tile                               */

    int    (*gemm_panels)(int n);
    int    (*gemm_panel_col)(int n, int panel);     /* first column; of gemm_panels(n): n */
    size_t (*gemm_floats)(int n, int k);
    void   (*gemm_pack)(float *dst, const float *w, int n, int k);
    void   (*gemm_unpack)(float *dst, const float *packed, int n, int k);    /* dst[n][k] */
    void   (*gemm_pack_back)(float *dst, const float *w, int n, int k);     /* the transpose [k][n], as gemm_pack would */
    void   (*gemm)(const em_gemm *g);
    void   (*prep_rows)(float *dst, const em_rows *r);
    void   (*add_row)(float *dst, const float *x, int n, float scale);      /* dst += scale * x */

    /* The rows [h0, h1) of an image: u[h1 - h0][W][D] from x[H][W][ldx]; raw, the same before SiLU, may be u. */
    void   (*dwconv_silu_rows)(float *u, float *raw, const float *x, const em_conv_silu_xproj *a, int h0, int h1);
    /* Row oy of the convolution of one plane: y[Wo][n] from image[H][W] and w[n][kh*kw], with norm and activation.
     * C is 1; at most EM_PLANE_TAPS taps and EM_PLANE_CHANNELS channels. */
    void   (*conv_plane_row)(float *y, const float *image, const float *w, const em_conv *a, int oy);
    void   (*scan_tile)(const em_scan_tile *t);
    void   (*attention_fwd)(const em_attention_head *h);

    /* Backward. A strip is `strip` columns of a, a panel 2 * lanes columns of b. */
    int    strip;
    void   (*outer_pack_strips)(float *dst, const float *src, size_t lds, int rows, int n);
    void   (*outer_pack_panels)(float *dst, const float *src, size_t lds, int rows, int k);
    void   (*outer)(const em_outer *o);
    void   (*rows_back)(const em_rows_back *b);
    void   (*conv_plane_back)(const em_plane_back *p);
    /* dst[rows][n] = gelu(x) and slope[rows][n], its slope there; ldd is n. */
    void   (*gelu_slope_rows)(float *dst, float *slope, const em_rows *r);
    void   (*silu_back)(float *dv, const float *dm, const float *du0, const float *du1, const float *v, int n);
    /* dx[H][W][ldx] of the depthwise convolution from dv[H][W][D], rows [h0, h1), and += dtaps[9][D] of them. */
    void   (*dwconv_back_rows)(float *dx, float *dtaps, const float *dv, const float *x, const em_conv_silu_xproj *a, int h0, int h1);
    void   (*scan_back)(const em_scan_back *t);
    size_t (*scan_back_floats)(int D, int R, int N);        /* grows with each of them, as the next does   */
    size_t (*scan_part_floats)(int D, int R, int N);
    /* Adds to the parameters' gradients, in one direction and tile, what parts[n_parts][4][scan_part_floats] sum up to. */
    void   (*scan_add_parts)(const em_scan4 *s, const float *parts, int n_parts, int direction, int tile);
    void   (*attention_bwd)(const em_attention_head *h);
} em_kernels;

extern const em_kernels em_base_kernels, em_avx2_kernels, em_avx512_kernels;

#endif
