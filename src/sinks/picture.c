/* picture.c - the page of a run: layout, spectrogram, lanes. See picture.h.
 *
 * A minute and a day have the same width: each point of it shows the most of what falls on it. */
#include "sinks/picture.h"

#include "base/event.h"
#include "sinks/heat.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_LANES = 24, FEW_LANES = 5, PIXELS = 2 };            /* pixels of a spectrogram's point, in PNG's measure */

static const double width = 1000, left = 214, right = 92, below = 48;
static const double sound_height = 192, lane_height = 26, lane_gap = 9, bar_height = 5, key_width = 9;
static const double range_db = 70, floor_db = -100;

typedef struct drawing {
    em_page *page;
    const em_picture *p;
    int    lanes[MOST_LANES], n_lanes, n_left_out;
    em_axes sound;                  /* height 0: there is none                           */
    em_axes all;                    /* everything over time, for the grid and the times  */
    double lanes_y;
} drawing;

/* ------------------------------------------------------------------ which lanes */

static bool is_lane(const drawing *d, int row)
{
    for (int i = 0; i < d->n_lanes; i++)
        if (d->lanes[i] == row)
            return true;
    return false;
}

/* The row with the most seconds of events, or without events the best score, that has no lane yet; -1: none. */
static int next_lane(const drawing *d, bool is_told)
{
    const em_picture *p = d->p;
    int best = -1;

    for (int i = 0; i < p->events.n_rows; i++) {
        const em_picture_row *r = &p->rows[i];
        const bool may = is_told ? r->n_events > 0 : r->n_events == 0 && r->has_score && r->best > 0 && (!p->is_shown || p->is_shown[i]);

        if (may && r->label && !is_lane(d, i) &&
            (best < 0 || (is_told ? r->total_s > p->rows[best].total_s : r->best > p->rows[best].best)))
            best = i;
    }
    return best;
}

static bool comes_before(const em_picture_row *a, const em_picture_row *b)
{
    if ((a->n_events > 0) != (b->n_events > 0))
        return a->n_events > 0;
    return a->n_events > 0 ? a->first_s < b->first_s : a->best > b->best;
}

/* Those that were told, in the order in which they were first heard, then the best others, if those are few. */
static void choose_lanes(drawing *d)
{
    int row;

    while (d->n_lanes < MOST_LANES && (row = next_lane(d, true)) >= 0)
        d->lanes[d->n_lanes++] = row;
    while (d->n_lanes < FEW_LANES && (row = next_lane(d, false)) >= 0)
        d->lanes[d->n_lanes++] = row;
    for (int i = 0; i < d->p->events.n_rows; i++)
        d->n_left_out += d->p->rows[i].n_events > 0 && !is_lane(d, i);
    for (int i = 1; i < d->n_lanes; i++)
        for (int k = i; k > 0 && comes_before(&d->p->rows[d->lanes[k]], &d->p->rows[d->lanes[k - 1]]); k--) {
            const int other = d->lanes[k];

            d->lanes[k] = d->lanes[k - 1];
            d->lanes[k - 1] = other;
        }
}

static double lane_y(const drawing *d, int i)
{
    return d->lanes_y + i * (lane_height + lane_gap);
}

static double lay_out(drawing *d)
{
    double y = EM_TITLE_ROOM + 18;

    d->all = (em_axes){ .x = left, .y = y, .width = width - left - right, .x1 = fmax(d->p->seconds, 0.1), .y1 = 1, .is_time = true };
    d->sound = d->all;
    if (d->p->has_sound) {
        d->sound.height = sound_height;
        d->sound.y1 = d->p->sound.n_rows;
        y += sound_height + 34;
    }
    d->lanes_y = y;
    y += d->n_lanes > 0 ? d->n_lanes * (lane_height + lane_gap) - lane_gap : 20;
    d->all.height = y - d->all.y;
    return y + below + (d->n_left_out > 0 ? 16 : 0);
}

/* ------------------------------------------------------------------ the spectrogram */

static double loudest_db(const em_timeline *t)
{
    int most = 1;

    for (size_t i = 0; i < (size_t)t->n_used * (size_t)t->n_rows; i++)
        most = t->cells[i] > most ? t->cells[i] : most;
    return floor_db + (double)EM_COLUMN_DB * (most - 1);
}

static void put_pixel(unsigned char *at, const unsigned char rgb[3])
{
    const uint32_t pixel = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];

    memcpy(at, &pixel, sizeof pixel);                           /* cairo's, in the machine's byte order */
}

