/* web_site.h - a web page with no program behind it, for tests of its server: a token, something in its feeds, one file. */
#ifndef EM_TESTS_WEB_SITE_H
#define EM_TESTS_WEB_SITE_H

#include "sinks/web/site.h"

#include <stddef.h>

#define SITE_TOKEN "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
#define SITE_TOKEN_BASE64 "OkFiQ2RFZkdoSWpLbE1uT3BRclN0VXZXeFl6MDEyMzQ1Njc4OQ=="       /* of ":" and the token */

/* False: no memory. The caller ends it with site_deinit, also then. */
bool site_init(em_web_site *out);
void site_deinit(em_web_site *site);

/* A Unix socket that listens, and what connects to it. Negative: errno says why. */
int  site_listen(void);
int  site_connect(int listen_fd);

/* Sends n bytes in pieces of at most n_piece, ends its half of the connection, and reads until the server ends the other, or a feed begins.
 * Returns how many bytes came, of which out has the first room - 1 and a NUL. */
size_t site_ask(int fd, const char *bytes, size_t n, size_t n_piece, char *out, size_t room);

/* Of "HTTP/1.1 200 OK"; 0: it is none. */
int  site_status(const char *answer);

#endif
