/* reading.h - what the tests of options share: files in a folder of their own, and options read from words. */
#ifndef EM_TESTS_UNIT_CLI_READING_H
#define EM_TESTS_UNIT_CLI_READING_H

#include "cli/options.h"

/* Setup and teardown of a test group. In between no file of the person who runs the test may speak. */
int make_folder(void **state);
int remove_folder(void **state);

/* The path of a file in the folder with this text; valid until the next call. */
const char *write_file(const char *name, const char *text);

/* Options of `earmark` and these words, whatever layers there are below. */
#define ARGS(...) (const char *const[]){ __VA_ARGS__, NULL }
em_status read_args(em_options *o, em_err *err, const char *const *args);

/* What --print-config prints. Caller frees. */
char *printed(const em_options *o);

#endif
