/* plot_training.c - loss, validation and learning rate over steps, one panel below the other. See plot.h.
 *
 * A long run has more steps than the page has points: they are drawn in pieces, the mean as a line in the range as a band. */
#include "train/plot_ops.h"
#include "base/page.h"

#include <math.h>
#include <stdio.h>

enum { PIECES = 400 };

static const double width = 860, left = 84, right = 30, gap = 26;

typedef struct curve { const double *x, *y; int n; } curve;

typedef enum panel { LOSS, VALIDATION, RATE, PANELS } panel;

/* A panel's height, from how many times the smallest number on the largest lets it be logarithmic, and its first curve's colour. */
static const struct { double height, may_be_log; int colour; } kinds[PANELS] = {
    [LOSS] = { 220, 20, 0 }, [VALIDATION] = { 180, INFINITY, 2 }, [RATE] = { 110, INFINITY, 3 },
};

typedef struct picture {
    em_page page;
    const em_training_curves *in;
    curve   curves[PANELS][2];
    em_axes axes[PANELS];           /* height 0: nothing to draw there           */
    panel   last;                   /* of those that are drawn                   */
    double  x0, x1, y;              /* range of x; where the next panel would begin */
} picture;

/* Numbers that can be drawn; on a logarithmic scale only those above 0. */
static bool is_drawn(const curve *c, int i, bool is_log)
{
    return isfinite(c->x[i]) && isfinite(c->y[i]) && (!is_log || c->y[i] > 0);
}

static void widen(double *least, double *most, double x)
{
    *least = fmin(*least, x);
    *most = fmax(*most, x);
}

static void range_x(picture *p, const double *x, int n)
{
    for (int i = 0; x && i < n; i++)
        if (isfinite(x[i]))
            widen(&p->x0, &p->x1, x[i]);
}

static void find_range_x(picture *p)
{
    p->x0 = INFINITY;
    p->x1 = -INFINITY;
    range_x(p, p->in->x, p->in->n);
    range_x(p, p->in->valid_x, p->in->n_valid);
    if (!(p->x0 <= p->x1))
        p->x0 = 0, p->x1 = 1;
    if (em_axes_is_flat(p->x0, p->x1)) {
        const double half = fmax(1, fabs(p->x0) / 2);
        p->x0 -= half;
        p->x1 += half;
    }
}

/* Axes of panel k below the others, or none. */
static void make_axes(picture *p, panel k)
{
    const double height = kinds[k].height;
    double least = INFINITY, most = -INFINITY;
    em_axes *a = &p->axes[k];

    for (int c = 0; c < 2; c++)
        for (int i = 0; i < p->curves[k][c].n; i++)
            if (is_drawn(&p->curves[k][c], i, false))
                widen(&least, &most, p->curves[k][c].y[i]);
    if (!(least <= most))
        return;
    *a = (em_axes){ .x = left, .y = p->y, .width = width - left - right, .height = height, .x0 = p->x0, .x1 = p->x1,
                    .y0 = k == RATE ? fmin(least, 0) : least, .y1 = most, .is_whole = true,
                    .is_log = least > 0 && most / least >= kinds[k].may_be_log };
    em_axes_round(a);
    p->last = k;
    p->y += height + gap;
}

static curve curve_of(const double *x, const double *y, int n)
{
    return (curve){ x, y, x && y ? n : 0 };
}

static void lay_out(picture *p)
{
    const em_training_curves *in = p->in;

    p->curves[LOSS][0] = curve_of(in->x, in->loss, in->n);
    p->curves[LOSS][1] = curve_of(in->valid_x, in->valid_loss, in->n_valid);
    p->curves[VALIDATION][0] = curve_of(in->valid_x, in->valid, in->n_valid);
    p->curves[VALIDATION][1] = curve_of(in->valid_x, in->also, in->n_valid);
    p->curves[RATE][0] = curve_of(in->x, in->rate, in->n);
    find_range_x(p);
    p->y = EM_TITLE_ROOM + 8;
    for (int k = 0; k < PANELS; k++)
        make_axes(p, k);
}

/* One of the pieces into which the panel's width is cut. */
typedef struct piece { double x, mean, least, most; int n; } piece;

static void gather(piece pieces[PIECES], const em_axes *a, const curve *c)
{
    for (int k = 0; k < PIECES; k++)
        pieces[k] = (piece){ .least = INFINITY, .most = -INFINITY };
    for (int i = 0; i < c->n; i++) {
        piece *one;

        if (!is_drawn(c, i, a->is_log))
            continue;
        one = &pieces[(int)fmin(PIECES - 1, (c->x[i] - a->x0) / (a->x1 - a->x0) * PIECES)];
        one->n++;
        one->x += (c->x[i] - one->x) / one->n;
        one->mean += (c->y[i] - one->mean) / one->n;
        widen(&one->least, &one->most, c->y[i]);
    }
}

static void draw_band(picture *p, const em_axes *a, const piece pieces[PIECES], int colour)
{
    em_page_colour(&p->page, colour, 0.22);
    for (int k = 0; k < PIECES; k++)
        if (pieces[k].n > 0)
            cairo_line_to(p->page.cr, em_axes_x(a, pieces[k].x), em_axes_y(a, pieces[k].most));
    for (int k = PIECES - 1; k >= 0; k--)
        if (pieces[k].n > 0)
            cairo_line_to(p->page.cr, em_axes_x(a, pieces[k].x), em_axes_y(a, pieces[k].least));
    cairo_fill(p->page.cr);
}

