/* out_path.c - links to their ends, and what can be known of an output without opening it: see out_path.h. */
#include "sinks/out_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MOST_LINKS = 40,                /* of symbolic links in a row, as the kernel has it */
    MOST_DIGITS = 9,                /* of a descriptor                                */
};

static em_status fail_open(const char *path, em_err *err)
{
    return em_fail(err, EM_EIO, "%s: cannot be opened for writing: %s", path, strerror(errno));
}

int em_out_descriptor(const char *path)
{
    static const struct { const char *name; int fd; } named[] = { { "-", 1 }, { "/dev/stdout", 1 }, { "/dev/stderr", 2 } };
    static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };

    for (size_t i = 0; i < EM_COUNT(named); i++)
        if (strcmp(path, named[i].name) == 0)
            return named[i].fd;
    for (size_t i = 0; i < EM_COUNT(folders); i++) {
        const char *number = path + strlen(folders[i]);
        size_t n = strlen(path) > strlen(folders[i]) ? strlen(number) : 0;

        if (n > 0 && n <= MOST_DIGITS && strncmp(path, folders[i], strlen(folders[i])) == 0 && strspn(number, "0123456789") == n)
            return atoi(number);
    }
    return -1;
}

em_status em_out_follow(char target[PATH_MAX], const char *path, em_err *err)
{
    char link[PATH_MAX], joined[PATH_MAX];

    if ((size_t)snprintf(target, PATH_MAX, "%s", path) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return fail_open(path, err);
    }
    for (int i = 0; i < MOST_LINKS && em_out_descriptor(target) < 0; i++) {
        ssize_t n = readlink(target, link, sizeof link - 1);
        const char *slash = strrchr(target, '/');
        int n_folder = slash ? (int)(slash - target) + 1 : 0;

        if (n < 0)
            return EM_OK;                       /* no link, or nothing there */
        link[n] = '\0';
        if ((size_t)snprintf(joined, sizeof joined, "%.*s%s", link[0] == '/' ? 0 : n_folder, target, link) >= sizeof joined) {
            errno = ENAMETOOLONG;
            return fail_open(path, err);
        }
        memcpy(target, joined, sizeof joined);
    }
    if (em_out_descriptor(target) >= 0)
        return EM_OK;
    errno = ELOOP;
    return fail_open(path, err);
}

bool em_out_can_make(const char *folder)
{
    char path[PATH_MAX + 32];
    int fd;

    snprintf(path, sizeof path, "%s/.earmark-XXXXXX", folder);
    if ((fd = mkostemp(path, O_CLOEXEC)) < 0)
        return false;
    unlink(path);
    if (write(fd, path, strlen(path)) < 0 || fsync(fd) != 0) {
        const int failure = errno;

        close(fd);
        errno = failure;
        return false;
    }
    return close(fd) == 0;
}

static bool is_open_for_writing(int fd)
{
    const int flags = fcntl(fd, F_GETFL);

    if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY)
        errno = EBADF;
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

/* In the folder of a path: "a/b" is made in "a", "/b" in "/", "b" here. */
static bool can_make_beside(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];

    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + (slash == path) : 1, slash ? path : ".");
    return em_out_can_make(folder);
}

/* The file that an output begins with: none, or a part that a run before this one left. */
static bool can_begin(const char *target)
{
    char part[PATH_MAX + 8];
    struct stat st;

    snprintf(part, sizeof part, "%s.part", target);
    if (stat(part, &st) == 0 && S_ISDIR(st.st_mode))
        errno = EISDIR;
    else if (stat(part, &st) != 0 || access(part, W_OK) == 0)
        return can_make_beside(target);
    return false;
}

em_status em_out_check(const char *path, bool is_appended, em_err *err)
{
    char target[PATH_MAX];
    struct stat st;
    bool is_there, can;
    em_status status = em_out_follow(target, path, err);

    if (status)
        return status;
    is_there = stat(target, &st) == 0;
    if (em_out_descriptor(target) >= 0) {
        can = is_open_for_writing(em_out_descriptor(target));
    } else if (is_there && S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        can = false;
    } else if (is_there && (is_appended || !S_ISREG(st.st_mode))) {
        can = access(target, is_appended && S_ISREG(st.st_mode) ? R_OK | W_OK : W_OK) == 0;
    } else {
        can = is_appended ? can_make_beside(target) : can_begin(target);
    }
    return can ? EM_OK : fail_open(path, err);
}
