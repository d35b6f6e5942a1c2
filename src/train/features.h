/* features.h - clips to log-mel frames, decoded by threads of its own, kept in memory, each file read once.
 *
 * The frames are those the tagger makes of the same sound (em_frontend), whole clips at once, before the model's normalising:
 * [n_frames][n_mels], log-mel in dB or fbank; n_frames is em_frontend_frames: a clip of 5 s has 501 of htsat's. A clip is the
 * part that the data set names, up to 600 s, or else the first 60 s of its file.
 *
 * Threads decode ahead in the order of the clips until the cache is full; what is asked for goes before. On a device that makes log-mel
 * (em_ops.logmel_fwd) they leave the frames to it (clip_mel.h): the tagger's but for rounding. All that changes a clip while training
 * (canvas.h) works on its frames, here in our memory: so they are made once for as many epochs as the cache has room for, and what is
 * drawn for an example costs the device nothing. */
#ifndef EM_TRAIN_FEATURES_H
#define EM_TRAIN_FEATURES_H

#include "base/status.h"
#include "mel/frontend.h"
#include "model/config.h"
#include "ops/ops.h"
#include "train/dataset.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct em_features em_features;

/* Frames of one clip; n_frames 0: it could not be used. */
typedef struct em_clip_frames {
    const float *frames;            /* [n_frames][n_mels]                                       */
    int          n_frames;
    double       seconds;           /* of sound                                                 */
    bool         is_cut;            /* the file is longer than what is used of it               */
    bool         is_lost;           /* unusable as a row of a pack that is all zero             */
    const char  *why;               /* unusable: one sentence, kept as long as the features     */
} em_clip_frames;

typedef struct em_features_stats {
    int    n_usable, n_unusable;    /* clips that are known to be one or the other              */
    long   n_decoded;               /* files read, those read again included                    */
    size_t kept_bytes;              /* of frames in the cache                                   */
} em_features_stats;

enum { EM_MOST_DECODERS = 256 };

/* A device that may make frames. */
typedef struct em_features_device {
    const em_ops *ops;
    int           place;            /* em_dev_cfg's                                             */
    bool          may_be_left;      /* where it fails the CPU goes on, which em_log tells; else all that wait for frames fail */
} em_features_device;

/* The frontend of a model. */
em_frontend_cfg em_features_frontend(const em_config *cfg);

/* Begins decoding with n_threads threads (1 to EM_MOST_DECODERS); `set` must outlive it. cache_mb: memory for frames; 0: no
 * limit. What does not fit is made anew when it is asked for, and is in memory only while it is in use. device: is opened
 * once more; NULL: none.
 * EM_ENOMEM, EM_EINVAL, EM_EDEVICE. The caller frees *out with em_features_free, which ends the threads; nobody may be in a call then. */
em_status em_features_new(em_features **out, const em_dataset *set, const em_config *cfg, const em_features_device *device, int n_threads,
                          size_t cache_mb, em_err *err);
void      em_features_free(em_features *f);

/* The frames of clip i; waits until they are there. They stay valid until em_features_done(f, i), which every get needs one of.
 * Any thread. A clip that cannot be used is no error here: n_frames is 0. */
em_clip_frames em_features_get(em_features *f, int i);
void           em_features_done(em_features *f, int i);

/* Clip i will be asked for soon: has it made, waits for nothing. It needs an em_features_done of its own, too. */
void           em_features_want(em_features *f, int i);

/* How far it is. Any thread. */
em_features_stats em_features_count(em_features *f);

/* What the device failed with while it made frames, EM_OK: it did not. Clips without frames are then no fault of theirs. Any thread. */
em_status em_features_fault(em_features *f, em_err *err);

/* Why the CPU makes log-mel though the device could: one sentence, kept as long as the features; NULL: it does not, or no other could. */
const char *em_features_note(const em_features *f);

#endif
