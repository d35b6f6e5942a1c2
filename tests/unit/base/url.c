/* What of a URL is shown. */
#include "check.h"

#include "base/url.h"

static const struct { const char *text, *hidden, *name; } urls[] = {
    { "rtsp://cam.lan/garden", "rtsp://cam.lan/garden", "cam.lan/garden" },
    { "rtsp://cam.lan:554/", "rtsp://cam.lan:554/", "cam.lan:554" },
    { "rtsp://ear@cam.lan/garden", "rtsp://ear@cam.lan/garden", "cam.lan/garden" },
    { "rtsp://ear:secret@cam.lan/garden", "rtsp://ear:***@cam.lan/garden", "cam.lan/garden" },
    { "rtsp://ear:se@cr:et@cam.lan/a@b", "rtsp://ear:***@cam.lan/a@b", "cam.lan/a@b" },
    { "rtsp://ear:it's\"<@cam.lan/", "rtsp://ear:***@cam.lan/", "cam.lan" },
    { "rtsp://:secret@cam.lan", "rtsp://:***@cam.lan", "cam.lan" },
    { "rtsp://ear:@cam.lan", "rtsp://ear:@cam.lan", "cam.lan" },
    { "http://cam.lan/a?token=secret", "http://cam.lan/a?***", "cam.lan/a" },
    { "http://cam.lan?secret", "http://cam.lan?***", "cam.lan" },
    { "http://cam.lan/a#b?secret", "http://cam.lan/a#b?***", "cam.lan/a" },
    { "http://ear:se?ret@cam.lan/a", "http://ear:***@cam.lan/a", "cam.lan/a" },
    { "http://h?user=a@b", "http://h?***", "b" },
    { "http://h?u=http://a:b@c", "http://h?***", "h" },
    { "http://[fe80::1]:80/x", "http://[fe80::1]:80/x", "[fe80::1]:80/x" },
    { "http://h/a\x1b[2J", "http://h/a\x1b[2J", "h/a?[2J" },
    { "http://h/\xff", "http://h/\xff", "h/?" },
    { "http://", "http://", "url" },
    { "http:///x", "http:///x", "/x" },
};

static void passwords_and_queries_are_hidden(void **state)
{
    char out[300];

    (void)state;
    for (size_t i = 0; i < EM_COUNT(urls); i++) {
        CHECK(em_url_is(urls[i].text), "%s", urls[i].text);
        CHECK(strcmp(em_url_hide(out, sizeof out, urls[i].text), urls[i].hidden) == 0, "%s: %s", urls[i].text, out);
        CHECK(strcmp(em_url_name(out, sizeof out, urls[i].text), urls[i].name) == 0, "%s: %s", urls[i].text, out);
    }
}

static void urls_in_a_text_too(void **state)
{
    char out[200], *text = strdup("[rtsp @ 0x1] rtsp://a:secret@b/c?secret: no; see 'http://d:secret@e' and ://x:secret@y, a://");
    size_t n;

    (void)state;
    em_url_hide(out, sizeof out, text);
    CHECK(strcmp(out, "[rtsp @ 0x1] rtsp://a:***@b/c?***: no; see 'http://d:***@e' and ://x:***@y, a://") == 0, "%s", out);
    n = strlen(text);
    em_url_blank(text);
    CHECK(!strstr(text, "secret") && strlen(text) == n, "%s", text);
    CHECK(strncmp(text, "[rtsp @ 0x1] rtsp://a:******@b/c?", 33) == 0, "%s", text);
    free(text);
}

/* Whatever the room, no byte is written beyond it, and what fits is the beginning. */
static void cut_to_the_room(void **state)
{
    static const char text[] = "see rtsp://ear:secret@cam.lan/garden?token=1 and more";
    char whole[80], out[80];

    (void)state;
    em_url_hide(whole, sizeof whole, text);
    for (size_t room = 1; room <= sizeof whole; room++) {
        memset(out, 'x', sizeof out);
        em_url_hide(out, room, text);
        CHECK(strlen(out) == (strlen(whole) < room ? strlen(whole) : room - 1) && strncmp(out, whole, strlen(out)) == 0, "%zu: %s", room, out);
        CHECK(room == sizeof out || out[room] == 'x', "%zu", room);
    }
}

static void what_is_a_url(void **state)
{
    static const char *const not[] = { "", "dog.wav", "://x", "a/b://c", "1http://x", "http:/x", "C:\\x", "a b://c", "-" };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(not); i++)
        CHECK(!em_url_is(not[i]), "%s", not[i]);
    CHECK(em_url_is("svn+ssh://x"), "any scheme");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords_and_queries_are_hidden),
        cmocka_unit_test(urls_in_a_text_too),
        cmocka_unit_test(cut_to_the_room),
        cmocka_unit_test(what_is_a_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
