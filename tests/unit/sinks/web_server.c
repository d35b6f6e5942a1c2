/* web_server.c - the web page's server in this process, under the sanitizers of the preset and once more under ThreadSanitizer: who gets
 * in and who does not, and everything at once. */
#include "check.h"
#include "web_site.h"

#include "sinks/web/server.h"

#include <pthread.h>
#include <unistd.h>

enum { ANSWER = 16384, N_CLIENTS = 8, N_ROUNDS = 40 };

typedef struct served { em_web_site site; em_web_net proxies[1]; em_web_server *server; int fd; } served;

/* Everybody comes by a Unix socket, which is a trusted proxy here. */
static int begin(void **state)
{
    static served s;
    em_err err;

    s = (served){ 0 };
    assert_true(site_init(&s.site));
    assert_true(em_web_net_parse(&s.proxies[0], "unix"));
    s.site.proxies = s.proxies;
    s.site.n_proxies = 1;
    assert_true((s.fd = site_listen()) >= 0);
    CHECK_OK(em_web_server_start(&s.server, dup(s.fd), &s.site, &err));
    *state = &s;
    return 0;
}

static int end(void **state)
{
    served *s = *state;

    em_web_server_stop(s->server);
    close(s->fd);
    site_deinit(&s->site);
    return 0;
}

/* fields: whole lines. */
static int ask(const served *s, const char *path, const char *fields)
{
    char text[1024], answer[ANSWER];
    int fd = site_connect(s->fd), n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, fields);

    assert_true(fd >= 0 && n < (int)sizeof text);
    site_ask(fd, text, (size_t)n, (size_t)n, answer, sizeof answer);
    close(fd);
    return site_status(answer);
}

/* The table itself is walked, so that no new row can be open by mistake. */
static void all_but_health_needs_the_token(void **state)
{
    const served *s = *state;
    em_web_route route;
    int n_open = 0, n = 0;

    for (int i = 0; em_web_route_at(&route, i); i++, n++) {
        CHECK(ask(s, route.path, "") == (route.is_open ? 200 : 401), "%s without the token", route.path);
        CHECK(ask(s, route.path, "Authorization: Bearer " SITE_TOKEN "\r\n") == 200, "%s with it", route.path);
        CHECK(ask(s, route.path, "Authorization: Basic " SITE_TOKEN_BASE64 "\r\n") == 200, "%s with it as a password", route.path);
        CHECK(!route.is_open || strcmp(route.path, "/healthz") == 0, "%s is open", route.path);
        n_open += route.is_open;
    }
    CHECK(n_open == 1 && n >= 7, "%d of %d are open", n_open, n);
}

static void limits_are_those_of_whom_a_proxy_asks_for(void **state)
{
    const served *s = *state;
    static const char by_one[] = "X-Forwarded-For: 9.9.9.9, 10.0.0.1\r\n", by_other[] = "X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n";
    int held[8];
    char request[200], answer[ANSWER];
    int n = snprintf(request, sizeof request, "GET /v1/live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " SITE_TOKEN "\r\n%s\r\n", by_one);

    for (int i = 0; i <= EM_WEB_FAILURES; i++)
        CHECK(ask(s, "/metrics", "X-Forwarded-For: 10.0.0.3\r\nAuthorization: Bearer x\r\n") == (i < EM_WEB_FAILURES ? 401 : 429), "guess %d", i);
    CHECK(ask(s, "/metrics", "X-Forwarded-For: 10.0.0.3, 10.0.0.1\r\nAuthorization: Bearer " SITE_TOKEN "\r\n") == 200, "another");
    for (int i = 0; i < 8; i++) {
        assert_true((held[i] = site_connect(s->fd)) >= 0 && write(held[i], request, (size_t)n) == n);
        CHECK(read(held[i], answer, 15) == 15 && memcmp(answer, "HTTP/1.1 200 OK", 15) == 0, "reader %d", i);
    }
    CHECK(ask(s, "/healthz", by_one) == 503, "a ninth");
    CHECK(ask(s, "/healthz", by_other) == 200, "of another address");
    CHECK(ask(s, "/healthz", "") == 200, "the proxy itself");
    for (int i = 0; i < 8; i++)
        close(held[i]);
}

static void *put(void *ctx)
{
    const served *s = ctx;
    static const float scores[2];
    em_event e = { .type = EM_EVENT_SCORES, .source = "x", .u.scores = { .scores = scores } };

    for (int i = 0; i < 2000; i++) {
        for (int f = 0; f < EM_WEB_FEEDS; f++)
            em_feed_put(s->site.feeds[f], "hop", NULL, "{\"a\":1}");
        em_web_metrics_take(s->site.metrics, &e);
        em_web_server_wake(s->server);
    }
    return NULL;
}

static void *come_and_go(void *ctx)
{
    static const char *const paths[] = { "/v1/live", "/v1/events", "/metrics", "/healthz", "/", "/v1/scores", "/nowhere" };
    const served *s = ctx;

    for (int i = 0; i < N_ROUNDS; i++) {
        char request[200], answer[ANSWER];
        int fd = site_connect(s->fd), n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 10.0.%d.%d\r\n"
                                                   "Authorization: Bearer " SITE_TOKEN "\r\n\r\n", paths[i % 7], i, fd % 250);

        if (fd < 0)
            return "no connection";
        site_ask(fd, request, (size_t)(i % 5 ? n : n / 2), (size_t)(i % 3 ? n : 7), answer, sizeof answer);
        close(fd);
        if (i % 5 && site_status(answer) != (i % 7 == 6 ? 404 : 200))
            return "no answer";
    }
    return NULL;
}

static void readers_come_and_go_while_messages_are_put(void **state)
{
    served *s = *state;
    pthread_t writer, clients[N_CLIENTS];
    void *why;

    assert_int_equal(pthread_create(&writer, NULL, put, s), 0);
    for (int i = 0; i < N_CLIENTS; i++)
        assert_int_equal(pthread_create(&clients[i], NULL, come_and_go, s), 0);
    for (int i = 0; i < N_CLIENTS; i++) {
        pthread_join(clients[i], &why);
        CHECK(!why, "client %d: %s", i, (const char *)why);
    }
    pthread_join(writer, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_but_health_needs_the_token, begin, end),
        cmocka_unit_test_setup_teardown(limits_are_those_of_whom_a_proxy_asks_for, begin, end),
        cmocka_unit_test_setup_teardown(readers_come_and_go_while_messages_are_put, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
