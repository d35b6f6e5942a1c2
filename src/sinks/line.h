/* line.h - text for people, put together in a buffer that is sized once. What does not fit is cut. */
#ifndef EM_SINKS_LINE_H
#define EM_SINKS_LINE_H

#include "base/event.h"

#include <stddef.h>

typedef struct em_line {
    char  *text;                    /* [room], the caller's; NUL-terminated */
    size_t n, room;
} em_line;

void em_line_put(em_line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Harmless and cut to 100 bytes: labels and names come from files. */
void em_line_put_name(em_line *l, const char *name);

/* h:mm:ss or m:ss, with as many decimals (1 to 3) as the time has. */
void em_line_put_time(em_line *l, double seconds);

/* The event's time as cfg.time_format says (sink.h). */
void em_line_put_stamp(em_line *l, const em_event *e, const char *format, int rate_hz);

#endif
