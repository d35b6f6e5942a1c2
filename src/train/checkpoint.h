/* checkpoint.h - the saved states of a run: files of a folder, each whole or not taken.
 *
 * A state is some named blocks of floats (weights, moments, average) and a few facts. It is written to KIND-STEP.safetensors
 * so that a crash, a kill or a full disk at any moment leaves the states that were there, and it is sealed with a SHA-256, so
 * that a file is taken for its content and never for its name. The same state gives the same bytes: no time, host or path is in
 * it. Several kinds may share a folder ("state" to go on from, "weights" to take the mean of).
 *
 * The folder belongs to one process at a time (run_folder.h); of several ranks only the first reads and writes it. */
#ifndef EM_TRAIN_CHECKPOINT_H
#define EM_TRAIN_CHECKPOINT_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct em_saved_place {
    const char *dir;
    const char *kind;               /* [a-z]+, at most 32 letters                              */
    int         keep;               /* >= 1: the newest so many stay when one is written       */
} em_saved_place;

typedef struct em_saved_block { const char *name; const float *data; size_t n; } em_saved_block;

typedef struct em_saved_facts {
    int64_t     step;               /* steps taken so far, >= 0                                */
    bool        is_finished;        /* nothing is left to do                                   */
    uint64_t    log_bytes;          /* length of the run's log at this step (em_run_log_bytes) */
    const char *json;               /* all else, UTF-8: configuration, epoch, data position, random states, counters */
} em_saved_facts;

/* Writes the state and returns when it would survive a power cut; only then deletes what `keep` does not want, and states
 * with a later step, which are from before a fall-back. EM_EINVAL: a block holds a number that is not finite, or the text is
 * too long or not UTF-8; EM_EIO; EM_ENOMEM. After an error the older states are as they were. */
em_status em_saved_write(const em_saved_place *place, const em_saved_facts *facts, const em_saved_block *blocks, int n_blocks, em_err *err);

/* A state that was opened, and was whole when it was. */
typedef struct em_saved em_saved;

/* Hears one sentence about each file that could not be taken; it names the file. */
typedef void em_saved_damaged(void *ctx, const char *sentence);

/* The newest state that is whole. Newer ones that are damaged are told (`damaged` may be NULL), and set aside under their name and
 * ".damaged". EM_OK with *out NULL: there is no whole state, so a run starts afresh. EM_EIO: there are only files that cannot be
 * read; EM_ENOMEM. The caller ends *out with em_saved_close; on error it is NULL. */
em_status em_saved_load(em_saved **out, const em_saved_place *place, em_saved_damaged *damaged, void *ctx, em_err *err);
void      em_saved_close(em_saved *s);

const em_saved_facts *em_saved_tell(const em_saved *s);     /* valid until close */
const char           *em_saved_path(const em_saved *s);

/* Elements of a block; 0: there is none of that name. */
size_t em_saved_size(const em_saved *s, const char *block);

/* Reads a block of exactly n floats into dst. EM_ESHAPE: there is none, or it has another length; EM_EIO. */
em_status em_saved_read(em_saved *s, const char *block, float *dst, size_t n, em_err *err);

/* The mean of one block, of n floats, over the newest n_wanted states that are whole: each element a sum in double, newest first.
 * *n_used: how many there were; EM_EINVAL: none. Otherwise as em_saved_load. */
em_status em_saved_mean(float *mean, size_t n, int *n_used, const em_saved_place *place, const char *block, int n_wanted,
                        em_saved_damaged *damaged, void *ctx, em_err *err);

#endif
