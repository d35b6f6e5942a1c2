/* sort.c - see sort.h. */
#include "base/sort.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void em_sort_doubles(double *x, size_t n)
{
    qsort(x, n, sizeof *x, by_size);
}
