#include "sinks/web/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { V4_BITS = 96 };

static const unsigned char v4[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static void from_v4(unsigned char out[16], const void *four)
{
    memcpy(out, v4, sizeof v4);
    memcpy(out + sizeof v4, four, 4);
}

static bool read_bits(int *out, const char *text, int most)
{
    const size_t n = strlen(text);

    if (n == 0 || n > 3 || strspn(text, "0123456789") != n || atoi(text) > most)
        return false;
    *out = atoi(text);
    return true;
}

bool em_web_net_parse(em_web_net *out, const char *text)
{
    char host[INET6_ADDRSTRLEN];
    const size_t n = strcspn(text, "/");
    unsigned char four[4];
    bool is_v4;

    *out = (em_web_net){ .is_unix = strcmp(text, "unix") == 0, .n_bits = 128 };
    if (out->is_unix)
        return true;
    if (n >= sizeof host)
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    is_v4 = inet_pton(AF_INET, host, four) == 1;
    if (is_v4)
        from_v4(out->bytes, four);
    else if (inet_pton(AF_INET6, host, out->bytes) != 1)
        return false;
    if (text[n] == '\0')
        return true;
    if (!read_bits(&out->n_bits, text + n + 1, is_v4 ? 32 : 128))
        return false;
    out->n_bits += is_v4 ? V4_BITS : 0;
    return true;
}

bool em_web_net_holds(const em_web_net *net, const struct sockaddr *at)
{
    const int n = net->n_bits / 8, rest = net->n_bits % 8;
    unsigned char bytes[16];

    if (at->sa_family == AF_UNIX || net->is_unix)
        return at->sa_family == AF_UNIX && net->is_unix;
    if (at->sa_family == AF_INET)
        from_v4(bytes, &((const struct sockaddr_in *)(const void *)at)->sin_addr);
    else
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)at)->sin6_addr, sizeof bytes);
    return memcmp(bytes, net->bytes, (size_t)n) == 0 && (rest == 0 || (bytes[n] ^ net->bytes[n]) >> (8 - rest) == 0);
}

void em_web_net_address(struct sockaddr_storage *out, const em_web_net *net)
{
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof *out);
    if (memcmp(net->bytes, v4, sizeof v4) == 0) {
        four->sin_family = AF_INET;
        memcpy(&four->sin_addr, net->bytes + sizeof v4, 4);
    } else {
        six->sin6_family = AF_INET6;
        memcpy(&six->sin6_addr, net->bytes, sizeof net->bytes);
    }
}
