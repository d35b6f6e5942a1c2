/* run_folder.h - the folder a run writes: best.safetensors and last.safetensors, log.jsonl, its saved states, and a lock.
 *
 * The log is part of what a saved state knows: a run that goes on from a state cuts what was written after it, so that a run that
 * was killed and resumed leaves the log of one that was not. One thread at a time; of several ranks only the first. */
#ifndef EM_TRAIN_RUN_FOLDER_H
#define EM_TRAIN_RUN_FOLDER_H

#include "base/status.h"

#include <stdint.h>

typedef struct em_run em_run;

/* Makes the folder (not those above it) unless it is there, locks it for this process until em_run_close or the end of the
 * process, however it ends, and removes half-written files that a killed run left. EM_EINVAL: another run uses the folder; EM_EIO,
 * EM_ENOMEM. The caller ends *out with em_run_close; on error it is NULL. */
em_status em_run_open(em_run **out, const char *dir, em_err *err);
void      em_run_close(em_run *run);

/* Paths, valid until close. */
const char *em_run_dir(const em_run *run);
const char *em_run_best(const em_run *run);
const char *em_run_last(const em_run *run);

/* Begins or continues the log with its first n_bytes (em_saved_facts; 0: afresh), less if it has become shorter, and whole lines
 * only. Comes before em_run_log. EM_EIO. */
em_status em_run_log_open(em_run *run, uint64_t n_bytes, em_err *err);

/* Appends one line, given without its end. EM_EIO: nothing of it is there, and a later line may be written. */
em_status em_run_log(em_run *run, const char *line, em_err *err);

/* Makes what was logged so far durable and tells its length, for the state that is about to be saved. EM_EIO. */
em_status em_run_log_sync(em_run *run, uint64_t *n_bytes, em_err *err);

#endif
