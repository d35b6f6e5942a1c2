/* canvas.h - what the tests of em_compose share: three clips whose frames tell where they are from, and a small window that
 * scenes are composed on. */
#ifndef EM_TESTS_UNIT_TRAIN_CANVAS_H
#define EM_TESTS_UNIT_TRAIN_CANVAS_H

#include "train/compose.h"

#include <stdint.h>

enum { T = 60, F = 8, C = 5, MOST = 400 };      /* frames, bands and classes of the window; frames of the longest clip */

extern em_canvas canvas;                        /* over these, without slots                    */
extern float     frames[T * F], targets[C], weights[C];

/* The sound of each clip and what is known of it, as the last call of part_a, part_b, part_c left them. */
extern float   sound_a[MOST * F], sound_b[MOST * F], sound_c[MOST * F];
extern em_clip clip_a, clip_b, clip_c;

/* A clip of n frames made anew, with the one label 0, 1 or 2. Frame i is base + i / 100 dB in every band; the bases are
 * -40, -30 and -20. */
em_part part_a(int n);
em_part part_b(int n);
em_part part_c(int n);

/* Digital silence in frames [from, to). */
void silence(float *sound, int from, int to);

/* The frame of a clip with this base that stands at window frame t, -1: silence. */
int frame_at(int t, float base);

/* A scene drawn from the seed, composed on the canvas. Parts may be NULL. */
void compose(const em_compose_cfg *cfg, uint64_t seed, const em_part *a, const em_part *b, const em_part *c);

#endif
