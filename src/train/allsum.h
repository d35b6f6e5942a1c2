/* allsum.h - the block of gradients becomes its sum over all ranks while the way back still goes on.
 *
 * The way back completes gradients from the block's end to its start; what is complete goes off in pieces worth sending. Where a device
 * shares our memory em_dist takes them where they lie. Devices with memory of their own sum among themselves, where those of all ranks
 * can (em_ops.circle_sum), or the pieces are copied down, summed by em_dist and copied up again at the end. Whatever carries them, a sum
 * is made as dist.h says: in rank order and in double, the same bits on all ranks.
 * One thread, the device's. Alone it has nothing to do. */
#ifndef EM_TRAIN_ALLSUM_H
#define EM_TRAIN_ALLSUM_H

#include "ops/ops.h"
#include "train/dist.h"

typedef struct em_allsum em_allsum;

/* For the n floats at `block` on the device, which stay there; dist, too, must outlive it. All ranks at once; the first one logs why
 * devices do not sum among themselves. EM_ENOMEM, EM_EDEVICE. The caller frees *out with em_allsum_free, before the block is released,
 * on which after a failure a sum may still be at work; on error *out is NULL. */
em_status em_allsum_new(em_allsum **out, const em_ops *ops, em_dev *dev, em_dist *dist, float *block, size_t n, em_err *err);
void      em_allsum_free(em_allsum *s);

/* A new batch: nothing of the block is complete. */
void      em_allsum_begin(em_allsum *s);

/* From `offset` on the block is complete: an em_learner_ready, whose ctx is the em_allsum. */
void      em_allsum_ready(void *s, size_t offset);

/* All of the block is complete: until it is the sum. EM_EDEVICE: the device failed, or a rank. */
em_status em_allsum_wait(em_allsum *s, em_err *err);

/* The batch failed: until em_dist reads nothing of the block any more. */
void      em_allsum_drop(em_allsum *s);

#endif
