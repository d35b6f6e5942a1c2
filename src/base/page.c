/* page.c - the page: drawn by cairo into a file's bytes, which are then written at once; colours and letters. See page.h. */
#include "base/page.h"

#include "base/replace.h"
#include "base/text.h"

#include <cairo-svg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool ends_in(const char *path, const char *ending)
{
    const size_t n = strlen(path), n_ending = strlen(ending);

    return n > n_ending && strcmp(path + n - n_ending, ending) == 0;
}

/* Without memory cairo's objects are in an error state, which every call on them keeps: close says it. */
static void use(em_page *page, cairo_surface_t *surface)
{
    cairo_destroy(page->cr);
    cairo_surface_destroy(page->surface);
    page->surface = surface;
    page->cr = cairo_create(surface);
}

em_status em_page_check(const char *path, em_err *err)
{
    if (!ends_in(path, ".svg") && !ends_in(path, ".png"))
        return em_fail(err, EM_EINVAL, "%s: a picture's name ends in .svg or .png", path);
    return EM_OK;
}

em_status em_page_open(em_page *page, const char *path, em_err *err)
{
    const em_status status = em_page_check(path, err);

    *page = (em_page){ .path = path, .is_svg = ends_in(path, ".svg") };
    if (status != EM_OK)
        return status;
    use(page, cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1));
    return EM_OK;
}

static cairo_status_t put_bytes(void *ctx, const unsigned char *data, unsigned n)
{
    em_page *page = ctx;

    if (page->n + n > page->room) {
        const size_t room = 2 * (page->n + n);
        unsigned char *grown = realloc(page->bytes, room);

        if (!grown)
            return CAIRO_STATUS_NO_MEMORY;
        page->bytes = grown;
        page->room = room;
    }
    memcpy(page->bytes + page->n, data, n);
    page->n += n;
    return CAIRO_STATUS_SUCCESS;
}

void em_page_size(em_page *page, double width, double height)
{
    const double scale = page->is_svg ? 1 : 2;
    const int w = (int)ceil(width * scale), h = (int)ceil(height * scale);

    use(page, page->is_svg ? cairo_svg_surface_create_for_stream(put_bytes, page, w, h)
                           : cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h));
    cairo_scale(page->cr, scale, scale);
    em_page_ink(page, EM_INK_PAPER);
    cairo_paint(page->cr);
}

/* ------------------------------------------------------------------ into a file */

static cairo_status_t render(em_page *page)
{
    cairo_status_t status = cairo_status(page->cr);

    if (status == CAIRO_STATUS_SUCCESS && !page->is_svg)
        return cairo_surface_write_to_png_stream(page->surface, put_bytes, page);
    cairo_surface_finish(page->surface);                /* writes an SVG's end */
    return status == CAIRO_STATUS_SUCCESS ? cairo_surface_status(page->surface) : status;
}

static bool write_bytes(int fd, void *ctx)
{
    const em_page *page = ctx;

    return em_file_put(fd, page->bytes, page->n);
}

em_status em_page_render(em_page *page, em_err *err)
{
    const cairo_status_t drawn = render(page);

    if (drawn == CAIRO_STATUS_SUCCESS)
        return EM_OK;
    return em_fail(err, drawn == CAIRO_STATUS_NO_MEMORY ? EM_ENOMEM : EM_EIO, "%s: cannot be drawn: %s", page->path,
                   cairo_status_to_string(drawn));
}

em_status em_page_close(em_page *page, em_err *err)
{
    em_status status = em_page_render(page, err);

    if (status == EM_OK)
        status = em_file_replace(page->path, write_bytes, page, err);
    em_page_drop(page);
    return status;
}

void em_page_drop(em_page *page)
{
    cairo_destroy(page->cr);
    cairo_surface_destroy(page->surface);               /* an SVG's end goes into the bytes: they are freed last */
    free(page->bytes);
    *page = (em_page){ 0 };
}

/* ------------------------------------------------------------------ colours and letters */

void em_page_ink(em_page *page, em_ink ink)
{
    static const double grey[EM_INK_COUNT] = {
        [EM_INK_TEXT] = .13, [EM_INK_MUTED] = .40, [EM_INK_AXIS] = .55, [EM_INK_GRID] = .90, [EM_INK_PAPER] = 1,
    };

    cairo_set_source_rgb(page->cr, grey[ink], grey[ink], grey[ink]);
}

void em_page_grey(em_page *page, double alpha)
{
    cairo_set_source_rgba(page->cr, 0.5, 0.5, 0.5, alpha);
}

/* Okabe and Ito, "Color Universal Design" (2008), without black and the yellow that white paper swallows. */
void em_page_colour(em_page *page, int i, double alpha)
{
    static const unsigned char rgb[EM_COLOURS][3] = {
        { 0, 114, 178 }, { 213, 94, 0 }, { 0, 158, 115 }, { 204, 121, 167 }, { 230, 159, 0 }, { 86, 180, 233 },
    };
    static const double dash[] = { 5, 2.5 };
    const unsigned char *c = rgb[i % EM_COLOURS];

    cairo_set_source_rgba(page->cr, c[0] / 255., c[1] / 255., c[2] / 255., alpha);
    cairo_set_dash(page->cr, dash, i < EM_COLOURS ? 0 : 2, 0);
}

static void set_font(em_page *page, em_lettering how)
{
    cairo_font_options_t *options = cairo_font_options_create();

    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);       /* the same lengths in every picture */
    cairo_set_font_options(page->cr, options);
    cairo_font_options_destroy(options);
    cairo_select_font_face(page->cr, "sans", CAIRO_FONT_SLANT_NORMAL,
                           how.is_bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(page->cr, how.size);
}

static double width_of(em_page *page, const char *clean)
{
    cairo_text_extents_t extents;

    cairo_text_extents(page->cr, clean, &extents);
    return extents.x_advance;
}

double em_page_text_width(em_page *page, em_lettering how, const char *text)
{
    char clean[EM_FITTED];

    set_font(page, how);
    return width_of(page, em_text_clean(clean, sizeof clean, text));
}

void em_page_text(em_page *page, double x, double y, em_lettering how, const char *text)
{
    char clean[EM_FITTED];

    set_font(page, how);
    em_text_clean(clean, sizeof clean, text);
    cairo_save(page->cr);
    cairo_translate(page->cr, x, y);
    cairo_rotate(page->cr, how.turn);
    cairo_move_to(page->cr, -how.align * width_of(page, clean), 0);
    cairo_show_text(page->cr, clean);
    cairo_restore(page->cr);
    cairo_new_path(page->cr);
}

const char *em_page_fit(em_page *page, char out[EM_FITTED], em_lettering how, const char *text, double width)
{
    static const char dots[] = "…";
    size_t n;

    set_font(page, how);
    em_text_clean(out, EM_FITTED - sizeof dots, text);
    n = strlen(out);
    while (n > 0 && width_of(page, out) > width) {
        do                                              /* one character less: not within one */
            n--;
        while (n > 0 && ((unsigned char)out[n] & 0xc0u) == 0x80u);
        while (n > 0 && out[n - 1] == ' ')
            n--;
        memcpy(out + n, dots, sizeof dots);
    }
    return out;
}

void em_page_title(em_page *page, const char *title, double width)
{
    const em_lettering how = { .size = 15, .is_bold = true };
    char fitted[EM_FITTED];

    em_page_ink(page, EM_INK_TEXT);
    em_page_text(page, 20, 32, how, em_page_fit(page, fitted, how, title, width - 40));
}
