/* clip.c - samples of a tape into a FLAC file: see clip.h. libsndfile writes through functions of ours, which remember why
 * a write failed: of its own it says only that one did. */
#include "sinks/clip.h"

#include "base/replace.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 4096, SLUG_CHARS = 80 };

typedef struct drain { int fd, failure; } drain;        /* failure: errno of the first one */

char *em_clip_path(char *out, size_t room, const char *dir, const char *source, const char *label, const char *id)
{
    char from[SLUG_CHARS + 1], what[SLUG_CHARS + 1];

    em_slug(from, sizeof from, source);
    em_slug(what, sizeof what, label);
    snprintf(out, room, "%s/%s-%s-%s.flac", dir, *from ? from : "source", *what ? what : "sound", id);
    return out;
}

/* ---- libsndfile's file ---- */

static sf_count_t drain_length(void *ctx)
{
    const drain *d = ctx;
    const off_t at = lseek(d->fd, 0, SEEK_CUR), end = lseek(d->fd, 0, SEEK_END);

    lseek(d->fd, at, SEEK_SET);
    return end;
}

static sf_count_t drain_seek(sf_count_t offset, int whence, void *ctx)
{
    return lseek(((drain *)ctx)->fd, offset, whence);
}

static sf_count_t drain_read(void *bytes, sf_count_t n, void *ctx)
{
    return read(((drain *)ctx)->fd, bytes, (size_t)n);
}

static sf_count_t drain_write(const void *bytes, sf_count_t n, void *ctx)
{
    drain *d = ctx;

    if (!d->failure && !em_file_put(d->fd, bytes, (size_t)n))
        d->failure = errno ? errno : EIO;
    return d->failure ? 0 : n;
}

static sf_count_t drain_tell(void *ctx)
{
    return lseek(((drain *)ctx)->fd, 0, SEEK_CUR);
}

/* ---- samples ---- */

/* 24 bits at the top of an int, which is what the encoder takes: by libsndfile's own way from floats a sample would not come back. */
static int to_int(float x)
{
    const long wide = lrintf(x * 0x1p23f);

    return (int)(wide < -0x800000 ? -0x800000 : wide > 0x7fffff ? 0x7fffff : wide) * 256;
}

static bool encode(SNDFILE *file, const em_clip *clip)
{
    float x[BLOCK];
    int out[BLOCK];

    for (int64_t at = clip->begin; at < clip->end; at += BLOCK) {
        const int n = clip->end - at < BLOCK ? (int)(clip->end - at) : BLOCK;

        if (!em_tape_read(clip->tape, clip->source, x, at, (size_t)n)) {
            errno = ESTALE;                     /* the tape has gone on */
            return false;
        }
        for (int i = 0; i < n; i++)
            out[i] = to_int(x[i]);
        if (sf_writef_int(file, out, n) != n)
            return false;
    }
    return true;
}

static em_status fail(const em_clip *clip, int failure, em_err *err)
{
    return em_fail(err, EM_EIO, "%s: cannot be written: %s", clip->path,
                   failure == ESTALE ? "its sound is gone, the writing was too slow" : strerror(failure));
}

static em_status fill(const em_clip *clip, int fd, em_err *err)
{
    SF_VIRTUAL_IO io = { drain_length, drain_seek, drain_read, drain_write, drain_tell };
    SF_INFO info = { .samplerate = clip->rate_hz, .channels = 1, .format = SF_FORMAT_FLAC | SF_FORMAT_PCM_24 };
    drain d = { .fd = fd };
    SNDFILE *file = sf_open_virtual(&io, SFM_WRITE, &info, &d);
    bool is_whole;

    if (!file)
        return d.failure ? fail(clip, d.failure, err)
                         : em_fail(err, EM_EFORMAT, "%s: FLAC does not take %d Hz: %s", clip->path, clip->rate_hz, sf_strerror(NULL));
    sf_set_string(file, SF_STR_TITLE, clip->title);
    sf_set_string(file, SF_STR_COMMENT, clip->comment);
    errno = 0;
    is_whole = encode(file, clip);
    if (!is_whole && !d.failure)
        d.failure = errno ? errno : EIO;
    if (sf_close(file) != 0 && !d.failure)
        d.failure = EIO;
    return d.failure ? fail(clip, d.failure, err) : EM_OK;
}

/* Its name, unless that is taken. The second and third way are for file systems that do not know the one before. */
static em_status publish(bool *is_old, const em_clip *clip, const char *part, em_err *err)
{
    bool is_done = renameat2(AT_FDCWD, part, AT_FDCWD, clip->path, RENAME_NOREPLACE) == 0;

    if (!is_done && errno != EEXIST && link(part, clip->path) == 0)
        is_done = unlink(part) == 0;
    if (!is_done && errno != EEXIST && access(clip->path, F_OK) != 0)
        is_done = rename(part, clip->path) == 0;
    *is_old = !is_done && access(clip->path, F_OK) == 0;
    return is_done || *is_old ? EM_OK : fail(clip, errno, err);
}

em_status em_clip_write(bool *is_old, const em_clip *clip, em_err *err)
{
    char part[PATH_MAX];
    em_status status;
    int fd;

    if ((*is_old = access(clip->path, F_OK) == 0))
        return EM_OK;
    if ((size_t)snprintf(part, sizeof part, "%s.part", clip->path) >= sizeof part)
        return fail(clip, ENAMETOOLONG, err);
    if ((fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666)) < 0)
        return fail(clip, errno, err);
    status = fill(clip, fd, err);
    if (close(fd) != 0 && !status)
        status = fail(clip, errno, err);
    if (!status)
        status = publish(is_old, clip, part, err);
    if (status || *is_old)
        unlink(part);
    return status;
}
