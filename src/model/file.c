/* file.c - see file.h. */
#include "model/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 16 };           /* bytes hashed at a time: they stay in the second-level cache */

struct em_file {
    char                *path;
    int                  fd;        /* -1: the bytes are in memory */
    const unsigned char *bytes;
    uint64_t             n_bytes;
};

/* A regular file only. O_NONBLOCK: opening a FIFO nobody writes to must not hang. */
static em_status open_regular(em_file *file, em_err *err)
{
    struct stat info;

    file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file->fd < 0 || fstat(file->fd, &info) < 0)
        return em_fail(err, EM_EIO, "%s: %s", file->path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return em_fail(err, EM_EIO, "%s: is not a regular file", file->path);
    file->n_bytes = (uint64_t)info.st_size;
    return EM_OK;
}

static em_status open_any(em_file **out, const void *bytes, size_t n, const char *path, em_err *err)
{
    em_file *file = calloc(1, sizeof *file);
    em_status status = EM_OK;

    *out = NULL;
    if (file)
        file->fd = -1;
    if (!file || !(file->path = strdup(path))) {
        status = em_fail(err, EM_ENOMEM, "%s: no memory", path);
        goto failed;
    }
    if (bytes) {
        file->bytes = bytes;
        file->n_bytes = n;
    } else {
        status = open_regular(file, err);
    }
    if (status != EM_OK)
        goto failed;
    *out = file;
    return EM_OK;

failed:
    em_file_close(file);
    return status;
}

em_status em_file_open(em_file **out, const char *path, em_err *err)
{
    return open_any(out, NULL, 0, path, err);
}

em_status em_file_open_bytes(em_file **out, const void *bytes, size_t n, const char *path, em_err *err)
{
    return open_any(out, bytes ? bytes : "", n, path, err);
}

void em_file_close(em_file *file)
{
    if (!file)
        return;
    if (file->fd >= 0)
        close(file->fd);
    free(file->path);
    free(file);
}

const char *em_file_path(const em_file *file)
{
    return file->path;
}

uint64_t em_file_size(const em_file *file)
{
    return file->n_bytes;
}

em_status em_file_read(em_file *file, void *dst, size_t n, uint64_t at, em_err *err)
{
    unsigned char *to = dst;

    if (file->fd < 0) {
        memcpy(to, file->bytes + at, n);
        return EM_OK;
    }
    while (n > 0) {
        ssize_t got = pread(file->fd, to, n, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return em_fail(err, EM_EIO, "%s: %s", file->path, strerror(errno));
        if (got == 0)
            return em_fail(err, EM_EIO, "%s: became shorter while it was read (at byte %llu of %llu)", file->path,
                           (unsigned long long)at, (unsigned long long)file->n_bytes);
        to += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return EM_OK;
}

em_status em_file_hash(em_file *file, char out[EM_SHA256_CHARS], em_err *err)
{
    unsigned char chunk[CHUNK];
    em_sha256 hash;

    em_sha256_init(&hash);
    for (uint64_t at = 0; at < file->n_bytes;) {
        size_t n = file->n_bytes - at < CHUNK ? (size_t)(file->n_bytes - at) : CHUNK;
        em_status status = em_file_read(file, chunk, n, at, err);

        if (status != EM_OK)
            return status;
        em_sha256_add(&hash, chunk, n);
        at += n;
    }
    em_sha256_text(&hash, out);
    return EM_OK;
}
