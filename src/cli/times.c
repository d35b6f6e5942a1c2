/* times.c - see times.h. */
#include "cli/times.h"

#include <sys/resource.h>

double em_most_memory_mb(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss * 1024 / 1e6;               /* Linux counts in KiB */
}
