/* near.c - see near.h. */
#include "near.h"

#include "check.h"

#include <math.h>

void near_logmel(const char *name, const float *got, const float *want, size_t n)
{
    double top = 0;

    for (size_t i = 0; i < n; i++)
        top = fmax(top, pow(10, (double)want[i] / 10));
    for (size_t i = 0; i < n; i++) {
        const double p = pow(10, (double)want[i] / 10), q = pow(10, (double)got[i] / 10);

        if (p > 1e-7 * top)
            CHECK(fabs((double)got[i] - (double)want[i]) <= 2e-3, "%s: number %zu is %.9g, not %.9g", name, i, (double)got[i], (double)want[i]);
        else
            CHECK(fabs(p - q) <= 1e-6 * top, "%s: number %zu is %.9g, not %.9g", name, i, (double)got[i], (double)want[i]);
        CHECK(want[i] != -100.f || got[i] == -100.f, "%s: number %zu is %.9g, not silent", name, i, (double)got[i]);
    }
}
