/* file.h - a file from outside, read at places.
 *
 * Bytes come by pread into our own memory, never by mmap: a file that is cut while we read it is then a short read and
 * not a SIGBUS. Regular files only. One thread at a time. */
#ifndef EM_MODEL_FILE_H
#define EM_MODEL_FILE_H

#include "base/sha256.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct em_file em_file;

/* EM_EIO: cannot be opened, or is no regular file; EM_ENOMEM. The caller frees *out with em_file_close; on error it is
 * NULL. */
em_status em_file_open(em_file **out, const char *path, em_err *err);
void      em_file_close(em_file *file);

/* The same on bytes in memory (borrowed until close): what the fuzzer and tests drive. */
em_status em_file_open_bytes(em_file **out, const void *bytes, size_t n, const char *path, em_err *err);

const char *em_file_path(const em_file *file);
uint64_t    em_file_size(const em_file *file);      /* bytes, as it was opened */

/* n bytes from `at`; the caller has checked that they lie within the size. EM_EIO. */
em_status em_file_read(em_file *file, void *dst, size_t n, uint64_t at, em_err *err);

/* SHA-256 of the whole file, in hex. */
em_status em_file_hash(em_file *file, char out[EM_SHA256_CHARS], em_err *err);

#endif