/* One pixel a band; what is not known stays paper. */
static void fill_image(cairo_surface_t *image, const drawing *d, double top_db)
{
    const em_timeline *t = &d->p->sound;
    const int w = cairo_image_surface_get_width(image), stride = cairo_image_surface_get_stride(image);
    static const unsigned char paper[3] = { 255, 255, 255 };
    unsigned char heat[256][3], *bytes;

    for (int v = 1; v < 256; v++)
        em_heat(heat[v], (floor_db + (double)EM_COLUMN_DB * (v - 1) - (top_db - range_db)) / range_db);
    memcpy(heat[0], paper, sizeof paper);
    cairo_surface_flush(image);
    if (!(bytes = cairo_image_surface_get_data(image)))
        return;
    for (int x = 0; x < w; x++)
        for (int band = 0; band < t->n_rows; band++)
            put_pixel(bytes + (size_t)(t->n_rows - 1 - band) * (size_t)stride + 4 * (size_t)x,
                      heat[em_timeline_most(t, band, d->all.x1 * x / w, d->all.x1 * (x + 1) / w)]);
    cairo_surface_mark_dirty(image);
}

static void draw_image(const drawing *d, cairo_surface_t *image, double x, double y, double w, double h)
{
    cairo_t *cr = d->page->cr;

    cairo_save(cr);
    cairo_rectangle(cr, x, y, w, h);
    cairo_clip(cr);
    cairo_translate(cr, x, y);
    cairo_scale(cr, w / cairo_image_surface_get_width(image), h / cairo_image_surface_get_height(image));
    cairo_set_source_surface(cr, image, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_NEAREST);
    cairo_paint(cr);
    cairo_restore(cr);
    cairo_surface_destroy(image);
}

/* Where a frequency lies among the middles of the bands, the lowest at 0.5; -1: outside. */
static double place_of(const drawing *d, double hz)
{
    const float *at = d->p->band_hz;

    for (int i = 0; i + 1 < d->p->sound.n_rows; i++)
        if (hz >= (double)at[i] && hz <= (double)at[i + 1] && at[i + 1] > at[i])
            return i + 0.5 + (hz - (double)at[i]) / (double)(at[i + 1] - at[i]);
    return -1;
}

static void draw_frequencies(const drawing *d)
{
    static const struct { double hz; const char *text; } ticks[] = {
        { 200, "200" }, { 500, "500" }, { 1000, "1 k" }, { 2000, "2 k" }, { 4000, "4 k" }, { 8000, "8 k" }, { 16000, "16 k" },
    };

    for (size_t i = 0; i < EM_COUNT(ticks); i++) {
        const double at = place_of(d, ticks[i].hz);

        if (at >= 0)
            em_axes_tick_y(d->page, &d->sound, at, ticks[i].text);
    }
    em_page_ink(d->page, EM_INK_TEXT);
    em_page_text(d->page, left - 46, d->sound.y + sound_height / 2, (em_lettering){ .size = 12, .align = .5, .turn = -M_PI / 2 }, "Hz");
}

/* What the colours mean, beside it. */
static void draw_key(const drawing *d, double top_db)
{
    cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 128);
    const double x = width - right + 12, y = d->sound.y;
    const em_lettering how = { .size = 11 };
    unsigned char *bytes = cairo_image_surface_get_data(image), rgb[3];
    char text[32];

    for (int i = 0; bytes && i < 128; i++) {
        em_heat(rgb, 1 - i / 127.);
        put_pixel(bytes + (size_t)i * (size_t)cairo_image_surface_get_stride(image), rgb);
    }
    cairo_surface_mark_dirty(image);
    draw_image(d, image, x, y, key_width, sound_height);
    em_page_ink(d->page, EM_INK_MUTED);
    for (int i = 0; i <= 2; i++) {
        snprintf(text, sizeof text, i == 0 ? "%.0f dB" : "%.0f", top_db - range_db * i / 2 + 0.0);
        em_page_text(d->page, x + key_width + 5, y + (i == 0 ? 9 : i == 1 ? sound_height / 2 + 4 : sound_height), how, text);
    }
}

static void draw_sound(const drawing *d)
{
    const double top_db = fmax(ceil(loudest_db(&d->p->sound) / 10) * 10, floor_db + range_db);
    cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(d->all.width * PIXELS), d->p->sound.n_rows);

    draw_frequencies(d);
    fill_image(image, d, top_db);
    draw_image(d, image, d->sound.x, d->sound.y, d->sound.width, sound_height);
    draw_key(d, top_db);
    em_page_ink(d->page, EM_INK_AXIS);
    cairo_rectangle(d->page->cr, d->sound.x - .5, d->sound.y - .5, d->sound.width + 1, sound_height + 1);
    cairo_stroke(d->page->cr);
}

/* ------------------------------------------------------------------ the lanes */

/* The k-th of `n` pieces of the width, in seconds. */
static double piece_s(const drawing *d, int k, int n)
{
    return d->all.x1 * k / n;
}

/* A point of the curve only where it changes: a minute has few. */
static void trace_score(const drawing *d, int row, double foot)
{
    const int n = (int)d->all.width;
    double last = -1;

    cairo_move_to(d->page->cr, left, foot);
    for (int k = 0; k < n; k++) {
        const int byte = em_timeline_most(&d->p->scores, row, piece_s(d, k, n), piece_s(d, k + 1, n));
        const double y = foot - lane_height * (byte > 0 ? byte - 1 : 0) / 254.;

        if (y != last && last >= 0)
            cairo_line_to(d->page->cr, left + k, last);
        if (y != last)
            cairo_line_to(d->page->cr, left + k, y);
        last = y;
    }
    cairo_line_to(d->page->cr, left + n, last);
    cairo_line_to(d->page->cr, left + n, foot);
    cairo_close_path(d->page->cr);
}

