/* token.h - the secret that other machines show to see the page: in a file that its owner alone reads. */
#ifndef EM_SINKS_WEB_TOKEN_H
#define EM_SINKS_WEB_TOKEN_H

#include "base/status.h"

#include <stdbool.h>

enum { EM_WEB_TOKEN_LEAST = 32, EM_WEB_TOKEN_CHARS = 129 };     /* of [A-Za-z0-9_-]; the last is the NUL */

/* From the file's first line; a file that is not there is made, with 256 random bits and mode 0600. EM_EINVAL: others may read
 * the file, or what it holds is no token; EM_EIO. The sentence names path, never what it holds. */
em_status em_web_token_read(char out[EM_WEB_TOKEN_CHARS], const char *path, em_err *err);

/* Takes as long for a wrong guess as for a right one. */
bool em_web_token_is(const char *token, const char *guess);

#endif
