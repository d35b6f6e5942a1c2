/* learner.h - a model that learns: values and gradients in two blocks of one layout, and a plan that runs both ways.
 *
 * The blocks are flat, on the device, in the offsets of em_params; within a tensor the order is the operators' own
 * (em_learner_put and _get speak the official one). Moments, averages and whatever else belongs to parameters are blocks of
 * the same kind. One step:
 *
 *   em_learner_statistics    bn0's mean and variance over the whole batch (all ranks)
 *   em_learner_forward       logits
 *   em_learner_backward      adds to the gradients, and says as it goes which of them are complete
 *   …                        the caller changes values (em_ops.adamw)
 *   em_learner_follow        running statistics
 *   em_learner_refresh       what operators keep in other forms follows the values
 *
 * Same input, same bits, for every number of threads. One thread at a time. After em_learner_new nothing is allocated but
 * the operators' own scratch, in the first step. */
#ifndef EM_MODEL_LEARNER_H
#define EM_MODEL_LEARNER_H

#include "model/mailbox.h"
#include "model/params.h"

typedef struct em_learner em_learner;

typedef struct em_learner_cfg {
    const em_ops *ops;
    em_dev       *dev;
    int           max_batch;        /* >= 1                                              */
    bool          drops_paths;      /* em_learner_branches is there to be filled         */
    bool          learns_slots;     /* the time slots have a loss of their own           */
    bool          recomputes;       /* what lies inside a block is made again on the way back, not kept: less memory, the same bits */
} em_learner_cfg;

/* Values are zeros until em_learner_load. EM_ENOMEM; EM_EUNSUPPORTED: a backend without backward, a model without classes. The
 * caller frees *out with em_learner_free; on error it is NULL. */
em_status em_learner_new(em_learner **out, const em_config *cfg, const em_learner_cfg *how, em_err *err);
void      em_learner_free(em_learner *l);

const em_config *em_learner_config(const em_learner *l);
const em_params *em_learner_params(const em_learner *l);

/* Blocks of em_learner_params()->n_total floats on the device. */
float *em_learner_values(em_learner *l);
float *em_learner_grads(em_learner *l);

/* All values from a source, in the model's order; then em_learner_refresh is done. Errors are the source's. */
em_status em_learner_load(em_learner *l, const em_tensor_source *from, em_err *err);

/* One tensor of any block, official order, in the host's memory. */
em_status em_learner_put(em_learner *l, float *block, const em_param *p, const float *src, em_err *err);
em_status em_learner_get(em_learner *l, const float *block, const em_param *p, float *dst, em_err *err);

/* A source over a block, for em_model_new and em_learner_load; lives as long as *r. */
typedef struct em_learner_reader { em_learner *l; const float *block; } em_learner_reader;
em_tensor_source em_learner_source(em_learner_reader *r);

em_status em_learner_refresh(em_learner *l, em_err *err);

/* bn0 for the next passes: mean and biased variance [n_mels] of the batch. NULL: the running ones, as a tagger has them. */
em_status em_learner_statistics(em_learner *l, const double *mean, const double *var, em_err *err);

/* A step was taken: the running statistics in the values move a tenth of the way to those of its batch, over n frames, n > 1; the
 * variance unbiased. Both have nothing to do with Kaldi frames. */
em_status em_learner_follow(em_learner *l, const double *mean, const double *var, double n, em_err *err);

/* Residual branches in the order of the model: how many, the block of each (0…n_blocks-1), and their factors for the next passes:
 * factors[n_branches][max_batch], 0: dropped. Only with drops_paths. */
int       em_learner_branches(const em_learner *l);
int       em_learner_branch_block(const em_learner *l, int branch);
em_status em_learner_set_branches(em_learner *l, const float *factors, em_err *err);

/* logits[B][n_classes]; slots (NULL: not wanted) [B][n_slots][n_classes]. Frames as em_session_run takes them; they stay as they are
 * until backward is done. */
em_status em_learner_forward(em_learner *l, const em_input *in, float *logits, float *slots, int B, em_err *err);

/* From dlogits[B][n_classes], and with learns_slots from dslots[B][n_slots][n_classes], which is NULL otherwise. ready (NULL: nobody) is
 * told, falling, from which offset on gradients are complete. */
typedef void em_learner_ready(void *ctx, size_t offset);
em_status em_learner_backward(em_learner *l, const float *dlogits, const float *dslots, int B, em_learner_ready *ready, void *ctx, em_err *err);

/* The plan, for profiles and tests; bytes of activations and of their gradients. */
const em_plan *em_learner_plan(const em_learner *l);
size_t         em_learner_bytes(const em_learner *l);

#endif
