/* replace.c - temporary file, fsync, rename, fsync of the folder: see replace.h. */
#include "base/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool em_file_put(int fd, const void *bytes, size_t n)
{
    const unsigned char *from = bytes;

    while (n > 0) {
        ssize_t put = write(fd, from, n);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        from += put;
        n -= (size_t)put;
    }
    return true;
}

/* Until it is there: a network file system may be interrupted by a signal. */
static bool sync_file(int fd)
{
    while (fsync(fd) < 0)
        if (errno != EINTR)
            return false;
    return true;
}

/* So that the new name survives a power cut. File systems that cannot sync a folder say EINVAL: nothing to do then. */
static bool sync_folder(const char *path)
{
    char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    int fd;
    bool is_done;

    if (!folder)
        return false;
    if (slash)
        slash[slash == folder] = '\0';                  /* "/file" lies in "/" */
    fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    is_done = fd >= 0 && (sync_file(fd) || errno == EINVAL);
    if (fd >= 0)
        close(fd);
    free(folder);
    return is_done;
}

static em_status cannot_write(const char *path, em_err *err)
{
    return em_fail(err, EM_EIO, "%s: cannot be written: %s; the old file, if any, is untouched", path, strerror(errno));
}

static em_status fill(const char *temporary, const char *path, em_file_writer *write, void *ctx, em_err *err)
{
    em_status status = EM_OK;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    if (fd < 0)
        return em_fail(err, EM_EIO, "%s: cannot be written: %s", path, strerror(errno));
    if (!write(fd, ctx) || !sync_file(fd))
        status = cannot_write(path, err);
    if (close(fd) < 0 && errno != EINTR && status == EM_OK)     /* Linux has closed it then, and the bytes are synced */
        status = cannot_write(path, err);
    return status;
}

em_status em_file_replace(const char *path, em_file_writer *write, void *ctx, em_err *err)
{
    char *temporary = NULL;
    struct stat info;
    em_status status;

    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))       /* a rename would do away with /dev/null */
        return em_fail(err, EM_EIO, "%s: is there and is not a regular file", path);
    if (asprintf(&temporary, "%s.%ld.tmp", path, (long)getpid()) < 0)
        return em_fail(err, EM_ENOMEM, "%s: no memory", path);
    unlink(temporary);                                  /* of a run that was killed and had our number */
    status = fill(temporary, path, write, ctx, err);
    if (status == EM_OK && rename(temporary, path) < 0)
        status = em_fail(err, EM_EIO, "%s: cannot be replaced: %s", path, strerror(errno));
    if (status != EM_OK)
        unlink(temporary);
    else if (!sync_folder(path))
        status = em_fail(err, EM_EIO, "%s: is written, but its folder cannot be synced: %s", path, strerror(errno));
    free(temporary);
    return status;
}
