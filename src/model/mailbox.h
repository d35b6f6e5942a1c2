/* mailbox.h - how windows reach a device with memory of its own, and how scores come back.
 *
 * Both ways there is one block on the device and its twin in memory that the device copies from and to by itself, at
 * fixed places, so that the copies can be part of a recorded graph. A device that shares our memory reads the
 * callers' frames where they lie; then put only notes the pointers, and send and fetch have nothing to do. */
#ifndef EM_MODEL_MAILBOX_H
#define EM_MODEL_MAILBOX_H

#include "model/plan.h"

typedef struct em_mailbox_cfg {
    const em_ops *ops;
    em_dev       *dev;
    int           max_batch;
    size_t        window;           /* floats of the frames of one window at most                  */
    int           n_mels;
    size_t        classes, slots, latent;   /* floats of each answer                               */
} em_mailbox_cfg;

typedef struct em_mailbox {
    em_mailbox_cfg cfg;
    const float **frames;           /* [max_batch], in the device's memory, as em_image wants them */
    int          *n_frames;
    char         *in, *in_host;     /* list of frames, n_frames, frames; NULL in_host: nothing is copied */
    size_t        at_counts, at_frames;
    float        *out_host;         /* logits, latents, slots                                      */
} em_mailbox;

/* EM_ENOMEM, EM_EDEVICE. End with em_mailbox_close, also after an error. */
em_status em_mailbox_open(em_mailbox *m, const em_mailbox_cfg *cfg, em_err *err);
void      em_mailbox_close(em_mailbox *m);

/* One window in: log-mel (htsat, dB) or fbank (kaldi, before normalising), [n_frames][n_mels] as the frontend
 * makes it; n_frames <= em_config_sound_frames (fewer are padded as the model's fit says). */
typedef struct em_input { const float *frames; int n_frames; } em_input;

/* One window out, in caller's memory; slots and latent may be NULL. Logits, not probabilities. */
typedef struct em_output {
    float *logits;                  /* [n_classes] of the clip                  */
    float *slots;                   /* [n_slots][n_classes], oldest first       */
    float *latent;                  /* [dims[3]], mean of the last tokens       */
} em_output;

/* B windows; the device sees n >= B, those past B are silent. */
void      em_mailbox_put(em_mailbox *m, const em_input *in, int B, int n);

/* In order with the operators: n windows up; n answers down. */
void      em_mailbox_send(const em_mailbox *m, int n);
void      em_mailbox_fetch(const em_mailbox *m, const em_outputs *from, int n);

/* Waits, and hands B answers out. EM_EDEVICE. */
em_status em_mailbox_take(const em_mailbox *m, const em_outputs *from, em_output *out, int B, em_err *err);

#endif
