/* ops.h - the seam between model and hardware: one table of operators, forward beside backward.
 *
 * Letters: B windows, H x W tokens, L = H*W, d model width, D inner width (ratio*d), N states, R dt rank,
 * K = 4 scan directions. Activations are channels-last and dense: x[B][H][W][C]; float32, but for inner ones.
 *
 * Inner activations live between two calls of one block and nowhere else: there a device may keep another type
 * (half on a GPU; em_ops.inner_bytes of an element). Pointers to them are float * all the same; nobody but the
 * device does arithmetic on them.
 *
 * Every operator is given sizes of one window in its argument struct and B at the call, so one plan serves
 * every batch. Outputs never overlap inputs, but where a field says so. A result depends on no other window of the
 * batch and on no thread count.
 *
 * Backward. A struct's last fields are read by the _bwd of its operator (and, where a comment says so, tell its _fwd
 * what to keep); a plan that only infers leaves them NULL. dx is dLoss/dx. Parameter gradients add (+=), activation
 * gradients set (=); adds_dx says that a residual's gradient is in dx already. _fwd has run on the same batch before.
 * Sums over the batch are made in an order that depends on sizes alone, so gradients have the same bits for every
 * number of threads, too.
 *
 * Dropped branches. Calls of a residual branch have its factors as `kept` [B] (NULL: 1). A window whose factor is 0 may be left
 * out, both ways: what the call sets of it is then anything, and it adds nothing. The branch's last call says what comes out.
 *
 * An operator runs on the device's own threads or stream; one thread at a time may call into a device. The
 * hot path allocates nothing: em_ops.reserve is called while a plan is made. */
#ifndef EM_OPS_OPS_H
#define EM_OPS_OPS_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

enum { EM_DIRECTIONS = 4 };

typedef struct em_dev em_dev;                   /* opaque: threads (cpu), a stream (cuda) */

typedef struct em_graph em_graph;               /* opaque: recorded calls */

typedef enum em_precision { EM_PRECISION_AUTO, EM_PRECISION_FP32, EM_PRECISION_FP16 } em_precision;

typedef struct em_dev_cfg {
    int         n_threads;                      /* cpu; 0: as many as this process may use           */
    const char *isa;                            /* cpu; NULL: best; "base", "avx2", "avx512" for tests */
    em_precision precision;                     /* of products and inner activations; auto: fp32 on the cpu, fp16 on cuda */
    int         place;                          /* cuda: which of this machine's, from 0; past 0 all calls come from the thread that opens it */
} em_dev_cfg;

/* What a plan will ask of the device's scratch; sizes of one window. */
typedef struct em_needs {
    int    k, n;                                /* deepest product; most states of a channel          */
    int    recurrences;                         /* most of one scan: 4*D*N                            */
    int    d, r;                                /* widest scan's D, its largest R: read where it trains */
    int    side, head_width;                    /* of em_attention: longest side, widest head          */
    size_t rows, hidden;                        /* most numbers of prepared rows (L*k, k rounded up to 64), of an em_mlp's hidden layer */
    bool   trains;                              /* room for what _bwd needs, too                       */
    int    max_batch;
} em_needs;

typedef enum em_act { EM_ACT_NONE, EM_ACT_GELU } em_act;        /* GELU by erf */

/* Layer norm over the last axis: (x - mean) / sqrt(var + EM_NORM_EPS) * weight + bias. weight NULL: none. */
#define EM_NORM_EPS 1e-5f
typedef struct em_norm {
    const float *weight, *bias;
    float       *dweight, *dbias;               /* backward                                            */
} em_norm;

/* A matrix [n][k] in the device's own layout, made by em_ops.pack. */
typedef struct em_matrix {
    const void *data;
    int         n, k;
    const void *back;                           /* backward: its transpose [k][n], packed like data    */
    float      *grad;                           /* backward: [n][k], plain                             */
} em_matrix;

/* A plain matrix [n][k] on the device, and where its packed forms lie: an em_matrix's data and back. */
typedef struct em_repack { void *data, *back; const float *plain; int n, k; } em_repack;

