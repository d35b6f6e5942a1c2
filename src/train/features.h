/* features.h - clips to log-mel frames, decoded by threads of its own, kept in memory, each file read once.
 *
 * The frames are those the tagger makes of the same sound (em_frontend), whole clips at once, before the model's normalising:
 * [n_frames][n_mels], log-mel in dB or fbank. */
#ifndef EM_TRAIN_FEATURES_H
#define EM_TRAIN_FEATURES_H

#include "base/status.h"
#include "model/config.h"
#include "train/dataset.h"

#include <stddef.h>

typedef struct em_features em_features;

/* Frames of one clip; n_frames 0: it could not be used (why says so, one sentence, kept as long as the features). */
typedef struct em_clip_frames { const float *frames; int n_frames; double seconds; const char *why; } em_clip_frames;

/* Begins decoding with n_threads threads; `set` must outlive it. cache_mb: memory for frames; 0: no limit. What does not fit is made
 * anew when it is asked for. EM_ENOMEM, EM_EINVAL. The caller frees *out with em_features_free, which ends the threads. */
em_status em_features_new(em_features **out, const em_dataset *set, const em_config *cfg, int n_threads, size_t cache_mb, em_err *err);
void      em_features_free(em_features *f);

/* The frames of clip i; waits until they are there. They stay valid until em_features_done(f, i), which every get needs one of.
 * Any thread. A clip that cannot be used is no error here: n_frames is 0. */
em_clip_frames em_features_get(em_features *f, int i);
void           em_features_done(em_features *f, int i);

#endif
