/* base64.h - bytes as text of 64 letters and back (RFC 4648). */
#ifndef EM_SINKS_WEB_BASE64_H
#define EM_SINKS_WEB_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that text of n bytes takes, with its end. */
size_t em_base64_room(size_t n);

/* out[em_base64_room(n)], ended by '\0'. */
void em_base64_write(char *out, const unsigned char *in, size_t n);

/* out[room], ended by '\0'. False: other letters are in it, or it is longer; out holds what came before them. */
bool em_base64_read(char *out, size_t room, const char *text);

#endif
