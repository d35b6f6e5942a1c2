/* notify.c - see notify.h. The protocol is a few lines (sd_notify(3)), and libsystemd would be a library more for all who
 * run without it. */
#include "base/notify.h"

#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { STATUS_BYTES = 400 };

static uint64_t watchdog_us(void)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

    return us && (!pid || strtol(pid, NULL, 10) == getpid()) ? strtoull(us, NULL, 10) : 0;
}

/* '@' begins a name without a file. */
static em_status connect_to(em_notify *n, const char *path, em_err *err)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    const size_t n_path = strlen(path);
    char clean[128];

    em_text_clean(clean, sizeof clean, path);
    if ((path[0] != '/' && path[0] != '@') || n_path < 2 || n_path >= sizeof to.sun_path)
        return em_fail(err, EM_EINVAL, "NOTIFY_SOCKET: '%s' is no socket's name", clean);
    memcpy(to.sun_path, path, n_path);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (n->fd >= 0 && connect(n->fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n_path)) == 0)
        return EM_OK;
    em_fail(err, EM_EIO, "NOTIFY_SOCKET: nobody can be told at '%s': %s", clean, strerror(errno));
    em_notify_close(n);
    return EM_EIO;
}

em_status em_notify_open(em_notify *n, em_err *err)
{
    const char *path = getenv("NOTIFY_SOCKET");
    em_status status = EM_OK;

    *n = (em_notify){ .fd = -1, .watchdog_us = watchdog_us() };
    if (path && *path)
        status = connect_to(n, path, err);
    if (n->fd < 0)
        n->watchdog_us = 0;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return status;
}

void em_notify_close(em_notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    *n = (em_notify){ .fd = -1 };
}

bool em_notify_send(const em_notify *n, const char *lines)
{
    return n->fd >= 0 && send(n->fd, lines, strlen(lines), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

bool em_notify_status(const em_notify *n, const char *text)
{
    char line[STATUS_BYTES] = "STATUS=";

    em_text_clean(line + strlen(line), sizeof line - strlen(line), text);
    return em_notify_send(n, line);
}
