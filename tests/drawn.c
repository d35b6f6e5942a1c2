/* drawn.c - see drawn.h. */
#include "drawn.h"

#include "check.h"

#include <cairo.h>
#include <stdbool.h>

/* fontconfig keeps what it has read of its files; a sanitizer asks for this. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig";
}

size_t read_picture(const char *path, char **text)
{
    static char room[2][1 << 22];
    static int i;
    FILE *f = fopen(path, "rb");
    size_t n;

    CHECK(f, "%s is there", path);
    i = 1 - i;
    *text = room[i];
    n = fread(room[i], 1, sizeof room[i] - 1, f);
    room[i][n] = '\0';
    fclose(f);
    return n;
}

/* Whether a pixel is of the hue of r, g, b: its own colour or that through a little white. */
static bool is_of(uint32_t pixel, int r, int g, int b)
{
    const int pr = (int)(pixel >> 16 & 255), pg = (int)(pixel >> 8 & 255), pb = (int)(pixel & 255);

    return abs(pr - r) < 6 && abs(pg - g) < 6 && abs(pb - b) < 6;
}

/* Decodes a PNG; counts its pixels of a colour, and checks that it is a white page with a margin. */
int count_pixels(const char *path, int r, int g, int b)
{
    cairo_surface_t *s = cairo_image_surface_create_from_png(path);
    const int width = cairo_image_surface_get_width(s), height = cairo_image_surface_get_height(s);
    const unsigned char *data = cairo_image_surface_get_data(s);
    int n = 0;

    CHECK(cairo_surface_status(s) == CAIRO_STATUS_SUCCESS && width > 400 && height > 200, "%s: %d x %d", path, width, height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const bool is_edge = x < 8 || y < 8 || x >= width - 8 || y >= height - 8;
            uint32_t pixel;

            memcpy(&pixel, data + (size_t)y * (size_t)cairo_image_surface_get_stride(s) + 4 * (size_t)x, sizeof pixel);
            CHECK(!is_edge || is_of(pixel, 255, 255, 255), "%s: nothing is drawn into the margin, at %d, %d", path, x, y);
            n += is_of(pixel, r, g, b);
        }
    cairo_surface_destroy(s);
    return n;
}

void check_svg(const char *path)
{
    char *text;
    const size_t n = read_picture(path, &text);

    CHECK(!strncmp(text, "<?xml", 5) && strstr(text, "<svg ") && n > 1000 && !strcmp(text + n - 7, "</svg>\n"), "%s: %.40s", path,
          text);
}
