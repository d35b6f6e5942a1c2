/* keep.h - what a run leaves in its folder: states, the log, model files. All of it is the first rank's work. */
#ifndef EM_TRAIN_KEEP_H
#define EM_TRAIN_KEEP_H

#include "train/step.h"

/* Opens the folder; fresh values, or those of the newest whole state. *is_finished: the run is over, nothing is to be done.
 * EM_EINVAL: the state is another run's (names what differs). */
em_status em_keep_open(em_trainer *t, bool *is_finished, em_err *err);
void      em_keep_close(em_trainer *t);

/* What the first rank read, to all. */
em_status em_keep_share(em_trainer *t, bool *is_finished, em_err *err);

em_status em_keep_state(em_trainer *t, bool is_finished, em_err *err);

/* Back to the newest state, keeping the guard's count. On every rank. */
em_status em_keep_reload(em_trainer *t, em_err *err);

/* The log's line, weights for the mean of the last epochs, the best model so far. */
em_status em_keep_epoch(em_trainer *t, em_err *err);

/* last.safetensors (and best, where nothing was validated), then the finished state. */
em_status em_keep_end(em_trainer *t, em_err *err);

#endif
