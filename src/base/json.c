/* json.c - one growing text, its commas and its escapes. What is no UTF-8 becomes U+FFFD, what a terminal would obey
 * an escape, NaN null: see json.h. */
#include "base/json.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void em_json_reset(em_json *j)
{
    j->n = 0;
    j->has_failed = j->needs_comma = false;
    if (j->text)
        j->text[0] = '\0';
}

void em_json_deinit(em_json *j)
{
    free(j->text);
    *j = (em_json){ 0 };
}

static bool grow(em_json *j, size_t n_more)
{
    size_t room = j->room ? j->room : 256;
    char *text;

    if (j->has_failed)
        return false;
    while (room < j->n + n_more + 1)
        room *= 2;
    if (room == j->room)
        return true;
    text = realloc(j->text, room);
    if (!text) {
        j->has_failed = true;
        return false;
    }
    j->text = text;
    j->room = room;
    return true;
}

static void put(em_json *j, const char *bytes, size_t n)
{
    if (!grow(j, n))
        return;
    memcpy(j->text + j->n, bytes, n);
    j->n += n;
    j->text[j->n] = '\0';
}

/* U+0080 to U+009F: JSON allows them raw, but terminals obey them as they obey escapes. */
static bool is_c1(const char *s)
{
    return (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] < 0xa0;
}

static void put_quoted(em_json *j, const char *s)
{
    put(j, "\"", 1);
    while (*s) {
        size_t n = em_utf8_length(s);

        if (n == 0) {                                   /* not UTF-8: one byte becomes one replacement */
            put(j, "\xef\xbf\xbd", 3);
            s++;
            continue;
        }
        if (*s == '"' || *s == '\\') {
            put(j, "\\", 1);
            put(j, s, 1);
        } else if ((n == 1 && ((unsigned char)*s < 0x20 || *s == 0x7f)) || (n == 2 && is_c1(s))) {
            char escape[8];
            put(j, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)s[n - 1]));
        } else {
            put(j, s, n);
        }
        s += n;
    }
    put(j, "\"", 1);
}

static void before(em_json *j, const char *key)
{
    if (j->needs_comma)
        put(j, ",", 1);
    if (key) {
        put_quoted(j, key);
        put(j, ":", 1);
    }
    j->needs_comma = true;
}

void em_json_begin(em_json *j, const char *key, char bracket)
{
    before(j, key);
    put(j, &bracket, 1);
    j->needs_comma = false;
}

void em_json_end(em_json *j, char bracket)
{
    put(j, &bracket, 1);
    j->needs_comma = true;
}

void em_json_string(em_json *j, const char *key, const char *value)
{
    before(j, key);
    put_quoted(j, value);
}

void em_json_int(em_json *j, const char *key, int64_t value)
{
    char s[24];

    before(j, key);
    put(j, s, (size_t)snprintf(s, sizeof s, "%lld", (long long)value));
}

void em_json_bool(em_json *j, const char *key, bool value)
{
    before(j, key);
    put(j, value ? "true" : "false", value ? 4 : 5);
}

void em_json_null(em_json *j, const char *key)
{
    before(j, key);
    put(j, "null", 4);
}

typedef enum notation { FIXED, SHORTEST } notation;

static void put_number(em_json *j, notation how, int digits, double value)
{
    char s[400];                                        /* the longest double has 309 digits before its point */
    int n;

    if (digits > 80)
        digits = 80;

    if (!isfinite(value)) {
        put(j, "null", 4);
        return;
    }
    n = how == FIXED ? snprintf(s, sizeof s, "%.*f", digits, value) : snprintf(s, sizeof s, "%.*g", digits, value);
    for (int i = 0; i < n; i++)
        if (s[i] == ',')                                /* a host program may have set a locale */
            s[i] = '.';
    put(j, s, (size_t)n);
}

void em_json_fixed(em_json *j, const char *key, double value, int decimals)
{
    before(j, key);
    put_number(j, FIXED, decimals, value);
}

void em_json_float(em_json *j, const char *key, double value)
{
    before(j, key);
    put_number(j, SHORTEST, 7, value);
}

void em_json_floats(em_json *j, const char *key, const float *values, size_t n)
{
    em_json_begin(j, key, '[');
    for (size_t i = 0; i < n; i++)
        em_json_float(j, NULL, (double)values[i]);
    em_json_end(j, ']');
}

void em_json_newline(em_json *j)
{
    put(j, "\n", 1);
    j->needs_comma = false;
}
