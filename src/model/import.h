/* import.h - public checkpoints of VMamba, DASS and HTS-AT, in safetensors or as torch.save writes them (.pth, .ckpt), become
 * model files of ours. Which tensors of a file are looked at: checkpoint.h, torch.h.
 *
 * Names: the official ones and older spellings of them, behind module., v., model. and the like. Widths, depths, state
 * size, ratio, gate, biases, heads, windows and the kinds of embed, block, downsample and head follow from the shapes.
 * Three input channels become one: their sum, which answers as a grey picture does, or their mean.
 *
 * With AudioSet's 527 classes the result tags; then every tensor must be there. With other classes (ImageNet's) it
 * serves to initialise training only: it has no head and no labels, and what is missing starts fresh. */
#ifndef EM_MODEL_IMPORT_H
#define EM_MODEL_IMPORT_H

#include "base/status.h"

#include <stdbool.h>

typedef enum em_import_what {
    EM_IMPORT_LOADED,               /* a tensor of the checkpoint is in the model          */
    EM_IMPORT_SKIPPED,              /* a tensor of the checkpoint is not                   */
    EM_IMPORT_FRESH,                /* a tensor of the model was not in the checkpoint     */
} em_import_what;

typedef struct em_import_cfg {
    bool        mean_embed;         /* average three input channels, do not add them       */
    const char *name;               /* of the model; NULL: the checkpoint's file name      */
    void      (*report)(void *ctx, em_import_what what, const char *tensor);    /* NULL: nobody wants to know */
    void       *ctx;
} em_import_cfg;

typedef struct em_import_counts {
    int  loaded, skipped, fresh;
    bool can_tag;
    bool is_converted;              /* what failed then is the writing of out_path         */
} em_import_counts;

/* EM_EINVAL: in_path is a model file of ours already, or the same file as out_path. EM_EFORMAT, EM_ESHAPE: not such a
 * checkpoint, a block or a tensor is missing or has another shape (named). EM_EUNSUPPORTED: more than four stages.
 * EM_EIO, EM_ENOMEM. out_path is written whole or not at all. `counts` may be NULL. */
em_status em_import(em_import_counts *counts, const char *in_path, const char *out_path, const em_import_cfg *cfg, em_err *err);

#endif
