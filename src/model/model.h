/* model.h - a loaded model: configuration, labels, and weights as the operators want them.
 *
 * Weights are read tensor by tensor, checked, and handed to the operators' own layout (packed panels), so a
 * model needs its size once. Inference never writes it; any number of sessions may share it. */
#ifndef EM_MODEL_MODEL_H
#define EM_MODEL_MODEL_H

#include "base/sha256.h"
#include "base/status.h"
#include "model/config.h"
#include "model/params.h"
#include "ops/ops.h"

typedef struct em_model em_model;

/* Opens a model file for ops. EM_EIO, EM_EFORMAT, EM_ESHAPE, EM_EUNSUPPORTED, EM_ENOMEM: the sentence names
 * the file and the tensor or key. The caller frees *out with em_model_free; on error it is NULL.
 * `ops` and `dev` must outlive the model. */
em_status em_model_open(em_model **out, const char *path, const em_ops *ops, em_dev *dev, em_err *err);

/* The same from a configuration and any source of tensors: what a trainer has at hand. */
em_status em_model_new(em_model **out, const em_config *cfg, const em_tensor_source *from, const em_ops *ops, em_dev *dev, em_err *err);

/* The same from a configuration with fresh random weights: for benchmarks and tests. */
em_status em_model_random(em_model **out, const em_config *cfg, uint64_t seed, const em_ops *ops, em_dev *dev, em_err *err);

void em_model_free(em_model *m);

const em_config *em_model_config(const em_model *m);
const em_card   *em_model_card(const em_model *m);
const char      *em_model_hash(const em_model *m);      /* SHA-256 of the file in hex, "" when made at random */

#endif
