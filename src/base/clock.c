/* clock.c - CLOCK_MONOTONIC for durations, CLOCK_REALTIME for UTC: see clock.h. */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

uint64_t em_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int64_t em_wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void em_sleep_ms(double ms)
{
    /* At most 31 years, so that infinity is one of the lengths; not a number is none. */
    uint64_t ns = ms > 0 ? (uint64_t)((ms < 1e12 ? ms : 1e12) * 1e6) : 0;
    struct timespec left = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };

    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        ;
}

void em_utc_text(char out[EM_UTC_CHARS], int64_t wall_ms)
{
    const int64_t year_0 = INT64_C(-62167219200000), year_10000 = INT64_C(253402300800000);
    int64_t at = wall_ms < year_0 ? year_0 : wall_ms < year_10000 ? wall_ms : year_10000 - 1;
    int ms = (int)((at % 1000 + 1000) % 1000);
    time_t sec = (time_t)((at - ms) / 1000);
    struct tm t;

    gmtime_r(&sec, &t);
    snprintf(out, EM_UTC_CHARS, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)(t.tm_year + 1900) % 10000u,
             (unsigned)(t.tm_mon + 1) % 100u, (unsigned)t.tm_mday % 100u, (unsigned)t.tm_hour % 100u,
             (unsigned)t.tm_min % 100u, (unsigned)t.tm_sec % 100u, (unsigned)ms % 1000u);
}
