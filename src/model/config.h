/* config.h - what a model is: the metadata of a model file, as numbers.
 *
 * One flag-driven backbone; every choice is a field here, read from the file's `earmark` JSON string
 * (keys: docs in MODEL.md) and checked against its set before anything is sized from it. */
#ifndef EM_MODEL_CONFIG_H
#define EM_MODEL_CONFIG_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum em_frontend_kind { EM_FRONTEND_HTSAT, EM_FRONTEND_KALDI } em_frontend_kind;
typedef enum em_fit           { EM_FIT_PAD, EM_FIT_STRETCH, EM_FIT_EXACT } em_fit;
typedef enum em_embed_kind    { EM_EMBED_V1, EM_EMBED_V2 } em_embed_kind;                 /* 4x4; two 3x3         */
typedef enum em_down_kind     { EM_DOWN_V1, EM_DOWN_V2, EM_DOWN_V3 } em_down_kind;        /* merging; 2x2; 3x3    */
typedef enum em_block_kind    { EM_BLOCK_SS2D, EM_BLOCK_SWIN, EM_BLOCK_SS2D_ATTN } em_block_kind;
typedef enum em_head_kind     { EM_HEAD_TSCAM, EM_HEAD_LINEAR } em_head_kind;
typedef enum em_activation    { EM_SIGMOID, EM_SOFTMAX } em_activation;                   /* see activation.h     */

enum { EM_STAGES = 4 };

typedef struct em_config {
    int   sample_rate;              /* Hz, 8000..48000                                        */
    em_frontend_kind frontend;
    em_fit fit;
    int   n_mels;                   /* 64 or 128 (32..512, a multiple of 32)                  */
    int   n_frames;                 /* columns of one window, 1024; a multiple of 32 * fold   */
    int   n_hops;                   /* of 10 ms of sound in one window, 1000; not in the file:
                                     * follows from n_frames and fit, or em_config_set_window */
    int   fold;                     /* 4 or 1                                                 */
    float mean, std;                /* kaldi only                                             */
    em_embed_kind embed;
    em_down_kind  down;
    em_block_kind block;
    int   dims[EM_STAGES];          /* channels: a multiple of 8, 8..512; then always doubled */
    int   depths[EM_STAGES];        /* blocks, 1..128                                         */
    bool  has_gate;
    int   d_state;                  /* N, 1..256                                              */
    float ssm_ratio;                /* inner width over d, (0, 4]                             */
    bool  has_conv_bias;
    float mlp_ratio;                /* hidden width over d, 0 (no MLP) .. 8                   */
    int   heads[EM_STAGES];         /* attention only                                         */
    int   window;                   /* attention only, 8                                      */
    em_head_kind head;
    em_activation activation;       /* of the logits: each class for itself, or one of all    */
    int   n_classes;                /* 0 (an import that only initialises) .. 10000           */
} em_config;

/* What a file says beside its numbers. Owns its strings. */
typedef struct em_card {
    char  **labels;                 /* [n_classes] display names, UTF-8, cleaned of control characters, and a NULL */
    int    *trained;                /* [n_trained] indices really trained; NULL: not said     */
    int     n_trained;
    float  *thresholds;             /* [n_classes], NULL when the file has none               */
    char   *name, *provenance, *licence, *metrics;      /* NULL when absent; metrics is JSON text */
    char   *thresholds_from;        /* what they were chosen on, and how; NULL: not said      */
    char   *json;                   /* the whole string as found: unknown keys are kept       */
} em_card;

/* Reads and checks the JSON string. The sentence names `path`, the key, the value and what is allowed.
 * EM_EFORMAT: not JSON, a required key missing, a value outside its set, labels whose slugs collide.
 * EM_EUNSUPPORTED: a newer format. EM_ENOMEM.
 * The caller ends *card with em_card_deinit, also after an error. */
em_status em_config_parse(em_config *cfg, em_card *card, const char *json, const char *path, em_err *err);

/* The JSON string for a model file: cfg and card, and every unknown key of card->json. Caller frees. NULL: no memory. */
char *em_config_write(const em_config *cfg, const em_card *card);

void em_card_deinit(em_card *card);

/* The ranges, and how the numbers must fit each other: what em_config_parse asks of a file, for a configuration that
 * was made another way. EM_EFORMAT: the sentence begins with `path` and names the key. */
em_status em_config_check(const em_config *cfg, const char *path, em_err *err);

/* A named preset (tiny, micro, nano, vmamba-v0-tiny, vmamba-s2l5, vmamba-s1l8, dass-small, dass-medium, htsat)
 * with n_classes set to 527 (vmamba-*: 0). EM_EINVAL: unknown; the sentence lists the names. */
em_status em_config_preset(em_config *cfg, const char *name, em_err *err);

/* Their names, NULL behind the last. */
const char *em_config_preset_name(int i);

/* The same model over another window: n_hops and n_frames of `seconds`; fit pad only, unless it is the window
 * already set. Folded models: multiples of 1.25 s (125 frames + 3 of silence a piece) from 10 to 160 s. Others:
 * multiples of 10 ms from 0.32 to 160 s, padded up to a multiple of 32 columns. EM_EINVAL says what would be right. */
em_status em_config_set_window(em_config *cfg, double seconds, em_err *err);

/* For training, where clips are short and their halves cost half: folded models from 1.25 s on; fit stretch, too. */
em_status em_config_set_short_window(em_config *cfg, double seconds, em_err *err);

/* Attention's windows on a grid of H x W tokens: `window`, or the grid's shorter side where that is less, squared. */
int em_config_window_side(const em_config *cfg, int H, int W);

/* The first stage whose grid is no whole number of them, -1: none. */
int em_config_uncut_stage(const em_config *cfg);

/* Derived sizes. */
int em_config_dt_rank(const em_config *cfg, int stage);         /* R = ceil(d / 16)                         */
int em_config_inner(const em_config *cfg, int stage);           /* di = ratio * d                           */
int em_config_window_samples(const em_config *cfg);             /* of sound in one window, at sample_rate   */
int em_config_sound_frames(const em_config *cfg);               /* frames the frontend makes of it (T); fit
                                                                 * pad uses the first n_hops of htsat's n_hops + 1 */
int em_config_slots(const em_config *cfg);                      /* time slots of the head: 32 for 10 s      */
double em_config_slot_seconds(const em_config *cfg);            /* length of one                            */
double em_config_macs(const em_config *cfg);                    /* multiply-adds of one window: products,
                                                                 * convolutions and the log-mel, no scan    */
double em_config_params(const em_config *cfg);                  /* trainable numbers: without bn0's running
                                                                 * statistics, which em_params_list has     */

#endif
