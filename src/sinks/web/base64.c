/* base64.c - see base64.h. */
#include "sinks/web/base64.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t em_base64_room(size_t n)
{
    return (n + 2) / 3 * 4 + 1;
}

void em_base64_write(char *out, const unsigned char *in, size_t n)
{
    for (size_t i = 0; i < n; i += 3) {
        unsigned word = (unsigned)in[i] << 16 | (i + 1 < n ? (unsigned)in[i + 1] << 8 : 0) | (i + 2 < n ? in[i + 2] : 0);

        *out++ = digits[word >> 18];
        *out++ = digits[word >> 12 & 63];
        *out++ = i + 1 < n ? digits[word >> 6 & 63] : '=';
        *out++ = i + 2 < n ? digits[word & 63] : '=';
    }
    *out = '\0';
}

static int sextet(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

bool em_base64_read(char *out, size_t room, const char *text)
{
    unsigned bits = 0;
    int n_bits = 0;
    size_t n = 0;

    for (; sextet(*text) >= 0 && n + 1 < room; text++) {
        bits = bits << 6 | (unsigned)sextet(*text);
        if ((n_bits += 6) >= 8)
            out[n++] = (char)(bits >> (n_bits -= 8) & 255);
    }
    out[n] = '\0';
    return strspn(text, "=") == strlen(text);
}
