#include "sinks/web/gate.h"

#include "sinks/web/base64.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { PASSWORD_BYTES = 192 };

/* The name before an optional port is `name`. */
static bool is_name(const char *host, const char *name)
{
    size_t n = strlen(name), n_port;

    if (strncasecmp(host, name, n) != 0)
        return false;
    host += n;
    if (*host == '\0')
        return true;
    n_port = strlen(host + 1);
    return *host == ':' && n_port >= 1 && n_port <= 5 && strspn(host + 1, "0123456789") == n_port;
}

/* The address that the connection came to, localhost where that is loopback or a Unix socket, and what --http-host names. An address cannot be
 * rebound; a name can. */
static bool is_ours(const em_web_gate *g, const em_web_caller *c, const char *host)
{
    char here[EM_WEB_ADDRESS_CHARS];

    em_web_address_text(here, c->to, false);
    if (is_name(host, here))
        return true;
    if ((c->to->sa_family == AF_UNIX || strncmp(here, "127.", 4) == 0 || strcmp(here, "[::1]") == 0) && is_name(host, "localhost"))
        return true;
    for (int i = 0; i < g->n_hosts; i++)
        if (is_name(host, g->hosts[i]))
            return true;
    return false;
}

static bool is_our_origin(const em_web_gate *g, const em_web_caller *c)
{
    static const char *const schemes[] = { "http://", "https://" };

    for (size_t i = 0; i < EM_COUNT(schemes); i++)
        if (strncmp(c->origin, schemes[i], strlen(schemes[i])) == 0)
            return is_ours(g, c, c->origin + strlen(schemes[i]));
    return false;
}

/* What follows the first colon of "user:password" in base64; the user is anybody. Broken text: "". */
static void read_password(char out[PASSWORD_BYTES], const char *base64)
{
    char text[PASSWORD_BYTES];
    const char *colon = em_base64_read(text, sizeof text, base64) ? strchr(text, ':') : NULL;

    snprintf(out, PASSWORD_BYTES, "%s", colon ? colon + 1 : "");
}

/* A browser asks its person for a password and sends Basic; programs send Bearer. */
static bool shows_token(const em_web_gate *g, const char *authorization)
{
    char password[PASSWORD_BYTES];

    if (strncasecmp(authorization, "Bearer ", 7) == 0)
        return em_web_token_is(g->token, authorization + 7);
    if (strncasecmp(authorization, "Basic ", 6) != 0)
        return false;
    read_password(password, authorization + 6);
    return em_web_token_is(g->token, password);
}

static em_web_guesser *guesser_of(em_web_gate *g, const em_web_caller *c)
{
    char address[EM_WEB_ADDRESS_CHARS];
    em_web_guesser *oldest = &g->guessers[0];

    em_web_address_text(address, c->from, false);
    for (int i = 0; i < EM_WEB_GUESSERS; i++) {
        em_web_guesser *w = &g->guessers[i];

        if (strcmp(w->address, address) == 0)
            return w;
        if (w->since_ns < oldest->since_ns)
            oldest = w;
    }
    *oldest = (em_web_guesser){ .since_ns = c->now_ns };
    snprintf(oldest->address, sizeof oldest->address, "%s", address);
    return oldest;
}

static int check_token(em_web_gate *g, const em_web_caller *c)
{
    em_web_guesser *w;

    if (!c->authorization)
        return 401;
    w = guesser_of(g, c);
    if (c->now_ns - w->since_ns > EM_WEB_FAILURE_S * 1000000000ull) {
        w->n = 0;
        w->since_ns = c->now_ns;
    }
    if (w->n >= EM_WEB_FAILURES)
        return 429;
    if (shows_token(g, c->authorization))
        return 0;
    w->n++;
    return 401;
}

int em_web_gate_check(em_web_gate *g, const em_web_caller *c)
{
    if (!c->host || !*c->host)
        return 400;
    if (!is_ours(g, c, c->host) || (c->origin && !is_our_origin(g, c)))
        return 403;
    return *g->token && !c->is_open ? check_token(g, c) : 0;
}
