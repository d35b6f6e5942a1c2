/* signals.h - SIGINT and SIGTERM ask for an end, which flushes what is queued within 2 s. Another one tells the same wish
 * again (timeout and make pass on what the terminal sent, people press twice); only if it comes 3 s later, so that the
 * end hangs, it ends the program at once, with 128 + its number.
 * A closed pipe and a file that grew too large are told by write, not by a signal. */
#ifndef EM_CLI_SIGNALS_H
#define EM_CLI_SIGNALS_H

#include <stdatomic.h>
#include <stdbool.h>

/* For programs that end cleanly: what their work has to look at. Call once, before threads start. */
const atomic_bool *em_signals_catch(void);

/* For services, which no terminal ends: SIGHUP does nothing. Before or after em_signals_catch. */
void em_signals_outlive_terminal(void);

/* Ends the program by the signal that em_signals_catch caught first: what started us sees that the work is not done,
 * and a shell ends its loop. Returns 128 + its number where that kills nobody: the first process of a container. */
int em_signals_die(void);

/* Just SIGPIPE and SIGXFSZ: for every command. */
void em_signals_ignore(void);

#endif
