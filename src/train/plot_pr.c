/* plot_pr.c - precision over recall: every class in grey, some in colour, their mean in black. See plot.h. */
#include "train/plot_ops.h"
#include "base/page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { GRID = 200, MOST_SHOWN = 2 * EM_COLOURS };

static const double width = 900, side = 480, legend_x = 600, legend_width = 280, row_height = 22;

typedef struct picture {
    em_page page;
    em_axes axes;
    const em_scored *set;
    const char *const *classes;
    double *ap;                     /* [n_classes] NAN: no positives              */
    int    *n_positives;            /* [n_classes]                                */
    double  mean[GRID + 1];         /* precision at recall i / GRID               */
    int     n_ranked;               /* classes with positives                     */
    int     shown[MOST_SHOWN], n_shown;
    double  legend_y;               /* of its next row                            */
} picture;

/* Steps: up to a row's recall its precision holds. Rows that move less than a third of a point are passed over. */
static void trace(picture *p, const em_ranking *r)
{
    cairo_t *cr = p->page.cr;
    double last_x = p->axes.x, last_y = -1;

    for (int i = 0; i < r->n_rows; i++) {
        const double recall = (double)r->rows[i].n_hits / r->n_positives;
        const double x = em_axes_x(&p->axes, recall), y = em_axes_y(&p->axes, (double)r->rows[i].n_hits / r->rows[i].n_said);

        if (r->rows[i].n_hits == (i > 0 ? r->rows[i - 1].n_hits : 0))
            continue;
        if (last_y >= 0 && x - last_x < 0.33 && fabs(y - last_y) < 0.33 && r->rows[i].n_hits < r->n_positives)
            continue;
        if (last_y < 0)
            cairo_move_to(cr, last_x, y);
        else
            cairo_line_to(cr, last_x, y);
        cairo_line_to(cr, x, y);
        last_x = x;
        last_y = y;
    }
    cairo_stroke(cr);
}

static em_status draw_class(picture *p, int c, em_err *err)
{
    em_ranking r;
    const em_status status = em_ranking_init(&r, p->set, c, err);

    if (status == EM_OK && r.n_positives > 0)
        trace(p, &r);
    em_ranking_deinit(&r);
    return status;
}

/* Ranks each class once: its average precision, its part of the mean, and its curve in grey. */
static em_status draw_all(picture *p, em_err *err)
{
    cairo_set_line_width(p->page.cr, 0.7);
    em_page_grey(&p->page, fmin(0.5, fmax(0.07, 10. / p->set->n_classes)));
    for (int c = 0; c < p->set->n_classes; c++) {
        em_ranking r;
        const em_status status = em_ranking_init(&r, p->set, c, err);

        if (status == EM_OK) {
            p->n_positives[c] = r.n_positives;
            p->ap[c] = em_ranking_ap(&r);
        }
        if (status == EM_OK && r.n_positives > 0) {
            trace(p, &r);
            p->n_ranked++;
            for (int i = 0; i <= GRID; i++)
                p->mean[i] += em_ranking_precision(&r, (double)i / GRID);
        }
        em_ranking_deinit(&r);
        if (status != EM_OK)
            return status;
    }
    for (int i = 0; i <= GRID; i++)
        p->mean[i] /= p->n_ranked;
    return EM_OK;
}

static bool is_shown(const picture *p, int c)
{
    for (int i = 0; i < p->n_shown; i++)
        if (p->shown[i] == c)
            return true;
    return false;
}

/* The class with the most positives that is not shown yet; -1: none. */
static int next_class(const picture *p)
{
    int best = -1;

    for (int c = 0; c < p->set->n_classes; c++)
        if (p->n_positives[c] > 0 && !is_shown(p, c) && (best < 0 || p->n_positives[c] > p->n_positives[best]))
            best = c;
    return best;
}

/* Picks by positives, then sorts by average precision, so that the legend goes down as the curves do. */
static void pick(picture *p, int n)
{
    int c;

    while (p->n_shown < n && (c = next_class(p)) >= 0)
        p->shown[p->n_shown++] = c;
    for (int i = 1; i < p->n_shown; i++)
        for (int k = i; k > 0 && p->ap[p->shown[k]] > p->ap[p->shown[k - 1]]; k--) {
            const int other = p->shown[k];
            p->shown[k] = p->shown[k - 1];
            p->shown[k - 1] = other;
        }
}

/* Draws a piece of line in the current colour and width, then name and number in ink. */
static void legend(picture *p, const char *name, double number, bool is_bold)
{
    const em_lettering left = { .size = 12, .is_bold = is_bold }, right = { .size = 12, .align = 1, .is_bold = is_bold };
    char fitted[EM_FITTED], text[16];
    const double y = p->legend_y;

    cairo_move_to(p->page.cr, legend_x, y - 4);
    cairo_line_to(p->page.cr, legend_x + 26, y - 4);
    cairo_stroke(p->page.cr);
    cairo_set_dash(p->page.cr, NULL, 0, 0);
    em_page_ink(&p->page, EM_INK_TEXT);
    em_page_text(&p->page, legend_x + 36, y, left, em_page_fit(&p->page, fitted, left, name, legend_width - 36 - 50));
    if (!isnan(number)) {
        snprintf(text, sizeof text, "%.3f", number);
        em_page_text(&p->page, legend_x + legend_width, y, right, text);
    }
    p->legend_y += row_height;
}

