/* words.h - a command line in one string, as an option has it, cut into its words. */
#ifndef EM_BASE_WORDS_H
#define EM_BASE_WORDS_H

#include "base/status.h"

/* Words are apart by blanks; '...' holds all as it is, "..." all but a backslash before '"' or '\', and a backslash elsewhere
 * takes the next character as it is. Nothing is expanded: no variable, no *, no ; - that is what a shell is for.
 * *out: a NULL-terminated list of at least one word, freed in one piece with free. EM_EINVAL: no word, or a quote that does not
 * end. EM_ENOMEM. */
em_status em_words(char ***out, const char *text, em_err *err);

#endif
