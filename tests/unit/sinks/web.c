/* web.c - the parts of the web page that need no network: the ring that readers follow, addresses, tokens, the gate. */
#include "check.h"

#include "sinks/web/address.h"
#include "sinks/web/feed.h"
#include "sinks/web/forwarded.h"
#include "sinks/web/gate.h"
#include "sinks/web/token.h"


enum { ROOM = 1024 };

static em_feed *new_feed(void)
{
    em_feed *f;
    em_err err;

    CHECK_OK(em_feed_new(&f, ROOM, &err));
    return f;
}

static char *read_all(em_feed *f, uint64_t at)
{
    static char text[2 * ROOM];
    ssize_t n = em_feed_read(f, &at, text, sizeof text - 1);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void a_message_has_its_fields(void **state)
{
    em_feed *f = new_feed();

    (void)state;
    em_feed_put(f, NULL, NULL, "{}");
    em_feed_put(f, "hop", "17", "[1]");
    assert_string_equal(read_all(f, em_feed_history(f)), "data: {}\n\nevent: hop\nid: 17\ndata: [1]\n\n");
    em_feed_free(f);
}

/* However the reader's pieces are cut, across the ring's end too. */
static void reading_in_pieces_changes_no_byte(void **state)
{
    static const size_t pieces[] = { 1, 7, 64, ROOM };
    char data[8], wanted[64], got[64];

    (void)state;
    for (size_t p = 0; p < EM_COUNT(pieces); p++) {
        em_feed *f = new_feed();
        uint64_t at = 0;

        for (int i = 0; i < 500; i++) {
            size_t n = 0;
            ssize_t more;

            snprintf(data, sizeof data, "%d", i);
            snprintf(wanted, sizeof wanted, "data: %d\n\n", i);
            em_feed_put(f, NULL, NULL, data);
            while ((more = em_feed_read(f, &at, got + n, pieces[p] < sizeof got - n ? pieces[p] : sizeof got - n)) > 0)
                n += (size_t)more;
            CHECK(more == 0 && n == strlen(wanted) && memcmp(got, wanted, n) == 0, "pieces of %zu, message %d", pieces[p], i);
        }
        em_feed_free(f);
    }
}

static void who_is_a_ring_behind_has_lost_his_place(void **state)
{
    em_feed *f = new_feed();
    uint64_t slow = em_feed_end(f), quick = slow;
    char out[ROOM];

    (void)state;
    for (size_t n = 0; n + 10 <= ROOM; n += 10)
        em_feed_put(f, NULL, NULL, "12");
    assert_int_equal(em_feed_read(f, &quick, out, sizeof out), ROOM / 10 * 10);
    em_feed_put(f, NULL, NULL, "12");
    assert_int_equal(em_feed_read(f, &slow, out, sizeof out), -1);
    assert_int_equal(em_feed_read(f, &quick, out, sizeof out), 10);
    assert_int_equal(em_feed_read(f, &quick, out, sizeof out), 0);
    em_feed_free(f);
}

/* The newest half, from the beginning of a message on. */
static void history_begins_with_a_whole_message(void **state)
{
    em_feed *f = new_feed();

    (void)state;
    for (int i = 0; i < 300; i++) {
        char data[8];

        snprintf(data, sizeof data, "%d", i);
        em_feed_put(f, NULL, NULL, data);
        CHECK(strncmp(read_all(f, em_feed_history(f)), "data: ", 6) == 0, "after message %d", i);
        CHECK(strlen(read_all(f, em_feed_history(f))) <= ROOM / 2, "after message %d", i);
    }
    em_feed_free(f);
}

static void a_reader_goes_on_behind_the_id_he_saw(void **state)
{
    em_feed *f = new_feed();

    (void)state;
    em_feed_put(f, NULL, "a", "1");
    em_feed_put(f, NULL, "b", "2");
    em_feed_put(f, NULL, "a", "3");
    assert_string_equal(read_all(f, em_feed_after(f, "a")), "id: b\ndata: 2\n\nid: a\ndata: 3\n\n");
    assert_string_equal(read_all(f, em_feed_after(f, "b")), "id: a\ndata: 3\n\n");
    assert_true(em_feed_after(f, "c") == em_feed_history(f));
    assert_true(em_feed_after(f, "") == em_feed_history(f));
    em_feed_free(f);
}

static void a_message_too_long_is_left_out(void **state)
{
    char data[ROOM / 4 + 2];
    em_feed *f = new_feed();

    (void)state;
    memset(data, 'x', sizeof data);
    data[sizeof data - 1] = '\0';
    em_feed_put(f, NULL, NULL, data);
    assert_true(em_feed_end(f) == 0);
    em_feed_free(f);
}

static void addresses(void **state)
{
    static const struct { const char *text; bool is_one, is_loopback; const char *as; } cases[] = {
        { "127.0.0.1:80", true, true, "127.0.0.1:80" },      { "127.5.6.7:1", true, true, "127.5.6.7:1" },
        { "localhost:8080", true, true, "127.0.0.1:8080" },  { "8080", true, true, "127.0.0.1:8080" },
        { "[::1]:0", true, true, "[::1]:0" },                { "0.0.0.0:65535", true, false, "0.0.0.0:65535" },
        { "[::]:80", true, false, "[::]:80" },               { "192.168.1.2:80", true, false, "192.168.1.2:80" },
        { "[::ffff:127.0.0.1]:80", true, false, "[::ffff:127.0.0.1]:80" },
        { "unix:/run/ear", true, true, "unix:/run/ear" },    { "unix:x", true, true, "unix:x" },
        { "unix:", false, false, "" },
        { "::1:80", false, false, "" },      { "127.0.0.1", false, false, "" }, { "127.1:80", false, false, "" },
        { "0x7f.0.0.1:80", false, false, "" }, { "127.0.0.1:65536", false, false, "" }, { "[]:80", false, false, "" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        char text[EM_WEB_ADDRESS_CHARS];
        em_web_address a;

        CHECK(em_web_address_parse(&a, cases[i].text) == cases[i].is_one, "%s", cases[i].text);
        if (!cases[i].is_one)
            continue;
        CHECK(a.is_loopback == cases[i].is_loopback, "%s", cases[i].text);
        CHECK(strcmp(em_web_address_text(text, (struct sockaddr *)&a.at, true), cases[i].as) == 0, "%s: %s", cases[i].text, text);
    }
}

static void only_the_token_is_the_token(void **state)
{
    static const char token[] = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE";
    static const char *const guesses[] = { "", "A", "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCd", "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdEA",
                                           "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCde", "bbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE" };

    (void)state;
    assert_true(em_web_token_is(token, token));
    for (size_t i = 0; i < EM_COUNT(guesses); i++)
        CHECK(!em_web_token_is(token, guesses[i]), "%s", guesses[i]);
    assert_false(em_web_token_is("AAAA", "AAAAAAAA"));
    assert_false(em_web_token_is("AAAA", "AA"));
}

static int ask(em_web_gate *g, const char *from, const char *authorization, double at_s)
{
    em_web_address here, there;
    em_web_caller c = { .host = "localhost", .authorization = authorization, .from = (struct sockaddr *)&there.at,
                        .to = (struct sockaddr *)&here.at, .now_ns = (uint64_t)(at_s * 1e9) };

    assert_true(em_web_address_parse(&here, "127.0.0.1:80") && em_web_address_parse(&there, from));
    return em_web_gate_check(g, &c);
}

/* Ten wrong tokens a minute of an address; others are not held up, and after the minute all is forgotten. */
static void who_guesses_has_to_wait(void **state)
{
    static const char right[] = "Bearer AbCdEfGhIjKlMnOpQrStUvWxYz0123456789";
    em_web_gate g = { .token = right + 7 };

    (void)state;
    assert_int_equal(ask(&g, "10.0.0.1:1", NULL, 100), 401);
    for (int i = 0; i < EM_WEB_FAILURES; i++)
        assert_int_equal(ask(&g, "10.0.0.1:1", "Bearer x", 100 + i), 401);
    assert_int_equal(ask(&g, "10.0.0.1:2", right, 120), 429);
    assert_int_equal(ask(&g, "10.0.0.2:1", right, 120), 0);
    assert_int_equal(ask(&g, "10.0.0.1:1", right, 159), 429);
    assert_int_equal(ask(&g, "10.0.0.1:1", right, 161), 0);
    assert_int_equal(ask(&g, "10.0.0.1:1", "Basic OkFiQ2RFZkdoSWpLbE1uT3BRclN0VXZXeFl6MDEyMzQ1Njc4OQ==", 162), 0);
    assert_int_equal(ask(&g, "10.0.0.1:1", "Basic AbCdEfGhIjKlMnOpQrStUvWxYz0123456789", 162), 401);
}

static void networks(void **state)
{
    static const struct { const char *net; const char *at; bool is_one, holds; } cases[] = {
        { "10.0.0.0/8", "10.255.0.1:1", true, true },        { "10.0.0.0/8", "11.0.0.1:1", true, false },
        { "10.0.0.7", "10.0.0.7:1", true, true },            { "10.0.0.7", "10.0.0.6:1", true, false },
        { "10.0.0.7/32", "10.0.0.7:1", true, true },         { "192.168.4.0/22", "192.168.7.255:1", true, true },
        { "192.168.4.0/22", "192.168.8.0:1", true, false },  { "0.0.0.0/0", "1.2.3.4:1", true, true },
        { "0.0.0.0/0", "[::1]:1", true, false },             { "::/0", "1.2.3.4:1", true, true },
        { "10.0.0.0/8", "[::ffff:10.1.1.1]:1", true, true }, { "::ffff:10.0.0.0/104", "10.1.1.1:1", true, true },
        { "fd00::/8", "[fdff::1]:1", true, true },           { "fd00::/8", "[fe00::1]:1", true, false },
        { "2001:db8::/33", "[2001:db8:7fff::]:1", true, true }, { "2001:db8::/33", "[2001:db8:8000::]:1", true, false },
        { "unix", "unix:x", true, true },                    { "unix", "127.0.0.1:1", true, false },
        { "127.0.0.1", "unix:x", true, false },              { "::/0", "unix:x", true, false },
        { "", "", false, false },        { "x", "", false, false },           { "10.0.0.0/33", "", false, false },
        { "10.0.0.0/", "", false, false }, { "10.0.0.0/-1", "", false, false }, { "::/129", "", false, false },
        { "10.0.0/8", "", false, false },  { "10.0.0.0/8/8", "", false, false }, { "fd00::/8x", "", false, false },
        { "ear.lan", "", false, false },   { "[::1]", "", false, false },     { " 10.0.0.1", "", false, false },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_web_address at;
        em_web_net net;

        CHECK(em_web_net_parse(&net, cases[i].net) == cases[i].is_one, "%s", cases[i].net);
        if (!cases[i].is_one)
            continue;
        assert_true(em_web_address_parse(&at, cases[i].at));
        CHECK(em_web_net_holds(&net, (struct sockaddr *)&at.at) == cases[i].holds, "%s in %s", cases[i].at, cases[i].net);
    }
}

/* The right end is what trusted proxies wrote; whatever stands left of the first that is none is not believed. */
static void who_asks_through_a_proxy(void **state)
{
    static const struct { const char *from, *forwarded_for, *more, *forwarded, *who; } cases[] = {
        { "127.0.0.1:9", NULL, NULL, NULL, "127.0.0.1:9" },
        { "127.0.0.1:9", "1.2.3.4", NULL, NULL, "1.2.3.4:0" },
        { "9.9.9.9:9", "1.2.3.4", NULL, NULL, "9.9.9.9:9" },                       /* no proxy of ours */
        { "127.0.0.1:9", "6.6.6.6, 1.2.3.4", NULL, NULL, "1.2.3.4:0" },            /* the left one is made up */
        { "127.0.0.1:9", "6.6.6.6 ,1.2.3.4 ,\t10.0.0.1", NULL, NULL, "1.2.3.4:0" },
        { "127.0.0.1:9", "127.0.0.1, 1.2.3.4, 10.0.0.1", NULL, NULL, "1.2.3.4:0" },
        { "127.0.0.1:9", "10.0.0.2, 10.0.0.1", NULL, NULL, "10.0.0.2:0" },         /* proxies all of them */
        { "127.0.0.1:9", "6.6.6.6", "1.2.3.4", NULL, "1.2.3.4:0" },                /* the second field was added last */
        { "127.0.0.1:9", "1.2.3.4", "10.0.0.1", NULL, "1.2.3.4:0" },
        { "127.0.0.1:9", "1.2.3.4, unknown", NULL, NULL, "127.0.0.1:9" },
        { "127.0.0.1:9", "1.2.3.4, unknown, 10.0.0.1", NULL, NULL, "10.0.0.1:0" },
        { "127.0.0.1:9", "", NULL, NULL, "127.0.0.1:9" },
        { "127.0.0.1:9", "1.2.3.4,", NULL, NULL, "127.0.0.1:9" },
        { "127.0.0.1:9", "1.2.3.4:80", NULL, NULL, "1.2.3.4:0" },
        { "127.0.0.1:9", "2001:db8::1", NULL, NULL, "[2001:db8::1]:0" },
        { "127.0.0.1:9", "[2001:db8::1]:80", NULL, NULL, "[2001:db8::1]:0" },
        { "127.0.0.1:9", "[2001:db8::1]x", NULL, NULL, "127.0.0.1:9" },
        { "127.0.0.1:9", "[", NULL, NULL, "127.0.0.1:9" },
        { "127.0.0.1:9", "unix", NULL, NULL, "127.0.0.1:9" },
        { "127.0.0.1:9", "10.0.0.0/8", NULL, NULL, "127.0.0.1:9" },
        { "127.0.0.1:9", "::ffff:1.2.3.4", NULL, NULL, "1.2.3.4:0" },
        { "[::ffff:10.0.0.1]:9", "1.2.3.4", NULL, NULL, "1.2.3.4:0" },
        { "127.0.0.1:9", NULL, NULL, "for=1.2.3.4", "1.2.3.4:0" },
        { "127.0.0.1:9", NULL, NULL, "for=6.6.6.6, For=\"[2001:db8::1]:47011\";proto=https;by=10.0.0.1", "[2001:db8::1]:0" },
        { "127.0.0.1:9", NULL, NULL, "for=\"6.6.6.6, for=1.2.3.4", "1.2.3.4:0" },  /* a quote that a client left open */
        { "127.0.0.1:9", NULL, NULL, "proto=https", "127.0.0.1:9" },
        { "127.0.0.1:9", NULL, NULL, "for=_hidden", "127.0.0.1:9" },
        { "127.0.0.1:9", NULL, NULL, "for=1.2.3.4;for=6.6.6.6", "127.0.0.1:9" },
        { "127.0.0.1:9", "1.2.3.4", NULL, "for=1.2.3.4", "1.2.3.4:0" },
        { "127.0.0.1:9", "1.2.3.4", NULL, "for=6.6.6.6", "127.0.0.1:9" },          /* one of them a client's */
    };
    em_web_net proxies[2];

    (void)state;
    assert_true(em_web_net_parse(&proxies[0], "127.0.0.1") && em_web_net_parse(&proxies[1], "10.0.0.0/8"));
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const em_web_field fields[] = { { "X-Forwarded-For", cases[i].forwarded_for }, { "x-forwarded-for", cases[i].more },
                                        { "Forwarded", cases[i].forwarded }, { "X-Real-IP", "6.6.6.6" } };
        char text[EM_WEB_ADDRESS_CHARS];
        em_web_head head = { 0 };
        em_web_address from;

        for (size_t f = 0; f < EM_COUNT(fields); f++)
            if (fields[f].value)
                head.fields[head.n_fields++] = fields[f];
        assert_true(em_web_address_parse(&from, cases[i].from));
        em_web_forwarded(&from.at, &head, proxies, 2);
        em_web_address_text(text, (struct sockaddr *)&from.at, true);
        CHECK(strcmp(text, cases[i].who) == 0, "case %zu: %s, not %s", i, text, cases[i].who);
    }
}

static int read_in_pieces(const char *text, size_t n, size_t n_piece, em_web_head *h, char *bytes)
{
    int code = 0;

    *h = (em_web_head){ 0 };
    for (size_t at = 0; at < n && !code; at += n_piece) {
        const size_t more = n - at < n_piece ? n : at + n_piece;

        memcpy(bytes, text, more);
        code = em_web_head_read(h, bytes, more);
    }
    return code;
}

/* However the bytes come, a head is the same one; tests/web/hostile.py has the odd ones. */
static void heads(void **state)
{
    static const struct { const char *text; int code; const char *path, *x; } cases[] = {
        { "GET / HTTP/1.1\r\nHost: a\r\nX:  b c \r\n\r\nmore", 200, "/", "b c" },
        { "GET http://A:80/p/q?r HTTP/1.0\r\nhost: a:80\r\nx:\r\n\r\n", 200, "/p/q", "" },
        { "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200, NULL, NULL },
        { "GET / HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n", 400, NULL, NULL },
        { "GET / HTTP/1.1\r\nHost: a\n\n", 400, NULL, NULL },
        { "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, NULL, NULL },
        { "GET / HTTP/1.1\r\nHost: a\r\n", 0, NULL, NULL },
    };
    static char bytes[EM_WEB_HEAD_BYTES];

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++)
        for (size_t n_piece = 1; n_piece <= strlen(cases[i].text); n_piece++) {
            em_web_head h;
            const char *x;

            CHECK(read_in_pieces(cases[i].text, strlen(cases[i].text), n_piece, &h, bytes) == cases[i].code, "case %zu by %zu", i, n_piece);
            if (cases[i].code != 200)
                continue;
            x = em_web_head_field(&h, "x");
            CHECK(!h.path == !cases[i].path && (!h.path || strcmp(h.path, cases[i].path) == 0), "case %zu: %s", i, h.path);
            CHECK(!x == !cases[i].x && (!x || strcmp(x, cases[i].x) == 0), "case %zu: %s", i, x);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_has_its_fields),
        cmocka_unit_test(reading_in_pieces_changes_no_byte),
        cmocka_unit_test(who_is_a_ring_behind_has_lost_his_place),
        cmocka_unit_test(history_begins_with_a_whole_message),
        cmocka_unit_test(a_reader_goes_on_behind_the_id_he_saw),
        cmocka_unit_test(a_message_too_long_is_left_out),
        cmocka_unit_test(addresses),
        cmocka_unit_test(only_the_token_is_the_token),
        cmocka_unit_test(who_guesses_has_to_wait),
        cmocka_unit_test(networks),
        cmocka_unit_test(who_asks_through_a_proxy),
        cmocka_unit_test(heads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
