#include "sinks/web/server.h"

#include "base/clock.h"
#include "sinks/web/door.h"
#include "sinks/web/refusal.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    MEMORY = 32768,                 /* of a connection, its head of 12 KiB among it */
    TICK_MS = 250, LAST_MS = 500,
};

struct em_web_server {
    struct MHD_Daemon *daemon;
    em_web_site *site;
    em_web_connection *connections;
    em_web_connection *entering;    /* on its way from the door to microhttpd       */
    em_web_door *door;
    int         wake_fd, epoll_fd;
    atomic_bool is_ending;
    pthread_t   thread;
    bool        has_thread;
};

/* ---- answers ---- */

static enum MHD_Result answer(em_web_connection *c, int code, const char *type, struct MHD_Response *r)
{
    enum MHD_Result result;

    if (!r)
        return MHD_NO;
    for (int i = 0; i < em_web_n_every_answer; i++)
        MHD_add_response_header(r, em_web_every_answer[i].name, em_web_every_answer[i].value);
    MHD_add_response_header(r, "Content-Type", type);
    result = MHD_queue_response(c->mhd, (unsigned)code, r);
    MHD_destroy_response(r);
    return result;
}

static struct MHD_Response *fixed(const void *bytes, size_t n, enum MHD_ResponseMemoryMode mode)
{
    return MHD_create_response_from_buffer(n, (void *)(uintptr_t)bytes, mode);      /* microhttpd only reads it */
}

static enum MHD_Result answer_text(em_web_server *s, em_web_connection *c)
{
    int code = MHD_HTTP_OK;
    char *text = c->route.text(s->site, &code);

    return text ? answer(c, code, c->route.type, fixed(text, strlen(text), MHD_RESPMEM_MUST_FREE)) : MHD_NO;
}

static enum MHD_Result answer_feed(em_web_server *s, em_web_connection *c)
{
    const char *id = em_web_head_field(&c->head, "Last-Event-ID");
    em_feed *feed = s->site->feeds[c->route.feed];
    const bool is_live = c->route.feed == EM_WEB_LIVE;
    uint64_t at = is_live ? em_feed_history(feed) : id ? em_feed_after(feed, id) : em_feed_end(feed);

    return answer(c, MHD_HTTP_OK, c->route.type, em_web_connection_follow(c, feed, at, is_live ? s->site->greeting : "retry: 2000\n\n"));
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *mhd, const char *path, const char *method, const char *version,
                              const char *data, size_t *n_data, void **request)
{
    em_web_connection *c = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

    (void)path, (void)method, (void)version, (void)data, (void)request;         /* all that is asked is in c->head */
    if (!c || c->is_answered || *n_data > 0)
        return MHD_NO;
    c->is_answered = true;
    if (c->route.file)
        return answer(c, MHD_HTTP_OK, c->route.type, fixed(c->route.file->bytes, c->route.file->n, MHD_RESPMEM_PERSISTENT));
    return c->route.text ? answer_text(ctx, c) : answer_feed(ctx, c);
}

/* ---- what is asked ---- */

static bool find_route(em_web_route *out, const char *path)
{
    for (int i = 0; em_web_route_at(out, i); i++)
        if (strcmp(out->path, path) == 0)
            return true;
    return false;
}

/* 0: c->route is answered. Paths are compared as they came: nothing in them is an escape. */
static int judge(void *ctx, em_web_connection *c)
{
    em_web_server *s = ctx;
    const bool is_known = c->head.path && find_route(&c->route, c->head.path);
    const em_web_caller caller = {
        .host = c->head.host, .origin = em_web_head_field(&c->head, "Origin"),
        .authorization = em_web_head_field(&c->head, "Authorization"), .from = (const struct sockaddr *)&c->from,
        .to = (const struct sockaddr *)&c->here, .is_open = is_known && c->route.is_open, .now_ns = em_now_ns(),
    };
    const int code = em_web_gate_check(&s->site->gate, &caller);

    if (code)
        return code;
    if (strcmp(c->head.method, "GET") != 0 && strcmp(c->head.method, "HEAD") != 0)
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    if (!c->head.path)
        return MHD_HTTP_BAD_REQUEST;
    return is_known ? 0 : MHD_HTTP_NOT_FOUND;
}

/* microhttpd closes what it does not take. */
static void let_in(void *ctx, em_web_connection *c)
{
    em_web_server *s = ctx;

    s->entering = c;
    if (MHD_add_connection(s->daemon, c->fd, (struct sockaddr *)&c->from, sizeof c->from) != MHD_YES && s->entering)
        em_web_connection_end(c);
    s->entering = NULL;
}

/* ---- the loop ---- */

