/* axes.c - frame, grid, ticks at round numbers and their labels: see page.h. */
#include "base/page.h"

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

/* Seconds are counted in minutes, hours and days. */
static double round_time(double range, double most)
{
    static const double steps[] = { 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400 };

    if (range / steps[0] < most)
        return round_step(range, most);
    for (size_t i = 0; i < EM_COUNT(steps); i++)
        if (range / steps[i] <= most)
            return steps[i];
    return 86400 * ceil(range / 86400 / most);
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

void em_axes_tick_y(em_page *page, const em_axes *a, double value, const char *text)
{
    const double y = em_axes_y(a, value);

    em_page_ink(page, EM_INK_GRID);
    line(page, a->x, y, a->x + a->width, y);
    em_page_ink(page, EM_INK_MUTED);
    em_page_text(page, a->x - 7, y + 4, (em_lettering){ .size = small.size, .align = 1 }, text);
}

static void tick_y(em_page *page, const em_axes *a, double value)
{
    char number[32];

    snprintf(number, sizeof number, "%.6g", value);
    em_axes_tick_y(page, a, value, number);
}

/* m:ss or h:mm:ss, with decimals where ticks are less than a second apart. */
static void time_text(char *out, size_t room, double s, double step)
{
    const long long whole = (long long)floor(s + 1e-6);
    int n = whole < 3600 ? snprintf(out, room, "%lld:%02lld", whole / 60, whole % 60)
                         : snprintf(out, room, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);

    if (step < 1 && n > 0 && (size_t)n < room) {
        char decimals[16];

        snprintf(decimals, sizeof decimals, "%.*f", step < 0.01 ? 3 : step < 0.1 ? 2 : 1, fabs(s - (double)whole));
        snprintf(out + n, room - (size_t)n, "%s", decimals + 1);
    }
}

static void tick_x(em_page *page, const em_axes *a, double value, double step, bool has_number)
{
    const double x = em_axes_x(a, value);
    char number[32];

    em_page_ink(page, EM_INK_GRID);
    line(page, x, a->y, x, a->y + a->height);
    if (!has_number)
        return;
    em_page_ink(page, EM_INK_MUTED);
    if (a->is_time)
        time_text(number, sizeof number, value, step);
    else
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

void em_axes_ticks_x(em_page *page, const em_axes *a, bool has_numbers)
{
    const double most = a->width / 70, least = a->is_whole ? 1 : 0;
    const double step = a->is_time ? round_time(a->x1 - a->x0, most) : fmax(round_step(a->x1 - a->x0, most), least);

    cairo_set_dash(page->cr, NULL, 0, 0);
    cairo_set_line_width(page->cr, 1);
    for (double k = ceil(a->x0 / step - 1e-9); k * step <= a->x1 + 1e-9 * step; k++)
        tick_x(page, a, k * step + 0.0, step, has_numbers);
}

void em_axes_draw(em_page *page, const em_axes *a, const char *x_name, const char *y_name)
{
    const em_lettering name = { .size = 12, .align = .5 }, turned = { .size = 12, .align = .5, .turn = -M_PI / 2 };
    char fitted[EM_FITTED];

    em_axes_ticks_x(page, a, x_name != NULL);
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
