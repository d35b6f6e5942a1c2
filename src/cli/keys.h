/* keys.h - keys of the terminal while the live view is on it: space or p pauses and goes on, m marks, q ends.
 *
 * A thread reads standard input, which is taken out of line mode and echo (Ctrl-C and Ctrl-Z stay what they are). The terminal is given
 * back as it was at the end, before the program is stopped (Ctrl-Z, and taken again once it is in the foreground), and before
 * a signal kills it. In the background nothing is read and nothing changed. */
#ifndef EM_CLI_KEYS_H
#define EM_CLI_KEYS_H

#include "base/control.h"
#include "base/status.h"

#include <stdbool.h>

/* What the live view says of them. */
#define EM_KEYS_HELP "space pause   m mark   q quit"

typedef struct em_keys em_keys;

/* Whether standard input is a terminal, so that there are keys. */
bool em_keys_are_there(void);

/* One at a time. EM_ENOMEM. The caller ends *out with em_keys_close, before *control goes. */
em_status em_keys_open(em_keys **out, em_control *control, em_err *err);
void      em_keys_close(em_keys *k);

#endif
