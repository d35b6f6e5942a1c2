/* connection.h - one connection and its limits, as the server's thread keeps them in a list. */
#ifndef EM_SINKS_WEB_CONNECTION_H
#define EM_SINKS_WEB_CONNECTION_H

#include "sinks/web/head.h"
#include "sinks/web/site.h"

#include <microhttpd.h>

typedef struct em_web_reader {      /* who follows a feed; its response owns it                */
    struct em_web_connection *owner;            /* NULL: that is over                          */
    em_feed    *feed;
    const char *greeting;           /* what is left of it                                      */
    uint64_t    at;                 /* in the feed                                             */
    bool        is_waiting;         /* suspended: there was nothing new                        */
    bool        is_nudged;          /* a comment is due, so that a reader who is gone is seen  */
    bool        is_gone;            /* nobody is at the other end                              */
    bool        is_over;            /* the feed has ended: the rest, then no more              */
    uint64_t    moved_ns;           /* when it last took something                             */
} em_web_reader;

typedef struct em_web_connection {
    struct em_web_connection *next, **link;
    int         fd;
    struct sockaddr_storage from, here;         /* who asks, which a proxy may have told; our end */
    uint64_t    deadline_ns;        /* when it is cut, 0: never                                */
    bool        is_leaving;         /* refused: what still comes is thrown away                */
    bool        is_answered;        /* the one request that it may bring                       */
    struct MHD_Connection *mhd;     /* NULL: it is at the door (door.h)                        */
    em_web_head head;
    em_web_route route;             /* that it asks for                                        */
    em_web_reader *reader;          /* NULL: it follows nothing                                */
    char        bytes[EM_WEB_HEAD_BYTES];       /* where head lies                             */
} em_web_connection;

/* Makes one at the head of *list. NULL: no memory. */
em_web_connection *em_web_connection_begin(em_web_connection **list, int fd, const struct sockaddr_storage *from);

/* fd is closed by who has it: the door, or microhttpd. */
void em_web_connection_end(em_web_connection *c);

/* It now follows feed from `at` on. The response to queue, which frees the reader; NULL: no memory. */
struct MHD_Response *em_web_connection_follow(em_web_connection *c, em_feed *feed, uint64_t at, const char *greeting);

/* What time brings: a connection past its deadline is cut, a reader with something to read goes on. */
void em_web_connection_tick(em_web_connection *c, uint64_t now_ns);

#endif
