/* plot_confusion.c - the confusion matrix: truth by answer, shaded by the share of the truth's clips. See plot.h.
 *
 * Few classes have large cells with counts and names; of hundreds only the shading and some class numbers are left. */
#include "train/plot_ops.h"
#include "base/page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double name_width = 210, slant = -M_PI / 4, key_gap = 34;

typedef struct picture {
    em_page    page;
    const int *confusion;
    const char *const *classes;
    int        n_classes;
    int       *of, *sum;            /* [n] the classes that occur, and clips of each as truth */
    int        n;
    double     x, y, side, cell;    /* the matrix                                             */
    em_lettering name;              /* of classes                                             */
} picture;

static int count_at(const picture *p, int truth, int answer)
{
    return p->confusion[(size_t)truth * (size_t)p->n_classes + (size_t)answer];
}

static void find_classes(picture *p)
{
    for (int c = 0; c < p->n_classes; c++) {
        int n_truth = 0, n_answers = 0;

        for (int k = 0; k < p->n_classes; k++) {
            n_truth += count_at(p, c, k);
            n_answers += count_at(p, k, c);
        }
        if (n_truth + n_answers == 0)
            continue;
        p->of[p->n] = c;
        p->sum[p->n++] = n_truth;
    }
}

static bool has_names(const picture *p)
{
    return p->cell >= 11;
}

static void choose_sizes(picture *p)
{
    static const struct { int most; double cell; } sizes[] = { { 12, 44 }, { 26, 32 }, { 60, 17 }, { 90, 11 } };
    double widest = 40;
    size_t i = 0;

    while (i < EM_COUNT(sizes) && p->n > sizes[i].most)
        i++;
    p->cell = i < EM_COUNT(sizes) ? sizes[i].cell : fmax(2, floor(1000. / p->n));
    p->name.size = fmin(12, p->cell * 0.6);          /* so that slanted names do not touch */
    for (int k = 0; has_names(p) && k < p->n; k++)
        widest = fmax(widest, em_page_text_width(&p->page, p->name, p->classes[p->of[k]]));
    widest = fmin(widest, name_width);
    p->x = 40 + widest + 12;
    p->y = EM_TITLE_ROOM + 26 + (has_names(p) ? widest * sin(-slant) + 14 : 22);
    p->side = p->n * p->cell;
}

/* The last columns' names lean to the right beyond the matrix, or the key is further out. */
static double page_width(picture *p)
{
    double end = fmax(p->x + p->side + key_gap + 32, 396);

    for (int k = 0; has_names(p) && k < p->n; k++) {
        const double width = fmin(em_page_text_width(&p->page, p->name, p->classes[p->of[k]]), name_width);

        end = fmax(end, p->x + (k + 1) * p->cell + width * cos(slant));
    }
    return end + 24;
}

/* White to blue; most shares are small, and the root lets them be seen. */
static void shade(picture *p, double share)
{
    const double s = sqrt(share);

    cairo_set_source_rgb(p->page.cr, 1 - s, 1 - s * (1 - 92 / 255.), 1 - s * (1 - 150 / 255.));
}

static void draw_cell(picture *p, int row, int column)
{
    const int count = count_at(p, p->of[row], p->of[column]);
    const double x = p->x + column * p->cell, y = p->y + row * p->cell, share = p->sum[row] > 0 ? (double)count / p->sum[row] : 0;
    const em_lettering number = { .size = fmin(13, p->cell * 0.4), .align = .5 };
    char text[16];

    if (count == 0)
        return;
    shade(p, share);
    cairo_rectangle(p->page.cr, x, y, p->cell, p->cell);
    cairo_fill(p->page.cr);
    if (p->cell < 17)
        return;
    em_page_ink(&p->page, share > 0.3 ? EM_INK_PAPER : EM_INK_TEXT);
    snprintf(text, sizeof text, "%d", count);
    em_page_text(&p->page, x + p->cell / 2, y + p->cell / 2 + number.size * 0.36, number, text);
}

static void draw_grid(picture *p)
{
    const double side = p->side, x = p->x, y = p->y;

    cairo_set_line_width(p->page.cr, 0.5);
    em_page_ink(&p->page, EM_INK_GRID);
    for (int k = 1; has_names(p) && k < p->n; k++) {
        cairo_move_to(p->page.cr, x, y + k * p->cell);
        cairo_line_to(p->page.cr, x + side, y + k * p->cell);
        cairo_move_to(p->page.cr, x + k * p->cell, y);
        cairo_line_to(p->page.cr, x + k * p->cell, y + side);
    }
    cairo_stroke(p->page.cr);
    cairo_set_line_width(p->page.cr, 1);
    em_page_ink(&p->page, EM_INK_AXIS);
    cairo_rectangle(p->page.cr, x, y, side, side);
    cairo_stroke(p->page.cr);
}

