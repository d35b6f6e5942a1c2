/* replace.h - a file is replaced whole or not at all: a reader sees the old one or the new one, never a part, also after
 * a power cut. A temporary file in the same folder, fsync, rename, fsync of the folder. Any thread. */
#ifndef EM_BASE_REPLACE_H
#define EM_BASE_REPLACE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* Writes the whole content to fd, which begins empty; false with errno set when it cannot. */
typedef bool em_file_writer(int fd, void *ctx);

/* EM_EIO: the sentence names path and what the system said, and the old file, if any, is untouched; something that is no
 * regular file is never replaced. EM_ENOMEM. */
em_status em_file_replace(const char *path, em_file_writer *write, void *ctx, em_err *err);

/* All n bytes, however often the system takes only a part; false with errno set. */
bool em_file_put(int fd, const void *bytes, size_t n);

#endif