/* y = act(act_before(norm(x [+ x_more])) [* silu(gate)] * w^T + bias + residual)
 *   x [B*L][k], rows ldx apart; gate [B*L][k], rows ldg apart; y, residual [B*L][n], y may be residual
 * While training act is none (a GELU stands before the next product, whose x then is what backward needs), y is not
 * residual, and the product with its bias is multiplied by branch[b] before the residual is added (drop path; where it is 0,
 * y is the residual). The residual's gradient is dy itself. */
typedef struct em_norm_linear {
    float       *y;
    const float *x, *x_more[EM_DIRECTIONS - 1]; /* NULL for none, as on a device whose em_scan4 leaves one sum; rows of ldx, too */
    const float *gate;                          /* inner; NULL for none                                */
    size_t       ldx, ldg, gate_column;         /* gate_column: where the gate begins in its rows      */
    em_norm      norm;
    em_matrix    w;
    const float *bias, *residual;               /* NULL for none                                       */
    em_act       act_before, act;
    int          L;
    bool         is_x_inner, is_y_inner;        /* x_more as x; residual never                         */
    const float *branch, *kept;                 /* [B]; NULL: 1; read by _fwd, too; kept is branch, where that is given */
    const float *dy;                            /* [B*L][n]                                            */
    float       *dx;                            /* as x; each of x_more has the same gradient. NULL: not wanted, where there is
                                                 * neither norm nor gate, whose gradients come with it */
    bool         adds_dx;
    float       *dgate;                         /* as gate                                             */
    float       *dbias;
} em_norm_linear;

/* x += w2 gelu(w1 norm(x) + bias1) + bias2, the hidden layer kept in cache a block of rows at a time.
 *   x [B*L][w1.k]; the same bits as two em_norm_linear, which is what a training plan has instead */
typedef struct em_mlp {
    float       *x;
    em_norm      norm;
    em_matrix    w1, w2;
    const float *bias1, *bias2;
    int          L;
} em_mlp;

/* y = act(norm_after(conv(x)[normed over its taps by norm_before] + bias)), zeros outside the image
 *   x [B][H][W][C]; y [B][Ho][Wo][n]; w [n][kh*kw*C], taps row by row
 * While training there is at most one norm; act, and raw, come with norm_after only; with norm_before, dx is wanted. */
typedef struct em_conv {
    float       *y;
    const float *x;
    int          H, W, C, Ho, Wo;
    int          kh, kw, stride, pad_y, pad_x;
    em_norm      norm_before, norm_after;
    em_matrix    w;
    const float *bias;
    em_act       act;
    bool         is_x_inner, is_y_inner;
    float       *raw;                           /* [B][Ho][Wo][n] before norm_after; written by _fwd unless NULL, or made anew by _bwd */
    const float *dy;
    float       *dx;                            /* [B][H][W][C]; NULL: not wanted                      */
    float       *dbias;
} em_conv;

/* u = silu(depthwise conv 3x3 of x + bias), then the x projections of the four directions, in image order.
 *   x [B][H][W][D], tokens ldx apart; u [B*L][D]; x_dbl [B*L][4][R + 2N]: dt, B, C of each direction; x, u inner */
typedef struct em_conv_silu_xproj {
    float       *u, *x_dbl;
    const float *x;
    size_t       ldx;
    int          H, W, D;
    const float *taps;                          /* [9][D]                      */
    const float *bias;                          /* [D], NULL: none             */
    em_matrix    w;                             /* [4*(R + 2N)][D]             */
    float       *raw;                           /* [B*L][D], before SiLU; written by _fwd unless NULL */
    const float *kept;
    float       *du[EM_DIRECTIONS];             /* what em_scan4 left there; du[0] is then used as scratch */
    const float *dx_dbl;
    float       *dx;                            /* as x                        */
    float       *dtaps, *dbias;
} em_conv_silu_xproj;

/* Four selective scans read in place: rows forward, columns forward, rows backward, columns backward. They leave
 * em_ops.n_y sums; whoever reads them adds these up. One (cpu), or four (cuda): y[k] = direction k. Backward it is em_ops.n_du.
 *   delta = softplus(dt_w dt + dt_bias); h = exp(delta A) h + delta B u; y += C.h + D u */
