#include "sinks/web/server.h"

#include "base/clock.h"
#include "sinks/web/connection.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    MOST_CONNECTIONS = 64, MOST_OF_ADDRESS = 8, MOST_REQUESTS = 100,
    MOST_FIELDS = 64, FIELD_BYTES = 8192, LINE_BYTES = 4096, MEMORY = 24576,      /* of a connection */
    TICK_MS = 250, LAST_MS = 500,
    IDLE_S = 30,
};

struct em_web_server {
    struct MHD_Daemon *daemon;
    em_web_site *site;
    em_web_connection *connections;
    int         listen_fd, wake_fd, epoll_fd;
    atomic_bool is_ending;
    pthread_t   thread;
    bool        has_thread;
};

typedef struct asked {              /* one request                                          */
    bool is_long;                   /* its line is beyond LINE_BYTES                        */
    bool is_judged, is_last;        /* is_last: its connection is closed behind the answer  */
    int  code;                      /* 0: the route is answered                             */
    em_web_route route;
} asked;

/* ---- answers ---- */

static const struct { const char *name, *value; } every_answer[] = {
    { "Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
    { "X-Content-Type-Options", "nosniff" },
    { "Cache-Control", "no-store" },
    { "Referrer-Policy", "no-referrer" },
    { "X-Accel-Buffering", "no" },                      /* nginx would hold events back */
};

static enum MHD_Result answer(em_web_connection *c, int code, const char *type, struct MHD_Response *r, bool is_last)
{
    enum MHD_Result result;

    if (!r)
        return MHD_NO;
    for (size_t i = 0; i < EM_COUNT(every_answer); i++)
        MHD_add_response_header(r, every_answer[i].name, every_answer[i].value);
    MHD_add_response_header(r, "Content-Type", type);
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(r, "Allow", "GET, HEAD");
    if (code == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(r, "WWW-Authenticate", "Basic realm=\"earmark\", charset=\"UTF-8\"");
    if (code == MHD_HTTP_TOO_MANY_REQUESTS)
        MHD_add_response_header(r, "Retry-After", "60");
    if (is_last || c->n_requests >= MOST_REQUESTS)
        MHD_add_response_header(r, "Connection", "close");
    result = MHD_queue_response(c->mhd, (unsigned)code, r);
    MHD_destroy_response(r);
    return result;
}

static struct MHD_Response *fixed(const void *bytes, size_t n, enum MHD_ResponseMemoryMode mode)
{
    return MHD_create_response_from_buffer(n, (void *)(uintptr_t)bytes, mode);      /* microhttpd only reads it */
}

/* Says what the status means and nothing of us. */
static enum MHD_Result refuse(em_web_connection *c, int code, bool is_last)
{
    static const struct { int code; const char *text; } texts[] = {
        { 400, "bad request\n" }, { 401, "a token is needed: as the password, or as Authorization: Bearer\n" }, { 403, "forbidden\n" },
        { 404, "not found\n" }, { 405, "GET and HEAD only\n" }, { 414, "too long\n" }, { 429, "too many wrong tokens\n" },
        { 431, "too many header fields\n" },
    };
    const char *text = "";

    for (size_t i = 0; i < EM_COUNT(texts); i++)
        if (texts[i].code == code)
            text = texts[i].text;
    return answer(c, code, "text/plain; charset=utf-8", fixed(text, strlen(text), MHD_RESPMEM_PERSISTENT), is_last);
}

static enum MHD_Result answer_text(em_web_server *s, em_web_connection *c, const em_web_route *route)
{
    int code = MHD_HTTP_OK;
    char *text = route->text(s->site, &code);

    return text ? answer(c, code, route->type, fixed(text, strlen(text), MHD_RESPMEM_MUST_FREE), false) : MHD_NO;
}

static enum MHD_Result answer_feed(em_web_server *s, em_web_connection *c, const em_web_route *route)
{
    const char *id = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, "Last-Event-ID");
    em_feed *feed = s->site->feeds[route->feed];
    const bool is_live = route->feed == EM_WEB_LIVE;
    uint64_t at = is_live ? em_feed_history(feed) : id ? em_feed_after(feed, id) : em_feed_end(feed);

    return answer(c, MHD_HTTP_OK, route->type, em_web_connection_follow(c, feed, at, is_live ? s->site->greeting : "retry: 2000\n\n"),
                  false);
}

static enum MHD_Result answer_route(em_web_server *s, em_web_connection *c, const em_web_route *route)
{
    if (route->file)                                    /* once a page: its connection would stand idle and take another's place */
        return answer(c, MHD_HTTP_OK, route->type, fixed(route->file->bytes, route->file->n, MHD_RESPMEM_PERSISTENT), true);
    return route->text ? answer_text(s, c, route) : answer_feed(s, c, route);
}

/* ---- what is asked ---- */

typedef struct fields { int n, n_hosts, n_lengths; size_t n_bytes; const char *host; bool has_body; } fields;

static enum MHD_Result look_at_field(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
    fields *f = ctx;

    (void)kind;
    f->n++;
    f->n_bytes += strlen(name) + (value ? strlen(value) : 0) + 4;
    if (strcasecmp(name, "Host") == 0) {
        f->n_hosts++;
        f->host = value;
    } else if (strcasecmp(name, "Content-Length") == 0) {
        f->n_lengths++;
        f->has_body |= !value || strspn(value, "0") != strlen(value) || !*value;
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        f->has_body = true;
    }
    return MHD_YES;
}

static bool find_route(em_web_route *out, const char *path)
{
    for (int i = 0; em_web_route_at(out, i); i++)
        if (strcmp(out->path, path) == 0)
            return true;
    return false;
}

/* 0: a->route is answered. A request with a body is refused and its connection closed, so that nothing can hide behind it. */
static int judge(em_web_server *s, em_web_connection *c, const char *path, const char *method, asked *a)
{
    fields f = { 0 };
    const bool is_known = find_route(&a->route, path);
    em_web_caller caller = { .is_open = is_known && a->route.is_open, .now_ns = em_now_ns() };
    int code;

    MHD_get_connection_values(c->mhd, MHD_HEADER_KIND, look_at_field, &f);
    caller.host = f.host;
    caller.n_hosts = f.n_hosts;
    caller.origin = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, "Origin");
    caller.authorization = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, "Authorization");
    caller.from = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    caller.to = (const struct sockaddr *)&c->here;

    a->is_last = true;
    if (a->is_long)
        return MHD_HTTP_URI_TOO_LONG;
    if (f.n > MOST_FIELDS || f.n_bytes > FIELD_BYTES)
        return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    if (f.n_lengths > 1 || f.has_body)
        return MHD_HTTP_BAD_REQUEST;
    if ((code = em_web_gate_check(&s->site->gate, &caller)))
        return code;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    a->is_last = false;
    return is_known ? 0 : MHD_HTTP_NOT_FOUND;
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *mhd, const char *path, const char *method, const char *version,
                              const char *data, size_t *n_data, void **request)
{
    em_web_connection *c = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    asked *a = *request;

    (void)version, (void)data;
    if (!c || !a || *n_data > 0)
        return MHD_NO;
    if (!a->is_judged) {
        a->is_judged = true;
        c->n_requests++;
        c->deadline_ns = em_now_ns() + IDLE_S * 1000000000ull;
        a->code = judge(ctx, c, path, method, a);
        if (!a->is_last)                                /* an answer to this first call would close the connection */
            return MHD_YES;
    }
    return a->code ? refuse(c, a->code, a->is_last) : answer_route(ctx, c, &a->route);
}

