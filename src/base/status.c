/* status.c - em_fail: fills in the sentence, cut between characters where it is too long. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Where the UTF-8 character begins that a cut at `at` would split; `at` itself between two characters. */
static size_t cut_at_character(const char *s, size_t at)
{
    size_t start = at;

    while (start > 0 && at - start < 3 && ((unsigned char)s[start] & 0xc0u) == 0x80u)
        start--;
    return start;
}

em_status em_fail(em_err *err, em_status code, const char *fmt, ...)
{
    if (err) {
        char msg[sizeof err->msg + 1];          /* not err->msg itself: it may be among the arguments */
        va_list args;

        va_start(args, fmt);
        vsnprintf(msg, sizeof msg, fmt, args);
        va_end(args);
        if (strlen(msg) == sizeof err->msg)
            msg[cut_at_character(msg, sizeof err->msg - 1)] = '\0';
        memcpy(err->msg, msg, strlen(msg) + 1);
        err->code = code;
    }
    return code;
}