static void draw_long(picture *p, const em_axes *a, const curve *c, int colour)
{
    piece pieces[PIECES];

    gather(pieces, a, c);
    draw_band(p, a, pieces, colour);
    em_page_colour(&p->page, colour, 1);
    for (int k = 0; k < PIECES; k++)
        if (pieces[k].n > 0)
            cairo_line_to(p->page.cr, em_axes_x(a, pieces[k].x), em_axes_y(a, pieces[k].mean));
    cairo_stroke(p->page.cr);
}

/* Every number; a point where few are too far apart for a line alone. */
static void draw_short(picture *p, const em_axes *a, const curve *c, int colour)
{
    em_page_colour(&p->page, colour, 1);
    for (int i = 0; i < c->n; i++) {
        if (is_drawn(c, i, a->is_log))
            cairo_line_to(p->page.cr, em_axes_x(a, c->x[i]), em_axes_y(a, c->y[i]));
        else
            cairo_new_sub_path(p->page.cr);
    }
    cairo_stroke(p->page.cr);
    for (int i = 0; i < c->n && c->n <= 60; i++)
        if (is_drawn(c, i, a->is_log)) {
            cairo_arc(p->page.cr, em_axes_x(a, c->x[i]), em_axes_y(a, c->y[i]), 2.4, 0, 2 * M_PI);
            cairo_fill(p->page.cr);
        }
}

static void draw_curve(picture *p, const em_axes *a, const curve *c, int colour)
{
    cairo_save(p->page.cr);
    cairo_rectangle(p->page.cr, a->x - 3, a->y - 3, a->width + 6, a->height + 6);
    cairo_clip(p->page.cr);
    cairo_set_line_width(p->page.cr, 1.6);
    cairo_set_line_join(p->page.cr, CAIRO_LINE_JOIN_ROUND);
    if (c->n > PIECES)
        draw_long(p, a, c, colour);
    else
        draw_short(p, a, c, colour);
    cairo_restore(p->page.cr);
}

/* Names of curves at the panel's upper right, from the right. */
static void draw_legend(picture *p, panel k, const char *const *names, int n)
{
    const em_axes *a = &p->axes[k];
    const em_lettering how = { .size = 11 };
    double x = a->x + a->width;

    for (int c = n - 1; c >= 0; c--) {
        x -= em_page_text_width(&p->page, how, names[c]);
        em_page_ink(&p->page, EM_INK_TEXT);
        em_page_text(&p->page, x, a->y - 7, how, names[c]);
        em_page_colour(&p->page, kinds[k].colour + c, 1);
        cairo_set_line_width(p->page.cr, 2);
        cairo_move_to(p->page.cr, x - 26, a->y - 11);
        cairo_line_to(p->page.cr, x - 6, a->y - 11);
        cairo_stroke(p->page.cr);
        x -= 44;
    }
}

/* A ring around the highest number of the first curve; text says what it is, "" when there is none. */
static void draw_best(picture *p, const em_axes *a, const curve *c, char *text, size_t room)
{
    int best = -1;

    text[0] = '\0';
    for (int i = 0; i < c->n; i++)
        if (is_drawn(c, i, false) && (best < 0 || c->y[i] > c->y[best]))
            best = i;
    if (best < 0)
        return;
    em_page_colour(&p->page, 1, 1);
    cairo_set_line_width(p->page.cr, 1.6);
    cairo_arc(p->page.cr, em_axes_x(a, c->x[best]), em_axes_y(a, c->y[best]), 5, 0, 2 * M_PI);
    cairo_stroke(p->page.cr);
    snprintf(text, room, "best %.4g at %s %.9g", c->y[best], p->in->x_name, c->x[best]);
}

/* What is said above the panel of the validation. */
static void remark_validation(picture *p)
{
    const em_axes *a = &p->axes[VALIDATION];
    char best[96], name[128];
    const char *names[] = { name, p->in->also_name };

    draw_best(p, a, &p->curves[VALIDATION][0], best, sizeof best);
    if (p->in->also) {
        snprintf(name, sizeof name, "%s%s%s", p->in->valid_name, best[0] ? ", " : "", best);
        draw_legend(p, VALIDATION, names, 2);
    } else {
        em_page_ink(&p->page, EM_INK_TEXT);
        em_page_text(&p->page, a->x + a->width, a->y - 7, (em_lettering){ .size = 11, .align = 1 }, best);
    }
}

static void draw_panel(picture *p, panel k)
{
    static const char *const loss_names[] = { "training", "validation" };
    const char *names[PANELS] = { "loss", p->in->valid_name && !p->in->also ? p->in->valid_name : "validation", "learning rate" };

    em_axes_draw(&p->page, &p->axes[k], k == p->last ? p->in->x_name : NULL, names[k]);
    for (int c = 0; c < 2; c++)
        draw_curve(p, &p->axes[k], &p->curves[k][c], kinds[k].colour + c);
    if (k == LOSS && p->curves[LOSS][1].n > 0)
        draw_legend(p, LOSS, loss_names, 2);
    if (k == VALIDATION)
        remark_validation(p);
}

em_status em_cairo_training(const char *path, const char *title, const em_training_curves *curves, em_err *err)
{
    picture p = { .in = curves };
    em_status status = em_page_open(&p.page, path, err);

    if (status != EM_OK)
        return status;
    lay_out(&p);
    em_page_size(&p.page, width, p.y - gap + 54);
    em_page_title(&p.page, title, width);
    for (int k = 0; k < PANELS; k++)
        if (p.axes[k].height > 0)
            draw_panel(&p, k);
    return em_page_close(&p.page, err);
}
