/* net.h - internet addresses as one kind of sixteen bytes, and networks of them: 10.0.0.0/8 is ::ffff:10.0.0.0/104. */
#ifndef EM_SINKS_WEB_NET_H
#define EM_SINKS_WEB_NET_H

#include <stdbool.h>
#include <sys/socket.h>

typedef struct em_web_net {
    bool is_unix;                   /* whoever comes by a Unix socket; no bytes then */
    unsigned char bytes[16];
    int  n_bits;                    /* of them that count, 0..128                    */
} em_web_net;

/* "10.0.0.7", "10.0.0.0/8", "fd00::/8", "unix". False: none of these. */
bool em_web_net_parse(em_web_net *out, const char *text);

bool em_web_net_holds(const em_web_net *net, const struct sockaddr *at);

/* The other way: *out with the port 0; an IPv4 address is one, however it was written. */
void em_web_net_address(struct sockaddr_storage *out, const em_web_net *net);

#endif
