/* mqtt_url.c - see mqtt_url.h. */
#include "sinks/mqtt_url.h"

#include "base/text.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* n bytes of s without their %XX; what comes out is UTF-8 without control characters. */
static bool decode(char out[EM_MQTT_TEXT], const char *s, size_t n)
{
    size_t n_out = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c == '%') {
            const int high = i + 2 < n ? hex_digit(s[i + 1]) : -1, low = high >= 0 ? hex_digit(s[i + 2]) : -1;

            if (low < 0)
                return false;
            c = (unsigned char)(high << 4 | low);
            i += 2;
        }
        if (c < 0x20 || c == 0x7f || n_out + 1 >= EM_MQTT_TEXT)
            return false;
        out[n_out++] = (char)c;
    }
    out[n_out] = '\0';
    return em_utf8_valid(out, n_out);
}

static bool parse_user(em_mqtt_url *u, const char *s, size_t n)
{
    const char *colon = memchr(s, ':', n);
    const size_t n_user = colon ? (size_t)(colon - s) : n;

    return n_user > 0 && decode(u->user, s, n_user) && (!colon || decode(u->password, colon + 1, n - n_user - 1));
}

static bool parse_port(em_mqtt_url *u, const char *s, size_t n)
{
    if (n == 0 || n > 5)
        return false;
    u->port = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isdigit((unsigned char)s[i]))
            return false;
        u->port = 10 * u->port + (s[i] - '0');
    }
    return u->port >= 1 && u->port <= 65535;
}

/* "host", "host:1883", "[::1]:1883" */
static bool parse_host(em_mqtt_url *u, const char *s, size_t n)
{
    const bool is_v6 = n > 0 && s[0] == '[';
    const char *end = is_v6 ? memchr(s, ']', n) : memchr(s, ':', n);
    const char *from = is_v6 ? s + 1 : s;
    size_t n_host, n_rest;

    if (is_v6 && !end)
        return false;
    n_host = end ? (size_t)(end - from) : n;
    if (n_host == 0 || n_host >= sizeof u->host)
        return false;
    for (size_t i = 0; i < n_host; i++)
        if (!isalnum((unsigned char)from[i]) && !strchr(is_v6 ? ":.%-_" : ".-_", from[i]))
            return false;
    memcpy(u->host, from, n_host);
    if (!end)
        return true;
    end += is_v6;
    n_rest = n - (size_t)(end - s);
    return n_rest == 0 ? is_v6 : *end == ':' && parse_port(u, end + 1, n_rest - 1);
}

static bool parse_prefix(em_mqtt_url *u, const char *s)
{
    size_t n = strlen(s);

    while (n > 0 && s[n - 1] == '/')
        n--;
    if (n == 0) {
        snprintf(u->prefix, sizeof u->prefix, "earmark");
        return true;
    }
    return decode(u->prefix, s, n) && !strpbrk(u->prefix, "+#") && !strstr(u->prefix, "//") && u->prefix[0] != '/' && u->prefix[0] != '$';
}

bool em_mqtt_url_parse(em_mqtt_url *out, const char *text)
{
    static const struct { const char *scheme; bool is_tls; int port; } schemes[] = { { "mqtt://", false, 1883 }, { "mqtts://", true, 8883 } };
    const char *at, *slash;
    size_t n;

    *out = (em_mqtt_url){ 0 };
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes && out->port == 0; i++)
        if (strncmp(text, schemes[i].scheme, strlen(schemes[i].scheme)) == 0) {
            text += strlen(schemes[i].scheme);
            out->is_tls = schemes[i].is_tls;
            out->port = schemes[i].port;
        }
    if (out->port == 0)
        return false;
    n = strcspn(text, "/");
    slash = text[n] ? text + n + 1 : "";
    if ((at = memrchr(text, '@', n))) {
        if (!parse_user(out, text, (size_t)(at - text)))
            return false;
        n -= (size_t)(at + 1 - text);
        text = at + 1;
    }
    if (!parse_host(out, text, n) || !parse_prefix(out, slash))
        return false;
    if (strchr(out->host, ':'))
        snprintf(out->shown, sizeof out->shown, "%s[%s]:%d", schemes[out->is_tls].scheme, out->host, out->port);
    else
        snprintf(out->shown, sizeof out->shown, "%s%s:%d", schemes[out->is_tls].scheme, out->host, out->port);
    return true;
}

bool em_is_mqtt_url(const char *text)
{
    em_mqtt_url u;

    return em_mqtt_url_parse(&u, text);
}
