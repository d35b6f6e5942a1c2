/* inside.h - what is behind the opaque types of earmark.h, and how options and failures cross that border. */
#ifndef EM_LIB_INSIDE_H
#define EM_LIB_INSIDE_H

#include "lib/classes.h"
#include "lib/earmark.h"
#include "lib/host.h"

#include <pthread.h>

struct earmark_model {
    em_host            host;
    em_model          *model;       /* as it was opened, whatever computes it now                    */
    em_model_classes   classes;
    earmark_class     *list;        /* [n_classes] the same as earmark.h gives them                  */
    earmark_model_info info;
    bool               has_lock;
    pthread_mutex_t    lock;        /* of the device: one thread at a time may call into it          */
};

/* Copies the sentence of a failure out; returns its status. */
earmark_status em_tell_error(earmark_error *out, em_status status, const em_err *err);

/* Structs of options begin with their size, and grow at their end: *out[n_bytes] has the usual values and takes what the caller,
 * who may have been built with a shorter or a longer struct, has set in `given` (NULL: nothing). EM_EINVAL: no size in it, or
 * something is set that this version does not know. */
em_status em_take_options(void *out, size_t n_bytes, const void *given, em_err *err);

/* The other way round: the usual values into a caller's struct of n_given bytes, zeros behind what this version knows. */
void em_give_options(void *given, size_t n_given, const void *usual, size_t n_bytes);

#endif
