/* safetensors_json.c - the cursor that walks hostile JSON: no recursion, no number but whole ones, strings with a limit. */
#include "model/safetensors_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

em_status em_st_syntax(const em_st_cursor *c, size_t at, const char *fmt, ...)
{
    char text[160];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return em_fail(c->err, EM_EFORMAT, "%s: header byte %zu: %s", c->path, at, text);
}

void em_st_skip_space(em_st_cursor *c)
{
    while (c->i < c->n && strchr(" \t\n\r", c->text[c->i]))     /* the text holds no NUL */
        c->i++;
}

em_status em_st_expect(em_st_cursor *c, char wanted, const char *what)
{
    em_st_skip_space(c);
    if (c->i == c->n || c->text[c->i] != wanted)
        return em_st_syntax(c, c->i, "%s expected", what);
    c->i++;
    return EM_OK;
}

em_status em_st_next(em_st_cursor *c, char closing, int *n_seen, bool *has_more)
{
    em_st_skip_space(c);
    *has_more = false;
    if (c->i == c->n)
        return em_st_syntax(c, c->i, "the header ends inside a list");
    if (c->text[c->i] == closing) {
        c->i++;
        return EM_OK;
    }
    if (*n_seen > 0) {
        if (c->text[c->i] != ',')
            return em_st_syntax(c, c->i, "',' or '%c' expected", closing);
        c->i++;
        em_st_skip_space(c);
    }
    ++*n_seen;
    *has_more = true;
    return EM_OK;
}

/* Four hexadecimal digits at i; -1 when they are not. */
static long hex4(const em_st_cursor *c, size_t i)
{
    long value = 0;

    if (c->n - i < 4)
        return -1;
    for (size_t k = 0; k < 4; k++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *digit = strchr(digits, c->text[i + k]);

        if (!digit || !*digit)
            return -1;
        value = value << 4 | ((digit - digits) & 15);
    }
    return value;
}

static size_t put_utf8(char *out, long code)
{
    if (code < 0x80)
        return out[0] = (char)code, 1;
    if (code < 0x800)
        return out[0] = (char)(0xc0 | code >> 6), out[1] = (char)(0x80 | (code & 0x3f)), 2;
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* c->i stands behind "\u". One code point, or two halves of a surrogate pair. */
static em_status unicode_escape(em_st_cursor *c, char *out, size_t *n_out)
{
    size_t at = c->i - 2;
    long code = hex4(c, c->i);

    if (code < 0)
        return em_st_syntax(c, at, "four hexadecimal digits must follow \\u");
    c->i += 4;
    if (code >= 0xd800 && code < 0xdc00 && c->n - c->i >= 6 && !memcmp(c->text + c->i, "\\u", 2)) {
        long low = hex4(c, c->i + 2);

        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            c->i += 6;
        }
    }
    if (code == 0 || (code >= 0xd800 && code < 0xe000))
        return em_st_syntax(c, at, "a string may hold neither NUL nor half of a surrogate pair");
    *n_out += put_utf8(out, code);
    return EM_OK;
}

/* c->i stands behind the backslash. */
static em_status escape(em_st_cursor *c, char *out, size_t *n_out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found;

    if (c->i == c->n)
        return em_st_syntax(c, c->i, "the header ends inside a string");
    if (c->text[c->i] == 'u') {
        c->i++;
        return unicode_escape(c, out, n_out);
    }
    found = strchr(from, c->text[c->i]);
    if (!found)
        return em_st_syntax(c, c->i - 1, "unknown escape");
    out[0] = to[found - from];
    ++*n_out;
    c->i++;
    return EM_OK;
}

em_status em_st_string(em_st_cursor *c, const char **out, size_t *n_bytes)
{
    size_t n = 0;
    char *text;

    if (em_st_expect(c, '"', "a string") != EM_OK)
        return EM_EFORMAT;
    text = c->text + c->i;
    while (c->i < c->n && c->text[c->i] != '"') {
        char byte = c->text[c->i];

        if ((unsigned char)byte < 0x20)
            return em_st_syntax(c, c->i, "control characters in a string must be escaped");
        c->i++;
        if (byte != '\\')
            text[n++] = byte;
        else if (escape(c, text + n, &n) != EM_OK)
            return EM_EFORMAT;
    }
    if (c->i == c->n)
        return em_st_syntax(c, c->i, "the header ends inside a string");
    c->i++;
    text[n] = '\0';                                     /* on the closing quote, or before it */
    *out = text;
    *n_bytes = n;
    return EM_OK;
}

em_status em_st_number(em_st_cursor *c, int64_t *out)
{
    size_t at;
    int64_t value = 0;

    em_st_skip_space(c);
    at = c->i;
    while (c->i < c->n && c->text[c->i] >= '0' && c->text[c->i] <= '9') {
        if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_add_overflow(value, (int64_t)(c->text[c->i] - '0'), &value))
            return em_st_syntax(c, at, "the number is larger than 2^63 - 1");
        c->i++;
    }
    if (c->i == at || (c->i < c->n && strchr(".eE+-", c->text[c->i])) || (c->text[at] == '0' && c->i > at + 1))
        return em_st_syntax(c, at, "a whole number without sign, leading zero, fraction or exponent expected");
    *out = value;
    return EM_OK;
}
