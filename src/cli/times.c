/* times.c - see times.h. */
#include "cli/times.h"

#include <stdlib.h>
#include <sys/resource.h>

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void em_times_sort(double *ms, int n) { qsort(ms, (size_t)n, sizeof *ms, by_size); }

double em_most_memory_mb(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss * 1024 / 1e6;               /* Linux counts in KiB */
}
