/* heat.c - see heat.h. */
#include "sinks/heat.h"

#include <math.h>

/* The way: lightness from paper to almost black; hue from a warm yellow (in degrees) down to violet; as much colour as sRGB can show
 * all along it. */
static const double lightest = 0.99, darkest = 0.22, first_hue = 105, last_hue = 290, most_chroma = 0.10;

static double within(double x)
{
    return x > 0 ? fmin(x, 1) : 0;
}

void em_heat_lab(double lab[3], double level)
{
    const double t = within(level), hue = (first_hue + (last_hue - first_hue) * t) * M_PI / 180, chroma = most_chroma * sin(M_PI * t);

    lab[0] = lightest + (darkest - lightest) * t;
    lab[1] = chroma * cos(hue);
    lab[2] = chroma * sin(hue);
}

/* sRGB's curve (IEC 61966-2-1). */
static unsigned char byte_of(double linear)
{
    const double x = within(linear);

    return (unsigned char)lrint(255 * (x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055));
}

void em_heat(unsigned char rgb[3], double level)
{
    double lab[3], l, m, s;

    em_heat_lab(lab, level);
    l = pow(lab[0] + 0.3963377774 * lab[1] + 0.2158037573 * lab[2], 3);
    m = pow(lab[0] - 0.1055613458 * lab[1] - 0.0638541728 * lab[2], 3);
    s = pow(lab[0] - 0.0894841775 * lab[1] - 1.2914855480 * lab[2], 3);
    rgb[0] = byte_of(+4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
    rgb[1] = byte_of(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
    rgb[2] = byte_of(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s);
}