typedef struct em_scan4 {
    float       *y[EM_DIRECTIONS];              /* [B*L][D] each, inner; those past n_y are NULL */
    const float *u, *x_dbl;                     /* u inner                     */
    int          H, W, D, R, N;
    const float *dt_w;                          /* [4][R][D]                   */
    const float *dt_bias;                       /* [4][D]                      */
    const float *a;                             /* [4][N][D]: A * log2(e), A < 0 */
    const float *skip;                          /* [4][D]                      */
    float       *states;                        /* [B][4][ceil(L/EM_SCAN_CHUNK)][N][D]: h before each chunk of a direction's
                                                 * own order; written by _fwd unless NULL, read by _bwd, which makes the
                                                 * states between anew */
    const float *kept;
    const float *dy;                            /* [B*L][D], of the sum of all y */
    float       *du[EM_DIRECTIONS];             /* [B*L][D] each; their sum is the gradient */
    float       *dx_dbl;
    float       *ddt_w, *ddt_bias, *dskip;
    float       *da_log;                        /* of A_logs = log(-A), laid out as a */
} em_scan4;

enum { EM_SCAN_CHUNK = 32 };

/* Log-mel of whole windows, for training and evaluation: frames as src/mel makes them (frontend.h, htsat), of T = n/hop + 1.
 *   frame t: samples [t*hop - n_fft/2, t*hop + n_fft/2) of its window, reflected at its ends, times hann; power; bands; decibels,
 *   -100 at least. Band i: sum of weights[at + k] * power[start + k], k < count, a multiple of 4 that may end 3 past the last bin. */
typedef struct em_mel_band { int start, count, at; } em_mel_band;

typedef struct em_logmel_cfg {                  /* the host's, read while opening */
    int   n_fft, hop, n_mels;
    const float *hann;                          /* [n_fft]                     */
    const em_mel_band *bands;                   /* [n_mels]                    */
    const float *weights;                       /* [n_weights]                 */
    int   n_weights;
    int   most_frames;                          /* of a call, B*T, for its room: more go through by and by */
} em_logmel_cfg;

typedef struct em_spectra em_spectra;           /* opaque: tables, plans, room */

/* Where the frames of a window lie on a device that kept those of the window before it in the same stream: frame t is fresh[t] for
 * t < head, ring[(first + t) % size] for the next n_kept, fresh[t - n_kept] after them. The operator puts fresh ones into the ring,
 * too, where frame t of this window has its place. */
typedef struct em_strip {
    const float *fresh;                         /* [n_frames - n_kept][F]      */
    float       *ring;                          /* [size][F], size >= n_frames; NULL: none, and n_kept is 0 */
    int          size, first, head, n_kept;
} em_strip;

/* Frames to the image the backbone sees. Frame t of T, bin f: v = frames[t][f] * scale[f] + shift[f].
 *   image[B][fold * F][cols / fold], row w*F + f, column c: t = w * cols/fold + c
 * Fewer frames than columns: `pad` fills with quiet[f]; stretch resizes bicubically (A -.75, ends aligned). */
typedef struct em_image {
    float       *y;
    const float *const *frames;                 /* [B] pointers to [n_frames[b]][F], this list in the device's memory, too */
    const int   *n_frames;                      /* [B]; more than `sound` are left out; at most cols where strips have rings */
    const em_strip *strips;                     /* [B], in the device's memory, in place of frames; NULL, as always on a device that shares ours */
    int          F, cols, fold, sound;
    bool         is_stretched;
    const float *scale, *shift, *quiet;         /* [F]                          */
    const float *dy;                            /* the frames are data: there is no dx */
    const float *centre, *spread, *quiet_frame; /* [F]: m and r below; the frame value that quiet is made of */
    float       *dweight, *dbias;               /* [F]: += sum dy (frame - m) r, += sum dy; frame resized like the image */
} em_image;

/* Layer norm of the last tokens, their mean, and the order the head wants them in.
 *   x [B][H][W][C]; latent [B][C] = mean over tokens
 *   tscam (fold >= 1): y [B][H/fold][fold*W][C], y[b][band][w*W + c] = norm(x[b][w*(H/fold) + band][c])
 *   columns: y [B][W][C] = mean over rows; y inner */
typedef struct em_tokens {
    float       *y, *latent;
    const float *x;
    int          H, W, C, fold;
    bool         is_columns;
    em_norm      norm;
    const float *dy;                            /* of y; latent has none                               */
    float       *dx;
} em_tokens;

