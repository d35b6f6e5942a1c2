/* forwarded.h - who asks when a proxy asks for others: what X-Forwarded-For and Forwarded (RFC 7239) say, as far as it can be believed.
 *
 * Each proxy adds at the right who came to it. So the list is walked from its right end: while the one that says so is trusted, the next to
 * the left is believed; the first that is not trusted is who asks, and whatever stands further left he may have made up himself. */
#ifndef EM_SINKS_WEB_FORWARDED_H
#define EM_SINKS_WEB_FORWARDED_H

#include "sinks/web/head.h"
#include "sinks/web/net.h"

/* *from: the connection's other end; becomes who asks, with port 0. It stays as it is unless it is one of proxies[n]; also where the two
 * fields tell different stories, of which a client may have made one. A hop that is no address ("unknown") stands for nobody: who names
 * it asks. */
void em_web_forwarded(struct sockaddr_storage *from, const em_web_head *head, const em_web_net *proxies, int n);

bool em_web_is_proxy(const struct sockaddr *at, const em_web_net *proxies, int n);

#endif
