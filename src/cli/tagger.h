/* tagger.h - what every mode that tags needs: backend, model, session, names of classes, and which to show. */
#ifndef EM_CLI_TAGGER_H
#define EM_CLI_TAGGER_H

#include "cli/options.h"
#include "lib/classes.h"
#include "lib/host.h"
#include "model/model.h"
#include "model/session.h"

#include <limits.h>

typedef struct em_tagger {
    char          path[PATH_MAX];   /* of the model file                                     */
    em_host       host;             /* what computes                                         */
    em_model     *model;            /* as it was opened, whatever computes it now: borrowed  */
    em_session   *session;          /* NULL after em_tagger_open_model                       */
    em_model_classes own;           /* by the names that --labels gives them, if any         */
    em_classes    classes;          /* own.names                                             */
    em_selection  selection;
} em_tagger;

/* Model and classes; no session. Returns the exit code, *err the sentence. End with em_tagger_close, always. */
int  em_tagger_open_model(em_tagger *t, const em_options *o, em_err *err);

/* The same with a session for max_batch windows of up to max_streams streams, and the choice of classes. */
int  em_tagger_open(em_tagger *t, const em_options *o, int max_batch, int max_streams, em_err *err);
void em_tagger_close(em_tagger *t);

/* Borrowed from t, with the session's window. */
em_known em_tagger_known(const em_tagger *t);

/* The exit code of a failure of what computes: EM_EXIT_BACKEND where that is no fault of the model's, else what em_exit_code says. */
int  em_tagger_code(const em_tagger *t, em_status status, int stage_code);

/* What computes, as "avx2, 2 threads". */
const char *em_tagger_device(const em_tagger *t);

/* Its own name, else the file's. */
const char *em_tagger_name(const em_tagger *t);

/* Seconds that the session needs for one window: the median of n runs over silence, 2 to 16, but for the first. What em_session_run says. */
em_status em_tagger_measure(const em_tagger *t, int n, double *seconds, em_err *err);

/* Of sound in one window of the session. */
double em_tagger_window_seconds(const em_tagger *t);

/* Samples between hops at the model's rate. */
int em_tagger_step(const em_tagger *t, const em_options *o);

#endif
