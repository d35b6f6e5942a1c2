/* out.h - the bytes of one output: standard output or a file. Whole records go in; each is handed to the
 * system before the call returns. One thread at a time. */
#ifndef EM_SINKS_OUT_H
#define EM_SINKS_OUT_H

#include "base/status.h"
#include "sinks/sink.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct em_out {
    int   fd;
    char *path;                     /* as named, NULL for stdout                                  */
    char *target, *part;            /* the file behind links, and PATH.part until it is whole; NULL when there is
                                       nothing to rename                                          */
    bool  is_regular;
    bool  has_lost;                 /* a record could not be written                              */
    bool  is_appended;              /* see em_out_append                                          */
    bool  is_torn;                  /* half a record is its end: a newline comes first            */
    const atomic_bool *give_up;     /* see em_sink_cfg                                            */
    atomic_bool is_ending;          /* see em_sink_hurry                                          */
} em_out;

/* path NULL or "-": stdout. A symbolic link stays one: what it leads to is written. A path that is a device, a FIFO
 * or an open descriptor is written as it is. EM_EIO names the path.
 * The caller ends it with em_out_close, also after an error. */
em_status em_out_open(em_out *o, const char *path, const atomic_bool *give_up, em_err *err);

/* For an output that outlives the run: a file is written in place, behind what it holds (half a line there gets its end
 * first), and when its name no longer leads to it, because it was renamed (logrotate) or removed, the next record goes to a
 * new file of that name; no record is lost or cut by that. What is no file is written as em_out_open does. */
em_status em_out_append(em_out *o, const char *path, const atomic_bool *give_up, em_err *err);

/* All n bytes or, into PATH.part, none of them; elsewhere half a record gets its newline with the next write or at
 * the close, and what was there before is never touched. EM_EIO; EM_ECANCELED: nobody reads any more. */
em_status em_out_write(em_out *o, const char *bytes, size_t n, em_err *err);

em_status em_out_close(em_out *o, em_sink_end end, em_err *err);

#endif