static void draw_names(picture *p)
{
    em_lettering left = p->name, up = p->name;
    char fitted[EM_FITTED];

    left.align = 1;
    up.turn = slant;
    em_page_ink(&p->page, EM_INK_TEXT);
    for (int k = 0; k < p->n; k++) {
        const double middle = (k + 0.5) * p->cell;
        const char *name = em_page_fit(&p->page, fitted, p->name, p->classes[p->of[k]], name_width);

        em_page_text(&p->page, p->x - 8, p->y + middle + p->name.size * 0.36, left, name);
        em_page_text(&p->page, p->x + middle + p->name.size * 0.2, p->y - 7, up, name);
    }
}

/* Indices of the classes, where names have no room. */
static void draw_numbers(picture *p)
{
    const em_lettering left = { .size = 10, .align = 1 }, middle = { .size = 10, .align = .5 };
    const int step = p->n > 250 ? 50 : 10;
    char text[16];

    em_page_ink(&p->page, EM_INK_MUTED);
    for (int k = 0; k < p->n; k += step) {
        const double at = (k + 0.5) * p->cell;

        snprintf(text, sizeof text, "%d", p->of[k]);
        em_page_text(&p->page, p->x - 7, p->y + at + 3.5, left, text);
        em_page_text(&p->page, p->x + at, p->y - 7, middle, text);
    }
}

/* What the shades mean. */
static void draw_key(picture *p)
{
    enum { STEPS = 50 };
    const double x = p->x + p->side + key_gap, height = fmin(p->side, 220);
    const em_lettering turned = { .size = 11, .align = .5, .turn = -M_PI / 2 }, number = { .size = 11 };

    for (int i = 0; i < STEPS; i++) {
        shade(p, 1 - (i + 0.5) / STEPS);
        cairo_rectangle(p->page.cr, x, p->y + height * i / STEPS, 14, height / STEPS + 0.5);
        cairo_fill(p->page.cr);
    }
    em_page_ink(&p->page, EM_INK_AXIS);
    cairo_rectangle(p->page.cr, x, p->y, 14, height);
    cairo_stroke(p->page.cr);
    em_page_ink(&p->page, EM_INK_MUTED);
    em_page_text(&p->page, x + 20, p->y + 9, number, "1");
    em_page_text(&p->page, x + 20, p->y + height, number, "0");
    em_page_text(&p->page, x + 32, p->y + height / 2, turned, "share of the clips");
}

static void draw_axes(picture *p)
{
    const em_lettering across = { .size = 12, .align = .5, .is_bold = true },
                       turned = { .size = 12, .align = .5, .turn = -M_PI / 2, .is_bold = true };
    const double middle = p->side / 2;

    em_page_ink(&p->page, EM_INK_TEXT);
    em_page_text(&p->page, p->x + middle, EM_TITLE_ROOM + 14, across, "answer");
    em_page_text(&p->page, 26, p->y + middle, turned, "truth");
}

static void draw(picture *p, const char *title)
{
    double width;

    find_classes(p);
    choose_sizes(p);
    width = page_width(p);
    em_page_size(&p->page, width, fmax(p->y + p->side + 24, 240));
    em_page_title(&p->page, title, width);
    for (int row = 0; row < p->n; row++)
        for (int column = 0; column < p->n; column++)
            draw_cell(p, row, column);
    draw_grid(p);
    if (has_names(p))
        draw_names(p);
    else
        draw_numbers(p);
    draw_axes(p);
    draw_key(p);
}

em_status em_cairo_confusion(const char *path, const char *title, const int *confusion, int n_classes, const char *const *classes,
                            em_err *err)
{
    picture p = { .confusion = confusion, .classes = classes, .n_classes = n_classes };
    em_status status = em_page_open(&p.page, path, err);

    if (status != EM_OK)
        return status;
    p.of = calloc((size_t)n_classes + 1, sizeof *p.of);
    p.sum = calloc((size_t)n_classes + 1, sizeof *p.sum);
    if (p.of && p.sum) {
        draw(&p, title);
        status = em_page_close(&p.page, err);
    } else {
        em_page_drop(&p.page);
        status = em_fail(err, EM_ENOMEM, "%s: no memory", path);
    }
    free(p.of);
    free(p.sum);
    return status;
}
