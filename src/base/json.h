/* json.h - writes JSON into a growing buffer: one record after another, commas and escapes done here.
 *
 * Reading is jansson's work. Numbers are printed in the C locale, never as NaN or infinity (they become
 * null). Strings must be UTF-8; bytes that are not are replaced by U+FFFD, and control
 * characters (C0, DEL, C1: terminals obey them) are escaped. The buffer is kept between
 * records, so after the longest record nothing allocates. One thread at a time. */
#ifndef EM_BASE_JSON_H
#define EM_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct em_json {
    char  *text;                    /* NUL-terminated; valid until the next call            */
    size_t n, room;
    bool   has_failed;              /* memory ran out: text is then not to be used          */
    bool   needs_comma;
} em_json;

void em_json_reset(em_json *j);     /* empties it, keeps the memory; a zeroed struct is empty */
void em_json_deinit(em_json *j);

/* key NULL: an element of an array, or the outermost value. */
void em_json_begin(em_json *j, const char *key, char bracket);      /* '{' or '[' */
void em_json_end(em_json *j, char bracket);                         /* '}' or ']' */
void em_json_string(em_json *j, const char *key, const char *value);
void em_json_int(em_json *j, const char *key, int64_t value);
void em_json_bool(em_json *j, const char *key, bool value);
void em_json_null(em_json *j, const char *key);
void em_json_fixed(em_json *j, const char *key, double value, int decimals);   /* %.3f */
void em_json_float(em_json *j, const char *key, double value);                 /* %.7g */
void em_json_floats(em_json *j, const char *key, const float *values, size_t n);
void em_json_newline(em_json *j);

#endif
