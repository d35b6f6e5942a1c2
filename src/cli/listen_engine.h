/* listen_engine.h - what the engine is told of any source, and what is made of how it ended. */
#ifndef EM_CLI_LISTEN_ENGINE_H
#define EM_CLI_LISTEN_ENGINE_H

#include "cli/listen.h"

enum { EM_LISTEN_UNREAD = -1 };         /* no exit code: nobody reads any more, which ends the run without a word */

/* Windows that the session is made for, one of each stream, and streams whose windows may follow one another at a time: files are heard one
 * after the other. Once the inputs are known. */
int em_listen_batch(const em_listen *r);
int em_listen_streams(const em_listen *r);

/* Once the outputs are open; valid as long as they are. The source's own (name, deadline) is to be added. */
em_engine_cfg em_listen_engine_cfg(em_listen *r);

/* --timeout is counted in seconds of sound; where sound of this kind may fail to come, the clock counts as well. 0: it does not. */
uint64_t em_listen_deadline(const em_listen *r, const char *kind);
bool     em_listen_is_timed_out(const em_listen *r);

/* Counts for the run and the log what was heard. */
void em_listen_note(em_listen *r, const em_engine_result *result, em_status status);

/* The exit code of a source that cannot be opened or was lost; and of a source's end, or EM_LISTEN_UNREAD. */
int em_listen_input_code(const em_listen *r, em_status status);
int em_listen_judge(const em_listen *r, const em_engine_result *result, em_status status);

#endif
