/* safetensors_json.h - the little JSON that a safetensors header may use: objects, arrays of whole numbers, strings.
 * Inside src/model only.
 *
 * A cursor walks over text[n], which is strict UTF-8 without a NUL. Strings are decoded in place, so the text
 * is spent afterwards. Nothing recurses and nothing allocates. Every failure is EM_EFORMAT and names the byte. */
#ifndef EM_MODEL_SAFETENSORS_JSON_H
#define EM_MODEL_SAFETENSORS_JSON_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct em_st_cursor {
    char       *text;
    size_t      n, i;
    const char *path;               /* for messages */
    em_err     *err;
} em_st_cursor;

/* Says "path: header byte i: ..." and answers EM_EFORMAT. */
em_status em_st_syntax(const em_st_cursor *c, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

void em_st_skip_space(em_st_cursor *c);

/* Takes `wanted` after white space. `what` completes "... expected", e.g. "'{' of the header". */
em_status em_st_expect(em_st_cursor *c, char wanted, const char *what);

/* Of a list that ends with `closing`: steps to its next item. *n_seen counts the items so far and starts at 0;
 * *has_more is false after the closing bracket was taken. */
em_status em_st_next(em_st_cursor *c, char closing, int *n_seen, bool *has_more);

/* A string, decoded and NUL-terminated, of *n_bytes, valid as long as the text. */
em_status em_st_string(em_st_cursor *c, const char **out, size_t *n_bytes);

/* A whole number from 0 to 2^63 - 1: no sign, fraction, exponent or leading zero. */
em_status em_st_number(em_st_cursor *c, int64_t *out);

#endif
