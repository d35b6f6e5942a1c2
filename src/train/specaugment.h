/* specaugment.h - stripes of a window are blotted out (Park et al., arXiv 1904.08779; as torchlibrosa draws them). */
#ifndef EM_TRAIN_SPECAUGMENT_H
#define EM_TRAIN_SPECAUGMENT_H

#include "base/rng.h"
#include "train/canvas.h"

typedef struct em_specaugment_cfg {
    int n_time, time_width;         /* stripes along time, each 0..time_width-1 frames wide    */
    int n_mel, mel_width;           /* of bands, each 0..mel_width-1 wide                      */
} em_specaugment_cfg;

/* HTS-AT's: two below 64 frames, two below 8 bands. */
em_specaugment_cfg em_specaugment_defaults(void);

em_status em_specaugment_check(const em_specaugment_cfg *cfg, em_err *err);

/* fill[n_mels]: what a blotted place holds, in the frames' unit. HTS-AT blots after bn0 with 0: before it that is the mean of the
 * band. Labels stay. */
void em_specaugment(em_canvas *c, const em_specaugment_cfg *cfg, const float *fill, em_rng *rng);

#endif
