#include "sinks/web/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 64 };

static bool parse_port(in_port_t *port, const char *text)
{
    size_t n = strlen(text);

    if (n == 0 || n > 5 || strspn(text, "0123456789") != n || atoi(text) > 65535)
        return false;
    *port = htons((uint16_t)atoi(text));
    return true;
}

static bool parse_host(em_web_address *out, const char *host, bool is_v6, in_port_t port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->at;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->at;

    if (is_v6) {
        *v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = port };
        out->n = sizeof *v6;
        if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
            return false;
        out->is_loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
        return true;
    }
    *v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port };
    out->n = sizeof *v4;
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &v4->sin_addr) != 1)
        return false;
    out->is_loopback = (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    return true;
}

bool em_web_address_parse(em_web_address *out, const char *text)
{
    const char *colon = strrchr(text, ':'), *port_text = colon ? colon + 1 : text;
    size_t n_host = colon ? (size_t)(colon - text) : 0;
    char host[EM_WEB_ADDRESS_CHARS] = "127.0.0.1";
    in_port_t port;
    bool is_v6;

    *out = (em_web_address){ .n = 0 };
    if (!parse_port(&port, port_text) || n_host >= sizeof host || (colon && n_host == 0))
        return false;
    is_v6 = n_host > 2 && text[0] == '[' && text[n_host - 1] == ']';
    if (colon)
        snprintf(host, sizeof host, "%.*s", (int)(is_v6 ? n_host - 2 : n_host), is_v6 ? text + 1 : text);
    return parse_host(out, host, is_v6, port);
}

em_status em_web_address_listen(int *fd, em_web_address *a, em_err *err)
{
    char text[EM_WEB_ADDRESS_CHARS];
    const int on = 1;

    *fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd >= 0) {
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (a->at.ss_family == AF_INET6)
            setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        if (bind(*fd, (struct sockaddr *)&a->at, a->n) == 0 && listen(*fd, BACKLOG) == 0 &&
            getsockname(*fd, (struct sockaddr *)&a->at, &a->n) == 0)
            return EM_OK;
    }
    em_fail(err, EM_EIO, "--http: cannot listen at %s: %s", em_web_address_text(text, (struct sockaddr *)&a->at, true), strerror(errno));
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return EM_EIO;
}

char *em_web_address_text(char out[EM_WEB_ADDRESS_CHARS], const struct sockaddr *at, bool has_port)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)at;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)at;
    const bool is_v6 = at->sa_family == AF_INET6;
    char host[INET6_ADDRSTRLEN] = "";

    inet_ntop(at->sa_family, is_v6 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr, host, sizeof host);
    if (has_port)
        snprintf(out, EM_WEB_ADDRESS_CHARS, is_v6 ? "[%s]:%d" : "%s:%d", host, ntohs(is_v6 ? v6->sin6_port : v4->sin_port));
    else
        snprintf(out, EM_WEB_ADDRESS_CHARS, is_v6 ? "[%s]" : "%s", host);
    return out;
}
