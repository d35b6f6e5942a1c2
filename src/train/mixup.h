/* mixup.h - two windows made into one: mixup, mixing as between-class learning does it, and CutMix.
 *
 * Partners are numbers within the global batch, and what is drawn comes from the sample's or the batch's own stream: so N processes
 * with B/N samples each make the samples that one process with B makes. */
#ifndef EM_TRAIN_MIXUP_H
#define EM_TRAIN_MIXUP_H

#include "base/rng.h"
#include "train/canvas.h"

#include <stdbool.h>

typedef enum em_partner_rule {
    EM_PARTNER_MIRROR,              /* of i: B-1-i, as HTS-AT has it; the middle one of an odd batch is its own   */
    EM_PARTNER_RANDOM,              /* one cycle through the batch in random order: nobody's own, where B > 1     */
} em_partner_rule;

/* partner[B], numbers within the global batch. rng: of the batch; untouched by the mirror. */
void em_partners(int *partner, int B, em_partner_rule rule, em_rng *rng);

typedef enum em_mix_form {
    EM_MIX_LINEAR,                  /* levels: lambda a + (1 - lambda) b (arXiv 1710.09412, on the log-mel as HTS-AT does)      */
    EM_MIX_POWER,                   /* powers, weighed so that lambda is how they sound (Tokozume, arXiv 1711.10282)           */
    EM_MIX_CUT,                     /* a box of b in a (arXiv 1905.04899)                                                       */
} em_mix_form;

typedef struct em_mix_cfg {
    em_mix_form form;
    double      p;                  /* of a sample to be mixed at all                          */
    double      alpha;              /* lambda is drawn from Beta(alpha, alpha)                 */
    bool        is_major;           /* a has the larger share: max(lambda, 1 - lambda)         */
    bool        keeps_labels;       /* a's stay as they are (HTS-AT)                           */
    bool        is_time_only;       /* cut: boxes have every band                              */
} em_mix_cfg;

em_status em_mix_check(const em_mix_cfg *cfg, em_err *err);

/* One mixture. Without a box, all of it is mixed. */
typedef struct em_mix {
    double lambda;                  /* a's share of the labels, 1: not mixed                   */
    int    t0, t1, f0, f1;          /* cut: frames [t0, t1), bands [f0, f1) are b's            */
} em_mix;

/* Draws for a window of n_frames x n_mels. A cut's lambda is the area that is left of a. */
em_mix em_mix_draw(const em_mix_cfg *cfg, int n_frames, int n_mels, em_rng *rng);

/* out = the mixture of a and b; all three are of the same sizes, and out may be a. Targets and weights are lambda of a's and the
 * rest of b's. The linear form takes digital silence for a level like any other, the power form for no sound at all. */
void em_mix_apply(em_canvas *out, const em_canvas *a, const em_canvas *b, const em_mix *mix, const em_mix_cfg *cfg,
                  const em_level *level);

#endif
