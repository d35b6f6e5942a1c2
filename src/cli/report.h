/* report.h - everything that goes to stderr: the one error, messages of the libraries, progress.
 *
 * Under the journal (JOURNAL_STREAM names our stderr) lines begin with <3>…<7>. While the live view owns the
 * terminal, messages wait for its end, and the newest is shown in its last line. */
#ifndef EM_CLI_REPORT_H
#define EM_CLI_REPORT_H

#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>

/* most: the most talkative level to print. Call once, before threads start. */
void em_report_init(em_log_level most);

/* "earmark: sentence" with what terminals obey taken out. */
void em_report_error(const char *sentence);

/* From now on the view has the terminal (stderr is one, too); or has it no more: prints what waited. */
void em_report_view(bool has_view);

/* An em_sink_notice. */
void em_report_notice(void *ctx, char *out, size_t room);

/* One redrawn line on a terminal, else nothing; "" takes it away. */
void em_report_progress(const char *line);

/* One line for a program, as it is, its newline included. */
void em_report_record(const char *line);

#endif
