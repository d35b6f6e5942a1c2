/* URLs of brokers: their parts, and what is none. */
#include "check.h"

#include "sinks/mqtt_url.h"

static void parts_are_found(void **state)
{
    static const struct { const char *text; bool is_tls; const char *host; int port; const char *user, *password, *prefix, *shown; } cases[] = {
        { "mqtt://broker", false, "broker", 1883, "", "", "earmark", "mqtt://broker:1883" },
        { "mqtts://broker.lan:443/", true, "broker.lan", 443, "", "", "earmark", "mqtts://broker.lan:443" },
        { "mqtts://[fe80::1]", true, "fe80::1", 8883, "", "", "earmark", "mqtts://[fe80::1]:8883" },
        { "mqtt://[::1]:1/a/b", false, "::1", 1, "", "", "a/b", "mqtt://[::1]:1" },
        { "mqtt://me@h:65535/x/", false, "h", 65535, "me", "", "x", "mqtt://h:65535" },
        { "mqtt://me:p%40%3a:@@h/%C3%A4", false, "h", 1883, "me", "p@::@", "\xc3\xa4", "mqtt://h:1883" },
    };
    em_mqtt_url u;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        CHECK(em_mqtt_url_parse(&u, cases[i].text), "%s", cases[i].text);
        CHECK(u.is_tls == cases[i].is_tls && u.port == cases[i].port && strcmp(u.host, cases[i].host) == 0, "%s: %s %d", cases[i].text,
              u.host, u.port);
        CHECK(strcmp(u.user, cases[i].user) == 0 && strcmp(u.password, cases[i].password) == 0, "%s: %s:%s", cases[i].text, u.user, u.password);
        CHECK(strcmp(u.prefix, cases[i].prefix) == 0 && strcmp(u.shown, cases[i].shown) == 0, "%s: %s, %s", cases[i].text, u.prefix, u.shown);
    }
}

static void what_is_no_such_url_is_refused(void **state)
{
    static const char *const cases[] = {
        "", "mqtt", "mqtt:/h", "http://h", "MQTT://h", "mqtt://", "mqtt:///p", "mqtt://:1", "mqtt://h:", "mqtt://h:0", "mqtt://h:65536",
        "mqtt://h:1x", "mqtt://h:+1", "mqtt://h h", "mqtt://h\n", "mqtt://@h", "mqtt://:p@h", "mqtt://u%@h", "mqtt://u%4@h", "mqtt://u%00@h",
        "mqtt://u%0a@h", "mqtt://u%ff@h", "mqtt://[::1", "mqtt://[]", "mqtt://[::1]x", "mqtt://h/+", "mqtt://h/a/#", "mqtt://h/a//b", "mqtt://h//a",
        "mqtt://h/%2f", "mqtt://h/$SYS", "mqtt://h/%24SYS", "mqtt://h/%01",
    };
    char longest[400];
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++)
        CHECK(!em_is_mqtt_url(cases[i]), "'%s' is taken", cases[i]);
    for (int part = 0; part < 3; part++) {
        snprintf(longest, sizeof longest, part == 0 ? "mqtt://%0300d" : part == 1 ? "mqtt://%0300d@h" : "mqtt://h/%0300d", 0);
        CHECK(!em_is_mqtt_url(longest), "a part of 300 bytes: %d", part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(parts_are_found), cmocka_unit_test(what_is_no_such_url_is_refused) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