/* One bar for pieces that touch. */
static void draw_bars(const drawing *d, int row, double foot)
{
    const int n = (int)d->all.width * PIXELS;

    for (int k = 0, begin = -1; k <= n; k++) {
        const bool sounds = k < n && em_timeline_most(&d->p->events, row, piece_s(d, k, n), piece_s(d, k + 1, n)) > 0;

        if (sounds && begin < 0)
            begin = k;
        if (!sounds && begin >= 0) {
            cairo_rectangle(d->page->cr, left + (double)begin / PIXELS, foot, fmax(k - begin, 2) / (double)PIXELS, bar_height);
            begin = -1;
        }
    }
    cairo_fill(d->page->cr);
}

static void draw_words(const drawing *d, const em_picture_row *r, double y)
{
    const em_lettering name = { .size = 12, .align = 1, .is_bold = r->n_events > 0 }, number = { .size = 11, .align = 1 };
    char fitted[EM_FITTED], text[32];

    em_page_ink(d->page, r->n_events > 0 ? EM_INK_TEXT : EM_INK_MUTED);
    em_page_text(d->page, left - 10, y + lane_height / 2 + 6, name, em_page_fit(d->page, fitted, name, r->label, left - 24));
    em_page_ink(d->page, EM_INK_MUTED);
    if (r->n_events > 0) {
        snprintf(text, sizeof text, "%d", r->n_events);
        em_page_text(d->page, width - right + 38, y + lane_height / 2 + 6, number, text);
    }
    snprintf(text, sizeof text, "%.2f", (double)r->best);
    em_page_text(d->page, width - right + 74, y + lane_height / 2 + 6, number, text);
}

static void draw_lane(const drawing *d, int i)
{
    const em_picture_row *r = &d->p->rows[d->lanes[i]];
    const double y = lane_y(d, i), foot = y + lane_height;
    cairo_t *cr = d->page->cr;

    if (r->has_score) {
        trace_score(d, d->lanes[i], foot);
        em_page_colour(d->page, i % EM_COLOURS, r->n_events > 0 ? 0.35 : 0.2);
        cairo_fill(cr);
    }
    em_page_ink(d->page, EM_INK_AXIS);
    cairo_set_line_width(cr, 0.7);
    cairo_move_to(cr, left, foot);
    cairo_line_to(cr, left + d->all.width, foot);
    cairo_stroke(cr);
    if (r->has_score && r->threshold > 0) {
        static const double dash[] = { 2, 3 };

        cairo_set_dash(cr, dash, 2, 0);
        cairo_move_to(cr, left, foot - lane_height * (double)r->threshold);
        cairo_line_to(cr, left + d->all.width, foot - lane_height * (double)r->threshold);
        cairo_stroke(cr);
        cairo_set_dash(cr, NULL, 0, 0);
    }
    em_page_colour(d->page, i % EM_COLOURS, 1);
    draw_bars(d, d->lanes[i], foot);
    draw_words(d, r, y);
}

static void draw_lanes(const drawing *d)
{
    const em_lettering head = { .size = 11, .align = 1 };
    char text[80];

    em_page_ink(d->page, EM_INK_MUTED);
    if (d->n_lanes == 0)
        em_page_text(d->page, left + d->all.width / 2, d->lanes_y + 14, (em_lettering){ .size = 12, .align = .5 }, "nothing was scored");
    else {
        em_page_text(d->page, width - right + 42, d->lanes_y - 8, head, "events");
        em_page_text(d->page, width - right + 74, d->lanes_y - 8, head, "best");
    }
    for (int i = 0; i < d->n_lanes; i++)
        draw_lane(d, i);
    if (d->n_left_out == 0)
        return;
    snprintf(text, sizeof text, "%d more that sounded for less time are left out", d->n_left_out);
    em_page_ink(d->page, EM_INK_MUTED);
    em_page_text(d->page, left, d->all.y + d->all.height + 40, (em_lettering){ .size = 11 }, text);
}

em_status em_picture_draw(em_page *page, const char *path, const em_picture *p, em_err *err)
{
    drawing d = { .page = page, .p = p };
    em_status status = em_page_open(page, path, err);
    char fitted[EM_FITTED];
    const em_lettering small = { .size = 12 };

    if (status != EM_OK)
        return status;
    choose_lanes(&d);
    em_page_size(page, width, lay_out(&d));
    em_page_title(page, p->title, width);
    em_page_ink(page, EM_INK_MUTED);
    em_page_text(page, 20, 52, small, em_page_fit(page, fitted, small, p->subtitle, width - 40));
    em_axes_ticks_x(page, &d.all, true);
    if (p->has_sound)
        draw_sound(&d);
    draw_lanes(&d);
    return em_page_render(page, err);
}
