#include "sinks/web/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
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

static bool parse_path(em_web_address *out, const char *path)
{
    struct sockaddr_un *at = (struct sockaddr_un *)&out->at;
    const size_t n = strlen(path);

    if (n == 0 || n >= sizeof at->sun_path)
        return false;
    at->sun_family = AF_UNIX;
    memcpy(at->sun_path, path, n + 1);
    out->n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    out->is_loopback = true;
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
    if (strncmp(text, "unix:", 5) == 0)
        return parse_path(out, text + 5);
    if (!parse_port(&port, port_text) || n_host >= sizeof host || (colon && n_host == 0))
        return false;
    is_v6 = n_host > 2 && text[0] == '[' && text[n_host - 1] == ']';
    if (colon)
        snprintf(host, sizeof host, "%.*s", (int)(is_v6 ? n_host - 2 : n_host), is_v6 ? text + 1 : text);
    return parse_host(out, host, is_v6, port);
}

/* A socket that nobody listens at is what an earlier run has left. */
static void remove_stale(const em_web_address *a)
{
    const char *path = ((const struct sockaddr_un *)&a->at)->sun_path;
    struct stat st;
    int fd;

    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode) || (fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&a->at, a->n) != 0 && errno == ECONNREFUSED)
        unlink(path);
    close(fd);
}

static bool bind_to(int fd, const em_web_address *a)
{
    const int on = 1;

    if (a->at.ss_family == AF_UNIX) {
        remove_stale(a);
        return bind(fd, (const struct sockaddr *)&a->at, a->n) == 0 &&
               chmod(((const struct sockaddr_un *)&a->at)->sun_path, 0600) == 0;        /* nobody can connect before it listens */
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->at.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    return bind(fd, (const struct sockaddr *)&a->at, a->n) == 0;
}

em_status em_web_address_listen(int *fd, em_web_address *a, em_err *err)
{
    char text[EM_WEB_ADDRESS_CHARS];

    *fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd >= 0 && bind_to(*fd, a) && listen(*fd, BACKLOG) == 0 && getsockname(*fd, (struct sockaddr *)&a->at, &a->n) == 0)
        return EM_OK;
    em_fail(err, EM_EIO, "--http: cannot listen at %s: %s", em_web_address_text(text, (struct sockaddr *)&a->at, true), strerror(errno));
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return EM_EIO;
}

void em_web_address_forget(const em_web_address *a)
{
    if (a->at.ss_family == AF_UNIX)
        unlink(((const struct sockaddr_un *)&a->at)->sun_path);
}

bool em_web_address_is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *a4 = (const struct sockaddr_in *)a, *b4 = (const struct sockaddr_in *)b;
    const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a, *b6 = (const struct sockaddr_in6 *)b;

    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return a->ss_family != AF_INET6 || memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

char *em_web_address_text(char out[EM_WEB_ADDRESS_CHARS], const struct sockaddr *at, bool has_port)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)at;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)at;
    const bool is_v6 = at->sa_family == AF_INET6;
    char host[INET6_ADDRSTRLEN] = "";

    if (at->sa_family == AF_UNIX) {
        snprintf(out, EM_WEB_ADDRESS_CHARS, "unix:%s", ((const struct sockaddr_un *)(const void *)at)->sun_path);
        return out;
    }
    inet_ntop(at->sa_family, is_v6 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr, host, sizeof host);
    if (has_port)
        snprintf(out, EM_WEB_ADDRESS_CHARS, is_v6 ? "[%s]:%d" : "%s:%d", host, ntohs(is_v6 ? v6->sin6_port : v4->sin_port));
    else
        snprintf(out, EM_WEB_ADDRESS_CHARS, is_v6 ? "[%s]" : "%s", host);
    return out;
}
