#include "sinks/web/connection.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BLOCK = 4096, SEND_BUFFER = 65536, STALLED_S = 30, NUDGE_S = 15 };

static const uint64_t second_ns = 1000000000ull;

em_web_connection *em_web_connection_begin(em_web_connection **list, int fd, const struct sockaddr_storage *from)
{
    em_web_connection *c = calloc(1, sizeof *c);
    const int room = SEND_BUFFER;
    socklen_t n_here = sizeof c->here;

    if (!c)
        return NULL;
    c->next = *list;
    c->link = list;
    c->fd = fd;
    c->from = *from;
    /* Else the kernel would hold megabytes for a reader that takes nothing. */
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    getsockname(fd, (struct sockaddr *)&c->here, &n_here);
    if (c->next)
        c->next->link = &c->next;
    *list = c;
    return c;
}

void em_web_connection_end(em_web_connection *c)
{
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    if (c->reader)
        c->reader->owner = NULL;
    free(c);
}

/* ---- a reader of a feed ---- */

static ssize_t send_text(const char **text, char *out, size_t max)
{
    size_t n = strlen(*text) < max ? strlen(*text) : max;

    memcpy(out, *text, n);
    *text += n;
    return (ssize_t)n;
}

static ssize_t take(void *ctx, uint64_t pos, char *out, size_t max)
{
    em_web_reader *r = ctx;
    const char *nudge = ":\n\n";
    ssize_t n;

    (void)pos;
    if (r->is_gone)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (*r->greeting) {
        n = send_text(&r->greeting, out, max);
    } else if ((n = em_feed_read(r->feed, &r->at, out, max)) < 0) {
        return MHD_CONTENT_READER_END_WITH_ERROR;       /* too slow: the browser comes again by itself */
    } else if (n == 0 && r->is_over) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    } else if (n == 0 && r->is_nudged) {
        n = send_text(&nudge, out, max);
    } else if (n == 0) {
        r->is_waiting = true;
        MHD_suspend_connection(r->owner->mhd);
        return 0;
    }
    r->is_nudged = false;
    r->moved_ns = em_now_ns();
    return n;
}

static void leave(void *ctx)
{
    em_web_reader *r = ctx;

    if (r->owner) {
        r->owner->reader = NULL;
        r->owner->deadline_ns = em_now_ns() + STALLED_S * second_ns;      /* HEAD: it never followed */
    }
    free(r);
}

struct MHD_Response *em_web_connection_follow(em_web_connection *c, em_feed *feed, uint64_t at, const char *greeting)
{
    em_web_reader *r = calloc(1, sizeof *r);
    struct MHD_Response *response;

    if (!r)
        return NULL;
    *r = (em_web_reader){ .owner = c, .feed = feed, .at = at, .greeting = greeting, .moved_ns = em_now_ns() };
    if (!(response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, take, r, leave))) {
        free(r);
        return NULL;
    }
    c->reader = r;
    c->deadline_ns = 0;
    return response;
}

static void wake(em_web_connection *c)
{
    if (!c->reader->is_waiting)
        return;
    c->reader->is_waiting = false;
    MHD_resume_connection(c->mhd);
}

/* A suspended connection is not looked at by microhttpd. */
static bool is_closed(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void tick_reader(em_web_connection *c, uint64_t now_ns)
{
    em_web_reader *r = c->reader;
    const uint64_t quiet_ns = now_ns > r->moved_ns ? now_ns - r->moved_ns : 0;

    if (!r->is_waiting && quiet_ns > STALLED_S * second_ns) {
        c->deadline_ns = 1;
        return;
    }
    r->is_gone = r->is_waiting && is_closed(c->fd);
    r->is_nudged |= r->is_waiting && quiet_ns > NUDGE_S * second_ns;
    if (r->is_gone || r->is_nudged || r->is_over || em_feed_end(r->feed) != r->at)
        wake(c);
}

void em_web_connection_tick(em_web_connection *c, uint64_t now_ns)
{
    if (c->reader)
        tick_reader(c, now_ns);
    if (c->deadline_ns && now_ns > c->deadline_ns)
        shutdown(c->fd, SHUT_RDWR);                     /* the loop sees its end and cleans up */
}
