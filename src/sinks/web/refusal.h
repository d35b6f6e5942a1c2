/* refusal.h - what those hear who are not answered: what the status means, and nothing of us. */
#ifndef EM_SINKS_WEB_REFUSAL_H
#define EM_SINKS_WEB_REFUSAL_H

#include "sinks/web/head.h"

#include <stddef.h>

enum { EM_WEB_REFUSAL_BYTES = 1024 };

/* Fields of every answer. */
extern const em_web_field em_web_every_answer[];
extern const int em_web_n_every_answer;

/* A whole response, behind which the connection ends; returns its length. code: 400, 401, 403, 404, 405, 414, 417, 429, 431, 503, 505. */
size_t em_web_refusal(char out[EM_WEB_REFUSAL_BYTES], int code, bool has_body);

#endif
