/* clip_mel.h - log-mel of clips on a device, as many at once as wait for it: samples in, frames out. Inside src/train only.
 *
 * It has a thread, which opens the device once more for itself (em_ops.open: on a GPU a stream and buffers of its own) and makes all calls
 * into it, so that the clips of the next batch are sent and transformed while the last one is learnt from. Clips are laid into one of two
 * trays while the other is on the device; memory is had when it is made and never after.
 *
 *   samples   of a clip: mono at the frontend's rate, more than n_fft/2
 *   frames    [em_frontend_frames][n_mels] in dB, as src/mel makes them but for rounding (tests/gpu_emu/clips.c)
 *
 * A clip's frames follow from its samples alone, whatever lies beside it in the tray and whichever thread brought it. */
#ifndef EM_TRAIN_CLIP_MEL_H
#define EM_TRAIN_CLIP_MEL_H

#include "mel/frontend.h"
#include "ops/ops.h"

typedef struct em_clip_mel em_clip_mel;

/* Told on the thread of em_clip_mel: the frames of this clip are made, or (failure not NULL) the device failed, as it will from then on. */
typedef void em_clip_mel_done(void *ctx, int clip, const em_err *failure);

/* place: em_dev_cfg's. EM_EUNSUPPORTED: `ops` leaves log-mel to src/mel, the frames are not HTS-AT's, or a library is missing, in a sentence.
 * EM_EDEVICE, EM_ENOMEM. The caller frees *out; on error it is NULL. */
em_status em_clip_mel_new(em_clip_mel **out, const em_ops *ops, int place, const em_frontend_cfg *cfg, em_clip_mel_done *done, void *ctx,
                          em_err *err);

/* Waits until all that was given is made. Nobody may be in a call then. */
void      em_clip_mel_free(em_clip_mel *m);

/* Whether a clip of n samples has room in a tray: 160 s at most. */
bool      em_clip_mel_takes(const em_clip_mel *m, size_t n);

/* Copies the samples, for which it may wait for a tray; frames is left alone until `done` is told. Any thread but that one. */
void      em_clip_mel_give(em_clip_mel *m, int clip, float *frames, const float *samples, size_t n);

#endif
