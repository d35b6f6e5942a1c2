/* door.h - connections until they are let in: how many there may be, how long they may take to ask, and that what they ask is read
 * by one strict reader (head.h). microhttpd gets a connection when its whole head lies in the socket, where it was only looked at
 * (MSG_PEEK), and never sees one that was refused.
 *
 * 64 connections, 8 of an address, 5 s for the head. A trusted proxy (forwarded.h) may bring more; those it asks for count as if they came
 * themselves. Without a descriptor left, who comes is turned away, and nothing spins. One thread. */
#ifndef EM_SINKS_WEB_DOOR_H
#define EM_SINKS_WEB_DOOR_H

#include "base/status.h"
#include "sinks/web/connection.h"
#include "sinks/web/forwarded.h"

#include <poll.h>

enum { EM_WEB_CONNECTIONS = 64, EM_WEB_OF_ADDRESS = 8 };

typedef struct em_web_door em_web_door;

typedef struct em_web_door_cfg {
    em_web_connection **list;       /* of all connections, also of those inside; borrowed                     */
    const em_web_net *proxies;      /* [n_proxies] borrowed                                                   */
    int n_proxies;
    int  (*judge)(void *ctx, em_web_connection *c);         /* 0: it may come in; else the status to refuse it with */
    void (*let_in)(void *ctx, em_web_connection *c);        /* its descriptor is now the callee's             */
    void  *ctx;
} em_web_door_cfg;

/* Takes over the listening socket fd, also on error. EM_ENOMEM, EM_EIO. On error *out is NULL. */
em_status em_web_door_open(em_web_door **out, int fd, const em_web_door_cfg *cfg, em_err *err);

/* Closes what waits at it. */
void em_web_door_close(em_web_door *d);

/* What to poll for until em_web_door_turn, which does what there is to do and never blocks. */
enum { EM_WEB_DOOR_FDS = 2 };
void em_web_door_poll(const em_web_door *d, struct pollfd fds[EM_WEB_DOOR_FDS]);
void em_web_door_turn(em_web_door *d);

#endif
