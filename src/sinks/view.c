/* view.c - draws the whole view into one buffer, cell by cell, so that it leaves in one write: see view.h. */
#include "sinks/view.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_WIDTH = 240,                /* columns used of a wider terminal           */
    LINE_BYTES = MAX_WIDTH * 4 + 64,
    LABEL_COLS = 30,
    METER_COLS = 24,
    HEAD_COLS = 20,                 /* name and time need them: without, no meter  */
};

static const double METER_FLOOR_DB = -60;

size_t em_view_room(const em_view_cfg *cfg)
{
    return (size_t)(cfg->n_rows + EM_RECENT + 3) * LINE_BYTES;
}

/* Puts s cut or filled up to exactly `cols` characters. One character counts as one column. */
static void put_cell(em_line *l, const char *s, int cols)
{
    char clean[LINE_BYTES];
    const char *p = em_text_clean(clean, sizeof clean, s);

    for (int i = 0; i < cols; i++) {
        size_t n = *p ? em_utf8_length(p) : 0;

        em_line_put(l, "%.*s", n ? (int)n : 1, n ? p : " ");
        p += n;
    }
}

static void put_color(em_line *l, const em_view *v, const char *code)
{
    if (v->cfg.has_color)
        em_line_put(l, "\x1b[%sm", code);
}

/* share of `cols` columns, filled in eighths where the terminal can show them. */
static void put_bar(em_line *l, const em_view *v, double share, int cols)
{
    static const char *const eighth[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    int eighths = (int)lround(fmin(fmax(share, 0), 1) * cols * 8);
    int full = v->cfg.has_utf8 ? eighths / 8 : (eighths + 4) / 8;
    int rest = v->cfg.has_utf8 ? eighths % 8 : 0;

    for (int i = 0; i < full; i++)
        em_line_put(l, "%s", v->cfg.has_utf8 ? "█" : "#");
    em_line_put(l, "%s", eighth[rest]);
    em_line_put(l, "%*s", cols - full - (rest > 0), "");
}

static void end_line(em_view *v, em_line *l)
{
    em_line_put(l, "\x1b[K\n");
    v->n_drawn++;
}

static const char *level_color(float peak_dbfs)
{
    return peak_dbfs > -1 ? "31" : peak_dbfs > -12 ? "33" : "32";
}

static void draw_head(em_view *v, em_line *l, const em_view_state *s, int width)
{
    char text[256], level[32];
    em_line head = { text, 0, sizeof text };
    int left = width - METER_COLS - 14;

    em_line_put_name(&head, s->source);
    em_line_put(&head, "  ");
    em_line_put_time(&head, s->time);
    if (!s->is_up)
        em_line_put(&head, "  no sound comes");
    else if (s->is_paused)
        em_line_put(&head, "  paused");
    else if (s->filled < 0.9995)
        em_line_put(&head, "  window %.0f %% filled", s->filled * 100);
    put_color(l, v, "1");
    put_cell(l, text, left >= HEAD_COLS ? left : width);
    put_color(l, v, "0");
    if (left >= HEAD_COLS) {
        snprintf(level, sizeof level, isfinite(s->rms_dbfs) ? "%6.1f dBFS " : "  -inf dBFS ", (double)s->rms_dbfs);
        put_cell(l, level, 12);
        em_line_put(l, "[");
        put_color(l, v, level_color(s->peak_dbfs));
        put_bar(l, v, 1 - (double)s->rms_dbfs / METER_FLOOR_DB, METER_COLS);
        put_color(l, v, "0");
        em_line_put(l, "]");
    }
    end_line(v, l);
}

static void draw_class(em_view *v, em_line *l, const em_view_state *s, int i, int width)
{
    int label_cols = width - 7 < LABEL_COLS ? width - 7 : LABEL_COLS;
    int bar_cols = width - label_cols - 8;
    char score[8];

    if (i < s->n && label_cols > 0) {
        float p = s->scores[s->top[i]];

        snprintf(score, sizeof score, " %4.2f ", (double)p);
        put_cell(l, score, 6);
        put_cell(l, s->classes->labels[s->top[i]], label_cols);
        if (bar_cols > 0) {
            em_line_put(l, " ");
            put_color(l, v, p >= 0.5f ? "32" : "36");
            put_bar(l, v, (double)p, bar_cols);
            put_color(l, v, "0");
        }
    }
    end_line(v, l);
}

/* "0:22.0 - 0:27.28  Helicopter 1.00"; one that is not over has no end yet. */
static void draw_sound(em_view *v, em_line *l, const em_recent *recent, int i, int width)
{
    char text[256];
    em_line line = { text, 0, sizeof text };

    text[0] = '\0';
    if (i < recent->n) {
        const em_recent_sound *s = &recent->sounds[i];

        em_line_put_time(&line, s->onset);
        em_line_put(&line, " - ");
        if (s->is_over)
            em_line_put_time(&line, s->offset);
        else
            em_line_put(&line, "...");
        em_line_put(&line, "  ");
        em_line_put_name(&line, s->label);
        em_line_put(&line, " %.2f", (double)s->score);
        put_color(l, v, s->is_over ? "2" : "1");
    }
    put_cell(l, text, width);
    put_color(l, v, "0");
    end_line(v, l);
}

void em_view_draw(em_view *v, em_line *l, const em_view_state *s, int width, int height)
{
    int rows = v->cfg.n_rows, n_sounds;

    /* A terminal of another width has wrapped the old lines anew; nobody knows where they are. */
    if (v->n_drawn && width != v->width)
        em_line_put(l, "\x1b[H\x1b[2J");
    else if (v->n_drawn)
        em_line_put(l, "\x1b[%dF", v->n_drawn);
    v->width = width;
    v->n_drawn = 0;
    width = width - 1 < MAX_WIDTH ? width - 1 : MAX_WIDTH;      /* the last column would wrap on some */
    if (rows > height - 3)
        rows = height > 3 ? height - 3 : 0;
    n_sounds = height - 3 - rows < EM_RECENT ? height - 3 - rows : EM_RECENT;
    draw_head(v, l, s, width);
    for (int i = 0; i < rows; i++)
        draw_class(v, l, s, i, width);
    for (int i = 0; i < n_sounds; i++)
        draw_sound(v, l, s->recent, i, width);
    put_color(l, v, "2");
    put_cell(l, s->status, width);
    put_color(l, v, "0");
    end_line(v, l);
    em_line_put(l, "\x1b[J");
}
