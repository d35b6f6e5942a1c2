/* out.c - bytes to a file, pipe or device: PATH.part until it is whole or in place, torn records, readers that take nothing. See out.h. */
#include "sinks/out.h"

#include "base/clock.h"
#include "base/log.h"
#include "sinks/out_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    POLL_MS = 100,                  /* how often a blocked write looks at give_up     */
    GIVE_UP_MS = 1000,              /* a reader's time to go on once it is set        */
};

static const char *name_of(const em_out *o)
{
    return o->path ? o->path : "standard output";
}

static em_status fail_io(const em_out *o, const char *doing, em_err *err)
{
    return em_fail(err, EM_EIO, "%s: cannot %s: %s", name_of(o), doing, strerror(errno));
}

/* A new file gets its name at the end; what is there already and no file (a device, a FIFO) is written directly, and
 * what is open already is written as it is. */
static em_status open_path(em_out *o, const char *path, em_err *err)
{
    char target[PATH_MAX];
    struct stat st;
    em_status status;
    int fd;

    if (!(o->path = strdup(path)))
        return em_fail(err, EM_ENOMEM, "no memory for the output's name");
    if ((status = em_out_follow(target, path, err)))
        return status;
    if ((fd = em_out_descriptor(target)) >= 0) {
        o->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        return o->fd < 0 ? fail_io(o, "be opened for writing", err) : EM_OK;
    }
    if (stat(target, &st) != 0 || S_ISREG(st.st_mode)) {
        size_t room = strlen(target) + sizeof ".part";

        if (!(o->target = strdup(target)) || !(o->part = malloc(room)))
            return em_fail(err, EM_ENOMEM, "no memory for the output's name");
        snprintf(o->part, room, "%s.part", target);
    }
    o->fd = open(o->part ? o->part : target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
    return o->fd < 0 ? fail_io(o, "be opened for writing", err) : EM_OK;
}

em_status em_out_open(em_out *o, const char *path, const atomic_bool *give_up, em_err *err)
{
    const bool has_path = path && strcmp(path, "-") != 0;
    struct stat st;
    em_status status;

    /* A path that cannot be opened leaves no descriptor to close: standard output is not this output's. */
    *o = (em_out){ .fd = has_path ? -1 : STDOUT_FILENO, .give_up = give_up };
    if (has_path && (status = open_path(o, path, err)))
        return status;
    if (fstat(o->fd, &st) != 0)
        return fail_io(o, "be used", err);
    o->is_regular = S_ISREG(st.st_mode);
    return EM_OK;
}

/* Behind what is there. Half a line that a run before this one left is ended first. */
static int open_in_place(em_out *o)
{
    const int fd = open(o->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    const off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    char last;

    if (end >= 0)
        o->is_torn = end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
    return fd;
}

em_status em_out_append(em_out *o, const char *path, const atomic_bool *give_up, em_err *err)
{
    struct stat st;

    if (!path || em_out_descriptor(path) >= 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode)))
        return em_out_open(o, path, give_up, err);
    *o = (em_out){ .fd = -1, .give_up = give_up, .is_regular = true, .is_appended = true };
    if (!(o->path = strdup(path)))
        return em_fail(err, EM_ENOMEM, "no memory for the output's name");
    o->fd = open_in_place(o);
    return o->fd < 0 ? fail_io(o, "be opened for writing", err) : EM_OK;
}

static bool may_give_up(const em_out *o)
{
    return atomic_load(&o->is_ending) || (o->give_up && atomic_load(o->give_up));
}

/* Waits until the reader has room. A write of PIPE_BUF bytes after it does not block, so that a reader that
 * has stopped cannot hold up the end of the program. */
static em_status wait_for_room(const em_out *o, em_err *err)
{
    struct pollfd p = { .fd = o->fd, .events = POLLOUT };
    uint64_t left_at = 0;

    for (;;) {
        int n = poll(&p, 1, POLL_MS);

        if (n > 0 || (n < 0 && errno != EINTR))
            return EM_OK;
        if (!may_give_up(o))
            continue;
        if (left_at == 0) {
            left_at = em_now_ns() + GIVE_UP_MS * 1000000ull;
        } else if (em_now_ns() >= left_at) {
            em_log(EM_LOG_WARNING, "%s: the reader takes nothing, the rest is left out", name_of(o));
            return em_fail(err, EM_ECANCELED, "%s: the reader takes nothing", name_of(o));
        }
    }
}

