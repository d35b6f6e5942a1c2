/* bench_view.h - how far --bench is, for who waits at a terminal: a redrawn line; records where --progress=jsonl asks. Nothing in a pipe,
 * for a minute is soon over. */
#ifndef EM_CLI_BENCH_VIEW_H
#define EM_CLI_BENCH_VIEW_H

#include "cli/options.h"
#include "cli/progress.h"

typedef struct em_bench_view {
    em_progress progress;
    uint64_t    drawn_ns;
    const char *stage;              /* that was told last */
} em_bench_view;

void em_bench_view_init(em_bench_view *v, const em_options *o);

/* An em_bench_tell: `stage` is measured now, and so much of all, 0..1, is done. */
void em_bench_view_tell(void *view, const char *stage, double share);

/* Takes the line away: before results are printed, or an error. */
void em_bench_view_end(em_bench_view *v);

#endif
