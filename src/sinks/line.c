#include "sinks/line.h"

#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void em_line_put(em_line *l, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(l->text + l->n, l->room - l->n, fmt, args);
    va_end(args);
    if (n > 0)
        l->n = l->n + (size_t)n < l->room ? l->n + (size_t)n : l->room - 1;
}

void em_line_put_name(em_line *l, const char *name)
{
    char clean[101];

    em_line_put(l, "%s", em_text_clean(clean, sizeof clean, name));
}

void em_line_put_time(em_line *l, double seconds)
{
    long long ms = llround(seconds * 1e3);
    long long s = ms / 1000;

    if (s >= 3600)
        em_line_put(l, "%lld:%02lld:%02lld.", s / 3600, s / 60 % 60, s % 60);
    else
        em_line_put(l, "%lld:%02lld.", s / 60, s % 60);
    ms %= 1000;
    if (ms % 100 == 0)
        em_line_put(l, "%lld", ms / 100);
    else if (ms % 10 == 0)
        em_line_put(l, "%02lld", ms / 10);
    else
        em_line_put(l, "%03lld", ms);
}
