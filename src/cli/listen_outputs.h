/* listen_outputs.h - where a run's records go: opened once for the run, or once a file with --out-dir. */
#ifndef EM_CLI_LISTEN_OUTPUTS_H
#define EM_CLI_LISTEN_OUTPUTS_H

#include "cli/listen.h"

/* Some output needs a head's time slots; a spectrogram to look at. */
bool em_listen_wants_slots(const em_options *o);
bool em_listen_shows_sound(const em_options *o);

/* Opens r's outputs and outlet, and tells them the start. file: their place in --out-dir, without extension; else NULL. Returns the exit
 * code, *err the sentence; what is open then goes with em_listen_close_outputs, which has to come in any case. */
int em_listen_open_outputs(em_listen *r, const char *file, em_err *err);

/* code: how the run, or the file, went. Returns it, or what was wrong with the outputs where nothing else was. */
int em_listen_close_outputs(em_listen *r, int code, em_err *err);

#endif
