/* picture.h - a run as a picture: the sound as a spectrogram, and below it a lane a class, with its score as an area, its threshold as a
 * line and its events as bars. Inside the module earmark-picture.so; what it is drawn of is gathered by sink_picture.c. */
#ifndef EM_SINKS_PICTURE_H
#define EM_SINKS_PICTURE_H

#include "base/page.h"
#include "sinks/timeline.h"

/* A class or group that was told, or might have been. */
typedef struct em_picture_row {
    const char *label;              /* NULL: a group that was not heard of                     */
    bool   has_score;               /* a class: its scores are in row i of the scores          */
    float  threshold;               /* 0: none to draw                                         */
    float  best;                    /* of its events, else of its scores                       */
    int    n_events;
    double first_s, total_s;        /* of its events                                           */
} em_picture_row;

typedef struct em_picture {
    const char  *title, *subtitle;
    double       seconds;           /* of the stream                                           */
    em_timeline  sound;             /* a row a band: 1 + byte of a column (event.h)            */
    bool         has_sound;         /* false: the spectrogram is left out                      */
    const float *band_hz;           /* [sound.n_rows] the middle of each                       */
    em_timeline  scores;            /* a row a class: 1 + 254 times the score                  */
    em_timeline  events;            /* a row a class or group: 1 where it sounds               */
    const em_picture_row *rows;     /* [events.n_rows] classes first                           */
    const bool  *is_shown;          /* [scores.n_rows] may have a lane without an event; NULL: all */
} em_picture;

/* Draws and leaves the file's bytes in page->bytes; the caller ends the page, also after an error. Errors as page.h's. */
em_status em_picture_draw(em_page *page, const char *path, const em_picture *p, em_err *err);

#endif
