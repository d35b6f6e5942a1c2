/* warp.h - a clip as another instrument, room or microphone would have made it: slower or faster, higher or lower, in another tone.
 *
 * Few clips of a class are few recordings of it, and a model that knows each by its pitch, pace or colour hears no others. Time and
 * pitch are drawn apart (a tape that runs faster has both); the tone is a curve over the bands between a few points (Nam et al.,
 * FilterAugment, arXiv 2110.03282, its linear form). */
#ifndef EM_TRAIN_WARP_H
#define EM_TRAIN_WARP_H

#include "base/rng.h"
#include "train/canvas.h"

typedef struct em_warp_cfg {
    double stretch;                 /* clips last (1 + stretch) times as long at most, or as short; 0..1      */
    double shift;                   /* and are this many bands higher or lower at most; 0..64                 */
    double tone_db;                 /* and bands are louder or quieter by this at most; 0..40                 */
} em_warp_cfg;

/* One that was drawn. */
typedef struct em_warp {
    bool   is_none;                 /* frames stay as they are                                                */
    double step;                    /* frames of the clip that a frame of what is heard goes on by            */
    double shift;
    float  tone_db[EM_MOST_MELS];
} em_warp;

/* A sentence when a setting is out of its range (EM_EINVAL). */
em_status em_warp_check(const em_warp_cfg *cfg, em_err *err);

/* Takes no number where cfg changes nothing. */
void em_warp_draw(em_warp *out, const em_warp_cfg *cfg, int n_mels, em_rng *rng);

/* How many frames n become: none where n is 0, else as many as begin within them, and one at least. */
int em_warp_length(const em_warp *w, int n);

/* The clip's frame in which frame i of the warped ones begins. */
int em_warp_source(const em_warp *w, int i);

/* out[n_mels]: frame i of the warped clip, which has frames[n][n_mels]. Between frames and bands levels are drawn straight; beyond
 * the lowest and the highest band theirs goes on. */
void em_warp_frame(float *out, const em_warp *w, const em_level *level, const float *frames, int n, int n_mels, int i);

#endif
