/* url.h - what of a URL may be shown: never its password, nor what follows a '?', where tokens stand. Plain functions. */
#ifndef EM_BASE_URL_H
#define EM_BASE_URL_H

#include <stdbool.h>
#include <stddef.h>

/* SCHEME://REST; a scheme is a letter and then letters, digits, '+', '-' or '.'. */
bool  em_url_is(const char *text);

/* What to call what is heard there: "cam.lan:554/garden". Control characters and broken UTF-8 become '?'. Never empty. Returns out. */
char *em_url_name(char *out, size_t room, const char *url);

/* Copies any text; every URL in it has "***" for its password and its query. Cut to room - 1. Returns out. */
char *em_url_hide(char *out, size_t room, const char *text);

/* The same in place, in as many bytes as there are: '*' for each that is hidden. */
void  em_url_blank(char *text);

#endif
