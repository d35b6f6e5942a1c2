/* line.c - printf into a fixed buffer, and the ways to write a time: see line.h. */
#include "sinks/line.h"

#include "base/clock.h"
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

static const char *escape_of(char c, const em_escape *escapes)
{
    for (; escapes && escapes->c; escapes++)
        if (escapes->c == c)
            return escapes->as;
    return NULL;
}

void em_line_put_label(em_line *l, const char *label, const em_escape *escapes)
{
    char line[EM_LABEL_BYTES], clean[EM_LABEL_BYTES];

    snprintf(line, sizeof line, "%s", label);
    for (char *c = line; *c; c++)
        if (*c == '\t' || *c == '\n' || *c == '\r' || *c == '\v' || *c == '\f')
            *c = ' ';
    em_text_clean(clean, sizeof clean, line);
    for (const char *c = clean; *c; c++) {
        const char *as = escape_of(*c, escapes);

        em_line_put(l, "%.*s", as ? (int)strlen(as) : 1, as ? as : c);
    }
}

void em_line_put_sound(em_line *l, const em_event *e, bool has_source, const em_escape *escapes)
{
    if (has_source) {
        em_line_put_label(l, e->source, escapes);
        em_line_put(l, ": ");
    }
    em_line_put_label(l, e->u.sound.label, escapes);
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

em_event em_line_onset(const em_event *e)
{
    em_event onset = *e;

    onset.time = e->u.sound.onset;
    if (e->utc_ms >= 0)
        onset.utc_ms -= llround((e->time - onset.time) * 1e3);
    return onset;
}

static void put_clock(em_line *l, const em_event *e, int rate_hz)
{
    (void)rate_hz;
    em_line_put_time(l, e->time);
}

static void put_seconds(em_line *l, const em_event *e, int rate_hz)
{
    (void)rate_hz;
    em_line_put(l, "%.3f", e->time);
}

static void put_ms(em_line *l, const em_event *e, int rate_hz)
{
    (void)rate_hz;
    em_line_put(l, "%lld", llround(e->time * 1e3));
}

static void put_samples(em_line *l, const em_event *e, int rate_hz)
{
    em_line_put(l, "%lld", llround(e->time * rate_hz));
}

static void put_utc(em_line *l, const em_event *e, int rate_hz)
{
    char utc[EM_UTC_CHARS];

    if (e->utc_ms < 0) {
        put_clock(l, e, rate_hz);
        return;
    }
    em_utc_text(utc, e->utc_ms);
    em_line_put(l, "%s", utc);
}

static const struct { const char *name; void (*put)(em_line *l, const em_event *e, int rate_hz); } stamps[] = {
    { "clock", put_clock }, { "seconds", put_seconds }, { "ms", put_ms }, { "samples", put_samples }, { "utc", put_utc },
};

void em_line_put_stamp(em_line *l, const em_event *e, const char *format, int rate_hz)
{
    for (size_t i = 0; i < sizeof stamps / sizeof *stamps; i++)
        if (strcmp(format ? format : "clock", stamps[i].name) == 0)
            stamps[i].put(l, e, rate_hz);
}
