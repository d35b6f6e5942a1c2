#include "sinks/web/forwarded.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>

enum { NODE_BYTES = 64 };

typedef struct piece { const char *at; size_t n; } piece;

static piece trim(piece p)
{
    while (p.n > 0 && (*p.at == ' ' || *p.at == '\t'))
        p.at++, p.n--;
    while (p.n > 0 && (p.at[p.n - 1] == ' ' || p.at[p.n - 1] == '\t'))
        p.n--;
    return p;
}

/* Its last part behind the mark, which is cut off. From the right without a look at quotes: what a client left open on the left must not
 * swallow what a proxy added. */
static piece take_last(piece *rest, char mark)
{
    const char *cut = memrchr(rest->at, mark, rest->n);
    piece last = *rest;

    if (!cut) {
        rest->n = 0;
        return trim(last);
    }
    last.n -= (size_t)(cut + 1 - last.at);
    last.at = cut + 1;
    rest->n = (size_t)(cut - rest->at);
    return trim(last);
}

/* The value of for= in "for=1.2.3.4;proto=https"; of n 0: there is none, or more than one. */
static piece for_of(piece element)
{
    piece found = { "", 0 };
    int n = 0;

    while (element.n > 0) {
        piece p = take_last(&element, ';');

        if (p.n <= 4 || strncasecmp(p.at, "for=", 4) != 0)
            continue;
        found = (piece){ p.at + 4, p.n - 4 };
        n++;
    }
    if (found.n >= 2 && found.at[0] == '"' && found.at[found.n - 1] == '"')
        found = (piece){ found.at + 1, found.n - 2 };
    return n == 1 ? found : (piece){ "", 0 };
}

/* 1.2.3.4, 1.2.3.4:80, 2001:db8::1, [2001:db8::1], [2001:db8::1]:80 */
static bool read_node(struct sockaddr_storage *out, piece p)
{
    const char *colon = memchr(p.at, ':', p.n), *end = NULL;
    char text[NODE_BYTES];
    em_web_net net;

    if (p.n > 0 && *p.at == '[') {
        if (!(end = memchr(p.at, ']', p.n)) || (end + 1 < p.at + p.n && end[1] != ':'))
            return false;
        p = (piece){ p.at + 1, (size_t)(end - p.at) - 1 };
    } else if (colon && !memchr(colon + 1, ':', p.n - (size_t)(colon + 1 - p.at))) {
        p.n = (size_t)(colon - p.at);
    }
    if (p.n == 0 || p.n >= sizeof text || memchr(p.at, '/', p.n))
        return false;
    memcpy(text, p.at, p.n);
    text[p.n] = '\0';
    if (!em_web_net_parse(&net, text) || net.is_unix)
        return false;
    em_web_net_address(out, &net);
    return true;
}

bool em_web_is_proxy(const struct sockaddr *at, const em_web_net *proxies, int n)
{
    for (int i = 0; i < n; i++)
        if (em_web_net_holds(&proxies[i], at))
            return true;
    return false;
}

/* False: no such field. Of several the last one was added last. */
static bool walk(struct sockaddr_storage *at, const em_web_head *head, const char *name, const em_web_net *proxies, int n)
{
    const bool is_list = strcasecmp(name, "Forwarded") != 0;
    bool has_one = false;

    for (int i = head->n_fields - 1; i >= 0; i--) {
        piece rest = { head->fields[i].value, strlen(head->fields[i].value) };

        if (strcasecmp(head->fields[i].name, name) != 0)
            continue;
        has_one = true;
        do {
            piece element = take_last(&rest, ',');

            if (!em_web_is_proxy((struct sockaddr *)at, proxies, n) || !read_node(at, is_list ? element : for_of(element)))
                return true;
        } while (rest.n > 0);
    }
    return has_one;
}

void em_web_forwarded(struct sockaddr_storage *from, const em_web_head *head, const em_web_net *proxies, int n)
{
    struct sockaddr_storage one = *from, other = *from;
    bool has_one, has_other;

    if (!em_web_is_proxy((struct sockaddr *)from, proxies, n))
        return;
    has_one = walk(&one, head, "X-Forwarded-For", proxies, n);
    has_other = walk(&other, head, "Forwarded", proxies, n);
    if (has_one && has_other && memcmp(&one, &other, sizeof one) != 0)
        return;
    *from = has_one ? one : other;
}
