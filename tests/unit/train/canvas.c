/* canvas.c - three clips and a window to compose them on: see canvas.h. */
#include "canvas.h"

#include "check.h"

#include "train/draw.h"

#include <math.h>

em_canvas canvas = { .frames = frames, .target = targets, .weight = weights, .n_frames = T, .n_mels = F, .n_classes = C };
float     frames[T * F], targets[C], weights[C];

float   sound_a[MOST * F], sound_b[MOST * F], sound_c[MOST * F];
em_clip clip_a, clip_b, clip_c;

static int label_a[] = { 0 }, label_b[] = { 1 }, label_c[] = { 2 };

static em_part make_part(float *sound, em_clip *clip, int *label, int n, float base)
{
    for (int i = 0; i < n * F; i++)
        sound[i] = base + (float)(i / F) / 100;
    *clip = (em_clip){ .labels = label, .n_labels = 1 };
    return (em_part){ sound, n, clip };
}

em_part part_a(int n) { return make_part(sound_a, &clip_a, label_a, n, -40); }
em_part part_b(int n) { return make_part(sound_b, &clip_b, label_b, n, -30); }
em_part part_c(int n) { return make_part(sound_c, &clip_c, label_c, n, -20); }

void silence(float *sound, int from, int to)
{
    for (int i = from * F; i < to * F; i++)
        sound[i] = -100;
}

int frame_at(int t, float base)
{
    float x = frames[t * F];

    for (int f = 1; f < F; f++)
        CHECK(frames[t * F + f] == x, "frame %d is whole", t);
    return x == -100 ? -1 : (int)lroundf((x - base) * 100);
}

void compose(const em_compose_cfg *cfg, uint64_t seed, const em_part *a, const em_part *b, const em_part *c)
{
    em_rng rng = { seed };
    em_scene scene = em_scene_draw(cfg, &rng);

    em_compose(&canvas, cfg, &scene, a, b, c);
}
