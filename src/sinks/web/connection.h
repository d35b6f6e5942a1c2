/* connection.h - one connection and its limits, as the server's thread keeps them in a list. */
#ifndef EM_SINKS_WEB_CONNECTION_H
#define EM_SINKS_WEB_CONNECTION_H

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
    struct MHD_Connection *mhd;
    int         fd;
    struct sockaddr_storage here;   /* our end of it                                           */
    int         n_requests;
    uint64_t    deadline_ns;        /* when it is cut, 0: never                                */
    em_web_reader *reader;          /* NULL: it follows nothing                                */
} em_web_connection;

/* Makes one for a connection that begins, at the head of *list. NULL: no memory. */
em_web_connection *em_web_connection_begin(em_web_connection **list, struct MHD_Connection *mhd);
void em_web_connection_end(em_web_connection *c);

/* It now follows feed from `at` on. The response to queue, which frees the reader; NULL: no memory. */
struct MHD_Response *em_web_connection_follow(em_web_connection *c, em_feed *feed, uint64_t at, const char *greeting);

/* What time brings: a connection past its deadline is cut, a reader with something to read goes on. */
void em_web_connection_tick(em_web_connection *c, uint64_t now_ns);

#endif
