/* checkpoint.h - the named tensors of a public checkpoint, whatever its format: safetensors, or what torch.save wrote
 * (.pth, .ckpt; torch.h says which of its tensors). The bytes of the file decide, not its name. */
#ifndef EM_MODEL_CHECKPOINT_H
#define EM_MODEL_CHECKPOINT_H

#include "base/sha256.h"
#include "base/status.h"
#include "model/safetensors.h"

#include <stdbool.h>

typedef struct em_checkpoint em_checkpoint;

typedef struct em_checkpoint_tensor {
    const char *name;               /* as the file spells it; lives as long as the checkpoint */
    int         rank;
    int64_t     shape[EM_ST_RANK];
    size_t      n;                  /* elements                                               */
} em_checkpoint_tensor;

/* Opens and checks all but the numbers. EM_EIO, EM_ENOMEM; EM_EFORMAT, EM_EUNSUPPORTED: no checkpoint that is read, and
 * why. The caller frees *out with em_checkpoint_close; on error it is NULL. */
em_status em_checkpoint_open(em_checkpoint **out, const char *path, em_err *err);
void      em_checkpoint_close(em_checkpoint *c);

/* The same on bytes in memory (borrowed until close). */
em_status em_checkpoint_open_bytes(em_checkpoint **out, const void *bytes, size_t n, const char *path, em_err *err);

int                         em_checkpoint_count(const em_checkpoint *c);
const em_checkpoint_tensor *em_checkpoint_get(const em_checkpoint *c, int i);       /* in file order */
const char                 *em_checkpoint_path(const em_checkpoint *c);
bool                        em_checkpoint_is_model(const em_checkpoint *c);         /* a model file of ours already */

/* Reads a tensor of this checkpoint as floats, row by row, into dst[t->n]. EM_EFORMAT: NaN or infinity inside, or damaged;
 * EM_EUNSUPPORTED: whole numbers; EM_EIO. */
em_status em_checkpoint_read(em_checkpoint *c, const em_checkpoint_tensor *t, float *dst, em_err *err);

/* SHA-256 of the whole file, in hex. */
em_status em_checkpoint_hash(em_checkpoint *c, char out[EM_SHA256_CHARS], em_err *err);

#endif
