/* nsm.h - a run that is part of a session of NSM (new-session-manager): where NSM_URL is set, the manager says which folder and which name
 * are ours, wants to know whether that went well, tells us to save, and ends us by SIGTERM. Without NSM_URL nothing here does anything.
 *
 * A session's settings lie in FOLDER/earmark.conf, which counts as a --config file; relative paths are of FOLDER; the JACK client has the
 * manager's name for it, connects nothing by itself (that is what sessions are for), and is the source where no other one is named. */
#ifndef EM_CLI_NSM_H
#define EM_CLI_NSM_H

#include "cli/nsm_link.h"
#include "cli/options.h"

#include <stdbool.h>

typedef struct em_nsm {
    const em_nsm_ops *ops;          /* NULL: no session         */
    em_nsm_link      *link;
    em_nsm_project    project;
    em_options       *o;            /* what is saved            */
    bool              is_answered;
} em_nsm;

/* Where NSM_URL is set: waits for the manager, then reads *o anew as the session has it. No manager, or a build without NSM: a warning,
 * and the run is of no session. Errors are those of the settings and of the folder. *s and *o must stay where they are until em_nsm_end. */
em_status em_nsm_begin(em_nsm *s, em_options *o, int argc, char **argv, em_err *err);

/* All settings, as the session has them; s NULL or of no session: as em_options_read. */
em_status em_nsm_read(const em_nsm *s, em_options *o, int argc, char **argv, em_err *err);

/* The sound is open: the manager may go on. `share` of what has an end was heard. Both may be called with no session, and often. */
void em_nsm_opened(em_nsm *s);
void em_nsm_progress(em_nsm *s, double share);

/* why_not: the sentence of an error that came before em_nsm_opened; "" or NULL: there was none. */
void em_nsm_end(em_nsm *s, const char *why_not);

#endif
