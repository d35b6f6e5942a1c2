/* init.h - values to begin a training with: fresh ones, or those of a model file where they fit. */
#ifndef EM_CLI_INIT_H
#define EM_CLI_INIT_H

#include "base/rng.h"
#include "model/params.h"
#include "model/safetensors.h"

typedef struct em_init {
    em_rng     rng;
    em_st     *st;                  /* NULL: all are fresh                                       */
    int        n_old;               /* classes of the file's head that stay, in front; 0: a head of its own; set before values are read */
    const bool *learns;             /* [classes] those of them that begin afresh all the same; NULL: none; set before values are read */
    const float *priors;            /* [classes] biases of a fresh head; NULL: as em_param_fill makes them; set before values are read */
    float     *scratch;             /* [largest tensor of st]                                    */
} em_init;

/* Opens the model file at `path` (NULL: all fresh). End with em_init_close, always. */
em_status em_init_open(em_init *init, const char *path, uint64_t seed, em_err *err);
void      em_init_close(em_init *init);

/* A tensor of the file by its name and shape; a head's rows of old classes where new ones follow; else fresh. */
em_tensor_source em_init_source(em_init *init);

/* How many tensors would be loaded, and how many of them belong to blocks: bn0 fits every model, and says nothing of this one's
 * being the same. Nothing is read for it. */
typedef struct em_init_fit { int n, n_of_blocks; } em_init_fit;
em_init_fit em_init_count(const em_init *init, const em_params *params);

/* Whether the file has bn0's running statistics of n_mels bands. Those of a fresh model, 0 and 1, are none: a public checkpoint that
 * had no bn0 got them when it was imported. What em_st_read says. */
em_status em_init_has_statistics(bool *out, em_init *init, int n_mels, em_err *err);

#endif