/* y[B][C] = mean over S of x[B][S][C]. own [B][S][C]: the gradient that x has by itself, added to what comes from y; NULL: none. */
typedef struct em_mean { float *y; const float *x; int S, C; const float *dy, *own; float *dx; } em_mean;

/* Window attention (Swin, arXiv 2103.14030), the part between the two linear layers. The grid, rolled by -shift along both axes,
 * is cut into windows of side x side tokens; in each, for each head of C/heads channels,
 *   y = softmax(q k^T / sqrt(C/heads) + table[(di + T-1)*(2T-1) + dj + T-1][head] + mask) v, di, dj: query minus key, T = table_side
 * where mask is -100 between tokens of different regions: the rolled grid's rows and columns [0, n-side), [n-side, n-shift), the rest.
 *   qkv [B*L][3][heads][C/heads], y [B*L][C], both inner; side divides H and W */
typedef struct em_attention {
    float       *y;
    const float *qkv;
    int          H, W, C, heads, side, shift, table_side;
    const float *table;                         /* [(2T-1)^2][heads]           */
    const float *kept;
    const float *dy;
    float       *dqkv;                          /* as qkv                      */
    float       *dtable;
} em_attention;

/* One run of parameters that share settings. */
typedef struct em_adamw_range { size_t begin, n; float rate, decay; } em_adamw_range;

/* AdamW (arXiv 1711.05101) over a block of parameters; numbers outside all ranges stay.
 *   g' = g * scale; m = b1 m + (1 - b1) g'; v = b2 v + (1 - b2) g'^2
 *   w -= rate * decay * w + rate * (m / c1) / (sqrt(v / c2) + eps),  c = 1 - b^step */
typedef struct em_adamw {
    float       *w, *m, *v;
    const float *g;
    const em_adamw_range *ranges;               /* [n_ranges], the host's      */
    int          n_ranges;
    float        beta1, beta2, eps, c1, c2, scale;
} em_adamw;

typedef struct em_circle em_circle;             /* opaque: what a device shares with those of the other ranks */
typedef struct em_circle_key { char bytes[128]; } em_circle_key;

