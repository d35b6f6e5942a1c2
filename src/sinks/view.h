/* view.h - the live view of a terminal: a head with the level, one bar a class, the last events, a status line. It is redrawn
 * in place; no line is ever wider than the terminal is at that moment, and the cursor is left below it. */
#ifndef EM_SINKS_VIEW_H
#define EM_SINKS_VIEW_H

#include "base/event.h"
#include "sinks/line.h"
#include "sinks/recent.h"

#include <stdbool.h>

typedef struct em_view_cfg {
    bool has_color, has_utf8;
    int  n_rows;                    /* bars; fewer classes leave empty rows, so that nothing jumps */
} em_view_cfg;

typedef struct em_view {
    em_view_cfg cfg;
    int n_drawn;                    /* lines on the screen, 0: nothing yet      */
    int width;                      /* of the terminal when they were drawn     */
} em_view;

typedef struct em_view_state {
    const char *source, *status;    /* status: what the last line says          */
    bool   is_up, is_paused;
    double time, filled;
    float  rms_dbfs, peak_dbfs;
    int    n;                       /* classes to show                          */
    const int   *top;               /* [n] which                                */
    const float *scores;            /* [n_classes]                              */
    const em_classes *classes;
    const em_recent  *recent;       /* the last events                          */
} em_view_state;

/* Bytes that one drawing needs at most. */
size_t em_view_room(const em_view_cfg *cfg);

/* Appends the whole drawing to l. width, height: of the terminal now. */
void em_view_draw(em_view *v, em_line *l, const em_view_state *s, int width, int height);

#endif
