/* batches.h - a rank's part of one batch after another, made by a thread of its own while the last one is learnt from. */
#ifndef EM_TRAIN_BATCHES_H
#define EM_TRAIN_BATCHES_H

#include "train/examples.h"

/* Windows [first, first + n) of the global batch. Memory is the loader's. */
typedef struct em_batch {
    long         step;              /* of the run                                                   */
    int          n;
    float       *frames;            /* [n][n_frames][n_mels]                                        */
    float       *target, *weight;   /* [n][n_classes]                                               */
    float       *slots;             /* [n][n_slots][n_classes] if the recipe has a loss on them     */
    float       *teacher;           /* [n][n_classes]                                               */
    const float **teachers;         /* [n] rows of it, NULL where the teacher says nothing          */
    double      *sum, *squares;     /* [n_mels] over all its frames, for bn0                        */
} em_batch;

typedef struct em_batches em_batches;

/* The batches from step `begin` on, `end` excluded; a batch is recipe.batch windows of an epoch, of which this rank makes share
 * `rank` of n_ranks. fill: see em_examples_set_fill. EM_ENOMEM, EM_EINVAL: ranks do not divide the batch. The caller frees *out with
 * em_batches_free, which ends the thread; on error it is NULL. */
em_status em_batches_new(em_batches **out, const em_examples_cfg *cfg, const double *fill, int rank, int n_ranks, long begin, long end, em_err *err);
void      em_batches_free(em_batches *b);

/* Waits for the next one, which is valid until the next call. What went wrong while it was made is told here. */
em_status em_batches_next(em_batches *b, const em_batch **out, em_err *err);

#endif
