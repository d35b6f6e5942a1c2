#include "sinks/web/door.h"

#include "base/clock.h"
#include "sinks/web/address.h"
#include "sinks/web/refusal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_S = 5, ANSWER_S = 30, LEAVE_S = 1, PAUSE_MS = 200, EVENTS = 32 };

static const uint64_t second_ns = 1000000000ull;

struct em_web_door {
    em_web_door_cfg cfg;
    int      listen_fd, epoll_fd;
    int      spare_fd;              /* given up for a moment to take and turn away who comes when no descriptor is left */
    uint64_t shut_until_ns;
};

/* ---- one connection ---- */

static void drop(em_web_connection *c)
{
    close(c->fd);
    em_web_connection_end(c);
}

/* Says why, and waits a moment for the other end to close: closed with bytes unread, a connection takes back what it said. */
static void refuse(em_web_door *d, em_web_connection *c, int code)
{
    const bool has_body = !c->head.method || strcmp(c->head.method, "HEAD") != 0;
    struct epoll_event until_read = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = c };
    char text[EM_WEB_REFUSAL_BYTES];
    size_t n = em_web_refusal(text, code, has_body);

    c->is_leaving = send(c->fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n && shutdown(c->fd, SHUT_WR) == 0 &&
                    epoll_ctl(d->epoll_fd, EPOLL_CTL_MOD, c->fd, &until_read) == 0;
    c->deadline_ns = em_now_ns() + LEAVE_S * second_ns;
    if (!c->is_leaving)
        drop(c);
}

static int of_address(const em_web_door *d, const struct sockaddr_storage *at)
{
    int n = 0;

    for (const em_web_connection *c = *d->cfg.list; c; c = c->next)
        n += em_web_address_is_same(&c->from, at);
    return n;
}

/* A Unix socket is nobody's in particular: who may open it is the file's affair. */
static bool may_be_many(const em_web_door *d, const struct sockaddr_storage *at)
{
    return at->ss_family == AF_UNIX || em_web_is_proxy((const struct sockaddr *)at, d->cfg.proxies, d->cfg.n_proxies);
}

static void let_in(em_web_door *d, em_web_connection *c)
{
    int code;

    em_web_forwarded(&c->from, &c->head, d->cfg.proxies, d->cfg.n_proxies);
    if (of_address(d, &c->from) > EM_WEB_OF_ADDRESS && !may_be_many(d, &c->from))
        code = 503;
    else
        code = d->cfg.judge(d->cfg.ctx, c);
    if (code) {
        refuse(d, c, code);
        return;
    }
    epoll_ctl(d->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
    c->deadline_ns = em_now_ns() + ANSWER_S * second_ns;
    d->cfg.let_in(d->cfg.ctx, c);
}

/* is_over: nothing more comes. */
static void look(em_web_door *d, em_web_connection *c, bool is_over)
{
    const ssize_t n = recv(c->fd, c->bytes, sizeof c->bytes, MSG_PEEK | MSG_DONTWAIT);
    const bool is_quiet = n < 0 && (errno == EAGAIN || errno == EINTR);
    const int code = n > 0 ? em_web_head_read(&c->head, c->bytes, (size_t)n) : 0;

    if (code == 200)
        let_in(d, c);
    else if (code)
        refuse(d, c, code);
    else if (is_over || (n <= 0 && !is_quiet))
        drop(c);
}

static void see_off(em_web_connection *c)
{
    const ssize_t n = recv(c->fd, c->bytes, sizeof c->bytes, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        drop(c);
}

/* ---- who comes ---- */

static bool has_room(const em_web_door *d, const struct sockaddr_storage *from)
{
    int n = 0;

    for (const em_web_connection *c = *d->cfg.list; c; c = c->next)
        n++;
    return n < EM_WEB_CONNECTIONS && (may_be_many(d, from) || of_address(d, from) < EM_WEB_OF_ADDRESS);
}

static void take(em_web_door *d, int fd, const struct sockaddr_storage *from)
{
    em_web_connection *c = has_room(d, from) ? em_web_connection_begin(d->cfg.list, fd, from) : NULL;
    struct epoll_event what = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = c };

    if (!c) {
        close(fd);
        return;
    }
    c->deadline_ns = em_now_ns() + HEAD_S * second_ns;
    if (epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &what) != 0)
        drop(c);
}

/* No descriptor is left: who waits is turned away, and then for a moment nobody is looked at. */
static void turn_away(em_web_door *d)
{
    int fd;

    if (d->spare_fd >= 0)
        close(d->spare_fd);
    if ((fd = accept(d->listen_fd, NULL, NULL)) >= 0)
        close(fd);
    d->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    d->shut_until_ns = em_now_ns() + PAUSE_MS * 1000000ull;
}

static void take_all(em_web_door *d)
{
    int fd = -1;

    for (int i = 0; i < EVENTS; i++) {
        struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
        socklen_t n_from = sizeof from;

        if ((fd = accept4(d->listen_fd, (struct sockaddr *)&from, &n_from, SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0)
            break;
        take(d, fd, &from);
    }
    if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
        turn_away(d);
}

void em_web_door_poll(const em_web_door *d, struct pollfd fds[EM_WEB_DOOR_FDS])
{
    fds[0] = (struct pollfd){ .fd = em_now_ns() < d->shut_until_ns ? -1 : d->listen_fd, .events = POLLIN };
    fds[1] = (struct pollfd){ .fd = d->epoll_fd, .events = POLLIN };
}

void em_web_door_turn(em_web_door *d)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(d->epoll_fd, events, EVENTS, 0);

    for (int i = 0; i < n; i++) {
        em_web_connection *c = events[i].data.ptr;

        if (c->is_leaving)
            see_off(c);
        else
            look(d, c, events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
    }
    if (em_now_ns() >= d->shut_until_ns)
        take_all(d);
}

/* ---- life ---- */

em_status em_web_door_open(em_web_door **out, int fd, const em_web_door_cfg *cfg, em_err *err)
{
    em_web_door *d = calloc(1, sizeof *d);

    *out = NULL;
    if (!d) {
        close(fd);
        return em_fail(err, EM_ENOMEM, "no memory for the web page");
    }
    *d = (em_web_door){ .cfg = *cfg, .listen_fd = fd, .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
                        .spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC) };
    if (d->epoll_fd < 0 || d->spare_fd < 0) {
        em_web_door_close(d);
        return em_fail(err, EM_EIO, "--http: no descriptor is left");
    }
    *out = d;
    return EM_OK;
}

void em_web_door_close(em_web_door *d)
{
    if (!d)
        return;
    for (em_web_connection *c = *d->cfg.list, *next; c; c = next) {
        next = c->next;
        if (!c->mhd)
            drop(c);
    }
    close(d->listen_fd);
    if (d->epoll_fd >= 0)
        close(d->epoll_fd);
    if (d->spare_fd >= 0)
        close(d->spare_fd);
    free(d);
}
