/* listen_turn.h - sources that are heard one after the other, each from its start to its end. */
#ifndef EM_CLI_LISTEN_TURN_H
#define EM_CLI_LISTEN_TURN_H

#include "cli/listen.h"

/* Hears r->inputs.list, or the one device. Once the outputs are open, but with --out-dir, where each file opens and closes its own.
 * Returns the exit code, *err the sentence; what was wrong with one file of several is told at once. */
int em_listen_in_turn(em_listen *r, em_err *err);

#endif
