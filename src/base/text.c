/* text.c - UTF-8 checked byte by byte, control characters out, slugs, and edit distance for "did you mean". */
#include "base/text.h"

#include <ctype.h>
#include <string.h>

size_t em_utf8_length(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    unsigned long c;
    size_t n;

    if (u[0] < 0x80)
        return 1;
    if (u[0] >= 0xc2 && u[0] < 0xe0)
        n = 2, c = u[0] & 0x1fu;
    else if (u[0] >= 0xe0 && u[0] < 0xf0)
        n = 3, c = u[0] & 0x0fu;
    else if (u[0] >= 0xf0 && u[0] < 0xf5)
        n = 4, c = u[0] & 0x07u;
    else
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xc0u) != 0x80u)        /* a NUL ends the string here, too */
            return 0;
        c = c << 6 | (u[i] & 0x3fu);
    }
    if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10ffff)) || (c >= 0xd800 && c < 0xe000))
        return 0;
    return n;
}

bool em_utf8_valid(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n) {
        char tail[5] = { 0 };
        size_t left = n - i, length;

        memcpy(tail, s + i, left < 4 ? left : 4);
        length = em_utf8_length(tail);
        if (tail[0] == '\0' || length == 0)
            return false;
        i += length;
    }
    return true;
}

static bool is_control(const char *s, size_t n)
{
    unsigned char a = (unsigned char)s[0], b = (unsigned char)s[n - 1];

    return n == 1 ? a < 0x20 || a == 0x7f : n == 2 && a == 0xc2 && b < 0xa0;
}

char *em_text_clean(char *out, size_t room, const char *s)
{
    size_t n_out = 0;

    while (*s) {
        size_t n = em_utf8_length(s);
        bool is_bad = n == 0 || is_control(s, n);
        size_t n_put = is_bad ? 1 : n;

        if (n_out + n_put + 1 > room)
            break;
        memcpy(out + n_out, is_bad ? "?" : s, n_put);
        n_out += n_put;
        s += n ? n : 1;
    }
    if (room)
        out[n_out] = '\0';
    return out;
}

char *em_slug(char *out, size_t room, const char *s)
{
    size_t n = 0;

    for (; *s && n + 1 < room; s++) {
        unsigned char c = (unsigned char)*s;

        if (c < 0x80 && isalnum(c))
            out[n++] = (char)tolower(c);
        else if (n > 0 && out[n - 1] != '_')
            out[n++] = '_';
    }
    if (n > 0 && out[n - 1] == '_')
        n--;
    if (room)
        out[n] = '\0';
    return out;
}

char *em_text_level(char *out, size_t room, const char *s)
{
    size_t n = 0;

    for (; *s && n + 1 < room; s++) {
        const unsigned char c = (unsigned char)*s;

        if ((c < 0x80 && isalnum(c)) || c == '-')
            out[n++] = (char)c;
        else if (n > 0 && out[n - 1] != '_')
            out[n++] = '_';
    }
    while (n > 0 && out[n - 1] == '_')
        n--;
    if (room)
        out[n] = '\0';
    return out;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

static bool is_same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Optimal string alignment: rows[i % 3][j] is the distance of the first i letters of a and the first j of b. */
int em_text_distance(const char *a, const char *b)
{
    enum { MOST = 127 };
    int rows[3][MOST + 1];
    const size_t na = strnlen(a, MOST), nb = strnlen(b, MOST);

    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        int *row = rows[i % 3];
        const int *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

        row[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !is_same(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) && is_same(a[i - 2], b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[na % 3][nb];
}

bool em_text_is_nearer(int *best, const char *wanted, const char *name)
{
    const int most = (int)(strnlen(wanted, 30) + 1) / 3;           /* further away it is not meant */
    const int nearness = most + 1 - em_text_distance(wanted, name);

    if (nearness <= *best)
        return false;
    *best = nearness;
    return true;
}
