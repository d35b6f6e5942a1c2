/* times.c - see times.h. */
#include "cli/times.h"

#include "base/sort.h"

#include <sys/resource.h>

void em_times_sort(double *ms, int n) { em_sort_doubles(ms, (size_t)n); }

double em_most_memory_mb(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss * 1024 / 1e6;               /* Linux counts in KiB */
}