typedef struct em_ops {
    const char *name;
    bool        has_own_memory;                             /* what alloc gives is not ours to read  */
    int         n_y, n_du;                                  /* images that em_scan4 leaves: 1 and 2, or 4 and 4 */

    /* The device. open: EM_EUNSUPPORTED, EM_EDEVICE, EM_ENOMEM. */
    em_status   (*open)(em_dev **out, const em_dev_cfg *cfg, em_err *err);
    void        (*close)(em_dev *dev);
    const char *(*describe)(const em_dev *dev);             /* "avx512, 2 threads"                   */
    void       *(*alloc)(em_dev *dev, size_t n_bytes);      /* NULL: no memory                       */
    void        (*release)(em_dev *dev, void *p);
    em_status   (*upload)(em_dev *dev, void *dst, const float *src, size_t n, em_err *err);
    em_status   (*download)(em_dev *dev, float *dst, const float *src, size_t n, em_err *err);     /* waits for it */
    size_t      (*inner_bytes)(const em_dev *dev);          /* of one element of an inner activation */
    em_status   (*reserve)(em_dev *dev, const em_needs *needs, em_err *err);       /* EM_ENOMEM, EM_EUNSUPPORTED */

    /* Copies in order with the operators. The host's side comes from alloc_host and is left alone until sync.
     * Operators and copies return nothing: the first failure on the way is told by the next sync or download, and
     * all that follows on this device fails with it. */
    void       *(*alloc_host)(em_dev *dev, size_t n_bytes);
    void        (*release_host)(em_dev *dev, void *p);
    void        (*send)(em_dev *dev, void *dst, const void *src, size_t n_bytes);
    void        (*fetch)(em_dev *dev, void *dst, const void *src, size_t n_bytes);
    em_status   (*sync)(em_dev *dev, em_err *err);

    /* Records what body calls, to be replayed at once. *out NULL: this device has no use for it, body was not called. */
    em_status   (*capture)(em_dev *dev, em_graph **out, void (*body)(void *ctx), void *ctx, em_err *err);
    void        (*replay)(em_dev *dev, const em_graph *graph);
    void        (*forget)(em_dev *dev, em_graph *graph);

    /* Weights. */
    size_t      (*pack_bytes)(const em_dev *dev, int n, int k);
    em_status   (*pack)(em_dev *dev, void *dst, const float *w, int n, int k, em_err *err);

    /* Weights that change: what `pack` does, from plain matrices on the device, both ways round; and a from A_logs. NULL, with all
     * _bwd and what follows them, on a device that cannot train. */
    void        (*repack)(em_dev *dev, const em_repack *list, int n);
    void        (*decay)(em_dev *dev, float *a, const float *a_log, size_t n);

    /* Operators. */
    void (*image_fwd)(em_dev *dev, const em_image *a, int B);
    void (*image_bwd)(em_dev *dev, const em_image *a, int B);
    void (*norm_linear_fwd)(em_dev *dev, const em_norm_linear *a, int B);
    void (*norm_linear_bwd)(em_dev *dev, const em_norm_linear *a, int B);
    void (*mlp_fwd)(em_dev *dev, const em_mlp *a, int B);
    void (*conv_fwd)(em_dev *dev, const em_conv *a, int B);
    void (*conv_bwd)(em_dev *dev, const em_conv *a, int B);
    void (*conv_silu_xproj_fwd)(em_dev *dev, const em_conv_silu_xproj *a, int B);
    void (*conv_silu_xproj_bwd)(em_dev *dev, const em_conv_silu_xproj *a, int B);
    void (*scan4_fwd)(em_dev *dev, const em_scan4 *a, int B);
    void (*scan4_bwd)(em_dev *dev, const em_scan4 *a, int B);
    void (*tokens_fwd)(em_dev *dev, const em_tokens *a, int B);
    void (*tokens_bwd)(em_dev *dev, const em_tokens *a, int B);
    void (*mean_fwd)(em_dev *dev, const em_mean *a, int B);
    void (*mean_bwd)(em_dev *dev, const em_mean *a, int B);
    void (*attention_fwd)(em_dev *dev, const em_attention *a, int B);
    void (*attention_bwd)(em_dev *dev, const em_attention *a, int B);

    /* Log-mel; NULL, all three, on a device that leaves it to src/mel. open: EM_EUNSUPPORTED (a library is not installed), EM_EDEVICE,
     * EM_ENOMEM; on error *out is NULL. fwd, in order with the operators: samples[B][n], n > n_fft/2, to frames[B][T][n_mels], both
     * the device's. */
    em_status (*logmel_open)(em_dev *dev, em_spectra **out, const em_logmel_cfg *cfg, em_err *err);
    void      (*logmel_close)(em_dev *dev, em_spectra *s);
    void      (*logmel_fwd)(em_dev *dev, const em_spectra *s, float *frames, const float *samples, int n, int B);

    /* Training, on blocks of n numbers. sum_squares waits for its answer; NaN or infinity where there is one in x. */
    void   (*clear)(em_dev *dev, float *x, size_t n);
    double (*sum_squares)(em_dev *dev, const float *x, size_t n);
    void   (*adamw)(em_dev *dev, const em_adamw *a);
    void   (*blend)(em_dev *dev, float *y, const float *x, float share, size_t n);         /* y += share * (x - y) */

    /* Sums over the devices of all ranks of a run, one a process; NULL, all five, on a device that has none. All ranks ask for the same
     * sums, in the same order. key: EM_EUNSUPPORTED (a library is not installed; with out NULL this is all that is asked), EM_EDEVICE.
     * join: all at once, with the key that one of them made; on error *out is NULL. sum: x[n] becomes its sum over the ranks, made in
     * rank order and in double, after what was called before and beside what is called then. wait: until all sums are done. EM_EDEVICE:
     * one failed, or was not there after limit_s; then all that is left is to leave. */
    em_status (*circle_key)(em_dev *dev, em_circle_key *out, em_err *err);
    em_status (*circle_join)(em_dev *dev, em_circle **out, const em_circle_key *key, int rank, int size, em_err *err);
    void      (*circle_leave)(em_dev *dev, em_circle *c);
    void      (*circle_sum)(em_dev *dev, em_circle *c, float *x, size_t n);
    em_status (*circle_wait)(em_dev *dev, em_circle *c, double limit_s, em_err *err);
} em_ops;

#endif
