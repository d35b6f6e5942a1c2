/* listen_tell.h - what the log says of a run before sound flows. */
#ifndef EM_CLI_LISTEN_TELL_H
#define EM_CLI_LISTEN_TELL_H

#include "cli/listen.h"

/* -vv: where all comes from and how large it is. */
void em_listen_tell_details(const em_listen *r);

/* The i-th of n sources, which is open: the first line of a live run, and what -v and -vv add. */
void em_listen_tell_source(const em_listen *r, const em_source *source, int i, int n);

#endif
