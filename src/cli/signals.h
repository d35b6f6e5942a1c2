/* signals.h - SIGINT and SIGTERM ask for an end, which flushes what is queued within 2 s. Another one tells the same wish
 * again (timeout and make pass on what the terminal sent, people press twice); only if it comes 3 s later, so that the
 * end hangs, it ends the program at once, with 128 + its number.
 * A closed pipe and a file that grew too large are told by write, not by a signal. */
#ifndef EM_CLI_SIGNALS_H
#define EM_CLI_SIGNALS_H

#include "base/control.h"

#include <stdatomic.h>
#include <stdbool.h>

/* For programs that end cleanly: what their work has to look at. Call once, before threads start. */
const atomic_bool *em_signals_catch(void);

/* For services, which no terminal ends. After em_signals_catch. */
void em_signals_outlive_terminal(void);

/* SIGHUP puts EM_CONTROL_RELOAD from here on, unless our terminal has gone, of which it tells, too: then it ends the program as
 * SIGTERM does. NULL: not any more. */
void em_signals_reload(em_control *control);

/* The same wish as a signal's, from inside: the flag of em_signals_catch. Any thread. */
void em_signals_ask_end(void);

/* Called in the signal handler before it ends the program at once; NULL: nothing is. */
void em_signals_before_death(void (*last)(void));

/* Ends the program by the signal that em_signals_catch caught first: what started us sees that the work is not done,
 * and a shell ends its loop. Returns 128 + its number where that kills nobody: the first process of a container. */
int em_signals_die(void);

/* Just SIGPIPE and SIGXFSZ: for every command. */
void em_signals_ignore(void);

#endif
