/* listen_together.h - sources that are heard at once, in batches of windows from all of them. */
#ifndef EM_CLI_LISTEN_TOGETHER_H
#define EM_CLI_LISTEN_TOGETHER_H

#include "cli/listen.h"

/* Hears r->inputs.heard until the last of them has ended. Once the outputs are open. Returns the exit code, *err the sentence; what was
 * wrong with one of several is told when it happens. */
int em_listen_together(em_listen *r, em_err *err);

#endif
