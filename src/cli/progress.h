/* progress.h - when it is told how far the files of a run are: on a terminal a line that is redrawn, elsewhere a plain line
 * now and then, for programs (--progress=jsonl) records on stderr. */
#ifndef EM_CLI_PROGRESS_H
#define EM_CLI_PROGRESS_H

#include "cli/options.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum em_progress_kind { EM_PROGRESS_NONE, EM_PROGRESS_REDRAWN, EM_PROGRESS_PLAIN, EM_PROGRESS_RECORDS } em_progress_kind;

/* What --progress and --quiet make of stderr as it is. */
em_progress_kind em_progress_kind_of(const em_options *o);

/* Zeroed at first, but kind and begin_ns. */
typedef struct em_progress {
    em_progress_kind kind;
    uint64_t begin_ns, told_ns;
    int      told_tenths;
} em_progress;

/* Whether it is time to tell that `share` of the run (0..1; negative: nobody knows) is done; then counts it as told.
 * Plain lines and records: at every tenth, and after 30 s without one. Plain lines are for what takes long: none in the
 * first 5 s. */
bool em_progress_is_due(em_progress *p, double share, uint64_t now_ns);

enum { EM_PROGRESS_BAR = 12 };

/* "=====>      ": so much of the run, 0..1, in EM_PROGRESS_BAR characters. */
void em_progress_bar(char bar[EM_PROGRESS_BAR + 1], double share);

#endif