/* *n_done: how much of it went out, also after an error. */
static em_status write_all(em_out *o, size_t *n_done, const char *bytes, size_t n, em_err *err)
{
    *n_done = 0;
    while (n > 0) {
        ssize_t done;

        if (!o->is_regular) {
            em_status status = wait_for_room(o, err);

            if (status)
                return status;
        }
        done = write(o->fd, bytes, o->is_regular || n < PIPE_BUF ? n : PIPE_BUF);
        if (done < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (done < 0 && errno == EPIPE)
            return em_fail(err, EM_ECANCELED, "%s: the reader is gone", name_of(o));
        if (done < 0)
            return fail_io(o, "write", err);
        bytes += done;
        n -= (size_t)done;
        *n_done += (size_t)done;
    }
    return EM_OK;
}

/* Takes half a record out of the file again. What others opened they may share, append to or have filled before:
 * only a PATH.part that ends where we stopped is ours to cut. */
static bool take_back(em_out *o, off_t start, size_t n_done)
{
    struct stat st;

    return o->part && start >= 0 && fstat(o->fd, &st) == 0 && st.st_size == start + (off_t)n_done &&
           ftruncate(o->fd, start) == 0 && lseek(o->fd, start, SEEK_SET) == start;
}

/* Half a record is a line of its own: what comes behind it, from us or from others, is whole. */
static em_status end_torn(em_out *o, em_err *err)
{
    size_t n_done;
    em_status status = o->is_torn ? write_all(o, &n_done, "\n", 1, err) : EM_OK;

    if (!status)
        o->is_torn = false;
    return status;
}

/* A file that was moved away from under its name is whole as it is; the next record begins a new one. Where none can be
 * made the old one goes on: it is still read by somebody. */
static void follow_name(em_out *o)
{
    struct stat named, ours;
    const int old = o->fd;
    int fd;

    if (fstat(old, &ours) != 0 || (stat(o->path, &named) == 0 && named.st_ino == ours.st_ino && named.st_dev == ours.st_dev))
        return;
    end_torn(o, NULL);
    if ((fd = open_in_place(o)) < 0)
        return;
    o->fd = fd;
    close(old);
}

em_status em_out_write(em_out *o, const char *bytes, size_t n, em_err *err)
{
    em_status status;
    off_t start;
    size_t n_done = 0;

    if (o->is_appended)
        follow_name(o);
    status = end_torn(o, err);
    start = o->is_regular ? lseek(o->fd, 0, SEEK_CUR) : -1;
    if (!status)
        status = write_all(o, &n_done, bytes, n, err);
    if (status)
        o->has_lost = true;
    if (status == EM_EIO && n_done > 0 && !take_back(o, start, n_done))
        o->is_torn = true;
    return status;
}

/* What becomes of PATH.part. */
static em_status name_part(const em_out *o, em_sink_end end, em_err *err)
{
    if (end == EM_SINK_EMPTY) {
        unlink(o->part);
        return EM_OK;
    }
    if (end == EM_SINK_CUT)
        em_log(EM_LOG_INFO, "%s: stopped before the end, what there is stays in %s", name_of(o), o->part);
    if (end == EM_SINK_CUT || o->has_lost || rename(o->part, o->target) == 0)
        return EM_OK;
    return fail_io(o, "be put in place", err);
}

em_status em_out_close(em_out *o, em_sink_end end, em_err *err)
{
    em_status status = EM_OK;

    end_torn(o, NULL);
    if (o->path && o->fd >= 0 && close(o->fd) != 0)
        status = fail_io(o, "be closed", err);
    if (o->part && o->fd >= 0 && status == EM_OK)
        status = name_part(o, end, err);
    free(o->path);
    free(o->target);
    free(o->part);
    *o = (em_out){ .fd = -1 };
    return status;
}