static void notice(void *ctx, struct MHD_Connection *mhd, void **socket, enum MHD_ConnectionNotificationCode what)
{
    em_web_server *s = ctx;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket = s->entering;
        s->entering->mhd = mhd;
        s->entering = NULL;
    } else if (*socket) {
        em_web_connection_end(*socket);
    }
}

static void tick(em_web_server *s)
{
    uint64_t now_ns = em_now_ns();

    for (em_web_connection *c = s->connections, *next; c; c = next) {
        next = c->next;
        if (c->reader)
            c->reader->is_over = atomic_load(&s->is_ending);
        em_web_connection_tick(c, now_ns);
    }
}

static bool has_readers(const em_web_server *s)
{
    for (const em_web_connection *c = s->connections; c; c = c->next)
        if (c->reader)
            return true;
    return false;
}

static void *run(void *ctx)
{
    em_web_server *s = ctx;
    uint64_t end_ns = 0, n_woken;

    while (!end_ns || (em_now_ns() < end_ns && has_readers(s))) {
        struct pollfd fds[2 + EM_WEB_DOOR_FDS] = { { .fd = s->epoll_fd, .events = POLLIN }, { .fd = s->wake_fd, .events = POLLIN } };
        MHD_UNSIGNED_LONG_LONG ms = TICK_MS;

        if (MHD_get_timeout(s->daemon, &ms) != MHD_YES || ms > TICK_MS)
            ms = TICK_MS;
        em_web_door_poll(s->door, fds + 2);
        poll(fds, EM_COUNT(fds), (int)ms);
        if (fds[1].revents && read(s->wake_fd, &n_woken, sizeof n_woken) < 0)
            n_woken = 0;                                /* it was woken, that is all there is to know */
        em_web_door_turn(s->door);
        MHD_run(s->daemon);
        tick(s);
        if (!end_ns && atomic_load(&s->is_ending))
            end_ns = em_now_ns() + LAST_MS * 1000000ull;
    }
    return NULL;
}

/* ---- life ---- */

static em_status start_daemon(em_web_server *s, em_err *err)
{
    const union MHD_DaemonInfo *info;

    s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, s,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)EM_WEB_CONNECTIONS,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
                                 MHD_OPTION_STRICT_FOR_CLIENT, 1,
                                 MHD_OPTION_NOTIFY_CONNECTION, notice, s,
                                 MHD_OPTION_END);
    if (!s->daemon)
        return em_fail(err, EM_EIO, "--http: the server cannot be started");
    info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    s->epoll_fd = info ? info->epoll_fd : -1;
    return EM_OK;
}

static em_status open_door(em_web_server *s, int fd, em_err *err)
{
    const em_web_door_cfg cfg = { .list = &s->connections, .proxies = s->site->proxies, .n_proxies = s->site->n_proxies,
                                  .judge = judge, .let_in = let_in, .ctx = s };

    return em_web_door_open(&s->door, fd, &cfg, err);
}

/* Signals are the main thread's. */
static em_status start_thread(em_web_server *s, em_err *err)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    s->has_thread = pthread_create(&s->thread, NULL, run, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return s->has_thread ? EM_OK : em_fail(err, EM_ENOMEM, "no thread for the web page");
}

em_status em_web_server_start(em_web_server **out, int fd, em_web_site *site, em_err *err)
{
    em_web_server *s = calloc(1, sizeof *s);
    em_status status;

    *out = NULL;
    if (!s) {
        close(fd);
        return em_fail(err, EM_ENOMEM, "no memory for the web page");
    }
    *s = (em_web_server){ .site = site, .epoll_fd = -1, .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    status = open_door(s, fd, err);
    if (!status && s->wake_fd < 0)
        status = em_fail(err, EM_EIO, "--http: no descriptor is left");
    if (!status)
        status = start_daemon(s, err);
    if (!status)
        status = start_thread(s, err);
    if (status) {
        em_web_server_stop(s);
        return status;
    }
    *out = s;
    return EM_OK;
}

void em_web_server_wake(em_web_server *s)
{
    const uint64_t one = 1;

    if (write(s->wake_fd, &one, sizeof one) < 0)
        return;                                         /* the counter is full: it is awake */
}

void em_web_server_stop(em_web_server *s)
{
    if (!s)
        return;
    atomic_store(&s->is_ending, true);
    if (s->has_thread) {
        em_web_server_wake(s);
        pthread_join(s->thread, NULL);
    }
    em_web_door_close(s->door);
    if (s->daemon) {
        tick(s);                                        /* none may be suspended now */
        MHD_stop_daemon(s->daemon);
    }
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    free(s);
}
