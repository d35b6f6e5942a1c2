/* address.h - where the page is offered: a numeric address and a port, or a Unix socket. */
#ifndef EM_SINKS_WEB_ADDRESS_H
#define EM_SINKS_WEB_ADDRESS_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

typedef struct em_web_address {
    struct sockaddr_storage at;
    socklen_t n;
    bool      is_loopback;          /* no other machine can reach it */
} em_web_address;

enum { EM_WEB_ADDRESS_CHARS = 120 };            /* a Unix socket's path has up to 107 */

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080" (which is 127.0.0.1), "8080" alone likewise; port 0: a free one; "unix:PATH". False: none
 * of these. */
bool em_web_address_parse(em_web_address *out, const char *text);

/* Opens *fd, which the caller closes; fills in the port that was chosen. A Unix socket is its owner's alone (mode 0600), and takes the place of
 * one that nobody listens at. EM_EIO names address and reason. */
em_status em_web_address_listen(int *fd, em_web_address *a, em_err *err);

/* Takes a Unix socket's name away, when nobody listens any more. */
void em_web_address_forget(const em_web_address *a);

bool em_web_address_is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b);      /* whatever their ports */

/* "127.0.0.1:8080", "[::1]:8080", "unix:PATH"; without the port in has_port false. Returns out. */
char *em_web_address_text(char out[EM_WEB_ADDRESS_CHARS], const struct sockaddr *at, bool has_port);

#endif
