/* progress.c - the clock of progress reports: see progress.h. */
#include "cli/progress.h"

#include <string.h>
#include <unistd.h>

static const uint64_t SECOND = 1000000000ull;

enum { QUIET_SECONDS = 5, MOST_SECONDS = 30 };

em_progress_kind em_progress_kind_of(const em_options *o)
{
    if (o->quiet || strcmp(o->progress, "never") == 0)
        return EM_PROGRESS_NONE;
    if (strcmp(o->progress, "jsonl") == 0)
        return EM_PROGRESS_RECORDS;
    return isatty(STDERR_FILENO) ? EM_PROGRESS_REDRAWN : EM_PROGRESS_PLAIN;
}

bool em_progress_is_due(em_progress *p, double share, uint64_t now_ns)
{
    /* The millionth makes up for sums of shares that end a little below 1. */
    int tenths = share > 0 ? (int)(share * 10 + 1e-6) : 0;
    uint64_t last = p->told_ns > p->begin_ns ? p->told_ns : p->begin_ns;

    if (p->kind == EM_PROGRESS_NONE || p->kind == EM_PROGRESS_REDRAWN)
        return p->kind == EM_PROGRESS_REDRAWN;
    if (p->kind == EM_PROGRESS_PLAIN && now_ns - p->begin_ns < QUIET_SECONDS * SECOND)
        return false;
    if (tenths <= p->told_tenths && now_ns - last < MOST_SECONDS * SECOND)
        return false;
    p->told_tenths = tenths > p->told_tenths ? tenths : p->told_tenths;
    p->told_ns = now_ns;
    return true;
}

void em_progress_bar(char bar[EM_PROGRESS_BAR + 1], double share)
{
    const int filled = share <= 0 ? 0 : share >= 1 ? EM_PROGRESS_BAR : (int)(share * EM_PROGRESS_BAR);

    memset(bar, ' ', EM_PROGRESS_BAR);
    memset(bar, '=', (size_t)filled);
    bar[EM_PROGRESS_BAR] = '\0';
    if (filled < EM_PROGRESS_BAR)
        bar[filled] = '>';
}
