/* columns.h - a spectrogram to look at, out of the frames that the model gets anyway: those that are new in a hop, as bytes.
 *
 * A frame is shown once no later sound can change it, so columns end a few frames before the hop. Pure; one thread at a time; only
 * em_columns_init allocates. */
#ifndef EM_ENGINE_COLUMNS_H
#define EM_ENGINE_COLUMNS_H

#include "base/event.h"
#include "base/status.h"
#include "listener/listener.h"

typedef struct em_columns {         /* of one lane                                   */
    em_frontend_cfg frontend;
    int      window;                /* frame hops in a window                        */
    int64_t  next;                  /* frame of the stream that was not shown yet    */
    int      most;                  /* frames a hop; of more, the newest             */
    uint8_t *bytes;                 /* [most][n_mels]                                */
} em_columns;

/* window_samples: of a window; most: frames of a step. EM_ENOMEM. End with em_columns_deinit, also after an error. */
em_status em_columns_init(em_columns *c, const em_frontend_cfg *frontend, int window_samples, int most, em_err *err);
void      em_columns_deinit(em_columns *c);

/* Fills in the columns of a SCORES event; they are valid until the next call. */
void      em_columns_take(em_columns *c, const em_hop *hop, em_event *e);

#endif