/* ---- the loop ---- */

static void *begin_request(void *ctx, const char *uri, struct MHD_Connection *mhd)
{
    asked *a = calloc(1, sizeof *a);

    (void)ctx, (void)mhd;
    if (a)
        a->is_long = strlen(uri) > LINE_BYTES;
    return a;
}

static void end_request(void *ctx, struct MHD_Connection *mhd, void **request, enum MHD_RequestTerminationCode how)
{
    (void)ctx, (void)mhd, (void)how;
    free(*request);
    *request = NULL;
}

static void notice(void *ctx, struct MHD_Connection *mhd, void **socket, enum MHD_ConnectionNotificationCode what)
{
    em_web_server *s = ctx;

    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        *socket = em_web_connection_begin(&s->connections, mhd);
    else if (*socket)
        em_web_connection_end(*socket);
}

/* Paths are compared as they came: nothing in them is an escape. */
static size_t leave_escapes(void *ctx, struct MHD_Connection *mhd, char *s)
{
    (void)ctx, (void)mhd;
    return strlen(s);
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
        struct pollfd fds[] = { { .fd = s->epoll_fd, .events = POLLIN }, { .fd = s->wake_fd, .events = POLLIN } };
        MHD_UNSIGNED_LONG_LONG ms = TICK_MS;

        if (MHD_get_timeout(s->daemon, &ms) != MHD_YES || ms > TICK_MS)
            ms = TICK_MS;
        poll(fds, EM_COUNT(fds), (int)ms);
        if (fds[1].revents && read(s->wake_fd, &n_woken, sizeof n_woken) < 0)
            n_woken = 0;                                /* it was woken, that is all there is to know */
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

    s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, s,
                                 MHD_OPTION_LISTEN_SOCKET, s->listen_fd,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)MOST_CONNECTIONS,
                                 MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)MOST_OF_ADDRESS,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
                                 MHD_OPTION_STRICT_FOR_CLIENT, 1,
                                 MHD_OPTION_URI_LOG_CALLBACK, begin_request, NULL,
                                 MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL,
                                 MHD_OPTION_NOTIFY_COMPLETED, end_request, NULL,
                                 MHD_OPTION_NOTIFY_CONNECTION, notice, s,
                                 MHD_OPTION_END);
    if (!s->daemon)
        return em_fail(err, EM_EIO, "--http: the server cannot be started");
    s->listen_fd = -1;                                  /* its own now */
    info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    s->epoll_fd = info ? info->epoll_fd : -1;
    return EM_OK;
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
    *s = (em_web_server){ .site = site, .listen_fd = fd, .epoll_fd = -1, .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    status = s->wake_fd < 0 ? em_fail(err, EM_EIO, "--http: no descriptor is left") : start_daemon(s, err);
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
    if (s->daemon) {
        tick(s);                                        /* none may be suspended now */
        MHD_stop_daemon(s->daemon);
    }
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    free(s);
}
