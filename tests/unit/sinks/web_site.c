#include "web_site.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ROOM = 1 << 12, ASK_MS = 5000 };

static const unsigned char page[] = "<!doctype html>\n";
const em_web_file em_web_files[] = { { "/", "text/html; charset=utf-8", page, sizeof page - 1 } };
const int em_web_n_files = 1;

static const char *const labels[] = { "Dog", "Rain" }, *const mids[] = { "", "" };
static const em_classes classes = { labels, mids, 2 };
static const em_event start = { .type = EM_EVENT_START, .source = "x", .u.start = { "1", "m", "s", "cpu", 32000, 1, 10 } };

bool site_init(em_web_site *out)
{
    const em_web_metrics_cfg metrics = { .classes = &classes, .start = &start };
    em_err err;

    *out = (em_web_site){ .gate = { .token = SITE_TOKEN }, .patience_s = 1e9, .classes = strdup("{}"), .greeting = strdup("data: hello\n\n") };
    for (int i = 0; i < EM_WEB_FEEDS; i++) {
        if (em_feed_new(&out->feeds[i], ROOM, &err))
            return false;
        em_feed_put(out->feeds[i], NULL, "1", "{}");
    }
    return out->classes && out->greeting && em_web_metrics_new(&out->metrics, &metrics, &err) == EM_OK;
}

void site_deinit(em_web_site *site)
{
    for (int i = 0; i < EM_WEB_FEEDS; i++)
        em_feed_free(site->feeds[i]);
    em_web_metrics_free(site->metrics);
    free(site->classes);
    free(site->greeting);
}

int site_listen(void)
{
    const struct sockaddr_un any = { .sun_family = AF_UNIX };         /* the kernel finds a name */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && (bind(fd, (const struct sockaddr *)&any, sizeof any.sun_family) != 0 || listen(fd, 64) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

int site_connect(int listen_fd)
{
    struct sockaddr_un at;
    socklen_t n = sizeof at;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && (getsockname(listen_fd, (struct sockaddr *)&at, &n) != 0 || connect(fd, (struct sockaddr *)&at, n) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool is_feed(const char *text)
{
    return strstr(text, "text/event-stream") && strstr(text, "\r\n\r\n");
}

/* libFuzzer's alarm interrupts whatever waits, and poll begins anew only by hand. */
static bool has_more(int fd)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    int n;

    do
        n = poll(&wait, 1, ASK_MS);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

static bool send_piece(int fd, const char *bytes, size_t n)
{
    ssize_t sent;

    do
        sent = send(fd, bytes, n, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)n;
}

size_t site_ask(int fd, const char *bytes, size_t n, size_t n_piece, char *out, size_t room)
{
    size_t n_out = 0;

    for (size_t at = 0; at < n && send_piece(fd, bytes + at, n - at < n_piece ? n - at : n_piece); at += n_piece)
        ;
    shutdown(fd, SHUT_WR);
    *out = '\0';
    while (n_out + 1 < room && !is_feed(out) && has_more(fd)) {
        ssize_t more = recv(fd, out + n_out, room - 1 - n_out, MSG_DONTWAIT);

        if (more <= 0)
            break;
        n_out += (size_t)more;
        out[n_out] = '\0';
    }
    return n_out;
}

int site_status(const char *answer)
{
    int code;

    return sscanf(answer, "HTTP/1.1 %3d ", &code) == 1 ? code : 0;
}
