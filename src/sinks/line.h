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

/* What a format writes in place of a character that means something in it; the last row is { 0 }. */
typedef struct em_escape { char c; const char *as; } em_escape;

enum { EM_LABEL_BYTES = 2048, EM_ESCAPED_BYTES = 5 * EM_LABEL_BYTES };      /* "&amp;" is the longest */

/* All of it on one line: tabs and line ends become spaces, other control characters and broken UTF-8 '?'; what is beyond
 * EM_LABEL_BYTES is cut. Takes EM_ESCAPED_BYTES at most. escapes may be NULL. */
void em_line_put_label(em_line *l, const char *label, const em_escape *escapes);

/* The label of an event; with has_source "dog.wav: Bark". Takes twice EM_ESCAPED_BYTES and 2 at most. */
void em_line_put_sound(em_line *l, const em_event *e, bool has_source, const em_escape *escapes);

/* h:mm:ss or m:ss, with as many decimals (1 to 3) as the time has. */
void em_line_put_time(em_line *l, double seconds);

/* The same sound, its time and wall clock those of its onset. */
em_event em_line_onset(const em_event *e);

/* The event's time as cfg.time_format says (sink.h). */
void em_line_put_stamp(em_line *l, const em_event *e, const char *format, int rate_hz);

#endif
