#include "sinks/web/token.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum { RANDOM_BYTES = 32, MADE_CHARS = 43 };        /* 256 bits, six a character */

static em_status fail_io(const char *path, const char *doing, em_err *err)
{
    return em_fail(err, EM_EIO, "--http-token: %s cannot be %s: %s", path, doing, strerror(errno));
}

/* An uninterrupted write of one line; O_EXCL, so that nobody else's file is taken for ours. */
static em_status make(const char *path, em_err *err)
{
    unsigned char bits[RANDOM_BYTES + 1] = { 0 };
    char text[MADE_CHARS + 1];
    int fd;
    bool is_written;

    if (getrandom(bits, RANDOM_BYTES, 0) != RANDOM_BYTES)
        return fail_io(path, "made", err);
    for (int i = 0; i < MADE_CHARS; i++) {
        int bit = 6 * i, pair = bits[bit / 8] << 8 | bits[bit / 8 + 1];

        text[i] = alphabet[pair >> (10 - bit % 8) & 63];
    }
    text[MADE_CHARS] = '\n';
    if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
        return fail_io(path, "made", err);
    is_written = write(fd, text, sizeof text) == (ssize_t)sizeof text && fsync(fd) == 0;
    if (close(fd) != 0 || !is_written) {
        unlink(path);
        return fail_io(path, "written", err);
    }
    em_log(EM_LOG_INFO, "a token was made in %s; a browser asks for it as the password", path);
    return EM_OK;
}

static em_status check(char *text, const char *path, const struct stat *st, em_err *err)
{
    size_t n = strcspn(text, "\r\n");

    text[n] = '\0';
    if (!S_ISREG(st->st_mode) || (st->st_mode & 077))
        return em_fail(err, EM_EINVAL, "--http-token: %s can be read by others: chmod 600 it", path);
    if (n < EM_WEB_TOKEN_LEAST || n >= EM_WEB_TOKEN_CHARS || strspn(text, alphabet) != n)
        return em_fail(err, EM_EINVAL, "--http-token: %s holds no token: one line of %d to %d characters of A-Z a-z 0-9 - _", path,
                       EM_WEB_TOKEN_LEAST, EM_WEB_TOKEN_CHARS - 1);
    return EM_OK;
}

em_status em_web_token_read(char out[EM_WEB_TOKEN_CHARS], const char *path, em_err *err)
{
    char text[EM_WEB_TOKEN_CHARS + 2] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    em_status status;
    ssize_t n;

    if (fd < 0 && errno == ENOENT) {
        if ((status = make(path, err)))
            return status;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    }
    if (fd < 0)
        return fail_io(path, "read", err);
    n = fstat(fd, &st) == 0 ? read(fd, text, sizeof text - 1) : -1;
    status = n < 0 ? fail_io(path, "read", err) : EM_OK;
    close(fd);
    if (!status)
        status = check(text, path, &st, err);
    memcpy(out, status ? "" : text, status ? 1 : strlen(text) + 1);
    return status;
}

bool em_web_token_is(const char *token, const char *guess)
{
    size_t n = strlen(token), n_guess = strlen(guess);
    volatile unsigned char differs = n != n_guess;      /* volatile: the loop must not end at the first difference */

    for (size_t i = 0; i < n; i++)
        differs |= (unsigned char)(token[i] ^ (n_guess ? guess[i % n_guess] : 0));
    return !differs;
}
