/* listen_progress.h - how far the files of a run are, for those who wait: a person, a program, the manager of a service or of a session. */
#ifndef EM_CLI_LISTEN_PROGRESS_H
#define EM_CLI_LISTEN_PROGRESS_H

#include "cli/nsm.h"
#include "cli/progress.h"
#include "cli/service.h"

typedef struct em_listen_progress {
    em_progress progress;           /* EM_PROGRESS_NONE: no person or program is told      */
    em_service *service;            /* whose watchdog is fed                                */
    em_nsm     *nsm;                /* NULL: no session                                     */
    int         i_input, n_inputs;  /* the file that is heard, of how many                  */
} em_listen_progress;

/* Whether there is anybody to tell. */
bool em_listen_has_progress(const em_listen_progress *p);

/* An em_engine_progress, from the worker between hops: of `source` done_s seconds were heard; total_s 0: its length is not known. */
void em_listen_progress_tell(void *progress, const char *source, double done_s, double total_s);

#endif
