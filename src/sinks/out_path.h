/* out_path.h - what the path of an output means, and whether it could be opened. Any thread. */
#ifndef EM_SINKS_OUT_PATH_H
#define EM_SINKS_OUT_PATH_H

#include "base/status.h"

#include <limits.h>
#include <stdbool.h>

/* The descriptor that a path means: "-" and /dev/stdout, /dev/stderr, /dev/fd/N, /proc/self/fd/N; -1: none. */
int em_out_descriptor(const char *path);

/* Where a symbolic link leads, be it there yet or not; the file behind it is to be replaced, not the link. realpath would go on
 * through /dev/stdout and fail where there is no file yet. EM_EIO: too many links, or too long a path. */
em_status em_out_follow(char target[PATH_MAX], const char *path, em_err *err);

/* Makes a file there and takes it away again: rights alone do not tell of a file system that cannot be written, or is full. False with
 * errno set. */
bool em_out_can_make(const char *folder);

/* Whether em_out_open or, is_appended, em_out_append could open path, of which nothing is opened, made or changed. EM_EIO: the sentence is
 * theirs. */
em_status em_out_check(const char *path, bool is_appended, em_err *err);

#endif
