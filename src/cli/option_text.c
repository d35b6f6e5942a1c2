/* option_text.c - the parsers behind is_valid in the table of options: each accepts the whole text or nothing. */
#include "cli/option_text.h"

#include "base/text.h"
#include "lib/settings.h"
#include "sinks/sink.h"
#include "sinks/web/address.h"
#include "sinks/web/net.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool parse_natural(int *out, const char *text, int n_chars, int most)
{
    int x = 0;

    if (n_chars <= 0 || n_chars > 7)
        return false;
    for (int i = 0; i < n_chars; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        x = 10 * x + (text[i] - '0');
    }
    *out = x;
    return x >= 1 && x <= most;
}

bool em_parse_channel(int *out, const char *text)
{
    if (strcmp(text, "mix") == 0 || strcmp(text, "each") == 0) {
        *out = text[0] == 'm' ? 0 : -1;
        return true;
    }
    return parse_natural(out, text, (int)strnlen(text, 100), 64);
}

bool em_parse_shard(int *i, int *n, const char *text)
{
    const char *slash = strchr(text, '/');

    return slash && slash - text < 100 && parse_natural(n, slash + 1, (int)strnlen(slash + 1, 100), 1000000) &&
           parse_natural(i, text, (int)(slash - text), *n);
}

bool em_parse_utc(int64_t *ms, const char *text)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    struct tm t = { 0 }, given;
    double fraction = 0;
    time_t seconds;
    char *end;

    for (size_t i = 0; i < sizeof shape - 1; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i])
            return false;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min, &t.tm_sec) != 6)
        return false;
    text += sizeof shape - 1;
    if (*text == '.') {
        if (!isdigit((unsigned char)text[1]))
            return false;
        fraction = strtod(text, &end);
        text = end;
    }
    if (strcmp(text, "Z") != 0)
        return false;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    given = t;
    seconds = timegm(&t);
    *ms = (int64_t)seconds * 1000 + (int64_t)(fraction * 1000 + 0.5);
    /* timegm turns 31 February into a day of March and leaves that in t. */
    return *ms >= 0 && t.tm_mday == given.tm_mday && t.tm_hour == given.tm_hour && t.tm_sec == given.tm_sec &&
           t.tm_min == given.tm_min && t.tm_mon == given.tm_mon;
}

bool em_parse_wait(double *seconds, const char *text)
{
    if (strcmp(text, "no") == 0 || strcmp(text, "false") == 0)
        *seconds = 0;
    else if (strcmp(text, "yes") == 0 || strcmp(text, "true") == 0)
        *seconds = -1;
    else
        return em_parse_real(seconds, text) && *seconds >= 0 && *seconds <= 1e9;
    return true;
}

bool em_is_channel(const char *text)
{
    int c;

    return em_parse_channel(&c, text);
}

bool em_is_shard(const char *text)
{
    int i, n;

    return em_parse_shard(&i, &n, text);
}

bool em_is_utc(const char *text)
{
    int64_t ms;

    return em_parse_utc(&ms, text);
}

bool em_is_jack_name(const char *text)
{
    size_t n = strlen(text);

    return n >= 1 && n <= 63 && !strchr(text, ':');
}

bool em_is_step_text(const char *text)
{
    double s;

    return em_parse_real(&s, text) && em_is_step(s);
}

bool em_is_format(const char *text)
{
    const char *format;

    for (int i = 0; (format = em_sink_format(i, NULL)); i++)
        if (strcmp(format, text) == 0)
            return true;
    return false;
}

bool em_is_topic_level(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x80 && isalnum((unsigned char)*text))
            return true;
    return false;
}

bool em_is_topic(const char *text)
{
    const size_t n = strlen(text);

    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || (*c == '/' && (c == text || !c[1] || c[1] == '/')))
            return false;
    return n > 0 && n <= 100 && em_utf8_valid(text, n) && !strpbrk(text, "+#$");
}

/* "osc.udp://host:9000/", "osc.udp://[::1]:9000" */
bool em_is_osc_url(const char *text)
{
    static const char scheme[] = "osc.udp://";
    const char *host = text + sizeof scheme - 1, *colon;
    size_t n;
    int port;

    if (strncmp(text, scheme, sizeof scheme - 1) != 0 || strlen(text) > 300)
        return false;
    n = strcspn(host, "/");
    colon = memrchr(host, ':', n);
    if (!colon || colon == host || host[n + (host[n] == '/')] || !parse_natural(&port, colon + 1, (int)(host + n - colon - 1), 65535))
        return false;
    if (*host == '[')
        return colon[-1] == ']' && colon - host > 2;
    for (const char *c = host; c < colon; c++)
        if (((unsigned char)*c >= 0x80 || !isalnum((unsigned char)*c)) && !strchr(".-_", *c))
            return false;
    return true;
}

bool em_is_web_address(const char *text)
{
    em_web_address address;

    return em_web_address_parse(&address, text);
}

bool em_is_proxy(const char *text)
{
    em_web_net net;

    return em_web_net_parse(&net, text);
}

bool em_is_host_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    size_t n = strlen(text);

    return n > 0 && n < 254 && strspn(text, letters) == n;
}
