/* lane.h - a lane is what is heard of a source: the source itself, or with --channel each "NAME:1", "NAME:2". */
#ifndef EM_BASE_LANE_H
#define EM_BASE_LANE_H

#include <stdbool.h>
#include <string.h>

/* Whether what is said of a source (that it came or ended) holds for the lane of that name. */
static inline bool em_lane_is_of(const char *lane, const char *source)
{
    const size_t n = strlen(source);
    const char *rest = lane + n;

    if (strncmp(lane, source, n) != 0 || !*rest)
        return strcmp(lane, source) == 0;
    return *rest == ':' && rest[1] && rest[1 + strspn(rest + 1, "0123456789")] == '\0';
}

#endif
