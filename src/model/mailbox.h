/* mailbox.h - how windows reach a device with memory of its own, and how scores come back.
 *
 * Both ways there is one block on the device and its twin in memory that the device copies from and to by itself: one copy up, as long
 * as what is new, and copies down from fixed places, which can be part of a recorded graph. A device that shares our memory reads the
 * callers' frames where they lie; then put only notes the pointers, and send and fetch have nothing to do.
 *
 * Windows of one stream overlap. Of a stream that has joined, the device keeps the frames of the last window in a ring, and of the
 * next one only those go up that are new or touch an end (em_strip in ops.h). The device sees the same bits as if the whole window
 * had gone. */
#ifndef EM_MODEL_MAILBOX_H
#define EM_MODEL_MAILBOX_H

#include "model/plan.h"

typedef struct em_mailbox_cfg {
    const em_ops *ops;
    em_dev       *dev;
    int           max_batch;
    size_t        window;           /* floats of the frames of one window at most                  */
    int           n_mels;
    int           n_streams;        /* that can join; the rings are made at once                   */
    size_t        classes, slots, latent;   /* floats of each answer                               */
} em_mailbox_cfg;

typedef struct em_stream {          /* what its ring holds                                         */
    bool     has_joined, has_frames;
    int64_t  end;                   /* of the window in it                                         */
    int      first;                 /* place of that window's first frame                          */
    uint64_t i_put;                 /* that brought it                                             */
} em_stream;

typedef struct em_mailbox {
    em_mailbox_cfg cfg;
    const float **frames;           /* [max_batch], in the device's memory, as em_image wants them */
    int          *n_frames;
    em_strip     *strips;           /* [max_batch], likewise; NULL: no stream can join, and each window's frames have a fixed place */
    char         *in, *in_host;     /* list of frames, n_frames, strips, frames; NULL in_host: nothing is copied */
    size_t        at_counts, at_strips, at_frames;
    size_t        n_put;            /* floats of frames that go up                                 */
    em_stream    *streams;          /* [n_streams]                                                 */
    float        *rings;            /* [n_streams][window], on the device                          */
    uint64_t      n_puts;
    float        *out_host;         /* logits, latents, slots                                      */
} em_mailbox;

/* EM_ENOMEM, EM_EDEVICE. End with em_mailbox_close, also after an error. */
em_status em_mailbox_open(em_mailbox *m, const em_mailbox_cfg *cfg, em_err *err);
void      em_mailbox_close(em_mailbox *m);

/* One window in: log-mel (htsat, dB) or fbank (kaldi, before normalising), [n_frames][n_mels] as the frontend
 * makes it; n_frames <= em_config_sound_frames (fewer are padded as the model's fit says). */
typedef struct em_input {
    const float *frames;
    int     n_frames;
    int     stream;                 /* that em_mailbox_join gave: this is its newest window; 0: it has nothing to do with others */
    int64_t end;                    /* of the window in the stream, in hops of frames; < 0: between two, so it shares no frame */
    int     inner_first, inner_end; /* frames that touch no end of the window: every window of the stream that covers the time has the same there */
} em_input;

/* One window out, in caller's memory; slots and latent may be NULL. Logits, not probabilities. */
typedef struct em_output {
    float *logits;                  /* [n_classes] of the clip                  */
    float *slots;                   /* [n_slots][n_classes], oldest first       */
    float *latent;                  /* [dims[3]], mean of the last tokens       */
} em_output;

/* A stream from 1 on, whose windows are to follow one another; 0: this device keeps none, or no more. */
int       em_mailbox_join(em_mailbox *m);
void      em_mailbox_leave(em_mailbox *m, int stream);

/* B windows; the device sees n >= B, those past B are silent. Then send must follow. */
void      em_mailbox_put(em_mailbox *m, const em_input *in, int B, int n);

/* In order with the operators: what was put goes up; n answers down. */
void      em_mailbox_send(const em_mailbox *m);
void      em_mailbox_fetch(const em_mailbox *m, const em_outputs *from, int n);

/* Waits, and hands B answers out. EM_EDEVICE. */
em_status em_mailbox_take(const em_mailbox *m, const em_outputs *from, em_output *out, int B, em_err *err);

#endif