static em_status draw_shown(picture *p, em_err *err)
{
    em_status status = EM_OK;

    for (int i = p->n_shown - 1; i >= 0 && status == EM_OK; i--) {      /* the best ones on top */
        cairo_set_line_width(p->page.cr, 1.6);
        em_page_colour(&p->page, i, 1);
        status = draw_class(p, p->shown[i], err);
    }
    for (int i = 0; i < p->n_shown; i++) {
        cairo_set_line_width(p->page.cr, 1.8);
        em_page_colour(&p->page, i, 1);
        legend(p, p->classes[p->shown[i]], p->ap[p->shown[i]], false);
    }
    return status;
}

static void draw_mean(picture *p)
{
    double sum = 0;
    char name[64];

    cairo_set_dash(p->page.cr, NULL, 0, 0);
    cairo_set_line_width(p->page.cr, 2.6);
    em_page_ink(&p->page, EM_INK_TEXT);
    for (int i = 0; i <= GRID; i++)
        cairo_line_to(p->page.cr, em_axes_x(&p->axes, (double)i / GRID), em_axes_y(&p->axes, p->mean[i]));
    cairo_stroke(p->page.cr);
    for (int c = 0; c < p->set->n_classes; c++)
        sum += isnan(p->ap[c]) ? 0 : p->ap[c];
    snprintf(name, sizeof name, "mean of %d classes", p->n_ranked);
    cairo_set_line_width(p->page.cr, 2.6);
    legend(p, name, sum / p->n_ranked, true);
}

static void draw_rest_of_legend(picture *p)
{
    const int n_others = p->n_ranked - p->n_shown, n_without = p->set->n_classes - p->n_ranked;
    char text[64];

    if (n_others > 0) {
        snprintf(text, sizeof text, "%d other class%s", n_others, n_others == 1 ? "" : "es");
        cairo_set_line_width(p->page.cr, 1);
        em_page_grey(&p->page, 0.5);
        legend(p, text, NAN, false);
    }
    if (n_without > 0) {
        snprintf(text, sizeof text, "%d class%s without a clip left out", n_without, n_without == 1 ? "" : "es");
        em_page_ink(&p->page, EM_INK_MUTED);
        em_page_text(&p->page, legend_x, p->legend_y, (em_lettering){ .size = 11 }, text);
    }
}

static em_status draw(picture *p, int n_shown, em_err *err)
{
    em_status status;

    p->axes = (em_axes){ .x = 76, .y = EM_TITLE_ROOM, .width = side, .height = side, .x1 = 1, .y1 = 1 };
    p->legend_y = EM_TITLE_ROOM + 36;
    em_axes_draw(&p->page, &p->axes, "recall", "precision");
    em_page_ink(&p->page, EM_INK_MUTED);
    em_page_text(&p->page, legend_x + legend_width, EM_TITLE_ROOM + 12, (em_lettering){ .size = 11, .align = 1 },
                 "average precision");
    status = draw_all(p, err);
    if (status == EM_OK && p->n_ranked == 0)
        em_page_text(&p->page, p->axes.x + side / 2, p->axes.y + side / 2, (em_lettering){ .size = 12, .align = .5 },
                     "no class has a clip");
    if (status != EM_OK || p->n_ranked == 0)
        return status;
    pick(p, n_shown < MOST_SHOWN ? n_shown : MOST_SHOWN);
    status = draw_shown(p, err);
    draw_mean(p);
    draw_rest_of_legend(p);
    return status;
}

em_status em_cairo_pr(const char *path, const char *title, const em_scored *set, const char *const *classes, int n_shown,
                     em_err *err)
{
    picture p = { .set = set, .classes = classes };
    em_status status = em_page_open(&p.page, path, err);

    if (status != EM_OK)
        return status;
    p.ap = calloc((size_t)set->n_classes + 1, sizeof *p.ap);
    p.n_positives = calloc((size_t)set->n_classes + 1, sizeof *p.n_positives);
    em_page_size(&p.page, width, EM_TITLE_ROOM + side + 56);
    em_page_title(&p.page, title, width);
    status = p.ap && p.n_positives ? draw(&p, n_shown, err) : em_fail(err, EM_ENOMEM, "%s: no memory", path);
    free(p.ap);
    free(p.n_positives);
    if (status != EM_OK) {
        em_page_drop(&p.page);
        return status;
    }
    return em_page_close(&p.page, err);
}
