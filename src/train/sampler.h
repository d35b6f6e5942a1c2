/* sampler.h - the order in which an epoch hears the clips of a set: shuffled, or with rare classes as often as common ones.
 *
 * An order follows from its generator alone (em_draw_stream of seed and epoch), so a run that goes on keeps nothing of it. */
#ifndef EM_TRAIN_SAMPLER_H
#define EM_TRAIN_SAMPLER_H

#include "base/rng.h"
#include "train/dataset.h"

#include <stddef.h>

/* Clips of no class count as one more class of their own in every balanced form: they would never be heard otherwise. */
typedef enum em_sampling {
    EM_SAMPLING_SHUFFLE,            /* every clip once, in random order                                                       */
    EM_SAMPLING_HTSAT,              /* classes in turn, their order new each round; of each any of its clips                  */
    EM_SAMPLING_PANNS,              /* the same, of each its next clip in random order                                        */
    EM_SAMPLING_AST,                /* any clip, weight: sum of 1000 / (count + .01) over its classes; with replacement       */
    EM_SAMPLING_PASST,              /* any clip, weight: sum of 1000 / (100 + count); without                                 */
} em_sampling;

/* Named as above in small letters. EM_EINVAL lists the names. */
em_status em_sampling_parse(em_sampling *out, const char *name, em_err *err);

/* order[n_draws] = numbers of clips of `set`, out of clips[n_clips]. Those that give every clip once (shuffle, passt) begin anew
 * when they are through, however long the order. EM_EINVAL: no clips; EM_ENOMEM. */
em_status em_sampler_order(int *order, size_t n_draws, em_sampling sampling, const em_dataset *set, const int *clips, int n_clips,
                           em_rng *rng, em_err *err);

#endif
