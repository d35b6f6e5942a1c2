/* sound.h - the samples of one clip, as the tagger would hear them: NaN and infinities to 0, channels mixed, cut at +-1e4,
 * resampled. Whole clips at once. */
#ifndef EM_TRAIN_SOUND_H
#define EM_TRAIN_SOUND_H

#include "base/status.h"
#include "train/dataset.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    EM_CLIP_SECONDS = 60,           /* of a file of which no part is named: what is behind is left out        */
    EM_PART_SECONDS = 600,          /* the longest part                                                       */
};

typedef struct em_sound {
    float *samples;                 /* [n] at the wanted rate; ends with free()                               */
    size_t n;
    bool   is_cut;                  /* the file goes on behind EM_CLIP_SECONDS                                */
    bool   is_lost;                 /* a row of a pack that is all zero: the clip was lost when it was packed */
} em_sound;

/* Packs that stay open between rows. Any thread. */
typedef struct em_packs em_packs;

/* EM_ENOMEM. The caller frees *out. */
em_status em_packs_new(em_packs **out, em_err *err);
void      em_packs_free(em_packs *packs);

/* EM_EIO, EM_EFORMAT, EM_EINVAL, EM_ENOMEM: the sentence names the file. On error out->samples is NULL. Any thread. */
em_status em_sound_read(em_sound *out, em_packs *packs, const em_clip *clip, int rate_hz, em_err *err);

#endif
