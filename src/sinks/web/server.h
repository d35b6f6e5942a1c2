/* server.h - HTTP: one thread that answers requests and feeds readers, at normal priority. It waits for nobody and nobody waits
 * for it; what it sends was made by others (site.h).
 *
 * A connection brings one request (door.h), which is answered within 30 s. A reader of a feed may stay, unless he takes nothing for
 * 30 s or falls a whole feed behind, which is 256 KiB at the most. Those seconds cost nothing but the connection, as all read from one ring,
 * and a phone that changes its network is as silent as that. */
#ifndef EM_SINKS_WEB_SERVER_H
#define EM_SINKS_WEB_SERVER_H

#include "base/status.h"
#include "sinks/web/site.h"

typedef struct em_web_server em_web_server;

/* Takes over the listening socket fd, also on error. site must outlive *out. EM_ENOMEM, EM_EIO. The caller ends *out with
 * em_web_server_stop; on error it is NULL. */
em_status em_web_server_start(em_web_server **out, int fd, em_web_site *site, em_err *err);

/* Readers get what there is, for a moment; then all connections are closed. */
void      em_web_server_stop(em_web_server *s);

/* A feed has something new. Any thread; never blocks. */
void      em_web_server_wake(em_web_server *s);

#endif
