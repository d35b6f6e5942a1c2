/* page.h - a page to draw on with cairo, its text and its axes: for the modules that draw (library em_page).
 *
 * A page is opened, text is measured on it, its size is set, then it is drawn on and closed. Lengths are points, two pixels of a
 * PNG each; y goes down. */
#ifndef EM_BASE_PAGE_H
#define EM_BASE_PAGE_H

#include "base/status.h"

#include <cairo.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct em_page {
    const char      *path;
    bool             is_svg;
    cairo_surface_t *surface;
    cairo_t         *cr;            /* draw with it                   */
    unsigned char   *bytes;         /* [n] of the file, so far        */
    size_t           n, room;
} em_page;

/* EM_EINVAL: path ends neither in .svg nor in .png. */
em_status em_page_check(const char *path, em_err *err);

/* EM_EINVAL: path ends neither in .svg nor in .png. The caller, who must not move *page, ends it with em_page_close or
 * em_page_drop. */
em_status em_page_open(em_page *page, const char *path, em_err *err);

/* White paper of that size; nothing may be drawn before. */
void em_page_size(em_page *page, double width, double height);

/* Makes page->bytes[n] the whole file's, which are valid until em_page_drop. EM_EIO, EM_ENOMEM. */
em_status em_page_render(em_page *page, em_err *err);

/* Writes the file, and frees all. */
em_status em_page_close(em_page *page, em_err *err);

/* Frees all and writes nothing. */
void em_page_drop(em_page *page);

typedef enum em_ink { EM_INK_TEXT, EM_INK_MUTED, EM_INK_AXIS, EM_INK_GRID, EM_INK_PAPER, EM_INK_COUNT } em_ink;
void em_page_ink(em_page *page, em_ink ink);
void em_page_grey(em_page *page, double alpha);     /* shines through: of many lines, where most of them lie */

/* Colour i of those that colour-blind people can tell apart; the same again, from EM_COLOURS on, with dashes. */
enum { EM_COLOURS = 6 };
void em_page_colour(em_page *page, int i, double alpha);

typedef struct em_lettering {
    double size, align, turn;       /* align 0 left … 1 right; turn in radians */
    bool   is_bold;
} em_lettering;

/* Text in the current colour, its baseline at x, y. Control characters are replaced. */
void   em_page_text(em_page *page, double x, double y, em_lettering how, const char *text);
double em_page_text_width(em_page *page, em_lettering how, const char *text);

/* The text cut to `width`, with "…" at its end; returns out. */
enum { EM_FITTED = 256 };
const char *em_page_fit(em_page *page, char out[EM_FITTED], em_lettering how, const char *text, double width);

/* Title at the top left, cut to the width. */
void em_page_title(em_page *page, const char *title, double width);
enum { EM_TITLE_ROOM = 52 };        /* height that it takes */

/* A rectangle of the page on which numbers have places. */
typedef struct em_axes {
    double x, y, width, height;     /* of the page                                  */
    double x0, x1, y0, y1;          /* numbers at left, right, bottom, top          */
    bool   is_log;                  /* y is drawn by its logarithm: y0 > 0          */
    bool   is_whole;                /* x has whole numbers only                     */
    bool   is_time;                 /* x is seconds, shown as m:ss                  */
} em_axes;

double em_axes_x(const em_axes *a, double x);
double em_axes_y(const em_axes *a, double y);

/* Grid, ticks and their numbers, names; x_name NULL: without the numbers below. */
void em_axes_draw(em_page *page, const em_axes *axes, const char *x_name, const char *y_name);

/* Their parts: lines of the grid at round values of x, with or without numbers below; one of y, with its text. */
void em_axes_ticks_x(em_page *page, const em_axes *axes, bool has_numbers);
void em_axes_tick_y(em_page *page, const em_axes *axes, double y, const char *text);

/* Whether a range is too narrow for ticks. */
bool em_axes_is_flat(double least, double most);

/* Widens y0..y1 so that the curve does not touch the frame, and ends at round numbers. */
void em_axes_round(em_axes *axes);

#endif
