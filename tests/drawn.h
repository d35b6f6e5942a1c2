/* drawn.h - pictures read back, for tests of what draws them. */
#ifndef EM_TESTS_DRAWN_H
#define EM_TESTS_DRAWN_H

#include <stddef.h>

/* All of a file, at most 4 MiB; valid for two calls. */
size_t read_picture(const char *path, char **text);

/* Decodes a PNG; counts its pixels of a colour, and checks that it is a white page with a margin. */
int count_pixels(const char *path, int r, int g, int b);

/* It begins and ends as an SVG does. */
void check_svg(const char *path);

#endif
