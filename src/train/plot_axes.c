/* plot_axes.c - frame, grid, ticks at round numbers and their labels: see plot_page.h. */
#include "train/plot_page.h"

#include <math.h>
#include <stdio.h>

static const em_lettering small = { .size = 11 };

double em_axes_x(const em_axes *a, double x)
{
    return a->x + a->width * (x - a->x0) / (a->x1 - a->x0);
}

double em_axes_y(const em_axes *a, double y)
{
    const double share = a->is_log ? log(y / a->y0) / log(a->y1 / a->y0) : (y - a->y0) / (a->y1 - a->y0);

    return a->y + a->height * (1 - share);
}

/* 1, 2 or 5 times a power of ten: the finest of which at most `most` fit into the range. */
static double round_step(double range, double most)
{
    const double ten = pow(10, floor(log10(range / most)));
    static const double steps[] = { 1, 2, 5 };

    for (size_t i = 0; i < EM_COUNT(steps); i++)
        if (range / (steps[i] * ten) <= most)
            return steps[i] * ten;
    return 10 * ten;
}

static double most_ticks(double length)
{
    return fmax(2, length / 28);
}

/* Ticks within the last digits of a double could not be told apart, nor counted. */
bool em_axes_is_flat(double least, double most)
{
    return !(most - least > 1e-9 * fmax(fabs(least), fabs(most)));
}

void em_axes_round(em_axes *a)
{
    double step;

    if (a->is_log) {
        a->y0 /= 1.15;
        a->y1 *= 1.15;
        return;
    }
    if (em_axes_is_flat(a->y0, a->y1)) {                /* through the middle */
        const double half = a->y1 != 0 ? fabs(a->y1) / 2 : 0.5;
        a->y0 -= half;
        a->y1 += half;
    }
    step = round_step(a->y1 - a->y0, most_ticks(a->height));
    a->y0 = floor(a->y0 / step + 1e-9) * step;
    a->y1 = ceil(a->y1 / step - 1e-9) * step;
}

static void line(em_page *page, double x0, double y0, double x1, double y1)
{
    cairo_move_to(page->cr, x0, y0);
    cairo_line_to(page->cr, x1, y1);
    cairo_stroke(page->cr);
}

static void tick_y(em_page *page, const em_axes *a, double value)
{
    const double y = em_axes_y(a, value);
    char number[32];

    em_page_ink(page, EM_INK_GRID);
    line(page, a->x, y, a->x + a->width, y);
    em_page_ink(page, EM_INK_MUTED);
    snprintf(number, sizeof number, "%.6g", value);
    em_page_text(page, a->x - 7, y + 4, (em_lettering){ .size = small.size, .align = 1 }, number);
}

static void tick_x(em_page *page, const em_axes *a, double value, bool has_number)
{
    const double x = em_axes_x(a, value);
    char number[32];

    em_page_ink(page, EM_INK_GRID);
    line(page, x, a->y, x, a->y + a->height);
    if (!has_number)
        return;
    em_page_ink(page, EM_INK_MUTED);
    snprintf(number, sizeof number, "%.9g", value);
    em_page_text(page, x, a->y + a->height + 17, (em_lettering){ .size = small.size, .align = .5 }, number);
}

/* Numbers 1, 2, 5 of each decade; of many decades only the 1. */
static void ticks_log(em_page *page, const em_axes *a)
{
    static const double steps[] = { 1, 2, 5 };
    const double n_decades = log10(a->y1 / a->y0);

    for (double d = floor(log10(a->y0)); d <= log10(a->y1); d++)
        for (size_t i = 0; i < (n_decades > 3 ? 1 : EM_COUNT(steps)); i++) {
            const double value = steps[i] * pow(10, d);

            if (value >= a->y0 && value <= a->y1)
                tick_y(page, a, value);
        }
}

static void ticks_linear(em_page *page, const em_axes *a)
{
    const double step = round_step(a->y1 - a->y0, most_ticks(a->height));

    for (double k = ceil(a->y0 / step - 1e-9); k * step <= a->y1 + 1e-9 * step; k++)
        tick_y(page, a, k * step + 0.0);                /* + 0 makes -0 to 0 */
}

void em_axes_draw(em_page *page, const em_axes *a, const char *x_name, const char *y_name)
{
    const double step = fmax(round_step(a->x1 - a->x0, a->width / 70), a->is_whole ? 1 : 0);
    const em_lettering name = { .size = 12, .align = .5 }, turned = { .size = 12, .align = .5, .turn = -M_PI / 2 };
    char fitted[EM_FITTED];

    cairo_set_dash(page->cr, NULL, 0, 0);
    cairo_set_line_width(page->cr, 1);
    for (double k = ceil(a->x0 / step - 1e-9); k * step <= a->x1 + 1e-9 * step; k++)
        tick_x(page, a, k * step + 0.0, x_name != NULL);
    if (a->is_log)
        ticks_log(page, a);
    else
        ticks_linear(page, a);
    em_page_ink(page, EM_INK_AXIS);
    line(page, a->x, a->y, a->x, a->y + a->height);
    line(page, a->x, a->y + a->height, a->x + a->width, a->y + a->height);
    em_page_ink(page, EM_INK_TEXT);
    if (x_name)
        em_page_text(page, a->x + a->width / 2, a->y + a->height + 38, name, em_page_fit(page, fitted, name, x_name, a->width));
    em_page_text(page, a->x - 58, a->y + a->height / 2, turned, em_page_fit(page, fitted, turned, y_name, a->height));
}
