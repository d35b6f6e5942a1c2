/* run_folder.c - see run_folder.h. The lock is flock's on a file that stays: the kernel gives it back however we end. */
#include "train/run_folder.h"

#include "base/log.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct em_run {
    char    *dir, *best, *last, *log_path;
    int      lock, log;             /* descriptors, -1: none            */
    uint64_t log_bytes;             /* whole lines                      */
};

static em_status fail_errno(em_err *err, const char *path, const char *what)
{
    return em_fail(err, EM_EIO, "%s: %s: %s", path, what, strerror(errno));
}

/* So that a new folder survives what its files survive. */
static em_status sync_above(const char *dir, em_err *err)
{
    char *above;
    int fd;
    bool is_done;

    if (asprintf(&above, "%s/..", dir) < 0)
        return em_fail(err, EM_ENOMEM, "%s: no memory", dir);
    fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    is_done = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL || errno == EINTR);
    if (fd >= 0)
        close(fd);
    free(above);
    return is_done ? EM_OK : fail_errno(err, dir, "the folder above it cannot be synced");
}

static em_status make_folder(const char *dir, em_err *err)
{
    struct stat info;

    if (mkdir(dir, 0777) == 0)
        return sync_above(dir, err);
    if (errno != EEXIST)
        return fail_errno(err, dir, "the folder cannot be made");
    if (stat(dir, &info) < 0 || !S_ISDIR(info.st_mode))
        return em_fail(err, EM_EIO, "%s: is there and is not a folder", dir);
    return EM_OK;
}

static em_status lock_folder(em_run *run, em_err *err)
{
    char *path;

    if (asprintf(&path, "%s/lock", run->dir) < 0)
        return em_fail(err, EM_ENOMEM, "%s: no memory", run->dir);
    run->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    free(path);
    if (run->lock < 0)
        return fail_errno(err, run->dir, "the folder cannot be written");
    if (flock(run->lock, LOCK_EX | LOCK_NB) == 0)
        return EM_OK;
    if (errno == EWOULDBLOCK)
        return em_fail(err, EM_EINVAL, "%s: another run uses this folder now: wait for its end, or choose another folder", run->dir);
    em_log(EM_LOG_WARNING, "%s: its file system has no locks (%s): see to it that no other run uses the folder", run->dir, strerror(errno));
    return EM_OK;
}

/* "X.safetensors.PID.tmp": what em_st_write had not finished. We have the lock, so nobody is at it. */
static void sweep(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    while (d && (entry = readdir(d))) {
        size_t n = strlen(entry->d_name);

        if (n > 4 && !strcmp(entry->d_name + n - 4, ".tmp") && strstr(entry->d_name, ".safetensors."))
            unlinkat(dirfd(d), entry->d_name, 0);
    }
    if (d)
        closedir(d);
}

em_status em_run_open(em_run **out, const char *dir, em_err *err)
{
    em_run *run = calloc(1, sizeof *run);
    em_status status = EM_OK;

    *out = NULL;
    if (!run)
        return em_fail(err, EM_ENOMEM, "%s: no memory", dir);
    run->lock = run->log = -1;
    run->dir = strdup(dir);
    if (asprintf(&run->best, "%s/best.safetensors", dir) < 0)
        run->best = NULL;
    if (asprintf(&run->last, "%s/last.safetensors", dir) < 0)
        run->last = NULL;
    if (asprintf(&run->log_path, "%s/log.jsonl", dir) < 0)
        run->log_path = NULL;
    if (!run->dir || !run->best || !run->last || !run->log_path)
        status = em_fail(err, EM_ENOMEM, "%s: no memory", dir);
    if (status == EM_OK)
        status = make_folder(dir, err);
    if (status == EM_OK)
        status = lock_folder(run, err);
    if (status != EM_OK) {
        em_run_close(run);
        return status;
    }
    sweep(dir);
    *out = run;
    return EM_OK;
}

void em_run_close(em_run *run)
{
    if (!run)
        return;
    if (run->log >= 0)
        close(run->log);
    if (run->lock >= 0)
        close(run->lock);
    free(run->dir);
    free(run->best);
    free(run->last);
    free(run->log_path);
    free(run);
}

const char *em_run_dir(const em_run *run)
{
    return run->dir;
}

const char *em_run_best(const em_run *run)
{
    return run->best;
}

const char *em_run_last(const em_run *run)
{
    return run->last;
}

/* ---- the log ---- */

/* *n_bytes back to the end of the last whole line within them. */
static em_status whole_lines(const em_run *run, uint64_t *n_bytes, em_err *err)
{
    char last;

    for (; *n_bytes > 0; --*n_bytes) {
        if (pread(run->log, &last, 1, (off_t)*n_bytes - 1) != 1)
            return fail_errno(err, run->log_path, "cannot be read");
        if (last == '\n')
            break;
    }
    return EM_OK;
}

em_status em_run_log_open(em_run *run, uint64_t n_bytes, em_err *err)
{
    struct stat info;
    em_status status;

    if (run->log >= 0)
        close(run->log);
    run->log = open(run->log_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    if (run->log < 0 || fstat(run->log, &info) < 0)
        return fail_errno(err, run->log_path, "cannot be opened");
    if (!S_ISREG(info.st_mode))
        return em_fail(err, EM_EIO, "%s: is there and is not a regular file", run->log_path);
    run->log_bytes = n_bytes < (uint64_t)info.st_size ? n_bytes : (uint64_t)info.st_size;
    status = whole_lines(run, &run->log_bytes, err);
    if (status == EM_OK && ftruncate(run->log, (off_t)run->log_bytes) < 0)
        status = fail_errno(err, run->log_path, "cannot be cut to the saved state's part");
    return status;
}

em_status em_run_log(em_run *run, const char *line, em_err *err)
{
    struct iovec parts[] = { { (void *)line, strlen(line) }, { (void *)"\n", 1 } };
    ssize_t n = (ssize_t)parts[0].iov_len + 1, put;
    em_status status;

    assert(run->log >= 0 && !strchr(line, '\n'));
    do
        put = writev(run->log, parts, 2);
    while (put < 0 && errno == EINTR);
    if (put == n) {
        run->log_bytes += (uint64_t)n;
        return EM_OK;
    }
    if (put >= 0)
        errno = ENOSPC;                                 /* what a short write to a file means */
    status = fail_errno(err, run->log_path, "cannot be written");
    if (put > 0 && ftruncate(run->log, (off_t)run->log_bytes) < 0)
        return fail_errno(err, run->log_path, "half a line cannot be taken back");
    return status;
}

em_status em_run_log_sync(em_run *run, uint64_t *n_bytes, em_err *err)
{
    *n_bytes = run->log_bytes;
    while (fsync(run->log) < 0)
        if (errno != EINTR)
            return fail_errno(err, run->log_path, "cannot be synced");
    return EM_OK;
}
